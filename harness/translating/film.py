"""One file from its document to new texts: first pass, second pass, and what became of every cue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor

from harness.llm.types import LLM
from harness.prompts import Parsed
from harness.records import State, Translation
from harness.strategy import Setting, Strategy
from harness.subtitles.breaking import break_lines
from harness.subtitles.document import Document
from harness.subtitles.entry import Problem
from harness.subtitles.limits import Limits
from harness.translating.budgets import Pace
from harness.translating.first_pass import Batching, FirstPass
from harness.translating.glossary import Learned, Term, Use, uses
from harness.translating.second_pass import Draft, Guard, rewrite
from harness.translating.synopsis import ask_synopsis
from harness.translating.units import Unit, joined, units_of

Steps = Callable[[str, int], Callable[[], None]]
"""Makes what is told of every line of a pass that is done, from the pass's name and its lines."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What holds for all files of one command.

    Attributes:
        setting: model, languages with their budget, decoding.
        strategy: how a batch is translated.
        pace: what texts are held against.
        batching: how lines are put to the model.
        guard: what a rewrite must keep; None leaves the second pass out.
        glossary: terms given.
        synopsis: what the film is about; None asks the model.
        learn: whether names and terms are learned.
        max_tokens: most output tokens of a call; 0 for a limit by length.
    """

    setting: Setting
    strategy: Strategy
    pace: Pace
    batching: Batching
    guard: Guard | None = None
    glossary: tuple[Term, ...] = ()
    synopsis: str | None = ""
    learn: bool = False
    max_tokens: int = 0


@dataclass(frozen=True, slots=True)
class CueResult:
    """What became of one cue that shows words.

    ``first`` is the first pass's text, ``text`` the last; both are empty where ``state`` is not ok.
    ``before`` and ``after`` are the limits that they break; ``rewrite`` says what came of the second
    pass: ``taken``, why it was not, or nothing where it was not asked for.
    """

    place: int
    start: float
    end: float
    source: str
    first: str
    text: str
    state: State
    detail: str = ""
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    rewrite: str = ""


@dataclass(frozen=True, slots=True)
class Film:
    """A translated file: the document, its cues in the file's order, what could not be read, how terms fared."""

    document: Document
    cues: tuple[CueResult, ...]
    problems: tuple[Problem, ...]
    terms: tuple[Use, ...]

    @property
    def missing(self) -> list[CueResult]:
        """Return the cues that could not be translated."""
        return [cue for cue in self.cues if cue.state != "ok"]

    def texts(self, limits: Limits, on_failure: str) -> dict[int, str]:
        """Return the texts to write by place: lines broken where a text does not fit; none for what keeps its own."""
        texts = {cue.place: break_lines(cue.text, limits) for cue in self.cues if cue.state == "ok"}
        return texts | ({cue.place: "" for cue in self.missing} if on_failure == "empty" else {})


async def translate_film(
    plan: Plan, llm: LLM, document: Document, problems: Sequence[Problem], learned: Learned, steps: Steps
) -> Film:
    """Translate one file.

    Args:
        plan: how.
        llm: the door.
        document: the file.
        problems: what of it could not be read.
        learned: terms of the files before; takes those of this one.
        steps: makes the progress of a pass.

    Returns:
        What became of every cue.

    Raises:
        CostLimit: the next call could pass the cost limit; what was answered is kept.
    """
    units = units_of(document)
    synopsis = plan.synopsis
    if synopsis is None:
        synopsis = await ask_synopsis(plan.setting, llm, [unit.text for unit in units])
    terms = (*plan.glossary, *learned.terms)
    passing = FirstPass(
        llm,
        plan.strategy,
        plan.setting.budget.target,
        plan.batching,
        plan.max_tokens,
        plan.learn,
        steps("translate", len(units)),
    )
    made = await passing.translate(units, synopsis, terms, learned)
    by_place = _by_place(units)
    cues = [_first(plan.pace, document, place, of, made) for place, of in by_place.items()]
    known = (*plan.glossary, *learned.terms)
    if plan.guard is not None and llm.kind(plan.setting.model) == "chat":
        cues = await _second(plan, plan.guard, llm, document, cues, by_place, made, known, steps)
    found = [(cue.place + 1, cue.source, cue.text) for cue in cues if cue.state == "ok"]
    return Film(document, tuple(cues), tuple(problems), uses(known, found))


def _by_place(units: Sequence[Unit]) -> dict[int, list[Unit]]:
    """Return the units of every cue, cues in the file's order."""
    found: dict[int, list[Unit]] = {}
    for unit in sorted(units, key=lambda unit: (unit.place, unit.turn)):
        found.setdefault(unit.place, []).append(unit)
    return found


def _first(
    pace: Pace, document: Document, place: int, units: Sequence[Unit], made: Mapping[str, Translation]
) -> CueResult:
    """Put a cue together; it is as well as the worst of its turns."""
    entry, source = document.entries[place], document.skeletons[place].text
    start, end = float(entry.start), float(entry.end)
    for unit in units:
        translation = made[unit.id]
        if translation.state != "ok":
            return CueResult(place, start, end, source, "", "", translation.state, translation.detail)
    text = joined(units, {unit.id: made[unit.id].text for unit in units})
    over = pace.violations(entry, text)
    return CueResult(place, start, end, source, text, text, "ok", before=over, after=over)


async def _second(
    plan: Plan,
    guard: Guard,
    llm: LLM,
    document: Document,
    cues: Sequence[CueResult],
    by_place: Mapping[int, Sequence[Unit]],
    made: Mapping[str, Translation],
    terms: Sequence[Term],
    steps: Steps,
) -> list[CueResult]:
    """Rewrite the cues that do not fit; all others are the very same."""
    drafts = [
        draft for cue in cues if cue.before for draft in _drafts(plan.pace, document, by_place[cue.place], cue, made)
    ]
    if not drafts:
        return list(cues)
    parsed = await rewrite(
        plan.setting,
        llm,
        drafts,
        plan.pace.unit,
        terms,
        size=plan.batching.size,
        max_tokens=plan.max_tokens,
        step=steps("rewrite", len(drafts)),
    )
    return [
        _rewritten(plan.pace, guard, document, cue, by_place[cue.place], parsed) if cue.before else cue for cue in cues
    ]


def _drafts(
    pace: Pace, document: Document, units: Sequence[Unit], cue: CueResult, made: Mapping[str, Translation]
) -> list[Draft]:
    """Return a cue's turns with what each may have: its share of what the cue may."""
    texts = {unit.id: made[unit.id].text for unit in units}
    amounts = {unit.id: pace.amount(texts[unit.id]) for unit in units}
    total = sum(amounts.values())
    allowed = pace.allowed(document.entries[cue.place]) - (pace.amount(cue.first) - total)  # dashes count too
    return [
        Draft(unit.id, unit.text, texts[unit.id], max(1, floor(allowed * amounts[unit.id] / total)))
        for unit in units
        if amounts[unit.id]
    ]


def _rewritten(
    pace: Pace,
    guard: Guard,
    document: Document,
    cue: CueResult,
    units: Sequence[Unit],
    parsed: Mapping[str, Parsed],
) -> CueResult:
    """Take a cue's rewrite, or say why the translation stays."""
    lines = [parsed.get(unit.id, Parsed("", "empty")) for unit in units]
    why = next((str(line.state) for line in lines if line.state != "ok"), "")
    text = cue.first if why else joined(units, {unit.id: parsed[unit.id].text for unit in units})
    why = why or guard.verdict(cue.source, cue.first, text)
    if why:
        return replace(cue, rewrite=why)
    return replace(cue, text=text, after=pace.violations(document.entries[cue.place], text), rewrite="taken")
