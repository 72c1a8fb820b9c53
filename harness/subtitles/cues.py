"""Cues as plain text with times, from any subtitle file: what corpora are built from."""

from dataclasses import dataclass
from pathlib import Path

from harness.subtitles.document import Document, read_document
from harness.subtitles.entry import Problem


@dataclass(frozen=True, slots=True)
class Cue:
    """One cue without its formatting.

    ``index`` counts from 1 in the file's order, ``start`` and ``end`` are seconds,
    ``text`` has its lines joined by a line feed and is empty where the cue shows no
    words (a drawing); ``line`` is the line number in the file, 0 where unknown.
    """

    index: int
    start: float
    end: float
    text: str
    line: int = 0
    style: str = ""
    actor: str = ""


def read_cues(path: Path, *, encoding: str | None = None, problems: list[Problem] | None = None) -> list[Cue]:
    r"""Read the cues of a .srt, .vtt, .ass, .ssa, .ttml, .dfxp or .stl file.

    Overlapping and unordered cues, missing numbers, styling and several languages in
    one cue go through. A cue without readable times, one that lasts no time or less,
    ends after 100 hours or is longer than 10,000 characters cannot be used.

    Args:
        path: the file.
        encoding: its encoding, where it is known; else found, or the file is refused.
        problems: list that takes the cues that cannot be used, which are left out;
            None refuses the file at the first of them.

    Returns:
        The cues in the file's order.

    Raises:
        UserError: a file that cannot be read, or such a cue where problems are not
            collected; names file, line and fix.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.srt"
        >>> times = "00:00:01,000 --> 00:00:02,500"
        >>> _ = path.write_text(f"1\n{times}\n<i>Hello,</i>\nAnn.\n", encoding="utf-8")
        >>> [(cue.start, cue.end, cue.text) for cue in read_cues(path)]
        [(1.0, 2.5, 'Hello,\nAnn.')]
    """
    return cues_of(read_document(path, encoding=encoding, problems=problems))


def cues_of(document: Document) -> list[Cue]:
    """Return a document's cues, one for every entry."""
    return [
        Cue(index, float(entry.start), float(entry.end), skeleton.text, entry.line, entry.style, entry.actor)
        for index, (entry, skeleton) in enumerate(zip(document.entries, document.skeletons, strict=True), start=1)
    ]
