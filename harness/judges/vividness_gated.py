"""Vividness that counts only where no major accuracy error was found; 0 where one was.

The errors are those of ``error_spans`` by the same model. Always read it beside
accuracy (``validity.md``).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.judges import error_spans, vividness
from harness.judges.core import Judgement, Member, Setting, joined, unparsable
from harness.judges.error_spans import ErrorSpans
from harness.judges.rating import Rating
from harness.llm.types import LLM
from harness.records import Segment


@dataclass(frozen=True)
class VividnessGated:
    """The judge."""

    vividness: Rating
    errors: ErrorSpans
    limits: tuple[float, float] = (0.0, 100.0)

    @property
    def name(self) -> str:
        """The kind, and the scale of vividness where it is not 100."""
        return self.vividness.name.replace("vividness", "vividness_gated", 1)

    @property
    def line(self) -> str:
        """What determines a verdict: the lines of both parts."""
        return f"{self.name}({self.vividness.line};{self.errors.line})"

    @property
    def models(self) -> tuple[tuple[str, str | None], ...]:
        """The model asked."""
        return self.vividness.models

    async def judge(self, segment: Segment, hypothesis: str, llm: LLM, repeat: int = 0) -> Judgement:
        """Judge one hypothesis; see ``Judge.judge``."""
        vivid, errors = await asyncio.gather(
            self.vividness.judge(segment, hypothesis, llm, repeat), self.errors.judge(segment, hypothesis, llm, repeat)
        )
        return _gated(vivid, [errors])

    async def judge_chunk(
        self, segments: Sequence[Segment], hypotheses: Sequence[str], llm: LLM, repeat: int = 0
    ) -> Judgement:
        """Judge consecutive lines: their vividness together, times the share of lines that mislead nobody."""
        vivid, *errors = await asyncio.gather(
            self.vividness.judge_chunk(segments, hypotheses, llm, repeat),
            *(self.errors.judge(s, text, llm, repeat) for s, text in zip(segments, hypotheses, strict=True)),
        )
        return _gated(vivid, errors)


def _gated(vivid: Judgement, errors: Sequence[Judgement]) -> Judgement:
    every = (vivid, *errors)
    marks = [found.value for found in errors if found.value is not None]
    if vivid.value is None or len(marks) < len(errors):
        named = zip(("vividness", *["error_spans"] * len(errors)), every, strict=True)
        return unparsable(every, "; ".join(f"{name}: {found.reason}" for name, found in named if found.reason))
    sound = sum(not error_spans.misleads(found.spans) for found in errors)
    members = (Member("vividness", vivid.value), Member("error_spans", sum(marks) / len(marks)))
    return replace(joined(every), value=vivid.value * sound / len(errors), members=members)


def build(setting: Setting) -> VividnessGated:
    """Build the judge; option ``scale``, that of vividness."""
    return VividnessGated(
        vividness.build(replace(setting, kind="vividness")),
        error_spans.build(replace(setting, kind="error_spans", options={})),
    )
