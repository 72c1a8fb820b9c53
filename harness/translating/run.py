"""Several files of one command: where each goes, one after the other, and what it would cost."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import UserError
from harness.jsonl import write_atomic
from harness.llm.cache import ResponseCache
from harness.llm.door import Door
from harness.llm.prices import cost
from harness.records import Usage
from harness.run.dry import DryDoor
from harness.run.progress import Progress
from harness.subtitles.document import Document, read_document
from harness.subtitles.entry import Problem
from harness.subtitles.write import render
from harness.translating.film import Film, Plan, translate_film
from harness.translating.glossary import Learned
from harness.translating.units import units_of

DECLARED = re.compile(rb"""\A(<\?xml[^>]*\sencoding\s*=\s*["'])[A-Za-z0-9._-]+""")
LINE_TOKENS = 30
"""Output tokens of a line, for an estimate."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to translate: as read, what of it could not be, and where its translation goes."""

    document: Document
    problems: tuple[Problem, ...]
    out: Path


def job(path: Path, out: Path, encoding: str | None) -> Job:
    """Read a file, and check that its translation can go where it shall.

    Raises:
        UserError: it cannot be read, or the other is of another format or the file itself.
    """
    if out.suffix.lower() != path.suffix.lower():
        raise UserError(
            f"{out} is of another format than {path}: translate converts nothing, so that all formatting stays.",
            f"Name it *{path.suffix}.",
        )
    if out.resolve() == path.resolve():
        raise UserError(f"{out} is the file itself.", "Give another name; nothing is overwritten.")
    problems: list[Problem] = []
    document = read_document(path, encoding=encoding, problems=problems)
    if not document.entries:
        raise UserError(f"{path} has no cue that can be read.", "Give a file with cues.")
    return Job(document, tuple(problems), out)


async def run(
    plan: Plan, door: Door, jobs: Sequence[Job], learned: Learned, on_failure: str, done: Callable[[Film, str], None]
) -> None:
    """Translate the files one after the other, so that what is learned in one holds in the next.

    Args:
        plan: how.
        door: the door; closed at the end.
        jobs: the files.
        learned: takes names and terms.
        on_failure: ``keep``, ``empty`` or ``fail``.
        done: told of every file that is done, and where it was written.

    Raises:
        CostLimit: the next call could pass the cost limit; files that are done are written.
    """
    try:
        for one in jobs:
            with Bars(one.document.path.name, door) as bars:
                film = await translate_film(plan, door, one.document, one.problems, learned, bars.start)
            done(film, _write(film, one.out, plan, on_failure))
    finally:
        await door.close()


class Bars:
    """The progress of a file, one line a pass.

    Args:
        title: the file's name.
        door: what is paid through.
    """

    def __init__(self, title: str, door: Door) -> None:
        self._title, self._door = title, door
        self._bar: Progress | None = None

    def start(self, name: str, total: int) -> Callable[[], None]:
        """End the line of the pass before and begin the next one's; returns what counts a line."""
        self.__exit__()
        bar = Progress(self._title, {name: total}, {}, lambda: sum(self._door.spent.values(), Usage()).cost)
        self._bar = bar
        return lambda: bar.step(name)

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _write(film: Film, out: Path, plan: Plan, on_failure: str) -> str:
    """Write a translated file and return where, or why not."""
    if film.missing and on_failure == "fail":
        return "nothing, for --on-failure fail"
    return written(out, rendered(film.document, film.texts(plan.pace.limits, on_failure)))


def rendered(document: Document, texts: Mapping[int, str]) -> bytes:
    """Return a translated file: in UTF-8 where it was in the legacy encoding of its source language."""
    if document.markup == "stl" or document.encoding.lower().startswith("utf"):
        return render(document, texts)
    data = render(replace(document, encoding="utf-8"), texts)
    return DECLARED.sub(rb"\g<1>UTF-8", data, count=1) if document.markup == "ttml" else data


def written(out: Path, content: bytes) -> str:
    """Write a file whole or not at all, and return where.

    Raises:
        UserError: it cannot be written.
    """
    try:
        write_atomic(out, content)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}).", "Give another place.") from error
    return str(out)


def dry_run(plan: Plan, door: Door, cache: ResponseCache, jobs: Sequence[Job]) -> str:
    """Say what the first passes would ask and spend; a model that fits asks nothing more.

    Args:
        plan: how.
        door: the door, for the kinds of models.
        cache: responses that would not be asked for again.
        jobs: the files.

    Returns:
        A few lines for the terminal. Token counts are estimates: 3 bytes a token in, 30
        tokens a line out; hidden thinking and the second pass come on top.
    """
    dry = DryDoor(door, cache)
    model, api_base = plan.setting.model, plan.setting.api_base

    async def ask_all() -> None:
        learned = Learned(plan.glossary)
        for one in jobs:
            await translate_film(plan, dry, one.document, one.problems, learned, lambda name, total: lambda: None)

    asyncio.run(ask_all())
    asked = sum(dry.asked.values(), Usage())
    lines = sum(len(units_of(one.document)) for one in jobs)
    calls = asked.calls + dry.known
    written = round(lines * LINE_TOKENS * asked.calls / calls) if calls else 0
    price = cost(model, replace(asked, output=written), api_base)
    return "\n".join(
        [
            *(f"{one.document.path} -> {one.out}: {len(one.document.entries)} cues" for one in jobs),
            f"{model}: {asked.calls} calls to come, {dry.known} known already, about {asked.input} tokens in and "
            f"{written} out, {'price unknown' if price is None else f'about ${price:.4f}'}",
            "Nothing was asked. Hidden thinking and the second pass, which asks for the cues that do not fit, are not "
            "in the estimate.",
        ]
    )
