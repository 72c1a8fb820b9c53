"""Reading the segments of a task: the harness's own format, and parallel text.

The own format is one JSON object a line. Keys: ``id``, ``video``, ``text`` (all required),
``domain``, ``start``, ``end``, ``references`` (language to text; ``de:STYLE`` for another
than the plain one), ``events`` (hand labels) and ``terms`` (source term to its translation
by language). Consecutive lines of one video are each other's context, and the silence to
the next line is the gap.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.jsonl import read_strict
from harness.records import Event, Segment, load

MAX_BYTES = 64 << 20
"""Of a text file."""

Reader = Callable[[Path, str, int], tuple[Segment, ...]]
"""From a data file, the target language and the lines of context on each side to the segments."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a ``segments.jsonl``."""

    id: str
    video: str
    text: str
    domain: str = ""
    start: float | None = None
    end: float | None = None
    references: dict[str, str] = field(default_factory=dict)
    events: tuple[Event, ...] | None = None
    terms: dict[str, dict[str, str]] = field(default_factory=dict)


def read_jsonl(path: Path, target: str, context: int) -> tuple[Segment, ...]:
    """Read the segments of one target language from a ``segments.jsonl``.

    Args:
        path: the file.
        target: language whose references and terms are taken.
        context: lines of context on each side.

    Returns:
        The segments in the file's order.

    Raises:
        UserError: bad line, missing column, duplicate id, or times that cannot be.
    """
    fix = "Each line needs the keys id, video and text; domain, start, end, references, events and terms are optional."
    lines = [_line(path, number, data, fix) for number, data in read_strict(path, fix)]
    if not lines:
        raise UserError(f"{path} holds no segments.", fix)
    check_unique(path, (line.id for line in lines))
    return tuple(_segment(lines, index, target, context) for index in range(len(lines)))


def read_parallel(path: Path, target: str, context: int) -> tuple[Segment, ...]:
    """Read parallel text: a source line each, and its reference in a file beside it.

    ``test.zh-en.zh`` has its references in ``test.zh-en.en``, where there is such a file.
    Every line is its own cluster: these sets hold unrelated sentences, or do not say which
    belong together.

    Args:
        path: the source file.
        target: target language, the suffix of the file with the references.
        context: must be 0: the lines are unrelated.

    Returns:
        The segments, their line numbers as ids.

    Raises:
        UserError: unreadable, too large, an empty line, or another number of references.
    """
    if context:
        raise UserError(f"{path}: unrelated lines have no context.", "Set context = 0 in the task's definition.")
    sources = _text_lines(path)
    beside = path.with_suffix(f".{target}")
    references: list[str] | list[None] = [None] * len(sources)
    if beside != path and beside.is_file():
        references = _text_lines(beside)
    if len(references) != len(sources):
        raise UserError(
            f"{beside} has {len(references)} lines, {path.name} has {len(sources)}.", "Line i must translate line i."
        )
    return tuple(
        Segment(id=str(number), text=source, cluster=str(number), reference=reference)
        for number, (source, reference) in enumerate(zip(sources, references, strict=True), 1)
    )


def _text_lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} is larger than {MAX_BYTES >> 20} MB.", "Give a smaller file.")
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}).", "Give a text file in UTF-8.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise UserError(f"{path}, line {number} is empty.", "Give one sentence a line.")
    return lines


def check_unique(path: Path, ids: Iterable[str]) -> None:
    """Refuse duplicate ids, naming the first.

    Raises:
        UserError: an id stands twice.
    """
    seen: set[str] = set()
    for id_ in ids:
        if id_ in seen:
            raise UserError(f"{path}: the id {id_!r} stands more than once.", "Give every segment an id of its own.")
        seen.add(id_)


def check_times(path: Path, id_: str, start: Any, end: Any) -> None:
    """Refuse times that are not finite or run backwards.

    Raises:
        UserError: such times.
    """
    if start is None or end is None:
        return
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start < end):
        raise UserError(f"{path}: segment {id_!r} runs from {start} to {end} s.", "Give seconds, with start < end.")


def _line(path: Path, number: int, data: dict[str, Any], fix: str) -> Line:
    try:
        line = load(Line, data)
    except ValueError as error:
        raise UserError(f"{path}, line {number}: {error}.", fix) from error
    check_times(path, line.id, line.start, line.end)
    return line


def _segment(lines: list[Line], index: int, target: str, context: int) -> Segment:
    line = lines[index]
    before = tuple(n.text for n in lines[max(0, index - context) : index] if n.video == line.video)
    after = tuple(n.text for n in lines[index + 1 : index + 1 + context] if n.video == line.video)
    following = lines[index + 1] if index + 1 < len(lines) and lines[index + 1].video == line.video else None
    gap = None
    if following is not None and following.start is not None and line.end is not None:
        gap = max(0.0, following.start - line.end)
    return Segment(
        id=line.id,
        text=line.text,
        cluster=line.video,
        domain=line.domain,
        before=before,
        after=after,
        start=line.start,
        end=line.end,
        gap=gap,
        reference=line.references.get(target),
        events=line.events,
        terms=tuple((term, given[target]) for term, given in line.terms.items() if target in given),
    )
