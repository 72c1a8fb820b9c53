"""Scores of candidates: a judge's votes, the time they take to say, or the exact quality of the toy's lines."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.budget import Budget
from harness.judges.candidates import MOST, Candidates
from harness.judges.families import model_names
from harness.llm.types import LLM
from harness.records import Segment

Scores = tuple[float, ...]


class Scorer(Protocol):
    """Rates the candidates of lines, 0 to 100; no scores where a line cannot be rated."""

    @property
    def optimised_for(self) -> tuple[str, ...]:
        """Metrics, families and models that the scores are made of, for the card."""
        ...

    async def rate(self, segments: Sequence[Segment], candidates: Sequence[Sequence[str]]) -> list[Scores]:
        """Rate the candidates of each line.

        Args:
            segments: source lines with their context.
            candidates: of each line its different texts.

        Returns:
            Of each line one score a candidate, or () where it could not be rated.
        """
        ...


@dataclass(frozen=True)
class Judged:
    """Votes of a judge that sees all candidates of a line (``harness.judges.candidates``)."""

    judge: Candidates
    llm: LLM

    @property
    def optimised_for(self) -> tuple[str, ...]:
        """The judge's model and its family."""
        return tuple(sorted(model_names(*(model for model, _ in self.judge.models))))

    async def rate(self, segments: Sequence[Segment], candidates: Sequence[Sequence[str]]) -> list[Scores]:
        """Rate the candidates of each line; see ``Scorer``. More candidates than letters are not rated."""
        return list(await asyncio.gather(*map(self._rate, segments, candidates)))

    async def _rate(self, segment: Segment, texts: Sequence[str]) -> Scores:
        if not 1 <= len(texts) <= MOST:
            return ()
        return (await self.judge.rate(segment, texts, self.llm)).scores


@dataclass(frozen=True)
class Timed:
    """How near a line comes to its time, as in SSPO (segment-level preferences for dubbing by duration)."""

    budget: Budget

    @property
    def optimised_for(self) -> tuple[str, ...]:
        """The metrics of a budget of time."""
        return ("fill", "ib", "ib_within_1", "over", "syllable_error", "under")

    async def rate(self, segments: Sequence[Segment], candidates: Sequence[Sequence[str]]) -> list[Scores]:
        """Rate the candidates of each line; see ``Scorer``. Lines without times are not rated."""
        return [self._rate(segment, texts) for segment, texts in zip(segments, candidates, strict=True)]

    def _rate(self, segment: Segment, texts: Sequence[str]) -> Scores:
        basis = self.budget.basis(segment)
        if not basis:
            return ()
        return tuple(duration_score(self.budget.error(segment, text), basis) for text in texts)


def duration_score(error: int, basis: float) -> float:
    """Score a line's length: ``100 * max(0, 1 - |error| / basis)``.

    Args:
        error: signed distance to the nearest amount that is in time, in syllables or characters.
        basis: the amount that fills the time, above 0.

    Returns:
        0..100; 100 in time.

    Examples:
        >>> duration_score(0, 12), duration_score(-3, 12), duration_score(30, 12)
        (100.0, 75.0, 0.0)
    """
    return 100 * max(0.0, 1 - abs(error) / basis)


@dataclass(frozen=True)
class Exact:
    """The toy's quality, counted."""

    optimised_for: tuple[str, ...] = ("accuracy", "naturalness", "vividness")

    async def rate(self, segments: Sequence[Segment], candidates: Sequence[Sequence[str]]) -> list[Scores]:
        """Rate the candidates of each line; see ``Scorer``."""
        from trainers.alpo.toy_language import quality

        return [tuple(quality(s, text).score for text in texts) for s, texts in zip(segments, candidates, strict=True)]
