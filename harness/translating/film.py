"""One file from its document to new texts: first pass, second pass, and what became of every cue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from harness.embedders import Embedder
from harness.llm.types import LLM
from harness.strategy import Setting, Strategy
from harness.subtitles.breaking import break_lines
from harness.subtitles.document import Document
from harness.subtitles.entry import Problem
from harness.subtitles.limits import Limits
from harness.translating.budgets import Pace
from harness.translating.cues import CueResult, by_place, first_result
from harness.translating.first_pass import Batching, FirstPass
from harness.translating.fitting import Fitting
from harness.translating.glossary import Learned, Term, Use, uses
from harness.translating.second_pass import Guard
from harness.translating.synopsis import ask_synopsis
from harness.translating.units import units_of

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
        guard: what a rewrite must keep; None leaves the second pass out, which only chat models can do.
        glossary: terms given.
        synopsis: what the film is about; None asks the model.
        learn: whether names and terms are learned.
        max_tokens: most output tokens of a call; 0 for a limit by length.
        embedder: tells by meaning whether texts stand at their own lines; None believes the ids.
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
    embedder: Embedder | None = None


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
        plan.embedder,
        steps("translate", len(units)),
    )
    made = await passing.translate(units, synopsis, terms, learned)
    units_of_cue = by_place(units)
    cues = [first_result(plan.pace, document, place, of, made) for place, of in units_of_cue.items()]
    known = (*plan.glossary, *learned.terms)
    if plan.guard is not None:
        cues = await Fitting(plan.guard, document, units_of_cue, made).fit(
            cues,
            plan.setting,
            llm,
            known,
            size=plan.batching.size,
            max_tokens=plan.max_tokens,
            embedder=plan.embedder,
            steps=partial(steps, "rewrite"),
        )
    found = [(cue.place + 1, cue.source, cue.text) for cue in cues if cue.state == "ok"]
    return Film(document, tuple(cues), tuple(problems), uses(known, found))
