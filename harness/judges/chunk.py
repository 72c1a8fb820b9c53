"""Judging a whole chunk of lines at once, one dimension a call, as in the evaluation of MuSC.

The value of a chunk is that of its lines that are ok, times their share: a line that is
refused, blank or lost counts as the worst, as everywhere, and the judge never sees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from harness.errors import UserError
from harness.judges.core import Judge, Judgement
from harness.llm.types import LLM
from harness.records import Item, Segment, Translation


@runtime_checkable
class RatesChunks(Protocol):
    """A judge that can rate consecutive lines together."""

    async def judge_chunk(
        self, segments: Sequence[Segment], hypotheses: Sequence[str], llm: LLM, repeat: int = 0
    ) -> Judgement:
        """Rate consecutive lines together; see ``Rating.judge_chunk``."""
        ...


@dataclass(frozen=True)
class ChunkJudge:
    """A judge of chunks of ``lines`` lines, the last of a video of fewer; the judge it holds can rate them."""

    judge: Judge
    lines: int

    @property
    def name(self) -> str:
        """The column's name."""
        return f"{self.judge.name}_chunk"

    @property
    def line(self) -> str:
        """Everything that determines a verdict."""
        return f"chunk(lines={self.lines};{self.judge.line})"

    @property
    def models(self) -> tuple[tuple[str, str | None], ...]:
        """The models asked."""
        return self.judge.models

    @property
    def limits(self) -> tuple[float, float]:
        """The worst and the best value."""
        return self.judge.limits

    async def judge_item(self, item: Item, translations: Sequence[Translation], llm: LLM) -> Judgement:
        """Judge the translation of an item.

        Args:
            item: the lines.
            translations: one a line, in order.
            llm: the door.

        Returns:
            The judgement. Where no line is ok it is the worst value, and nobody is asked.

        Raises:
            RunError: a call failed for good.
        """
        judged = [(s, t.text) for s, t in zip(item.segments, translations, strict=True) if t.state == "ok"]
        worst = self.limits[0]
        if not judged:
            return Judgement(worst, "ok", "no line is ok")
        assert isinstance(self.judge, RatesChunks)  # see check_rates_chunks
        found = await self.judge.judge_chunk([s for s, _ in judged], [text for _, text in judged], llm)
        if found.value is None:
            return found
        return replace(found, value=worst + (found.value - worst) * len(judged) / len(translations))


def check_rates_chunks(judge: Judge) -> None:
    """Refuse a judge that looks at single lines only.

    Raises:
        UserError: it is one.
    """
    if not isinstance(judge, RatesChunks):
        raise UserError(
            f"Judge {judge.name} cannot judge chunks.",
            "Leave out scope=chunk, or take accuracy, naturalness, vividness or vividness_gated.",
        )
