"""Evaluation: scores on dimensions, and win : tie : loss against the reference, the SFT model and named systems."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import UserError
from harness.jsonl import read_strict
from harness.judges.chunk import ChunkJudge
from harness.judges.pairwise import Pairwise, tally
from harness.llm.types import LLM, Response
from harness.prompts import parse_line
from harness.records import Segment, Translation, Usage
from harness.stats.clusters import Floats, cluster_sums
from harness.stats.intervals import interval
from harness.stats.win_rates import win_rate_interval
from trainers.alpo.data import Sample
from trainers.alpo.sampling import Lines
from trainers.alpo.toy_language import Quality, quality

Output = Lines | None
"""A system's lines for a sample; None where they are not exactly the lines asked for."""

Rate = Callable[[Sample, Output], Awaitable[float | None]]
"""A dimension: 0..100 for a sample's output, None where a judge could not be read."""

Compare = Callable[[Segment, str, str], Awaitable[float | None]]
"""1 where the first text wins, .5 for a tie, 0 where the second wins, None where a judge could not be read."""


@dataclass(frozen=True)
class Score:
    """A mean over samples with its 95 % interval by cluster; ``unread`` samples are left out, and say so."""

    value: float | None
    low: float | None
    high: float | None
    samples: int
    unread: int = 0


@dataclass(frozen=True)
class Against:
    """Lines won, tied and lost, with the win rate in percent (a tie counts half) and its interval by cluster."""

    win: int
    tie: int
    loss: int
    rate: Score


async def score(samples: Sequence[Sample], outputs: Sequence[Output], rate: Rate) -> Score:
    """Measure outputs on one dimension."""
    values = await asyncio.gather(*map(rate, samples, outputs))
    rated = [(value, _cluster(s)) for value, s in zip(values, samples, strict=True) if value is not None]
    unread = len(samples) - len(rated)
    if not rated:
        return Score(None, None, None, 0, unread)
    sums = cluster_sums([[value] for value, _ in rated], [cluster for _, cluster in rated])
    found = interval(_mean, sums, bounds=(0.0, 100.0))
    return Score(found.estimate, found.low, found.high, len(rated), unread)


async def against(
    samples: Sequence[Sample], own: Sequence[Output], other: Sequence[Output], compare: Compare
) -> Against:
    """Compare two systems line by line. Where one has no such line the other wins; where both have none it is a tie."""
    asked: list[Awaitable[float | None]] = []
    clusters: list[str] = []
    for sample, mine, theirs in zip(samples, own, other, strict=True):
        for number, segment in enumerate(sample.item.segments):
            asked.append(_compared(segment, _line(mine, number), _line(theirs, number), compare))
            clusters.append(_cluster(sample))
    values = await asyncio.gather(*asked)
    read = [(value, cluster) for value, cluster in zip(values, clusters, strict=True) if value is not None]
    unread = len(values) - len(read)
    if not read:
        return Against(0, 0, 0, Score(None, None, None, 0, unread))
    found = win_rate_interval([value for value, _ in read], [cluster for _, cluster in read])
    rate = Score(found.estimate, found.low, found.high, len(read), unread)
    return Against(*tally([value for value, _ in read]), rate)


async def _compared(segment: Segment, mine: str, theirs: str, compare: Compare) -> float | None:
    if not mine or not theirs:
        return 0.5 + 0.5 * (bool(mine) - bool(theirs))
    return await compare(segment, mine, theirs)


def _line(output: Output, number: int) -> str:
    return output[number] if output else ""


def _cluster(sample: Sample) -> str:
    return sample.item.segments[0].cluster


def _mean(sums: Floats, counts: Floats) -> Floats:
    return np.asarray(sums[:, 0] / counts)


def by_judge(judge: ChunkJudge, llm: LLM, language: str) -> Rate:
    """Return the dimension of a judge of chunks.

    Lines that are blank, refusals or in another language are not shown to it and count as the worst.
    """

    async def rate(sample: Sample, output: Output) -> float | None:
        segments = sample.item.segments
        lines = output or ("",) * len(segments)
        read = [parse_line(Response(text, "stop", Usage()), language)[0] for text in lines]
        given = [
            Translation(segment.id, 0, line.text, line.state) for segment, line in zip(segments, read, strict=True)
        ]
        return (await judge.judge_item(sample.item, given, llm)).value

    return rate


def by_comparison(judge: Pairwise, llm: LLM) -> Compare:
    """Return the comparison of a pairwise judge, which asks in both orders."""

    async def compare(segment: Segment, first: str, second: str) -> float | None:
        return (await judge.compare(segment, first, second, llm)).value

    return compare


DIMENSIONS = ("accuracy", "naturalness", "vividness")


def by_counting(dimension: str) -> Rate:
    """Return a dimension of the toy, 0..100."""

    async def rate(sample: Sample, output: Output) -> float | None:
        if output is None:
            return 0.0
        found = [quality(segment, text) for segment, text in zip(sample.item.segments, output, strict=True)]
        return 100 * sum(_part(one, dimension) for one in found) / len(found)

    return rate


def by_count(dimension: str) -> Compare:
    """Return the toy's comparison; ``comprehensive`` is the score."""

    async def compare(segment: Segment, first: str, second: str) -> float | None:
        difference = _part(quality(segment, first), dimension) - _part(quality(segment, second), dimension)
        return 0.5 + 0.5 * float(np.sign(round(difference, 9)))

    return compare


def _part(found: Quality, dimension: str) -> float:
    return found.score if dimension == "comprehensive" else float(getattr(found, dimension))


def read_system(path: Path, samples: Sequence[Sample]) -> list[Output]:
    """Read a named system's translations, JSON lines of ``id`` and ``text``.

    Raises:
        UserError: a line has no translation, or a field is no text.
    """
    fix = 'Give one line for each segment: {"id": "…", "text": "…"}.'
    found: dict[str, str] = {}
    for number, row in read_strict(path, fix):
        if not isinstance(row.get("id"), str) or not isinstance(row.get("text"), str):
            raise UserError(f"{path}, line {number} has no id or text.", fix)
        found[row["id"]] = row["text"]
    missing = [segment.id for sample in samples for segment in sample.item.segments if segment.id not in found]
    if missing:
        raise UserError(f"{path} lacks {len(missing)} lines, such as {missing[0]!r}.", fix)
    return [tuple(found[segment.id] for segment in sample.item.segments) for sample in samples]


def table(
    scores: Mapping[str, Mapping[str, Score]], compared: Mapping[str, Mapping[str, Against]], optimised: Set[str]
) -> str:
    """Write scores by system and dimension, then win : tie : loss by opponent; † is what was optimised for."""
    lines = []
    for system, found in scores.items():
        cells = (f"{name}{'†' * (name in optimised)} {_shown(one)}" for name, one in found.items())
        lines.append(f"{system:<12} " + "  ".join(cells))
    for opponent, by_dimension in compared.items():
        for name, one in by_dimension.items():
            lines.append(
                f"against {opponent}, {name}{'†' * (name in optimised)}: "
                f"{one.win} : {one.tie} : {one.loss}, win rate {_shown(one.rate)} %"
            )
    return "\n".join(lines)


def _shown(found: Score) -> str:
    if found.value is None:
        return "-"
    ends = "" if found.low is None or found.high is None else f" [{found.low:.1f}, {found.high:.1f}]"
    return f"{found.value:.1f}{ends}" + (f" ({found.unread} unread)" if found.unread else "")


def as_data(found: Any) -> Any:
    """Return scores as plain data, fields at their default included."""
    from dataclasses import asdict, is_dataclass

    if isinstance(found, Mapping):
        return {name: as_data(value) for name, value in found.items()}
    return asdict(found) if is_dataclass(found) and not isinstance(found, type) else found
