"""GenRM's toy: exact labels, faultless reasoning, a similarity that feels one word."""

import pytest

from trainers.homura import toy_language as language
from trainers.homura.genrm import toy
from trainers.homura.genrm.toy import make_pairs


def test_labels_are_exact_and_held_out_sentences_are_others():
    pairs, held = make_pairs(600, 1), make_pairs(300, 1, evaluation=True)
    assert all(pair.label == language.kept(pair.source, pair.hypothesis) for pair in (*pairs, *held))
    assert {pair.kind for pair in held} == {"intact", *toy.ERRORS}
    assert not {pair.source for pair in pairs} & {pair.source for pair in held}
    assert make_pairs(600, 1) == pairs != make_pairs(600, 2)


@pytest.mark.parametrize("steps", ["compare", "back", "none"])
def test_a_faultless_reasoning_ends_in_the_label(steps):
    for pair in make_pairs(200, 5):
        reasoning, score = toy.judged(pair.source, language.phrase_by_phrase(pair.hypothesis), steps)
        assert score == pair.label and reasoning.strip()
        if steps == "compare":
            assert (toy.OTHER in reasoning.split()) == (score == 0)
            assert reasoning.split()[:1] == pair.source.split()[:1]


def test_ordered_similarity_feels_one_lost_changed_or_swapped_word():
    for pair in make_pairs(400, 7):
        value = toy.ordered_similarity(pair.source, pair.hypothesis)
        assert (value == pytest.approx(1)) if pair.label else value < 0.95
