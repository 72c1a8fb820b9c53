"""Copies and memory: what counts as near-equal, and that honest systems stay below the thresholds."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.records import Result, Segment, Translation
from harness.submission.check import Checked
from harness.submission.copies import (
    COPY_SHARE,
    NEAR,
    Shared,
    fingerprint,
    reference_overlap,
    shared_hashes,
    shared_texts,
    similarity,
    words,
)
from harness.submission.patterns import hostile
from harness.submission.rows import Row, against_rows
from harness.submission.trust import Trust
from tests.conftest import CORPORA


def translated(texts):
    return [Translation(str(number), 1, text, "ok") for number, text in enumerate(texts)]


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_similarity_is_a_symmetric_share(a, b):
    one, other = words(a), words(b)
    assert 0 <= similarity(one, other) == similarity(other, one) <= 1
    assert similarity(one, one) == 1


def test_near_equal_is_one_word_of_many_and_no_paraphrase():
    text = "We left the old house by the sea before the storm came in from the north"
    assert similarity(words(text), words(text.upper() + "!")) == 1
    assert similarity(words(text), words(text.replace("came in", "comes in"))) >= NEAR
    assert similarity(words(text), words("Before the northern storm arrived we had gone from the seaside house")) < 0.5


def test_short_texts_and_segments_of_others_say_nothing():
    own = translated(["Yes, of course.", "We went out to see the town."])
    assert shared_texts(own, {"0": ["yes of course"], "1": []}) == Shared(0.0, 1)
    assert shared_texts(own, {"0": ["We went out to see the town."]}) == Shared(0.0, 1)
    assert shared_texts([], {}) == Shared(0.0, 0)


def test_chinese_is_compared_by_characters():
    assert shared_texts(translated(["他们出去吃饭了。"]), {"0": ["他们出去吃饭了"]}) == Shared(1.0, 1)


def test_hashes_find_equal_texts_and_give_none_away():
    own = translated(["We went out to see the town.", "They stayed at home all day."])
    kept = fingerprint(translated(["we went out, to see the TOWN", "They left in the morning."]))
    assert shared_hashes(own, kept) == Shared(0.5, 2)
    assert all(len(value) == 16 and int(value, 16) >= 0 for hashes in kept.values() for value in hashes)


def test_reference_overlap_by_hand():
    segments = {
        "0": Segment("0", "x", "a", reference="we went out to see the town"),
        "1": Segment("1", "x", "b", reference="no way"),
    }
    made = translated(["We went out to see a town", "no way at all then"])  # 2 of 4 runs stand in the first reference
    found = reference_overlap(made, segments)
    assert found is not None and found.estimate == pytest.approx(2 / 4)
    assert reference_overlap(made, {id_: replace(one, reference=None) for id_, one in segments.items()}) is None


def test_an_overlap_above_all_others_is_pointed_out():
    """Half of every line is the reference's: no copy, and more than anybody else has."""
    reference = "we went out to see the old town by the sea at night"
    segments = {str(n): Segment(str(n), "x", str(n // 4), reference=reference) for n in range(40)}
    texts = [f"{reference.rsplit(' ', 6)[0]} and then number {n} came along with me" for n in range(40)]
    result = Result(1, "t", "r", "s", "p", "m", "m", "submitted", "all", (), True, True, {"ok": 40}, 40, {}, {})
    records = type("R", (), {"translations": {(t.id, t.seed): t for t in translated(texts)}})()
    checked = Checked(Path("x"), (), (), Path("x"), result, segments, records)
    rows = [
        Row(Path("y"), replace(result, run_id=name, system=name), Trust(1, "recomputed"), {}, overlap)
        for name, overlap in (("a", 0.1), ("b", 0.15), ("c", 0.12))
    ]
    (remark,) = against_rows(checked, rows, [])
    assert "ABOVE ALL 3 OTHER SYSTEMS (0.150 at most)" in remark
    (remark,) = against_rows(checked, rows[:2], [])
    assert "2 other systems to compare with" in remark


def test_honest_systems_are_no_copies_and_do_not_talk_to_judges():
    folder = CORPORA / "wmt" / "wmt22_outputs"
    if not folder.is_dir():
        pytest.skip("the WMT22 outputs are not here (set SANDGLASS_CORPORA to the folder of the corpora)")
    systems = {
        path.name: (path / "ende" / "test.en-de.de").read_text(encoding="utf-8").splitlines()
        for path in sorted(folder.iterdir())
        if path.name != "wmt-testset"
    }
    sources = (folder / "wmt-testset" / "ende" / "test.en-de.en").read_text(encoding="utf-8").splitlines()
    assert not any(
        hostile(text, source) for texts in systems.values() for text, source in zip(texts, sources, strict=True)
    )
    chosen = range(0, len(sources), 4)
    shares = {
        (one, other): shared_texts(
            [Translation(str(n), 1, systems[one][n], "ok") for n in chosen],
            {str(n): [systems[other][n]] for n in chosen},
        ).share
        for one, other in combinations(systems, 2)
    }
    assert max(shares, key=shares.__getitem__) == ("MADLAD-10B", "WMT_Winners")
    assert 0.5 < max(shares.values()) < 0.65 < COPY_SHARE
