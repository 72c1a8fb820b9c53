"""A document written back: with other texts, other times, and no other byte changed.

Stated normalisations: where a new text has characters that the file's encoding lacks,
the file is written in UTF-8 (a TTML declaration says so); in Big5 and Shift-JIS a
character with two codes gets the standard one. STL stays in its own table, whose
stand-ins are ``...`` for an ellipsis and a hyphen for other dashes.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from importlib import import_module

from harness.subtitles.document import Document
from harness.subtitles.formats import stl
from harness.subtitles.restore import restore

Times = tuple[Fraction, Fraction]


def render(document: Document, texts: Mapping[int, str], times: Mapping[int, Times] | None = None) -> bytes:
    r"""Write a document with other texts and times.

    Args:
        document: as read.
        texts: new text by place of the entry, counted from 0; the formatting is put
            back around it (``restore.py``). An entry that shows no words keeps none.
        times: new start and end in seconds, by place of the entry.

    Returns:
        The file's bytes; the very bytes that were read where nothing is new.

    Raises:
        UserError: a character that an STL file's table lacks.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from harness.subtitles.document import read_document
        >>> path = Path(tempfile.mkdtemp()) / "a.srt"
        >>> _ = path.write_bytes(b"1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>Good day.</i>\r\n")
        >>> render(read_document(path), {0: "Guten Tag."}).splitlines()[2]
        b'<i>Guten Tag.</i>'
    """
    shown = {place: skeleton for place, skeleton in enumerate(document.skeletons) if skeleton.text}
    bodies = {place: restore(shown[place], text) for place, text in texts.items() if place in shown}
    bodies = {place: body for place, body in bodies.items() if body != document.entries[place].body}
    moved = times or {}
    if document.markup == "stl":
        offsets = [entry.at for entry in document.entries]
        text = stl.rewrite(
            document.text,
            document.path,
            {offsets[place]: body for place, body in bodies.items()},
            {offsets[place]: time for place, time in moved.items()},
        )
        return text.encode("latin-1")
    return _encoded(document, _spliced(document, bodies, moved))


def _spliced(document: Document, bodies: Mapping[int, str], times: Mapping[int, Times]) -> str:
    edits: list[tuple[int, int, str]] = []
    for place, body in bodies.items():
        entry = document.entries[place]
        edits.append((entry.at, entry.at + len(entry.body), body))
    stamp = import_module(f"harness.subtitles.formats.{document.markup}").stamp
    for place, moved in times.items():
        entry = document.entries[place]
        for time, was, (at, stop) in zip(moved, (entry.start, entry.end), (entry.start_at, entry.end_at), strict=True):
            if time != was and stop > at:
                edits.append((at, stop, stamp(time, document.text[at:stop])))
    pieces, done = [], 0
    for at, stop, new in sorted(edits):
        pieces += [document.text[done:at], new]
        done = stop
    return "".join([*pieces, document.text[done:]])


def _encoded(document: Document, text: str) -> bytes:
    try:
        return document.bom + text.encode(document.encoding)
    except UnicodeEncodeError:
        if document.markup == "ttml":
            text = re.sub(r"""(<\?xml[^>]*\sencoding\s*=\s*["'])[A-Za-z0-9._-]+""", r"\g<1>UTF-8", text, count=1)
        return text.encode("utf-8")
