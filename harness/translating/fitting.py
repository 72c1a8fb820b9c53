"""The second pass over a file: the cues that do not fit, turn by turn, and no others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor

from harness.embedders import Embedder
from harness.llm.types import LLM
from harness.prompts import Parsed
from harness.records import Translation
from harness.strategy import Setting
from harness.subtitles.document import Document
from harness.translating.cues import CueResult
from harness.translating.glossary import Term
from harness.translating.second_pass import Draft, Guard, rewrite
from harness.translating.units import Unit, joined


@dataclass(frozen=True, slots=True)
class Fitting:
    """What makes the cues of one file fit.

    Attributes:
        guard: what texts are held against, and what a rewrite must keep.
        document: the file.
        units: the units of every cue by its place.
        made: the first pass's translations by unit.
    """

    guard: Guard
    document: Document
    units: Mapping[int, Sequence[Unit]]
    made: Mapping[str, Translation]

    async def fit(
        self,
        cues: Sequence[CueResult],
        setting: Setting,
        llm: LLM,
        terms: Sequence[Term],
        *,
        size: int,
        max_tokens: int,
        embedder: Embedder | None,
        steps: Callable[[int], Callable[[], None]],
    ) -> list[CueResult]:
        """Rewrite the cues that do not fit; all others are the very same.

        Args:
            cues: the first pass's, in any order.
            setting: model, languages and decoding.
            llm: the door.
            terms: terms that stay.
            size: lines in one question.
            max_tokens: most output tokens of a call; 0 for a limit by length.
            embedder: tells by meaning whether texts stand at their own lines; None believes the ids.
            steps: makes what is told of every line that is done, from their number.

        Returns:
            The cues, in the same order.

        Raises:
            CostLimit: the next call could pass the cost limit; what was answered is kept.
        """
        drafts = [draft for cue in cues if cue.before for draft in self._drafts(cue)]
        if not drafts:
            return list(cues)
        unit, step = self.guard.pace.unit, steps(len(drafts))
        parsed = await rewrite(
            setting, llm, drafts, unit, terms, size=size, max_tokens=max_tokens, embedder=embedder, step=step
        )
        return [self._rewritten(cue, parsed) if cue.before else cue for cue in cues]

    def _drafts(self, cue: CueResult) -> list[Draft]:
        """Return a cue's turns with what each may have: its share of what the cue may."""
        pace, units = self.guard.pace, self.units[cue.place]
        amounts = {unit.id: pace.amount(self.made[unit.id].text) for unit in units}
        total = sum(amounts.values())
        dashes = pace.amount(cue.first) - total
        allowed = pace.allowed(self.document.entries[cue.place]) - dashes
        return [
            Draft(unit.id, unit.text, self.made[unit.id].text, max(1, floor(allowed * amounts[unit.id] / total)))
            for unit in units
            if amounts[unit.id]
        ]

    def _rewritten(self, cue: CueResult, parsed: Mapping[str, Parsed]) -> CueResult:
        """Take a cue's rewrite, or say why the translation stays."""
        units = self.units[cue.place]
        lines = {unit.id: parsed.get(unit.id, Parsed(self.made[unit.id].text, "ok")) for unit in units}
        why = next((str(line.state) for line in lines.values() if line.state != "ok"), "")
        text = joined(units, {name: line.text for name, line in lines.items()})
        why = why or self.guard.verdict(cue.source, cue.first, text)
        if why:
            return replace(cue, rewrite=why)
        after = self.guard.pace.violations(self.document.entries[cue.place], text)
        return replace(cue, text=text, after=after, rewrite="taken")
