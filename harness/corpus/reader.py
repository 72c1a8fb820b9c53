"""Reading the segments of a built task: each line brings its own context, for its neighbours were not all chosen."""

from dataclasses import dataclass
from pathlib import Path

from harness.convert import load
from harness.errors import UserError
from harness.jsonl import read_strict
from harness.readers import check_times, check_unique
from harness.records import Segment

CONTEXT = 3
"""Segments of context stored on each side."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a built ``segments.jsonl``.

    ``weight`` is what its checks left of 1 and ``doubts`` names them; ``overlap`` is the
    memorisation probe's share, None without one; ``window`` is a line of ``windows.jsonl``.
    """

    id: str
    video: str
    domain: str
    window: str
    text: str
    start: float
    end: float
    before: tuple[str, ...]
    after: tuple[str, ...]
    gap: float | None = None
    weight: float = 1.0
    doubts: tuple[str, ...] = ()
    interpolated: bool = False
    overlap: float | None = None


def read_lines(path: Path) -> list[Line]:
    """Read the lines of a built file.

    Raises:
        UserError: a bad line, a duplicate id, or times that cannot be.
    """
    fix = "Build the task again with sandglass build."
    lines = []
    for number, data in read_strict(path, fix):
        try:
            line = load(Line, data)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}.", fix) from error
        check_times(path, line.id, line.start, line.end)
        lines.append(line)
    check_unique(path, (line.id for line in lines))
    if not lines:
        raise UserError(f"{path} holds no segments.", fix)
    return lines


def read(path: Path, target: str, context: int) -> tuple[Segment, ...]:
    """Read the segments of a built task.

    Args:
        path: its ``segments.jsonl``.
        target: target language; a built task has no references.
        context: segments of context on each side, at most ``CONTEXT``.

    Returns:
        The segments in the file's order.

    Raises:
        UserError: a bad line, or more context than was stored.
    """
    if context > CONTEXT:
        raise UserError(f"{path} stores {CONTEXT} segments of context, not {context}.", "Set context lower.")
    return tuple(
        Segment(
            id=line.id,
            text=line.text,
            cluster=line.video,
            domain=line.domain,
            before=line.before[len(line.before) - min(context, len(line.before)) :],
            after=line.after[:context],
            start=line.start,
            end=line.end,
            gap=line.gap,
        )
        for line in read_lines(path)
    )
