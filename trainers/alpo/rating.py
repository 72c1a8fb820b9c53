"""From samples to rated candidates: sequential, sliced or whole."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.prompts import one_line
from harness.records import Segment
from trainers.alpo.data import RatedSample, Sample
from trainers.alpo.mixing import stream
from trainers.alpo.sampling import Lines, Sampler
from trainers.alpo.scoring import Scorer, Scores
from trainers.alpo.selection import Pick, Rated, Rules, distinct, pick

Mode = Literal["sequential", "sliced", "whole"]
"""``sequential`` samples each line after the chosen translations of the lines before. ``sliced`` samples whole outputs
and takes their lines: cheap, but a line is rated apart from the lines it followed. ``whole`` rates whole outputs by the
mean of their lines' scores, for preferences between outputs."""


@dataclass(frozen=True)
class Rating:
    """How candidates are made.

    Attributes:
        sampler: where they come from.
        scorer: what they are worth.
        k: lines, or outputs, drawn for each.
        rules: how the chosen one is taken.
        seed: of the choices.
    """

    sampler: Sampler
    scorer: Scorer
    k: int = 15
    rules: Rules = field(default_factory=Rules)
    seed: int = 0

    async def rate(self, samples: Sequence[Sample], mode: Mode) -> list[RatedSample]:
        """Sample and rate candidates, one result a sample."""
        if mode == "sequential":
            return await self._sequential(samples)
        drawn = await self.sampler.outputs(samples, self.k)
        return list(
            await asyncio.gather(*(self._outputs(s, found, mode) for s, found in zip(samples, drawn, strict=True)))
        )

    async def _sequential(self, samples: Sequence[Sample]) -> list[RatedSample]:
        done: dict[str, list[Rated]] = {sample.id: [] for sample in samples}
        before: dict[str, Lines] = dict.fromkeys(done, ())
        for number in range(max((len(sample.item.segments) for sample in samples), default=0)):
            now = [sample for sample in samples if sample.id in done and number < len(sample.item.segments)]
            drawn = await self.sampler.next_lines(now, [before[sample.id] for sample in now], self.k)
            segments = [sample.item.segments[number] for sample in now]
            texts = [distinct(found, s.reference) for found, s in zip(drawn, segments, strict=True)]
            for sample, line in zip(now, await self._rated(segments, texts), strict=True):
                if line is None:
                    del done[sample.id]
                else:
                    done[sample.id].append(line)
                    choice = picked(line, self.rules, self.seed, sample.id, number)
                    before[sample.id] += (line.texts[choice.chosen],)
        return [RatedSample(sample.id, tuple(done.get(sample.id, ()))) for sample in samples]

    async def _outputs(self, sample: Sample, drawn: Sequence[Lines | None], mode: Mode) -> RatedSample:
        segments = sample.item.segments
        outputs = [lines for lines in drawn if lines is not None]
        misread = len(drawn) - len(outputs)
        if sample.references:
            outputs.append(sample.references)
        texts = [distinct([lines[number] for lines in outputs]) for number in range(len(segments))]
        lines = [line for line in await self._rated(segments, texts) if line is not None]
        complete = [output for output in dict.fromkeys(outputs) if all(text.strip() for text in output)]
        if len(lines) < len(segments) or not (complete or mode == "sliced"):
            return RatedSample(sample.id, (), misread)
        return RatedSample(sample.id, tuple(lines) if mode == "sliced" else (whole(complete, lines),), misread)

    async def _rated(self, segments: Sequence[Segment], texts: Sequence[tuple[str, ...]]) -> list[Rated | None]:
        """Rate the lines that have candidates."""
        able = [number for number, candidates in enumerate(texts) if candidates]
        scores = await self.scorer.rate([segments[n] for n in able], [texts[n] for n in able])
        found: dict[int, Scores] = dict(zip(able, scores, strict=True))
        return [Rated(candidates, found[n]) if candidates else None for n, candidates in enumerate(texts)]


def picked(line: Rated, rules: Rules, seed: int, id_: str, number: int) -> Pick:
    """Choose a line's pair, the same in sampling, where it is the prefix, and in training."""
    return pick(line, stream("pick", seed, id_, number), rules)


def whole(outputs: Sequence[Lines], lines: Sequence[Rated]) -> Rated:
    """Rate different whole outputs by the mean of their lines' scores; unrated where a line is.

    Examples:
        >>> whole([("a", "b"), ("a", "c")], [Rated(("a",), (60.0,)), Rated(("b", "c"), (80.0, 40.0))]).scores
        (70.0, 50.0)
    """
    texts = tuple("\n".join(map(one_line, output)) for output in outputs)
    if not all(line.scores for line in lines):
        return Rated(texts)
    known = [dict(zip(line.texts, line.scores, strict=True)) for line in lines]
    means = (sum(k[one_line(text)] for k, text in zip(known, output, strict=True)) / len(known) for output in outputs)
    return Rated(texts, tuple(means))
