"""How far answers given again agree with those submitted.

A check passes where, for every number it is about, the 90 % interval of the difference
(again less submitted, clustered) lies within the margin: two one-sided tests at 5 %
each (Schuirmann 1987). The margin is a share of the metric's scale. A sample has to be
large enough that a faultless one shows as much: with n segments and none that differs, at
most ``1 - .05^(1/n)`` of all do (59 for a margin of .05), or the whole task.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log
from pathlib import Path
from typing import Any

import numpy as np

from harness.compare_runs import Run, read_run
from harness.metrics.base import Metric, ratio
from harness.records import BackTranslation, Translation, dump
from harness.run.store import read_stage
from harness.stats.clusters import cluster_sums
from harness.stats.intervals import Interval, interval
from harness.stats.paired import paired_interval
from harness.submission.copies import NEAR, similarity, words

MARGIN = 0.05
EQUIVALENCE = 0.90
TEXT_METRICS = ("ok", "ib", "ib_within_1", "over", "under")
"""What a regenerated text is held to; they need no model."""
ROUND_TRIP_METRICS = ("usable", "bt_cerr")


@dataclass(frozen=True)
class Agreement:
    """How far the answers given again agree with those submitted.

    Attributes:
        texts: share of equal texts, with its interval; None where no texts were asked for again.
        near: share of near-equal texts, likewise.
        differences: again less submitted by metric, with its 90 % interval.
        scales: width of each metric's scale.
        margin: share of the scale that a difference may have.
        segments: how many were asked for again.
        fewest: how many it takes.
        required: the metrics that decide.
    """

    texts: Interval | None
    near: Interval | None
    differences: dict[str, Interval]
    scales: dict[str, float]
    margin: float
    segments: int
    fewest: int
    required: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all that decides is shown to be within the margin."""
        enough = self.segments >= self.fewest and bool(self.required)
        return enough and all(self.within(name) for name in self.required)

    def within(self, name: str) -> bool:
        """Say whether a metric's difference is shown to be within the margin."""
        found = self.differences[name]
        most = self.margin * self.scales[name]
        if found.low is None or found.high is None:
            return False
        return -most <= found.low and found.high <= most

    def lines(self) -> list[str]:
        """Say it line by line, for people."""
        few = f", at least {self.fewest} are needed" if self.segments < self.fewest else ""
        said = [f"segments asked for again: {self.segments}{few}"]
        for name, share in (("equal texts", self.texts), (f"texts alike by {NEAR:g}", self.near)):
            if share is not None:
                said.append(f"{name}: {_words(share)}")
        for name, found in self.differences.items():
            most = self.margin * self.scales[name]
            verdict = (
                "" if name not in self.required else " - within" if self.within(name) else " - NOT SHOWN TO BE WITHIN"
            )
            said.append(f"{name}: {_words(found)}{verdict}{f' {most:g}' if verdict else ''}")
        return said

    def outcome(self) -> dict[str, Any]:
        """Return it for a signature."""
        data: dict[str, Any] = dump(self)
        return data


def _words(found: Interval) -> str:
    if found.estimate is None or found.low is None or found.high is None:
        return f"{'-' if found.estimate is None else f'{found.estimate:.4f}'} ({found.method})"
    return f"{found.estimate:.4f} [{found.low:.4f}, {found.high:.4f}]"


def agreement(
    submitted: Path,
    again: Path,
    texts: type[Translation] | type[BackTranslation] | None,
    required: Sequence[str],
    margin: float,
) -> Agreement:
    """Compare what was given again with what was submitted, on the segments of the former.

    Args:
        submitted: run directory of the submission.
        again: run directory of the answers given again.
        texts: the stage whose texts are compared.
        required: the metrics that decide; those the runs lack are left out.
        margin: share of a metric's scale that its difference may have.
    """
    new = read_run(again)
    whole = read_run(submitted)
    old = _restricted(whole, new.segments)
    names = [name for name in new.metrics if name in old.metrics and new.metrics[name].higher_is_better is not None]
    differences = {
        name: paired_interval(new.metrics[name].aggregate, new.sums(name), old.sums(name), level=EQUIVALENCE)
        for name in names
    }
    scales = {name: _scale(new.metrics[name], old) for name in names}
    equal, near = (None, None) if texts is None else _shares(texts, submitted, again, old)
    decisive = tuple(name for name in required if name in differences and differences[name].estimate is not None)
    size = len(new.segments)
    fewest = min(fewest_segments(margin), len(whole.segments))
    return Agreement(equal, near, differences, scales, margin, size, fewest, decisive)


def fewest_segments(margin: float) -> int:
    """Return how many segments without a difference show that at most a share of ``margin`` differs, at 95 %.

    Examples:
        >>> fewest_segments(0.05), fewest_segments(0.2)
        (59, 14)
    """
    return ceil(log(0.05) / log(1 - margin))


def _restricted(run: Run, segments: Sequence[str]) -> Run:
    kept = [run.segments.index(segment) for segment in segments]
    statistics = {name: rows[kept] for name, rows in run.statistics.items()}
    return replace(run, segments=tuple(segments), clusters=tuple(run.clusters[n] for n in kept), statistics=statistics)


def _scale(metric: Metric, run: Run) -> float:
    """Width of the metric's scale; without bounds, the size of its value."""
    if metric.bounds is not None and all(np.isfinite(metric.bounds)):
        return metric.bounds[1] - metric.bounds[0]
    return abs(run.value(metric.name) or 0.0)


def _shares(texts: Any, submitted: Path, again: Path, run: Run) -> tuple[Interval, Interval]:
    old, new = read_stage(submitted, texts), read_stage(again, texts)
    cluster = dict(zip(run.segments, run.clusters, strict=True))
    keys = sorted(key for key in new if key in old)
    pairs = [(words(old[key].text), words(new[key].text)) for key in keys]
    clusters = [cluster[key[0]] for key in keys]
    equal = [[float(a == b), 1.0] for a, b in pairs]
    near = [[float(a == b or similarity(a, b) >= NEAR), 1.0] for a, b in pairs]
    first, second = (
        interval(ratio, cluster_sums(np.array(rows), clusters), bounds=(0.0, 1.0), proportion=True)
        for rows in (equal, near)
    )
    return first, second
