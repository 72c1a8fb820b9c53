"""HOMURA's rewards against the worked values, independent NumPy, and the table of profiles."""

import asyncio
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.syllables import count, counter_for
from trainers.homura import signs
from trainers.homura.config import Reward
from trainers.homura.data import Corpus, reader
from trainers.homura.profiles import PROFILES, bounds_of, combined
from trainers.homura.rewards import autonomous_reward, length_reward
from trainers.homura.scoring import Scorer, without_variance

GOLDEN = json.loads((Path(__file__).parent / "data" / "golden_vectors.json").read_text(encoding="utf-8"))
EN = (0.8, 0.9)
RATIOS = st.floats(0, 5, allow_nan=False)


@pytest.mark.parametrize("case", GOLDEN["homura_length_reward_en"], ids=lambda c: f"{c['src_syl']}-{c['hyp_syl']}")
def test_worked_values_of_the_length_reward(case):
    bounds = bounds_of(PROFILES["paper"], EN, 99, case["src_syl"], case["mu"])
    assert bounds == pytest.approx((case["L"], case["R"]), abs=1e-9)
    rho = case["hyp_syl"] / case["src_syl"]
    assert rho == pytest.approx(case["rho"], abs=1e-9)
    for k in (300, 100):
        for distance in ("max", "nearest"):
            found = length_reward(rho, bounds, k, distance)
            assert found == pytest.approx(case[f"r_{distance}_k{k}"], abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("case", GOLDEN["homura_auto_reward"], ids=lambda c: f"{c['theta']:.2f}-{c['rho']}")
def test_worked_values_of_the_autonomous_reward(case):
    for clamped, name in ((False, "literal"), (True, "clamped")):
        assert autonomous_reward(case["rho"], case["theta"], clamped=clamped) == pytest.approx(case[name], abs=1e-9)


@pytest.mark.parametrize("mu", [12.0, 13.1, 14.23125])
def test_repaired_below_mu_against_numpy(mu):
    sources = np.arange(1, math.ceil(mu))
    gamma = (0.4 + 0.5 * np.sqrt(sources / mu)) / 0.9
    low, high = gamma * 0.8, 0.9
    for source, lowest in zip(sources.tolist(), low, strict=True):
        bounds = bounds_of(PROFILES["repaired"], EN, 99, source, mu)
        assert bounds == pytest.approx((lowest, high), abs=1e-9)
        rho = np.arange(0, 3 * source + 1) / source
        delta = np.clip(lowest - rho, 0, None) + np.clip(rho - high, 0, None)
        expected = np.exp(-300 * delta**2)
        found = [length_reward(value, bounds, 300, "nearest") for value in rho.tolist()]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_gamma_is_continuous_at_mu_where_repaired_and_jumps_in_the_paper():
    def lower(name, source):
        return bounds_of(PROFILES[name], (1.0, 2.0), 99, source, 10_000)[0]

    assert lower("repaired", 9_999) == pytest.approx(1, abs=1e-4)
    assert lower("paper", 9_999) == pytest.approx(0.9, abs=1e-4)
    assert lower("repaired", 10_000) == lower("paper", 10_000) == 1


def test_the_released_code_counts_characters_and_widens_short_sources():
    code = PROFILES["code"]
    assert bounds_of(code, EN, 6, 99, 99) == pytest.approx(((0.4 + 0.5 * math.sqrt(0.5)) * 0.8, 0.9), abs=1e-9)
    assert bounds_of(code, EN, 4, 99, 99) == pytest.approx((0.48, 1.26), abs=1e-9)
    assert bounds_of(code, EN, 12, 3, 99) == EN


def test_profiles_are_as_tabled():
    table = {
        "paper": (300, "max", "mean", False, False, "halves", 0, False, "pyphen", False, 1e-8),
        "code": (100, "max", "characters", False, True, "mean", -1, True, "pyphen", False, 1e-6),
        "repaired": (300, "nearest", "mean", True, False, "halves", 0, True, "phonetic", True, 1e-6),
    }
    for name, expected in table.items():
        p = PROFILES[name]
        assert expected == (
            p.k, p.distance, p.mu, p.continuous, p.short_sources, p.combination, p.malformed, p.language, p.counter,
            p.clamped, p.learning_rate,
        )  # fmt: skip


@given(RATIOS, st.floats(-1, 1), st.floats(0, 1), st.booleans())
def test_combinations_by_their_formulas(length, cosine, fluency, right):
    length = min(length, 1.0)
    parts = [("similarity", cosine), ("judgement", fluency)]
    found = {name: combined(profile, length, parts, right_language=right) for name, profile in PROFILES.items()}
    wrong = 0.0 if right else -0.5
    clipped = float(np.clip(cosine, 0, 0.8))
    assert found["paper"] == pytest.approx(0.5 * length + 0.5 * (clipped + fluency) / 2)
    assert found["repaired"] == pytest.approx(0.5 * length + 0.5 * (clipped / 0.8 + fluency) / 2 + wrong)
    assert found["code"] == pytest.approx((min(cosine, 0.8) / 0.8 + length + fluency) / 3 + wrong)


def test_a_genrm_stands_in_place_of_the_mean():
    assert combined(PROFILES["paper"], 0.4, [("judgement", 1.0)]) == pytest.approx(0.5 * 0.4 + 0.5)


@given(RATIOS, RATIOS, st.sampled_from(["max", "nearest"]))
def test_the_length_reward_is_highest_within_and_never_rises_outside(a, b, distance):
    near, far = sorted((a, b), key=lambda rho: max(EN[0] - rho, rho - EN[1], 0))
    first, second = (length_reward(rho, EN, 300, distance) for rho in (near, far))
    assert 0 <= second <= 1
    if distance == "nearest":
        assert first >= second - 1e-12


@dataclass
class Given:
    """A quality part with given answers, which counts what it is asked."""

    values: dict
    kind: str = "judgement"
    name: str = "given"
    optimised_for: tuple = ()
    asked: tuple = ()

    def __call__(self, batch):
        self.asked += tuple(batch.hypotheses)
        return [self.values[text] for text in batch.hypotheses]


SOURCE = "两人之间的关系越来越亲密"  # 12 syllables
TEN = "The bond between them is growing closer."


def corpus(form="plain", mu=12.0):
    return Corpus("t", "zh", "en", EN, mu, (), (), reader(form, "en", 64), counter_for("en", "pyphen"))


def columns(number, source=SOURCE, ids=None):
    return {
        "id": ids or ["1"] * number,
        "source": [source] * number,
        "source_syllables": [count(source, "zh")] * number,
    }


def score(scorer, answers, cut=None, ids=None):
    given_columns = columns(len(answers), ids=ids)
    scored = asyncio.run(scorer.score(answers, cut or [False] * len(answers), given_columns))
    return scored, scorer.measures(scored, given_columns)


@pytest.mark.parametrize("profile,malformed", [("paper", 0.0), ("code", -1.0), ("repaired", 0.0)])
def test_what_is_malformed_is_worth_what_the_profile_says_and_is_not_judged(profile, malformed):
    part = Given({TEN: 1.0})
    scorer = Scorer(corpus("chat"), Reward(profile=profile), [part])
    answers = [json.dumps({"translation": TEN}), TEN, '{"translation": ""}', '{"translation": "Cut o']
    scored, measures = score(scorer, answers, [False, False, False, True])
    assert [one.reward for one in scored] == [1.0, malformed, malformed, malformed]
    assert [one.parsed.state for one in scored] == ["ok", "unparsable", "empty", "truncated"]
    assert part.asked == (TEN,)
    assert measures["signs/malformed"] == 0.75
    assert measures["in_bounds"] == measures["usable"] == 0.25


def test_the_reward_of_whole_outputs_by_hand():
    long = "The bond between the two of them is growing closer and closer."  # 15 syllables
    assert count(TEN, "en") == 10
    rho = count(long, "en") / 12
    part = Given({TEN: 0.5, long: 1.0})
    scored, measures = score(Scorer(corpus(), Reward(profile="paper"), [part]), [TEN, long])
    assert scored[0].reward == pytest.approx(0.5 + 0.5 * 0.5)
    assert scored[1].reward == pytest.approx(0.5 * math.exp(-300 * (rho - 0.8) ** 2) + 0.5)
    assert measures["rho"] == pytest.approx((10 / 12 + rho) / 2)
    assert measures["parts/given"] == 0.75


def test_static_and_autonomous_length():
    short = "They bond."  # 2 syllables: below both bounds of a short source
    part = Given({short: 1.0, TEN: 1.0})
    for length, expected in (("static", math.exp(-300 * (0.8 - 2 / 12) ** 2)), ("auto", 0.0)):
        scorer = Scorer(corpus(mu=100.0), Reward(profile="repaired", length=length), [part])
        assert score(scorer, [short])[0][0].length == pytest.approx(expected)
    scorer = Scorer(corpus(), Reward(profile="repaired", length="auto", theta=2.0), [part])
    assert score(scorer, [TEN])[0][0].length == pytest.approx(min(math.cos(2 * 10 / 12), 0))


def test_the_wrong_language_loses_half_once_and_not_in_the_paper():
    german = "Die beiden kommen sich langsam immer näher und sind sehr vertraut."
    part = Given({german: 1.0})
    for profile, loss in (("paper", 0.0), ("code", 0.5), ("repaired", 0.5)):
        (one,), measures = score(Scorer(corpus(), Reward(profile=profile), [part]), [german])
        assert one.parsed.state == "wrong_language"
        right = combined(PROFILES[profile], one.length, [("judgement", 1.0)])
        assert one.reward == pytest.approx(right - loss)
        assert measures["signs/wrong_language"] == 1
        assert measures["usable"] == 0


def test_a_missing_value_is_no_reward_and_never_zero():
    part = Given({TEN: 1.0, "Closer they grow.": None, "They grow close.": math.nan})
    scored, measures = score(Scorer(corpus(), Reward(), [part]), list(part.values))
    assert [one.reward is None for one in scored] == [False, True, True]
    assert measures["missing/given"] == pytest.approx(2 / 3)
    assert measures["parts/given"] == 1.0


def test_a_dead_part_stops_the_run():
    with pytest.raises(UserError, match=r"None of 2 outputs has a reward.*'given' gave 0"):
        score(Scorer(corpus(), Reward(), [Given({TEN: None, "A": math.nan})]), [TEN, "A"])


def test_parts_that_miss_each_others_values_stop_the_run():
    parts = [Given({TEN: None, "A": 1.0}, name="first"), Given({TEN: 1.0, "A": None}, name="second")]
    with pytest.raises(UserError, match="'first' gave 1, 'second' gave 1"):
        score(Scorer(corpus(), Reward(), parts), [TEN, "A"])


def test_a_batch_of_malformed_outputs_is_a_batch_of_failures_and_not_of_missing_rewards():
    scored, _ = score(Scorer(corpus(), Reward(), [Given({})]), ["", " "])
    assert [one.reward for one in scored] == [0, 0]


def test_a_part_is_asked_once_for_equal_outputs_of_one_source():
    part = Given({TEN: 1.0, "No.": 0.0})
    scored, _ = score(Scorer(corpus(), Reward(), [part]), [TEN, "No.", TEN, TEN], ids=["1", "1", "1", "2"])
    assert sorted(part.asked) == sorted([TEN, TEN, "No."])
    assert [one.quality["given"] for one in scored] == [1.0, 0.0, 1.0, 1.0]


def test_parts_that_call_models_are_awaited_together():
    barrier = asyncio.Event()

    class First(Given):
        async def __call__(self, batch):
            await asyncio.wait_for(barrier.wait(), 5)
            return [1.0] * len(batch.hypotheses)

    class Second(Given):
        async def __call__(self, batch):
            barrier.set()
            return [0.0] * len(batch.hypotheses)

    parts = [First({}, name="first"), Second({}, name="second")]
    assert score(Scorer(corpus(), Reward(), parts), [TEN])[0][0].quality == {"first": 1.0, "second": 0.0}


@pytest.mark.parametrize("sign,bad,good", [
    ("copy", f"{SOURCE}!", TEN),
    ("filler", "Yes yes yes yes yes yes.", TEN),
    ("telegraphic", "Bond grow close, two people, time pass", TEN),
])  # fmt: skip
def test_signs_of_gaming(sign, bad, good):
    scorer = Scorer(corpus(), Reward(), [Given({bad: 1.0, good: 1.0})])
    assert score(scorer, [bad])[1][f"signs/{sign}"] == 1
    assert score(scorer, [good])[1][f"signs/{sign}"] == 0


def test_the_same_words_for_other_sources_are_filler():
    assert signs.hollow(["1", "1", "2"], ["They did it.", "They did it.", "they did it"]) == [True] * 3
    assert signs.hollow(["1", "1", "2"], ["They did it.", "They did it.", "He ran."]) == [False] * 3


def test_groups_without_variance_are_those_without_signal():
    assert without_variance(["a", "b", "a", "b"], [0.5, 1e-9, 0.5, 0.0]) == [True, True]
    assert without_variance(["a", "a", "b"], [0.5, 0.6, None]) == [False]


def test_usable_needs_every_part():
    part = Given({TEN: 0.4})
    assert score(Scorer(corpus(), Reward(), [part]), [TEN])[1]["usable"] == 0
    part = replace(part, values={TEN: 0.6})
    assert score(Scorer(corpus(), Reward(), [part]), [TEN])[1]["usable"] == 1
