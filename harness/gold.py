"""Better than gold: how often a quality estimator prefers a system to the reference.

ALMA-R's finding that references are no ceiling (Xu et al., arXiv 2401.08417, section 2): the share of
segments on which score(system) > score(reference), score the mean of the estimators named, where one
that predicts errors is turned round. Ties count for neither and are shown. Intervals are clustered as
those of the task's metrics.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.compare_runs import Run, check_comparable, read_run
from harness.errors import UserError
from harness.metrics.base import ratio
from harness.stats.clusters import cluster_sums
from harness.stats.intervals import interval

Scores = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Preferred:
    """How often a system is preferred to the reference: shares of segments, with a 95 % interval of ``better``."""

    system: str
    better: float | None
    low: float | None
    high: float | None
    ties: float
    segments: int


def better_than_gold(reference: Path, systems: Sequence[Path], metrics: Sequence[str]) -> list[Preferred]:
    """Compare finished runs with the run of the references, segment by segment.

    Args:
        reference: run of ``sandglass score TASK --reference``.
        systems: runs of systems under the same protocol.
        metrics: estimators whose mean is compared.

    Returns:
        One line a system, in their order.

    Raises:
        UserError: runs that do not compare, or that lack a metric.
    """
    gold = read_run(reference)
    if gold.result.model != "reference":
        raise UserError(f"{reference} is no run of references.", "Make it with: sandglass score TASK --reference.")
    runs = [read_run(system) for system in systems]
    check_comparable([gold, *runs])
    theirs = scores(gold, metrics)
    return [preferred(run.label, scores(run, metrics), theirs, run.clusters) for run in runs]


def preferred(system: str, ours: Scores, theirs: Scores, clusters: Sequence[str]) -> Preferred:
    """Count how often a system scores above the reference.

    Args:
        system: its name.
        ours: [n], the system's scores; NaN leaves a segment out.
        theirs: [n], the reference's.
        clusters: [n], the cluster of each segment.

    Examples:
        >>> found = preferred("A", np.array([0.9, 0.5, np.nan]), np.array([0.8, 0.5, 0.1]), ["a", "b", "c"])
        >>> found.better, found.ties, found.segments
        (0.5, 0.5, 2)
    """
    known = np.isfinite(ours) & np.isfinite(theirs)
    rows = np.column_stack([known & (ours > theirs), known]).astype(float)
    found = interval(ratio, cluster_sums(rows, clusters), bounds=(0.0, 1.0), proportion=True)
    ties = float((known & (ours == theirs)).sum() / max(1, known.sum()))
    return Preferred(system, found.estimate, found.low, found.high, ties, int(known.sum()))


def scores(run: Run, metrics: Sequence[str]) -> Scores:
    """Return the mean of the metrics for each segment of a run, higher for better; NaN where one carries no value.

    Raises:
        UserError: the run lacks a metric, or the metrics have no common direction.
    """
    for name in metrics:
        if name not in run.statistics:
            raise UserError(f"{run.label} has no column {name!r}.", "Score both with the same --qe.")
    directions = {run.metrics[name].higher_is_better for name in metrics}
    if len(directions) > 1 or None in directions:
        raise UserError(f"{', '.join(metrics)} have no common direction.", "Name estimators of one family.")
    columns = [run.statistics[name] for name in metrics]
    with np.errstate(divide="ignore", invalid="ignore"):
        means: Scores = np.mean(
            [rows[:, 0] / np.where(rows[:, -1] > 0, rows[:, -1], np.nan) for rows in columns], axis=0
        )
    return means if directions == {True} else -means
