"""Two or more finished runs of one protocol compared, from their stored per-segment statistics.

For each metric the difference to the first run with its interval and the p-value of a cluster sign flip, adjusted
after Holm for all that is shown together; which segments changed their verdict; and, of three runs or more, the
ranks each may have. Nothing is translated or asked again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.compare_flips import Flip, flips, is_verdict
from harness.compare_runs import Run, read_runs
from harness.length_check import RHO, LengthCheck, length_checks
from harness.metrics.base import Metric
from harness.metrics.quality import CHUNKED
from harness.stats.paired import paired_interval
from harness.stats.ranks import RankInterval, rank_intervals
from harness.stats.tests import holm, minimum_detectable_effect
from harness.stats.together import sign_flips

VERDICTS = ("usable", "ib")
"""The verdicts that rank, the first one there is; of another task its first metric that is a verdict."""

ALPHA = 0.05


@dataclass(frozen=True)
class Difference:
    """One metric of a run against the first run.

    Attributes:
        metric: its name.
        first: value of the first run.
        value: value of this run.
        difference: this run less the first.
        low: lower end of its 95 % interval.
        high: upper end.
        p: two-sided, cluster sign flip.
        p_holm: adjusted for all metrics and runs shown; None for a description, which is neither good nor bad.
        better: whether this run is significantly better (True), worse (False) or neither (None).
        detectable: least true difference found with a power of 80 %.
        marked: a strategy selected by this metric's family: shown, but no evidence.
    """

    metric: str
    first: float | None
    value: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    better: bool | None
    detectable: float | None
    marked: bool


@dataclass(frozen=True)
class Comparison:
    """One run against the first; its flips are those of all metrics compared that are verdicts."""

    label: str
    system: str
    differences: tuple[Difference, ...]
    flips: tuple[Flip, ...]
    length_checks: tuple[LengthCheck, ...] = ()


@dataclass(frozen=True)
class Report:
    """All that ``sandglass compare`` shows; ``system`` is the first run's, ``verdict`` the metric that ranks."""

    task: str
    protocol: str
    system: str
    bounds: tuple[float, ...]
    segments: int
    clusters: int
    test: str
    verdict: str
    labels: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    ranks: tuple[RankInterval, ...]


def compare(
    folders: Sequence[Path],
    choose: Callable[[Sequence[str]], Sequence[str]] = tuple,
    exchanges: int = 10_000,
    seed: int = 0,
) -> Report:
    """Compare finished runs with the first of them.

    Args:
        folders: two or more, each a run directory or a folder with one run below it.
        choose: picks the metrics to compare from those that all runs have; p-values are adjusted for them.
        exchanges: of each test.
        seed: of the frozen stream.

    Returns:
        The report.

    Raises:
        UserError: fewer than two runs, one twice or not finished, or runs that do not compare.
    """
    return compare_runs(read_runs(folders), choose, exchanges, seed)


def compare_runs(
    runs: Sequence[Run],
    choose: Callable[[Sequence[str]], Sequence[str]] = tuple,
    exchanges: int = 10_000,
    seed: int = 0,
) -> Report:
    """Compare runs that ``read_runs`` read; arguments and errors as of ``compare``."""
    first = runs[0]
    shared = [
        name for name in first.metrics if all(name in run.metrics for run in runs) and first.value(name) is not None
    ]
    verdict = next((name for name in (*VERDICTS, *filter(_is_verdict_of(first), shared)) if name in shared), "")
    comparisons, test = _compare(runs, [name for name in choose(shared) if name in shared], exchanges, seed)
    ranks: tuple[RankInterval, ...] = ()
    if verdict and len(runs) > 2:
        ranks = rank_intervals(
            {run.label: run.statistics[verdict] for run in runs},
            first.clusters,
            aggregate=first.metrics[verdict].aggregate,
            higher_is_better=first.metrics[verdict].higher_is_better is not False,
            resamples=exchanges,
            seed=seed,
        )
    labels = tuple(run.label for run in runs)
    size = len(first.segments), len(set(first.clusters))
    head = first.result.task, first.result.protocol, first.result.system, first.result.bounds
    return Report(*head, *size, test, verdict, labels, comparisons, ranks)


def _is_verdict_of(run: Run) -> Callable[[str], bool]:
    return lambda name: is_verdict(run.metrics[name])


def _compare(
    runs: Sequence[Run], names: Sequence[str], exchanges: int, seed: int
) -> tuple[tuple[Comparison, ...], str]:
    """Compare every run with the first on every metric, and adjust all p-values together."""
    first, found = runs[0], []
    for run in runs[1:]:
        pairs = {name: (first.metrics[name].aggregate, run.sums(name), first.sums(name)) for name in names}
        tests = sign_flips(pairs, exchanges, seed) if pairs else {}
        found.append((run, tests, {name: paired_interval(*pairs[name]) for name in names}))
    method = next((test.method for _, tests, _ in found for test in tests.values()), "")
    judged = [
        (number, name)
        for number, (_, tests, _) in enumerate(found)
        for name in names
        if first.metrics[name].higher_is_better is not None and tests[name].p is not None
    ]
    adjusted = dict(zip(judged, holm([found[number][1][name].p or 0.0 for number, name in judged]), strict=True))
    comparisons = []
    for number, (run, tests, intervals) in enumerate(found):
        differences = []
        for name in names:
            test, interval, p_holm = tests[name], intervals[name], adjusted.get((number, name))
            better = None
            if p_holm is not None and p_holm <= ALPHA and test.difference:
                better = (test.difference > 0) == first.metrics[name].higher_is_better
            ends = _possible(interval.low, first.metrics[name]), _possible(interval.high, first.metrics[name])
            detectable = minimum_detectable_effect(interval) if interval.method == "t" else None
            if not detectable or detectable != _possible(detectable, first.metrics[name]):
                detectable = None  # nothing changed, or no difference there can be would be found
            marked = name in run.result.marked or name in first.result.marked
            values = first.value(name), run.value(name), test.difference
            differences.append(Difference(name, *values, *ends, test.p, p_holm, better, detectable, marked))
        flipped, checks = flips(first, run, names), _length_checks(first, run)
        comparisons.append(Comparison(run.label, run.result.system, tuple(differences), flipped, checks))
    return tuple(comparisons), method


def _length_checks(first: Run, run: Run) -> tuple[LengthCheck, ...]:
    """Check what models measured of single segments for length, where the task has a syllable ratio."""
    if not all(RHO in side.statistics for side in (first, run)):
        return ()
    shared = [name for name in first.result.measures if name in first.statistics and name in run.statistics]
    measures = [name for name in shared if first.metrics[name].needs != CHUNKED]
    return length_checks(first.statistics, run.statistics, measures, first.clusters)


def _possible(end: float | None, metric: Metric) -> float | None:
    """Keep the end of a difference's interval within what two values of the metric can differ by."""
    if end is None or metric.bounds is None:
        return end
    width = metric.bounds[1] - metric.bounds[0]
    return min(max(end, -width), width)
