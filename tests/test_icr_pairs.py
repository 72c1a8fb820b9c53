"""Length control and pairs of implicit cross-lingual rewarding, against brute force."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.icr.length_control import GRID, choose_penalty
from trainers.icr.pairs import Candidates, build_pairs

REWARD = st.floats(-200, 200, allow_nan=False)
PROMPT = st.lists(st.tuples(REWARD, st.integers(1, 3000)), min_size=2, max_size=10)


def brute_force(prompts):
    """The penalty by two plain loops; the first of equally good ones."""
    best, best_gap = None, math.inf
    for thousandth in range(1000):
        a = thousandth / 1000
        differences = []
        for prompt in prompts:
            scores = [reward - a * length for reward, length in prompt]
            chosen, rejected = scores.index(max(scores)), scores.index(min(scores))
            differences.append(prompt[chosen][1] - prompt[rejected][1])
        gap = abs(sum(differences) / len(differences))
        if gap < best_gap - 1e-9:
            best, best_gap = a, gap
    return best, best_gap


@given(st.lists(PROMPT, min_size=1, max_size=5))
@settings(max_examples=25)
def test_the_penalty_is_that_of_brute_force(prompts):
    rewards = [np.array([reward for reward, _ in prompt]) for prompt in prompts]
    lengths = [np.array([float(length) for _, length in prompt]) for prompt in prompts]
    found = choose_penalty(rewards, lengths)
    a, gap = brute_force(prompts)
    assert abs(found.gap) == pytest.approx(gap, abs=1e-9)
    assert found.a == pytest.approx(a)
    assert abs(found.gap) <= abs(found.gap_before) and found.prompts == len(prompts)


def test_the_grid_is_the_papers():
    assert len(GRID) == 1000 and GRID[0] == 0 and GRID[-1] == 0.999
    assert np.allclose(GRID, np.arange(0.0, 1.0, 0.001), atol=1e-12)


def test_a_reward_of_length_alone_is_taken_back():
    rng = np.random.default_rng(3)
    lengths = [rng.integers(50, 500, 10).astype(float) for _ in range(400)]
    rewards = [0.25 * length + rng.normal(0, 20, 10) for length in lengths]
    found = choose_penalty(rewards, lengths)
    assert found.a == pytest.approx(0.25, abs=0.02)
    assert abs(found.gap) < 5 < 100 < found.gap_before


@pytest.mark.parametrize("rewards", [[np.array([1.0, math.nan])], [np.array([math.inf, 1.0])], [np.array([])]])
def test_what_is_no_reward_is_refused(rewards):
    with pytest.raises(ValueError, match="finite"):
        choose_penalty(rewards, [np.ones(len(row)) for row in rewards])


TEXT = st.text("ab \n", max_size=6)
RESPONSES = st.lists(st.tuples(TEXT, st.one_of(st.none(), REWARD, st.just(math.nan))), max_size=10)


@given(st.lists(st.tuples(st.sampled_from(["de", "fr"]), RESPONSES), max_size=8), st.booleans())
@settings(max_examples=80)
def test_pairs(drawn, control):
    rows = [
        Candidates(str(n), language, f"prompt {n}", tuple(t for t, _ in found), tuple(r for _, r in found))
        for n, (language, found) in enumerate(drawn)
    ]
    built = build_pairs(rows, control)
    by_id = {row.id: row for row in rows}
    for pair in built.pairs:
        row, a = by_id[pair.id], built.penalties[pair.language].a
        assert pair.language == row.language and pair.prompt == row.prompt
        assert pair.chosen != pair.rejected and pair.chosen_reward > pair.rejected_reward
        usable = [
            reward - a * len(text)
            for text, reward in zip(row.responses, row.rewards, strict=True)
            if text.strip() and reward is not None and not math.isnan(reward)
        ]
        assert pair.chosen_reward == max(usable) and pair.rejected_reward == min(usable)
        assert control or a == 0
    # Nothing is lost without being counted.
    whole = [row for row in rows if sum(bool(t.strip()) and r is not None and r == r for t, r in _both(row)) >= 2]
    assert len(rows) - len(whole) == built.skipped.get("fewer than two responses", 0)
    assert len(whole) - len(built.pairs) == built.skipped.get("equal scores", 0)
    assert sum(not t.strip() for row in rows for t, _ in _both(row)) == built.skipped.get("empty response", 0)


def _both(row):
    return zip(row.responses, row.rewards, strict=True)


def test_equal_scores_and_equal_texts_give_no_pair():
    same = Candidates("1", "de", "x", ("one", "two"), (1.0, 1.0))
    text = Candidates("2", "de", "x", ("one", "one"), (1.0, 2.0))
    assert build_pairs([same, text]).pairs == ()
    assert build_pairs([same, text]).skipped == {"equal scores": 2}


def test_each_language_has_its_own_penalty():
    long, short = "x" * 100, "y" * 10
    german = [Candidates(str(n), "de", "x", (long, short, "z" * 50), (9.0 + n, 0.0, 4.0)) for n in range(4)]
    french = [Candidates(str(n), "fr", "x", ("a" * 20, "b" * 20), (1.0, 0.0)) for n in range(4)]
    built = build_pairs([*german, *french])
    assert built.penalties["fr"].a == 0.0 and built.penalties["de"].a > 0
    assert list(built.penalties) == ["de", "fr"]
