"""Finished runs read for a comparison: their stored per-segment statistics, averaged over the repeats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError
from harness.jsonl import read_own
from harness.metrics.base import Frame, Metric
from harness.records import Result, load
from harness.run.store import read_manifest, read_result
from harness.stats.clusters import ClusterSums, cluster_sums
from harness.stats.tests import combine_repeats
from harness.verify import metrics_of

FIX = "Give the folders of finished runs, each with a result.json."


class IncompleteRun(UserError):
    """A run with translations or measurements left to do."""


@dataclass(frozen=True)
class Run:
    """A finished run: its result, and statistics [n, k] by metric on its segments, averaged over the repeats."""

    label: str
    folder: Path
    result: Result
    metrics: Mapping[str, Metric]
    segments: tuple[str, ...]
    clusters: tuple[str, ...]
    statistics: Mapping[str, NDArray[np.float64]]

    def sums(self, name: str) -> ClusterSums:
        """Sum a metric's statistics by cluster."""
        return cluster_sums(self.statistics[name], self.clusters)

    def value(self, name: str) -> float | None:
        """Return a metric's value; None where nothing carries one."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = float(self.metrics[name].aggregate(*self.sums(name).total())[0])
        return found if np.isfinite(found) else None


def read_runs(folders: Sequence[Path]) -> tuple[Run, ...]:
    """Read runs that compare, each labelled by its model and strategy.

    Args:
        folders: two or more, each a run directory or a folder with one run below it.

    Returns:
        The runs, in the order given.

    Raises:
        UserError: as of ``read_run`` and ``check_comparable``.
        IncompleteRun: one of them is not complete.
    """
    runs = _labelled([read_run(folder) for folder in folders])
    check_comparable(runs)
    return tuple(runs)


def read_run(folder: Path) -> Run:
    """Read a finished run's result and stored scores.

    Raises:
        UserError: no run or several below the folder, or damaged files.
        IncompleteRun: a run that is not complete.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.", FIX)
    found = [folder / "result.json"] if (folder / "result.json").exists() else sorted(folder.rglob("result.json"))
    if len(found) != 1:
        raise UserError(f"{folder} holds {len(found) or 'no'} finished run{'s' if found else ''}, not one.", FIX)
    run = found[0].parent
    result, manifest = read_result(run), read_manifest(run)
    if not result.complete:
        raise IncompleteRun(f"The run in {run} is not complete.", "Run its command again: it goes on where it stopped.")
    try:
        frame = load(Frame, manifest["frame"])
        lines = list(read_own(run / "scores.jsonl"))
        made = metrics_of(frame, with_models="back_translator=" in result.protocol)
        metrics = {metric.name: metric for metric in made if all(metric.name in line["statistics"] for line in lines)}
        return _averaged(run, result, metrics, lines)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{run} is damaged ({error}).", "Run the same command again.") from error


def check_comparable(runs: Sequence[Run]) -> None:
    """Refuse runs that do not compare.

    Raises:
        UserError: fewer than two, one twice, or of different protocols or segments.
    """
    if len(runs) < 2:
        raise UserError("One run has nothing to be compared with.", FIX)
    first = runs[0]
    if len({run.folder.resolve() for run in runs}) < len(runs):
        raise UserError("One run is given twice.", "Give each run once.")
    for run in runs[1:]:
        if run.result.protocol != first.result.protocol:
            parts = zip(first.result.protocol.split("|"), run.result.protocol.split("|"), strict=False)
            differing = next(((a, b) for a, b in parts if a != b), (first.result.protocol, run.result.protocol))
            raise UserError(
                f"{first.label} and {run.label} have different protocols: {differing[0]} and {differing[1]}.",
                "Score both under one protocol: only then do their numbers compare.",
            )
        if run.segments != first.segments or run.clusters != first.clusters:
            raise UserError(f"{first.label} and {run.label} do not cover the same segments.", "Run both to their end.")


def _averaged(folder: Path, result: Result, metrics: Mapping[str, Metric], lines: Sequence[Mapping[str, Any]]) -> Run:
    """Average each segment's statistics over its repeats."""
    if not lines:
        raise ValueError("scores.jsonl is empty")
    ids, seeds = [line["id"] for line in lines], [line["seed"] for line in lines]
    cluster = {line["id"]: line["cluster"] for line in lines}
    statistics, segments = {}, tuple(sorted(cluster))
    for name in metrics:
        rows, _ = combine_repeats([line["statistics"][name] for line in lines], ids, seeds)
        statistics[name] = rows
    clusters = tuple(cluster[name] for name in segments)
    return Run(result.model, folder, result, metrics, segments, clusters, statistics)


def _labelled(runs: Sequence[Run]) -> list[Run]:
    """Name each run by its model and strategy, by its system's hash where that is not enough, and then by number."""
    names = [
        r.result.model if r.result.strategy == "submitted" else f"{r.result.model} {r.result.strategy}" for r in runs
    ]
    full = [
        name if names.count(name) == 1 else f"{name} {run.result.system_id.rpartition('-')[2]}"
        for name, run in zip(names, runs, strict=True)
    ]
    numbered = [
        name if full.count(name) == 1 else f"{name} #{full[: place + 1].count(name)}" for place, name in enumerate(full)
    ]
    return [replace(run, label=name) for name, run in zip(numbered, runs, strict=True)]
