"""WebVTT: header, then blocks between blank lines; notes, styles and regions are left alone."""

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from harness.errors import UserError
from harness.subtitles.entry import Entry, Problems
from harness.subtitles.formats.lines import Line, cue, lines_of

FIX = "Write times as 00:00:01.000 --> 00:00:02.500."
TIME = r"((?:(\d{1,9}):)?(\d{2}):(\d{2})[.](\d{3}))"
TIMES = re.compile(rf"\s*{TIME}\s+-->\s+{TIME}(?=\s|$)")


def parse(text: str, problems: Problems) -> list[Entry]:
    """Return the cues of a WebVTT text; what cannot be used goes to ``problems``.

    Raises:
        UserError: the text does not begin with WEBVTT.
    """
    if not re.match(r"WEBVTT(?=\s|$)", text):
        raise UserError(f"{problems.path}, line 1: no WEBVTT header.", "Begin the file with a line WEBVTT.")
    blocks = _blocks(text)
    header = next(blocks)
    entries = []
    for block in _cues(header, blocks):
        entry = _entry(block, text, problems)
        if entry is not None:
            entries.append(entry)
    return entries


def stamp(time: Fraction, written: str) -> str:
    """Write a time as the file does, without hours where it has none.

    Examples:
        >>> stamp(Fraction(15, 2), "00:01.000"), stamp(Fraction(15, 2), "00:00:01.000")
        ('00:07.500', '00:00:07.500')
    """
    total = round(time * 1000)
    hours = f"{total // 3600000:02}:" if written.count(":") == 2 or total >= 3600000 else ""
    return f"{hours}{total // 60000 % 60:02}:{total // 1000 % 60:02}.{total % 1000:03}"


def _blocks(text: str) -> Iterator[list[Line]]:
    block: list[Line] = []
    for line in lines_of(text):
        if line.text.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _cues(header: list[Line], blocks: Iterator[list[Line]]) -> Iterator[list[Line]]:
    """Yield blocks that should be cues; a line of times in the middle of a block begins another."""
    for block in (header[1:], *blocks):
        if not block or re.match(r"(?:NOTE|STYLE|REGION)(?=\s|$)", block[0].text):
            continue
        heads = [index for index, line in enumerate(block) if "-->" in line.text]
        if not heads and block[0].number <= len(header):
            continue  # metadata of the header
        cuts = [0, *heads[1:], len(block)]
        yield from (block[a:b] for a, b in pairwise(cuts))


def _entry(block: list[Line], text: str, problems: Problems) -> Entry | None:
    place = next((index for index, line in enumerate(block[:2]) if "-->" in line.text), None)
    if place is None:
        problems.add(block[0].number, f"text of no cue: {block[0].text.strip()[:60]!r}", "Give it times, or NOTE.")
        return None
    head, rest = block[place], block[place + 1 :]
    at = rest[0].at if rest else head.at + len(head.text)
    body = text[at : rest[-1].at + len(rest[-1].text)] if rest else ""
    return cue(head, TIMES.match(head.text), at, body, problems, FIX)
