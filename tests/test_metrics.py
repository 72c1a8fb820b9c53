"""Metric values worked out by hand, from the paper, and by sacreBLEU."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from harness import registry
from harness.budget import amounts_within, distance, in_bounds
from harness.metrics.base import Frame, Lengths, Sample
from harness.metrics.bleu_rho import corpus_bleu, sentence_bleu
from harness.metrics.in_bounds import relaxation
from harness.metrics.rho import syllable_ratio
from harness.records import Artefacts, BackTranslation, Event, EventCheck, EventMatch, Segment, Translation, Usage

FRAME = Frame("en", (0.8, 0.9), 12.0, (6.19, 4.44), tau=0.7)
SOURCE = "两人之间的关系越来越亲密"
BOUNDS = [(0.8, 0.9), (0.9, 1.0), (1.0, 1.1)]


def metrics():
    return {m.name: m for name in registry.names("metrics") for m in registry.get("metrics", name)(FRAME)}


def sample(hypothesis=10, state="ok", back=SOURCE, matches=(), start=0.0, end=2.0, usage=None, source=12):
    segment = Segment("a", SOURCE, "v", start=start, end=end)
    translation = Translation("a", 1, "x", state, usage=usage)
    artefacts = Artefacts(BackTranslation("a", 1, back, "ok"), EventCheck("a", 1, tuple(matches)))
    lengths = Lengths(source, hypothesis, len(back))
    other = Lengths(source, hypothesis + 1)
    admissible = amounts_within(source, *FRAME.bounds)
    return Sample(segment, translation, artefacts, lengths, other, hypothesis, FRAME, hypothesis, source, admissible)


def match(cosine=0.9, numbers=True, negation=True, names=True):
    return EventMatch(Event("来"), cosine, "来", numbers, negation, names)


def value(name, *samples):
    metric = metrics()[name]
    statistics = np.array([metric.statistics(s) for s in samples], dtype=float)
    return float(metric.aggregate(statistics.sum(axis=0)[None], np.array([float(len(samples))]))[0])


def test_golden_vectors_of_bounds_and_ratio():
    golden = json.loads((Path(__file__).parent / "data" / "golden_vectors.json").read_text())
    for case in golden["homura_length_reward_en"]:
        gamma = relaxation(case["src_syl"], case["mu"])
        rho = syllable_ratio(case["src_syl"], case["hyp_syl"])
        assert gamma == pytest.approx(case["gamma"], abs=1e-12)
        assert 0.8 * gamma == pytest.approx(case["L"], abs=1e-12)
        assert rho == pytest.approx(case["rho"], abs=1e-12)
        assert in_bounds(rho, 0.8 * gamma, 0.9) == (case["r_max_k300"] == 1.0)


@given(st.integers(0, 300), st.sampled_from(BOUNDS))
def test_admissible_amounts_are_exactly_those_in_bounds(source, bounds):
    brute = [n for n in range(0, 400) if in_bounds(syllable_ratio(source, n), *bounds)]
    assert list(amounts_within(max(source, 1), *bounds)) == brute


@given(st.integers(1, 200), st.integers(0, 300), st.sampled_from(BOUNDS))
def test_the_distance_is_that_to_the_nearest_admissible_amount(source, hypothesis, bounds):
    counts = amounts_within(max(source, 1), *bounds)
    error = distance(hypothesis, counts)
    if not counts:
        assert error is None
    else:
        assert abs(error) == min(abs(hypothesis - n) for n in counts)
        assert hypothesis - error in counts
        assert (error == 0) == in_bounds(syllable_ratio(source, hypothesis), *bounds)


@pytest.mark.parametrize("hypothesis,expected", [(10, 0), (11, 1), (9, -1), (0, -10)])
def test_length_columns(hypothesis, expected):
    s = sample(hypothesis)
    assert value("syllable_error", s) == expected
    assert value("ib", s) == (expected == 0)
    assert value("over", s) == (expected > 0)
    assert value("under", s) == (expected < 0)
    assert value("ib_within_1", s) == (abs(expected) <= 1)


def test_counter_flip_is_seen():
    assert value("counter_flips", sample(10)) == 1  # 10 is in bounds, the other counter's 11 is not
    assert value("counter_flips", sample(12)) == 0


def test_dynamic_bounds_relax_short_sources():
    assert value("ib", sample(4, source=6)) == 0
    assert value("ib_dynamic", sample(4, source=6)) == 1


def test_round_trip_ratios():
    s = sample(15, back="他" * 18)
    assert value("rho_fwd", s) == 15 / 12
    assert value("rho_bwd", s) == 18 / 15
    assert value("rho_rtp", s) == 18 / 12
    assert value("rtp_above_1", s) == 1
    assert value("rho_of_sums", sample(10), sample(20)) == 30 / 24
    assert math.isnan(value("rho_rtp", sample(back="")))


def test_fill_at_two_rates():
    assert value("fill<=1@6.19", sample(12)) == 1  # 12 / 6.19 = 1.94 s in 2 s
    assert value("fill<=1@4.44", sample(12)) == 0  # 2.70 s
    assert value("fill<=1.2@4.44", sample(12)) == 0
    assert value("fill>1.4@4.44", sample(13)) == 1
    assert value("fill<.67@6.19", sample(8)) == 1
    too_fast = sample(12, end=1.0)  # 12 Han characters in a second: the times cannot be right
    assert math.isnan(value("fill<=1@6.19", too_fast))
    assert value("fill_left_out", too_fast) == 1


def test_bleu_equals_sacrebleu():
    pairs = [("他们关系更亲密了", SOURCE), ("两人的关系越来越亲密", SOURCE), ("没有关系", SOURCE), ("", SOURCE)]
    for hypothesis, reference in pairs:
        oracle = sacrebleu.sentence_bleu(hypothesis, [reference], tokenize="zh").score / 100
        assert sentence_bleu(hypothesis, reference) == pytest.approx(oracle, abs=1e-12)
    samples = [sample(back=hypothesis) for hypothesis, _ in pairs]
    oracle = sacrebleu.corpus_bleu([h for h, _ in pairs], [[r for _, r in pairs]], tokenize="zh").score / 100
    assert value("corpus_bleu", *samples) == pytest.approx(oracle, abs=1e-12)


def test_corpus_bleu_without_a_match_is_zero():
    assert corpus_bleu(np.zeros((1, 12)), np.ones(1)).tolist() == [0.0]


def test_bleu_rho_pays_for_compression_and_the_cap_does_not():
    short = sample(5)
    assert value("bleu_rho", short) == pytest.approx(12 / 5)
    assert value("bleu_rho_capped", short) == pytest.approx(1 / 0.8)
    assert value("bleu_rho", sample(0)) == 0


@pytest.mark.parametrize(
    "matches,kept",
    [
        ([match()], 1),
        ([match(), match(0.69)], 0),
        ([match(numbers=False)], 0),
        ([match(negation=False)], 0),
        ([match(names=False)], 0),
    ],
)
def test_bt_cerr_needs_every_event(matches, kept):
    assert value("bt_cerr", sample(matches=matches)) == kept
    assert value("usable", sample(matches=matches)) == kept


def test_no_event_is_not_a_pass():
    for name in ("bt_cerr", "usable", "events_kept"):
        assert math.isnan(value(name, sample(matches=[])))
    assert value("events_none", sample(matches=[]), sample(matches=[match()])) == 0.5
    assert value("events_kept", sample(matches=[match(), match(0.1)])) == 0.5


def test_usable_needs_budget_and_meaning():
    assert value("usable", sample(10, matches=[match()])) == 1
    assert value("usable", sample(11, matches=[match()])) == 0


@pytest.mark.parametrize("state", ["truncated", "empty", "refused", "wrong_language", "unparsable"])
def test_failures_of_the_system_count_as_the_worst_value(state):
    s = sample(10, state, matches=[match()])
    for name in (
        "usable",
        "ok",
        "ib",
        "ib_dynamic",
        "ib_within_1",
        "bt_cerr",
        "events_kept",
        "bleu",
        "bleu_rho",
        "corpus_bleu",
    ):
        assert value(name, s) == 0, name
    for name in ("over", "under", "fill>1.4@6.19", "fill<.67@6.19"):
        assert value(name, s) == 1, name
    for name in ("rho_fwd", "syllable_error", "rho_rtp"):
        assert math.isnan(value(name, s)), name


def test_every_metric_declares_its_width_and_presence():
    for metric in metrics().values():
        for s in (sample(matches=[match()]), sample(state="empty"), sample(usage=Usage(1, 5, 0, 3, 0, 0.1, 1.0))):
            statistics = metric.statistics(s)
            assert len(statistics) == metric.width
            assert statistics[-1] in (0, 1)


def test_spend_unknown_is_not_zero():
    known, unknown = sample(usage=Usage(1, 10, 0, 50, 40, 0.5, 1.0)), sample(usage=Usage(1, 10, 0, None, None, None))
    assert value("tokens", known, unknown) == 10
    assert value("tokens_total", known, unknown) == 50
    assert value("cost", known, unknown) == 0.5
    assert math.isnan(value("cost", unknown))
    assert math.isnan(value("tokens", sample()))
