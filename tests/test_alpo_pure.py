"""ALPO's pure functions against golden vectors and independent NumPy."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.alpo.mixing import Mixing, mix, mix_probability, stage, stream
from trainers.alpo.selection import Rated, Rules, betas, distinct, dpo_pick, gate, pick, ranking, weights

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden_vectors.json").read_text())
SCORES = st.lists(st.integers(0, 100).map(float), min_size=1, max_size=16)


def candidates(scores):
    """Candidates of different lengths, in an order that has nothing to do with the scores."""
    return Rated(tuple("x" * (1 + (7 * number) % 11) + str(number) for number in range(len(scores))), tuple(scores))


@pytest.mark.parametrize("case", GOLDEN["alpo_pair_selection"])
def test_selection_equals_the_worked_values(case):
    rated = candidates([float(score) for score in case["scores"]])
    found = [pick(rated, np.random.default_rng(seed)) for seed in range(60)]
    assert {one.chosen for one in found} == set(case["chosen_pool"])
    assert {one.rejected for one in found} == {case["rejected"]}
    overlaps = [one for one in found if one.verdict == "overlap"]
    assert bool(overlaps) == case["overlap"]
    for one in found:
        above = rated.scores[one.chosen] > rated.scores[one.rejected]
        assert one.verdict == ("paired" if above else "overlap")
        assert one.gap == (rated.scores[one.chosen] - rated.scores[one.rejected] if above else 0)


@pytest.mark.parametrize("case", GOLDEN["alpo_weights_betas"])
def test_weights_and_betas_equal_the_worked_values(case):
    assert weights(case["gates"], case["counts"]) == pytest.approx(case["weights"])
    assert betas(case["gates"], case["gaps"], 1.0) == pytest.approx(case["betas"])


@given(SCORES, st.integers(0, 99))
def test_a_pair_is_one_of_the_best_over_the_third_lowest(scores, seed):
    rated = candidates(scores)
    found = pick(rated, np.random.default_rng(seed))
    gated = len(scores) <= 3 or max(scores) - min(scores) <= 5
    assert (gate(rated) != "paired") == gated
    # NumPy's own sort by (score down, length up, position) is the oracle.
    order = np.lexsort((np.arange(len(scores)), [len(text) for text in rated.texts], -np.array(scores)))
    assert ranking(rated) == order.tolist()
    assert found.chosen in order[:3]
    if found.verdict == "paired":
        assert found.rejected == order[-3]
        assert found.gap == scores[found.chosen] - scores[found.rejected] > 0
    else:
        assert found.gap == 0
        assert gated or scores[found.chosen] <= scores[found.rejected]


def test_the_chosen_one_is_uniform_among_three():
    rated = candidates([90.0, 88.0, 85.0, 70.0, 60.0, 55.0])
    drawn = Counter(pick(rated, stream("test", number)).chosen for number in range(3000))
    # 1000 each; the standard deviation is 26
    assert set(drawn) == {0, 1, 2}
    assert all(abs(count - 1000) < 130 for count in drawn.values())


def test_of_equal_scores_the_shorter_is_better():
    rated = Rated(("aaaa", "aa", "aaa", "a", "aaaaa"), (50.0, 50.0, 50.0, 50.0, 0.0))
    assert ranking(rated) == [3, 1, 2, 0, 4]
    assert pick(rated, np.random.default_rng(0)).verdict == "overlap"  # third from the bottom scores 50 as well


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 16), st.floats(0.5, 100)), min_size=1, max_size=30))
def test_weights_and_betas_equal_numpy(rows):
    paired, counts, gaps = (np.array(column) for column in zip(*rows, strict=True))
    expected = np.where(paired, counts / counts.sum(), 0)
    np.testing.assert_allclose(weights(paired.tolist(), counts.tolist()), expected)
    found = np.array(betas(paired.tolist(), gaps.tolist(), 0.7))
    if paired.any():
        np.testing.assert_allclose(found, np.where(paired, 0.7 * gaps / gaps[paired].max(), 0))
        assert found.max() == pytest.approx(0.7)
    else:
        assert not found.any()


@given(SCORES)
def test_the_baselines_choice(scores):
    rated = candidates(scores)
    found = dpo_pick(rated)
    order = ranking(rated)
    if len(scores) >= 8:
        assert found.chosen in order[:3]
        assert len(rated.texts[found.chosen]) == min(len(rated.texts[index]) for index in order[:3])
        assert found.rejected == order[-3]
    else:
        assert (found.chosen, found.rejected) == (order[0], order[-1])
    assert (found.verdict == "paired") == (scores[found.chosen] > scores[found.rejected])


def test_places_beyond_the_candidates_are_the_last_one():
    eight = candidates([float(score) for score in range(80, 0, -10)])
    assert dpo_pick(eight, Rules(bottom=20)).rejected == ranking(eight)[0]
    assert pick(eight, np.random.default_rng(0), Rules(top=1, bottom=20)).verdict == "overlap"


def test_broken_candidates_are_refused():
    with pytest.raises(ValueError, match="without candidates"):
        Rated(())
    with pytest.raises(ValueError, match="1 scores for 2"):
        Rated(("a", "b"), (1.0,))
    with pytest.raises(ValueError, match="not finite"):
        Rated(("a",), (float("nan"),))


def test_blank_candidates_and_repeated_ones_go():
    assert distinct(["", " a ", "a", "\t", "b"], "b") == ("a", "b")
    assert distinct(["", " "], None) == ()


def test_an_unscored_segment_is_a_prefix_and_no_pair():
    found = pick(Rated(("a", "b")), np.random.default_rng(0))
    assert (found.verdict, found.chosen, found.gap) == ("unscored", 0, 0.0)
    assert dpo_pick(Rated(("a", "b"))).verdict == "unscored"


def test_equal_scores_give_no_pair():
    same = candidates([50.0] * 12)
    assert pick(same, np.random.default_rng(0)).verdict == "alike"
    assert dpo_pick(same).verdict == "overlap"


def test_lambda_rises_linearly_or_by_stages():
    progress = np.linspace(0, 1, 101)
    np.testing.assert_allclose([mix_probability(Mixing(), p) for p in progress], 0.2 + 0.4 * progress)
    stages = [mix_probability(Mixing(stages=5), p) for p in np.linspace(0, 0.999, 1000)]
    values, counts = np.unique(np.round(stages, 9), return_counts=True)
    np.testing.assert_allclose(values, [0.2, 0.3, 0.4, 0.5, 0.6])
    assert counts.min() >= 199
    assert [stage(1, p) for p in (0, 1)] == [0, 0]


def test_mixing_takes_the_chosen_one_with_probability_lambda_and_else_any():
    drawn = np.array([mix([2], [4], 0.4, stream("mix", number))[0] for number in range(8000)])
    share = np.bincount(drawn, minlength=4) / len(drawn)
    # .4 + .6 / 4 for the chosen one, .6 / 4 for the others; the standard deviation is at most .006
    np.testing.assert_allclose(share, [0.15, 0.15, 0.55, 0.15], atol=0.025)


def test_what_is_drawn_hangs_on_its_key_alone():
    first = [stream(1, "a", 3).integers(1 << 30) for _ in range(2)]
    assert first[0] == first[1] != stream(1, "a", 4).integers(1 << 30)


def test_rules_move_the_places():
    rules = Rules(top=1, bottom=1, least_candidates=1, least_gap=0.0)
    assert pick(candidates([70.0, 90.0]), np.random.default_rng(0), rules).gap == 20
