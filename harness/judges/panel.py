"""Panels: the mean over judges of different families, without the judged system's own."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import UserError
from harness.judges.chunk import RatesChunks
from harness.judges.core import Judge, Judgement, Member, joined, unparsable
from harness.judges.families import families, related
from harness.llm.types import LLM
from harness.records import Segment


@dataclass(frozen=True)
class Panel:
    """Several judges of one kind.

    A value needs every member's verdict: a mean over those that happened to be readable
    would not compare from line to line.
    """

    judges: tuple[Judge, ...]
    system: str = ""

    @property
    def asked(self) -> tuple[Judge, ...]:
        """The judges that are not of the system's family."""
        return tuple(judge for judge in self.judges if not self._own(judge))

    def _own(self, judge: Judge) -> bool:
        return bool(self.system) and any(related(model, self.system) for model, _ in judge.models)

    @property
    def name(self) -> str:
        """The kind."""
        return self.judges[0].name

    @property
    def limits(self) -> tuple[float, float]:
        """The worst and the best value."""
        return self.judges[0].limits

    @property
    def line(self) -> str:
        """What determines a verdict: all members, the same for every system, and whether the own one is out."""
        rule = ";without=own family" if self.system else ""
        return f"panel({';'.join(sorted(judge.line for judge in self.judges))}{rule})"

    @property
    def models(self) -> tuple[tuple[str, str | None], ...]:
        """The models asked."""
        return tuple(model for judge in self.asked for model in judge.models)

    def without(self, system: str) -> "Panel":
        """Return the panel without the judges of a system's family.

        Args:
            system: the judged system's model.

        Raises:
            UserError: nobody is left.
        """
        left = Panel(self.judges, system)
        if not left.asked:
            raise UserError(f"Every judge of the panel is of the family of {system}.", "Add a judge of another family.")
        return left

    async def judge(self, segment: Segment, hypothesis: str, llm: LLM, repeat: int = 0) -> Judgement:
        """Judge one hypothesis; see ``Judge.judge``."""
        return await self._together([judge.judge(segment, hypothesis, llm, repeat) for judge in self.asked])

    async def judge_chunk(
        self, segments: Sequence[Segment], hypotheses: Sequence[str], llm: LLM, repeat: int = 0
    ) -> Judgement:
        """Judge consecutive lines together; see ``Rating.judge_chunk``."""
        able = [judge for judge in self.asked if isinstance(judge, RatesChunks)]
        assert len(able) == len(self.asked)  # see check_rates_chunks
        return await self._together([judge.judge_chunk(segments, hypotheses, llm, repeat) for judge in able])

    async def _together(self, verdicts: Sequence[Coroutine[Any, Any, Judgement]]) -> Judgement:
        found = tuple(await asyncio.gather(*verdicts))
        names = [judge.models[0][0] for judge in self.asked]
        values = [judgement.value for judgement in found if judgement.value is not None]
        if len(values) < len(found):
            failed = [f"{name}: {j.reason}" for name, j in zip(names, found, strict=True) if j.value is None]
            return unparsable(found, "; ".join(failed))
        members = tuple(Member(name, value) for name, value in zip(names, values, strict=True))
        return replace(joined(found), value=sum(values) / len(values), members=members)


def panel(judges: Sequence[Judge]) -> Panel:
    """Form a panel.

    Raises:
        UserError: two judges share a family, so that their mean counts it twice.
    """
    seen: dict[str, str] = {}
    for judge in judges:
        for model, _ in judge.models:
            for family in families(model):
                if seen.setdefault(family, model) != model:
                    raise UserError(f"{model} and {seen[family]} are one family, {family}.", "Name one judge a family.")
    return Panel(tuple(judges))
