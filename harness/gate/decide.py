"""Does the gate open? One-sided tests of the loss of each metric against its margin.

With L the loss (first run less second, where higher is better), SE its leave-one-cluster-out error and df Kish's
effective number of clusters less one:

* rule ``worse``: ``p = P(T_df >= (L - margin) / SE)``. The gate fails where a p, adjusted after Holm, is at most
  alpha: a loss beyond the margin is shown. A gate of no loss fails with a chance of at most alpha.
* rule ``not-worse``: ``p = P(T_df <= (L - margin) / SE)``. The gate passes where every p is at most alpha: of all
  metrics a loss smaller than the margin is shown. No correction is needed, as all must (the intersection-union test,
  Berger 1982). This is the usual test of non-inferiority; an unchanged system, too, fails it where the data are few.

How often the gate errs and what it finds is measured in ``benchmarks/gate.py``.
"""

from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import Literal

from scipy.special import stdtr, stdtrit

from harness.compare_flips import is_verdict
from harness.compare_runs import Run
from harness.errors import UserError
from harness.gate.rules import FIX, Gate, MetricRule
from harness.metrics.base import Metric
from harness.stats.paired import ROUNDING, paired_interval
from harness.stats.tests import holm

Status = Literal["passed", "failed", "no evidence", "skipped"]


@dataclass(frozen=True)
class Check:
    """One metric at the gate.

    Attributes:
        metric: its name.
        status: ``no evidence`` fails the gate like ``failed``; ``skipped`` does nothing.
        reason: why there is no evidence, or why it is skipped.
        margin: loss that is accepted.
        first: value of the first run.
        value: value of the second.
        loss: what the second lost, negative where it is better.
        low: lower end of the loss's interval of level 1 - 2 alpha.
        high: upper end.
        p: one-sided, of the gate's rule.
        p_adjusted: after the gate's correction.
        detectable: rule ``worse``: the true loss that fails this gate with its power; rule ``not-worse``: the margin
            that an unchanged system passes with it. None where nothing changed, or where no possible loss is as large.
    """

    metric: str
    status: Status
    reason: str
    margin: float
    first: float | None = None
    value: float | None = None
    loss: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    detectable: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What the gate says: it passes where no check failed or lacks evidence, and one at least passed."""

    passed: bool
    rule: str
    alpha: float
    power: float
    reason: str
    checks: tuple[Check, ...]


def decide(gate: Gate, first: Run, second: Run) -> Verdict:
    """Test every metric that the gate names.

    Args:
        gate: margins and error rates.
        first: the run to hold against.
        second: the run at the gate, of the same protocol and segments.

    Returns:
        The verdict.

    Raises:
        UserError: the gate's direction of a metric is missing, or not the metric's own.
    """
    tested = {name: _test(gate, name, rule, first, second) for name, rule in gate.metrics.items()}
    ps = {name: check.p for name, check in tested.items() if check.p is not None}
    adjusted = ps
    if gate.rule == "worse" and gate.correction == "holm":
        adjusted = dict(zip(ps, holm(list(ps.values())), strict=True))
    checks = []
    for name, check in tested.items():
        if name in adjusted:
            shown = adjusted[name] <= gate.alpha
            status: Status = "failed" if shown == (gate.rule == "worse") else "passed"
            check = replace(check, status=status, p_adjusted=adjusted[name])
        checks.append(check)
    states = {check.status for check in checks}
    passed = "passed" in states and not states & {"failed", "no evidence"}
    reason = "" if states != {"skipped"} else "every metric was skipped: nothing was tested"
    return Verdict(passed, gate.rule, gate.alpha, gate.power, reason, tuple(checks))


def refuse(gate: Gate, reason: str) -> Verdict:
    """Return the verdict on runs that cannot be tested: the gate stays shut."""
    return Verdict(False, gate.rule, gate.alpha, gate.power, reason, ())


def _test(gate: Gate, name: str, rule: MetricRule, first: Run, second: Run) -> Check:
    """Test one metric; its status is set once all p-values are known."""
    sides = first, second
    values = [run.value(name) if name in run.metrics else None for run in sides]
    if None in values:
        status: Status = "skipped" if gate.missing == "skip" else "no evidence"
        return Check(name, status, "a run has no value of it", rule.margin)
    if any(name in run.result.marked for run in sides):
        status = "skipped" if gate.marked == "skip" else "no evidence"
        return Check(name, status, "selection or training used this metric or its family", rule.margin)
    segments = min(int((run.statistics[name][:, -1] > 0).sum()) for run in sides)
    sign = 1 if _higher_is_better(name, rule, first) else -1
    metric = first.metrics[name]
    found = paired_interval(metric.aggregate, first.sums(name), second.sums(name))
    known = Check(name, "no evidence", "", rule.margin, *values)
    if segments < gate.min_segments or found.clusters < gate.min_clusters:
        least = f"{gate.min_segments} in {gate.min_clusters} are asked for"
        return replace(known, reason=f"{segments} segments in {found.clusters} clusters carry it, {least}")
    if found.estimate is None or found.low is None or found.high is None:
        return replace(known, reason=found.method)
    df = max(found.effective_clusters - 1, 1.0)
    error = (found.high - found.low) / 2 / float(stdtrit(df, 0.5 + found.level / 2))
    loss, distance = sign * found.estimate, float(stdtrit(df, 1 - gate.alpha)) * error
    return replace(
        known,
        loss=loss,
        low=loss - distance,
        high=loss + distance,
        p=_p(loss - rule.margin, error, df, gate.rule == "worse"),
        detectable=_detectable(gate, rule, metric, segments, error, df),
    )


def _p(beyond: float, error: float, df: float, greater: bool) -> float:
    """Return the one-sided p-value of a loss beyond (or short of) the margin."""
    beyond = beyond if greater else -beyond
    if error <= ROUNDING:  # no cluster changed, or all by the same
        return 0.0 if beyond > ROUNDING else 1.0
    return float(stdtr(df, -beyond / error))


def _detectable(gate: Gate, rule: MetricRule, metric: Metric, segments: int, error: float, df: float) -> float | None:
    """Solve ``D = margin + (t(1 - a) + t(power)) * SE(D)``, a being what Holm leaves the first of m metrics, alpha / m.

    A loss D of n verdicts makes the error itself larger: ``SE(D)^2 = SE^2 + D / n``. None where nothing changed, and
    where no loss that the metric allows is as large.
    """
    worse = gate.rule == "worse"
    of_each = gate.alpha / len(gate.metrics) if worse and gate.correction == "holm" else gate.alpha
    quantiles = float(stdtrit(df, 1 - of_each)) + float(stdtrit(df, gate.power))
    margin = rule.margin if worse else 0.0
    middle = margin + (quantiles**2 / segments / 2 if worse and is_verdict(metric) else 0.0)
    widest = metric.bounds[1] - metric.bounds[0] if metric.bounds else inf
    found = middle + sqrt(middle**2 - margin**2 + (quantiles * error) ** 2)
    return found if 0 < found <= widest else None


def _higher_is_better(name: str, rule: MetricRule, run: Run) -> bool:
    own = run.metrics[name].higher_is_better
    if own is None and rule.better is None:
        raise UserError(
            f"metrics.{name}: {name} is neither good nor bad when high.", "Say better = 'higher' or 'lower'."
        )
    if own is not None and rule.better not in (None, "higher" if own else "lower"):
        raise UserError(f"metrics.{name}: of {name} {'higher' if own else 'lower'} is better.", FIX)
    return rule.better == "higher" if own is None else own
