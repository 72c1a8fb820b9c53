"""Asking again: the models that measured a submission, or the system itself, and how far the answers agree.

A check passes where, for every number it is about, the 90 % interval of the difference
(again less submitted, clustered) lies within the margin: two one-sided tests at 5 %
each (Schuirmann 1987). The margin is a share of the metric's scale. A sample has to be
large enough that a faultless one shows as much: with n segments and none that differs, at
most ``1 - .05^(1/n)`` of all do (59 for a margin of .05), or the whole task.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from harness.compare_runs import Run, read_run
from harness.errors import UserError
from harness.llm.types import Decode
from harness.metrics.base import Metric, ratio
from harness.protocol import Protocol
from harness.records import BackTranslation, Result, Translation, dump
from harness.run.names import parse_seeds
from harness.run.plan import Plan
from harness.run.store import read_stage
from harness.stats.clusters import cluster_sums
from harness.stats.intervals import Interval, interval
from harness.stats.paired import paired_interval
from harness.submission.check import Checked
from harness.submission.copies import NEAR, similarity, words
from harness.task import Task

MARGIN = 0.05
EQUIVALENCE = 0.90
SYSTEM = re.compile(r"\|decode=(?P<decode>[^|]*)\|window=(?P<window>\d+)\|seeds=(?P<seeds>[\d,]+)$")
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


def sampled(task: Task, size: int | None, seed: int, window: int = 1) -> Task:
    """Return the task with a random sample of about ``size`` segments, whole prompts of ``window`` at a time.

    Args:
        task: the whole task.
        size: segments, at least; None for all.
        seed: of the draw; must not be known to the author beforehand.
        window: segments in one prompt.

    Raises:
        UserError: a size below 1.
    """
    if size is None or size >= len(task.segments):
        return task
    if size < 1:
        raise UserError(f"--sample {size} leaves nothing to do.", "Give at least 1.")
    items = list(task.items(window))
    Random(seed).shuffle(items)
    chosen: set[str] = set()
    for item in items:
        if len(chosen) >= size:
            break
        chosen.update(segment.id for segment in item.segments)
    segments = tuple(segment for segment in task.segments if segment.id in chosen)
    return replace(task, segments=segments, selection=f"{len(chosen)} of {len(task.segments)}, drawn with seed {seed}")


def protocol_of(manifest: dict[str, Any], result: Result, back_server: str | None, judges: Sequence[str]) -> Protocol:
    """Build the protocol that a manifest names.

    Args:
        manifest: the submission's.
        result: the submission's.
        back_server: the back-translator's server here.
        judges: the same judges as written here, with servers of one's own; those of the manifest where empty.
    """
    part = dict(part.partition("=")[::2] for part in result.protocol.split("|"))

    def name(key: str, end: str) -> str | None:
        return part[key].partition(end)[0] if key in part else None

    extractor = name("events", ",")
    estimators = [measure["name"] for measure in manifest["frame"].get("measures", [])[len(manifest["judges"]) :]]
    return Protocol(
        manifest["protocol_name"],
        manifest["counter"],
        name("back_translator", ",prompt="),
        extractor.partition("@")[0] if extractor else None,
        name("embedder", "@"),
        back_server,
        tuple(judges or manifest["judges"]),
        tuple(estimators),
    )


def measuring_plan(checked: Checked, task: Task, protocol: Protocol) -> Plan:
    """Plan to measure a submission's translations again.

    Raises:
        UserError: what measures here is not what the protocol line names.
    """
    result = _result(checked)
    seeds = tuple(sorted({translation.seed for translation in checked.translations}))
    plan = Plan(task, protocol, result.model, result.strategy, Decode(), seeds, submitted=result.run_id)
    expected = result.protocol.replace(f"|selection={result.selection}|", f"|selection={task.selection}|")
    if plan.protocol_line != expected:
        pairs = zip(plan.protocol_line.split("|"), expected.split("|"), strict=False)
        here, there = next(((a, b) for a, b in pairs if a != b), (plan.protocol_line, expected))
        raise UserError(f"Here {here} would measure, in the submission {there} did.", "Ask the same parts again.")
    return plan


def system_plan(
    checked: Checked, task_whole: Task, protocol: Protocol, server: str | None, sample: tuple[int | None, int]
) -> Plan:
    """Plan to run a submission's system again.

    Args:
        checked: the submission.
        task_whole: its task.
        protocol: how the new outputs are measured.
        server: the system's server here.
        sample: segments, and the seed of their draw.

    Raises:
        UserError: a file of translations, or a system that cannot be built from its line.
    """
    result = _result(checked)
    found = SYSTEM.search(result.system)
    if found is None:
        raise UserError("A file of translations names no system that could be run.", "Its trust ends at re-judged.")
    window = int(found["window"])
    task = sampled(task_whole, *sample, window)
    decode = _decode(found["decode"])
    plan = Plan(task, protocol, result.model, result.strategy, decode, parse_seeds(found["seeds"]), window, server)
    if plan.system_line != result.system:
        raise UserError(f"The system line here would be {plan.system_line}.", "Use the version that made the run.")
    return plan


def _decode(text: str) -> Decode:
    """Read decoding parameters back; an unknown one shows in the system line, which then differs."""
    given = dict(part.partition("=")[::2] for part in text.split(","))
    try:
        return Decode(
            max_tokens=int(given["max_tokens"]),
            temperature=float(given["temperature"]) if "temperature" in given else None,
            top_p=float(given["top_p"]) if "top_p" in given else None,
            reasoning_effort=given.get("reasoning_effort"),
        )
    except (KeyError, ValueError) as error:
        raise UserError(f"The decoding {text!r} cannot be read.", "Use the version that made the run.") from error


def _result(checked: Checked) -> Result:
    assert checked.result is not None  # nothing that was refused is asked again
    return checked.result


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
