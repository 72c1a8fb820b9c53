"""The demonstration of implicit cross-lingual rewarding: its language, its judge, and that it learns."""

import itertools
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.icr import toy_language as language
from trainers.icr.config import Toy

INSTRUCTIONS = language.instructions()


def best(instruction):
    """The best response there is."""
    pieces = zip(language.KINDS, instruction.split()[1:], strict=True)
    return " ".join([language.COURTESY, *(word for piece in pieces for word in piece), language.END])


@given(st.sampled_from(INSTRUCTIONS), st.integers(0, 2**32), st.sampled_from(language.LANGUAGES))
def test_codes_can_be_read_back_and_change_no_quality(instruction, seed, code):
    response = language.write_response(instruction, random.Random(seed))
    coded = language.encode(response, code)
    assert language.decode(coded, code) == response
    assert language.quality(instruction, coded, code) == language.quality(instruction, response, "en")
    assert (
        language.quality(instruction, response, "en") <= language.quality(instruction, best(instruction), "en") == 3.5
    )


def test_languages_share_names_alone():
    names = {name for values in language.KINDS.values() for name in values}
    for one, other in itertools.combinations(language.LANGUAGES, 2):
        assert set(language.codes(one).values()) & set(language.codes(other).values()) == names


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("", -4.0),
        ("gladly who ada .", 1.5),
        ("who ada who ada .", 0.75),  # said again
        ("who ben .", -1.0),
        ("who ada", 0.0),  # no end
        ("who who ada .", 0.0),
        ("ada .", -1.0),
        ("so well who ada .", 0.5),
        ("who ada . .", 0.0),
    ],
)
def test_quality_by_hand(response, expected):
    assert language.quality("tell ada bonn 1848", response, "en") == expected


@given(st.sampled_from(INSTRUCTIONS), st.lists(st.sampled_from(sorted(language.vocabulary())), max_size=12))
def test_any_words_have_a_quality(instruction, words):
    for code in language.LANGUAGES:
        value = language.quality(instruction, " ".join(words), code)
        assert value >= -4 - len(words)
        if not words:
            assert value == language.FOREIGN


def test_annotators_like_what_is_good_and_what_is_long():
    instruction = INSTRUCTIONS[0]
    good, bad, long = best(instruction), "who tom .", "well so indeed who tom ."
    assert language.preference(instruction, good, bad, 0.0) > 0.99
    assert language.preference(instruction, long, bad, 0.0) < 0.5 < language.preference(instruction, long, bad, 0.6)
    assert language.preference(instruction, good, bad, 0.4) + language.preference(
        instruction, bad, good, 0.4
    ) == pytest.approx(1)


def test_the_judge_is_a_comparison_of_qualities():
    from trainers.icr.toy import judge, split

    toy = Toy()
    held_out = split(toy)[1]
    assert len(held_out) == 72 and not set(held_out) & set(split(toy)[0])
    good = [[language.encode(best(x), "xa")] * 2 for x in held_out]
    bad = [[language.encode("who .", "xa")] * 2 for _ in held_out]
    assert judge(toy, "xa", good, bad).win_rate.estimate == 100
    assert judge(toy, "xa", bad, good).win_rate.estimate == 0
    half = [[a[0], b[0]] for a, b in zip(good, bad, strict=True)]
    found = judge(toy, "xa", half, good)
    assert found.win_rate.estimate == 25 and found.length_ratio < 1
    same = judge(toy, "xa", half, half)
    assert same.win_rate.estimate == same.length_controlled.estimate == 50


@pytest.mark.slow
def test_two_rounds_raise_the_win_rate_where_there_are_no_preferences(tmp_path):
    """The demonstration as it comes, about a minute: each language without preferences, after either round."""
    pytest.importorskip("trl", reason="the trainers need the extra 'train'")
    from trainers.icr.train import main

    assert main("toy", (f"train.output='{tmp_path}/out'",), dry_run=False) == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    for code in ("xa", "xb", "xc"):
        assert scores["start"][code]["quality"] > scores["sft"][code]["quality"]
        for number in (0, 1):
            _, low, _ = scores[f"round {number}"][code]["win_rate"]
            assert low > 50
