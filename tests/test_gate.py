"""The regression gate: its rules, its tests against outside values, and its error rates on simulated systems."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit
from scipy.stats import ttest_1samp

from benchmarks.gate import PAIRS, RESULT, Case, simulate
from harness.compare import compare_runs
from harness.compare_reports import as_markdown, as_table
from harness.compare_runs import Run
from harness.errors import UserError
from harness.gate.decide import decide
from harness.gate.rules import Gate, MetricRule, read_gate
from harness.metrics.base import Metric, ratio

SHIPPED = Path(__file__).parents[1] / ".github" / "gate.toml"


def metric(name, higher=True):
    return Metric(name, "", lambda _: (), ratio, higher_is_better=higher)


def run(values, clusters=20, marked=(), higher=True):
    """A run with one value a segment and metric, in even clusters."""
    size = len(next(iter(values.values())))
    segments = tuple(f"{n:04}" for n in range(size))
    labels = tuple(f"{n * clusters // size:03}" for n in range(size))
    statistics = {name: np.column_stack([column, np.ones(size)]) for name, column in values.items()}
    made = {name: metric(name, higher) for name in values}
    return Run("system", Path(), replace(RESULT, marked=marked), made, segments, labels, statistics)


def pair(losses, noise=0.3, size=400, **more):
    """Two runs; the second lost so much of each metric, on average."""
    rng = np.random.default_rng(len(losses))
    first = {name: rng.normal(size=size) for name in losses}
    second = {name: column - losses[name] + noise * rng.normal(size=size) for name, column in first.items()}
    return run(first, **more), run(second, **more)


def gate(margins, **more):
    return Gate(1, {name: MetricRule(margin) for name, margin in margins.items()}, **more)


def states(verdict):
    return {check.metric: check.status for check in verdict.checks}


@pytest.mark.parametrize(("rule", "side"), [("worse", "greater"), ("not-worse", "less")])
def test_the_p_value_of_even_clusters_is_that_of_a_one_sample_t_test(rule, side):
    first, second = pair({"quality": 0.1})
    (check,) = decide(gate({"quality": 0.05}, rule=rule), first, second).checks
    losses = (first.statistics["quality"] - second.statistics["quality"])[:, 0].reshape(20, 20).mean(axis=1)
    outside = ttest_1samp(losses, 0.05, alternative=side)
    assert check.p == pytest.approx(outside.pvalue, rel=1e-9) and check.loss == pytest.approx(losses.mean())
    low, high = ttest_1samp(losses, 0).confidence_interval(0.95)
    assert (check.low, check.high) == (pytest.approx(low), pytest.approx(high))


def test_a_loss_fails_only_beyond_its_margin():
    runs = pair({"quality": 0.1})
    assert states(decide(gate({"quality": 0.0}), *runs)) == {"quality": "failed"}
    assert states(decide(gate({"quality": 0.1}), *runs)) == {"quality": "passed"}
    assert decide(gate({"quality": 0.0}), *runs[::-1]).passed


def test_the_strict_rule_passes_only_what_is_shown():
    same, noisy = pair({"quality": 0.0}, noise=0.1), pair({"quality": 0.0}, noise=3.0)
    assert decide(gate({"quality": 0.1}, rule="not-worse"), *same).passed
    assert not decide(gate({"quality": 0.1}, rule="not-worse"), *noisy).passed
    assert decide(gate({"quality": 0.1}), *noisy).passed


def test_holm_over_the_metrics_of_the_gate_and_none_where_all_must_pass():
    runs = pair({"a": 0.05, "b": 0.0, "c": 0.0, "d": 0.0})
    alone, among = (decide(gate(dict.fromkeys(names, 0.0)), *runs).checks[0] for names in ("a", "abcd"))
    assert among.p == alone.p == alone.p_adjusted and among.p_adjusted == pytest.approx(4 * alone.p)
    assert among.detectable > alone.detectable
    free = decide(gate(dict.fromkeys("abcd", 0.0), correction="none"), *runs).checks[0]
    assert free.p_adjusted == alone.p
    strict = decide(gate(dict.fromkeys("abcd", 0.1), rule="not-worse"), *runs)
    assert all(check.p_adjusted == check.p for check in strict.checks)


def test_of_some_metrics_lower_is_better():
    first, second = pair({"over": 0.1}, higher=False)
    assert decide(gate({"over": 0.0}), first, second).passed
    assert not decide(gate({"over": 0.0}), second, first).passed
    with pytest.raises(UserError, match="lower is better"):
        decide(Gate(1, {"over": MetricRule(0.0, "higher")}), first, second)
    neither = pair({"rho": 0.1}, higher=None)
    with pytest.raises(UserError, match="neither good nor bad"):
        decide(gate({"rho": 0.0}), *neither)
    assert not decide(Gate(1, {"rho": MetricRule(0.0, "higher")}), *neither).passed
    assert decide(Gate(1, {"rho": MetricRule(0.0, "lower")}), *neither).passed


def test_what_is_no_evidence():
    runs = pair({"quality": 0.0, "other": 0.0}, marked=("other",))
    named = {"quality": 0.1, "other": 0.1, "none": 0.1}
    verdict = decide(gate(named), *runs)
    assert states(verdict) == {"quality": "passed", "other": "no evidence", "none": "no evidence"}
    assert not verdict.passed
    verdict = decide(gate(named, missing="skip", marked="skip"), *runs)
    assert states(verdict) == {"quality": "passed", "other": "skipped", "none": "skipped"} and verdict.passed
    verdict = decide(gate({"other": 0.1}, marked="skip"), *runs)
    assert not verdict.passed and "nothing was tested" in verdict.reason
    for least in ({"min_segments": 401}, {"min_clusters": 21}):
        (check,) = decide(gate({"quality": 0.1}, **least), *runs).checks
        assert check.status == "no evidence" and "400 segments in 20 clusters" in check.reason and check.p is None


def test_one_cluster_or_an_undefined_value_is_no_evidence():
    runs = pair({"quality": 0.0}, clusters=1)
    (check,) = decide(gate({"quality": 0.1}, min_clusters=1), *runs).checks
    assert check.status == "no evidence" and "one cluster" in check.reason
    absent = replace(runs[0], statistics={"quality": np.zeros((400, 2))})
    (check,) = decide(gate({"quality": 0.1}), absent, runs[1]).checks
    assert check.status == "no evidence" and "no value" in check.reason


def test_where_nothing_changed_no_loss_is_shown():
    same = run({"quality": np.arange(400.0)})
    for rule in ("worse", "not-worse"):
        verdict = decide(gate({"quality": 0.1}, rule=rule), same, same)
        assert verdict.passed and verdict.checks[0].loss == 0


def test_a_loss_of_exactly_the_margin_in_every_cluster_is_not_beyond_it():
    first = run({"quality": np.arange(400) / 7})
    second = run({"quality": np.arange(400) / 7 - 0.1})
    assert decide(gate({"quality": 0.1}), first, second).passed
    assert not decide(gate({"quality": 0.09}), first, second).passed
    assert not decide(gate({"quality": 0.1}, rule="not-worse"), first, second).passed


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.2, 0.2), st.floats(0, 0.2), st.floats(0, 0.2), st.sampled_from(["worse", "not-worse"]))
def test_a_wider_margin_never_shuts_a_gate_that_was_open(loss, margin, more, rule):
    runs = pair({"quality": loss})
    narrow, wide = (decide(gate({"quality": m}, rule=rule), *runs).passed for m in (margin, margin + more))
    assert wide or not narrow


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["96 uneven", "100 even"])
def test_error_rates_on_simulated_systems(shape):
    """A quick form of benchmarks/gate.py, which has the figures of 1,000 comparisons."""
    alike = simulate(Case(shape, PAIRS[0], "worse", 0.0, 0.0), 100, seed=1)
    worse = simulate(Case(shape, PAIRS[0], "worse", 0.0, PAIRS[0].stated), 100, seed=2)
    assert alike.failed <= 5 and worse.failed >= 80
    assert 0.03 < worse.detectable < 0.07 and 0.1 < alike.flipped < 0.4
    strict = simulate(Case(shape, PAIRS[0], "not-worse", PAIRS[0].stated, PAIRS[0].stated), 100, seed=3)
    assert strict.failed >= 95


def test_no_loss_is_called_detectable_that_cannot_be():
    first, second = pair({"quality": 0.0}, noise=30.0, size=40, clusters=4)
    wide, bounded = ({"quality": replace(metric("quality"), bounds=bounds)} for bounds in (None, (0.0, 1.0)))
    least = {"min_segments": 1, "min_clusters": 2}
    (free,) = decide(gate({"quality": 0.0}, **least), replace(first, metrics=wide), second).checks
    (capped,) = decide(gate({"quality": 0.0}, **least), replace(first, metrics=bounded), second).checks
    assert free.detectable > 1 and capped.detectable is None


def test_few_changed_verdicts_do_not_make_a_gate_look_sharp():
    """With nothing changed the observed error is 0; a loss would bring its own."""
    same = run({"ib": np.ones(1000)})
    verdicts = replace(same, metrics={"ib": replace(metric("ib"), proportion=True)})
    (check,) = decide(gate({"ib": 0.0}), verdicts, verdicts).checks
    quantiles = stdtrit(19, 0.975) + stdtrit(19, 0.8)
    assert check.detectable == pytest.approx(quantiles**2 / 1000)
    assert check.detectable == pytest.approx(quantiles * math.sqrt(check.detectable / 1000))


def test_a_task_without_syllables_bounds_or_verdicts_compares():
    runs = pair({"quality": 0.5, "other": 0.0})
    runs = [replace(found, label=label) for found, label in zip(runs, ("one", "two"), strict=True)]
    report = compare_runs(runs, exchanges=199)
    assert (report.verdict, report.bounds, report.ranks) == ("", (), ())
    assert report.comparisons[0].differences[0].better is False
    for view in ("main", "all", "paper"):
        assert "two" in as_table(report, view) and "two" in as_markdown(report, view)


def test_the_shipped_gate_and_its_defaults(tmp_path):
    shipped = read_gate(SHIPPED)
    assert shipped == Gate(
        1, {"ib": MetricRule(0.02), "over": MetricRule(0.02, "lower")}, min_segments=50, min_clusters=6
    )
    file = tmp_path / "gate.toml"
    file.write_text("schema = 1\n[metrics.usable]\nmargin = 0\n")
    assert read_gate(file) == Gate(1, {"usable": MetricRule(0.0)})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schema = 1\nalhpa = 0.1\n[metrics.ib]\nmargin = 0", "unknown field 'alhpa'"),
        ("schema = 1\n[metrics.ib]\nmargin = 0\nmargn = 1", "unknown field 'margn'"),
        ("schema = 1\n[metrics.ib]\nbetter = 'higher'", "'margin' is missing"),
        ("schema = 1\nmetrics = {}", "no metric is named"),
        ("schema = 1", "'metrics' is missing"),
        ("schema = 2\n[metrics.ib]\nmargin = 0", "schema 2 is not 1"),
        ("schema = 1\nalpha = 0.5\n[metrics.ib]\nmargin = 0", "alpha 0.5"),
        ("schema = 1\npower = 0.2\n[metrics.ib]\nmargin = 0", "power 0.2"),
        ("schema = 1\nmin_clusters = 1\n[metrics.ib]\nmargin = 0", "min_clusters"),
        ("schema = 1\nrule = 'same'\n[metrics.ib]\nmargin = 0", "'same' is not one of"),
        ("schema = 1\nmarked = 'use'\n[metrics.ib]\nmargin = 0", "'use' is not one of"),
        ("schema = 1\n[metrics.ib]\nmargin = -0.1", "margin -0.1"),
        ("schema = 1\n[metrics.ib]\nmargin = nan", "margin nan"),
        ("schema = 1\nrule = 'not-worse'\n[metrics.ib]\nmargin = 0", "needs a margin"),
        ("schema = ", "Invalid value"),
        ("schema = 1\n\xff", ""),
    ],
)
def test_a_bad_gate_is_refused_with_the_reason(tmp_path, text, said):
    file = tmp_path / "gate.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"gate\.toml") as error:
        read_gate(file)
    assert said in str(error.value) and "docs/gate.md" in str(error.value)


def test_no_gate_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_gate(tmp_path / "none.toml")


def test_the_detectable_loss_grows_with_what_is_asked():
    runs = pair({"quality": 0.0})
    reach = [
        decide(gate({"quality": 0.0}, alpha=alpha, power=power), *runs).checks[0].detectable
        for alpha, power in ((0.025, 0.8), (0.025, 0.9), (0.005, 0.9))
    ]
    assert 0 < reach[0] < reach[1] < reach[2] < math.inf
