"""A subtitle file as a document: its text, and where in it every cue stands.

Writing replaces the bodies and times that changed and keeps every other byte.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from harness.errors import UserError
from harness.subtitles.encoding import Decoded, decode
from harness.subtitles.entry import MAX_BYTES, MAX_LINES, MAX_TEXT, Entry, Problem, Problems
from harness.subtitles.markup import NEWLINES, Markup, Skeleton, split

FORMATS: Mapping[str, Markup] = {
    ".srt": "srt",
    ".vtt": "vtt",
    ".ass": "ass",
    ".ssa": "ass",
    ".ttml": "ttml",
    ".dfxp": "ttml",
    ".stl": "stl",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A subtitle file taken apart.

    ``entries`` are its cues in the file's order, ``skeletons`` their texts and
    formatting, one each; ``text`` is the whole file, ``newline`` how it breaks a line.
    """

    path: Path
    markup: Markup
    text: str
    encoding: str
    bom: bytes
    newline: str
    entries: tuple[Entry, ...]
    skeletons: tuple[Skeleton, ...]


def read_document(path: Path, *, encoding: str | None = None, problems: list[Problem] | None = None) -> Document:
    """Read a subtitle file: .srt, .vtt, .ass, .ssa, .ttml, .dfxp or .stl (EBU).

    Args:
        path: the file.
        encoding: its encoding, where it is known; else found (``encoding.py``).
        problems: list that takes what cannot be used, which is then left out of the
            entries and unchanged in the file; None refuses at the first.

    Returns:
        The document.

    Raises:
        UserError: no such file, unknown format or encoding, too large, or a cue that
            cannot be used where problems are not collected.
    """
    markup = FORMATS.get(path.suffix.lower())
    if markup is None:
        known = ", ".join(FORMATS)
        raise UserError(f"{path}: {path.suffix or 'a file without suffix'} is no subtitle format.", f"Use {known}.")
    data = _bytes(path)
    if markup == "ttml" and encoding is None:
        declared = re.match(rb"""<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""", data)
        encoding = declared[1].decode("ascii") if declared else None
    binary = markup == "stl"  # every byte a character; stl.py knows the tables
    decoded = Decoded(data.decode("latin-1"), "latin-1") if binary else decode(path, data, encoding)
    if decoded.text.count("\n") + decoded.text.count("\r") > 2 * MAX_LINES:  # a line end may be both
        raise UserError(f"{path} has over {MAX_LINES:,} lines.", "Give the subtitles of one recording.")
    known_problems = len(problems or ())
    reports = Problems(path, problems)
    newline = _newline(decoded.text, markup)
    entries: list[Entry] = []
    skeletons: list[Skeleton] = []
    for entry in import_module(f"harness.subtitles.formats.{markup}").parse(decoded.text, reports):
        skeleton = split(entry.body, markup, newline)
        if len(skeleton.text) > MAX_TEXT:
            reports.add(entry.line, f"the cue's text has {len(skeleton.text):,} characters", f"At most {MAX_TEXT:,}.")
            continue
        entries.append(entry)
        skeletons.append(skeleton)
    if not entries and len(problems or ()) == known_problems:
        reports.add(1, "there is no cue in the file", "Give a file with cues.")
    return Document(
        path, markup, decoded.text, decoded.encoding, decoded.bom, newline, tuple(entries), tuple(skeletons)
    )


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"{path} is over {MAX_BYTES >> 20} MiB.", "Give the subtitles of one recording.")
    return data


def _newline(text: str, markup: Markup) -> str:
    """Return how a further line break is written in a body of this file."""
    if markup == "ttml":
        prefix = re.search(r"<(\w+:)p[\s>]", text)
        return f"<{prefix[1]}br/>" if prefix else NEWLINES[markup]
    if markup == "stl" and "\x8a\x8a" in text:  # written twice under double height
        return "\x8a\x8a"
    found = re.search(r"\r\n|\r|\n", text) if markup in ("srt", "vtt") else None
    return found[0] if found else NEWLINES[markup]
