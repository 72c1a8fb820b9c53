"""SubRip: number, times, text, blank line; read as players read it.

Numbers may be missing or wrong, blank lines may stand inside a text or be missing
between cues: a cue reaches from its line of times to the next one's. Times may have a
comma or a point.
"""

import re
from fractions import Fraction

from harness.subtitles.entry import Entry, Problems
from harness.subtitles.formats.lines import Line, cue, lines_of

FIX = "Write times as 00:00:01,000 --> 00:00:02,500."
TIME = r"((\d{1,9}):(\d{1,2}):(\d{1,2})(?:[,.](\d{1,9}))?)"
TIMES = re.compile(rf"\s*{TIME}\s*-->\s*{TIME}(?=\s|$)")
NUMBER = re.compile(r"\d{1,9}")
BLANK = "\ufeff \t"
LIKE_TIMES = re.compile(r"\s*[-\d][^>]*-->\s*[-\d]")


def parse(text: str, problems: Problems) -> list[Entry]:
    """Return the cues of a SubRip text; what cannot be used goes to ``problems``."""
    lines = list(lines_of(text))
    heads = [index for index, line in enumerate(lines) if LIKE_TIMES.match(line.text)]
    starts = _starts(lines, heads)
    for line in lines[: starts[0] if starts else len(lines)]:
        if line.text.strip(BLANK):
            problems.add(line.number, "text before the first line of times", FIX)
            break
    entries = []
    for head, stop in zip(heads, [*starts, len(lines)][1:], strict=True):
        entry = _entry(lines[head], lines[head + 1 : stop], text, problems)
        if entry is not None:
            entries.append(entry)
    return entries


def stamp(time: Fraction, written: str) -> str:
    """Write a time as it is written in the file: with its separator.

    Examples:
        >>> stamp(Fraction(15, 2), "00:00:01,000")
        '00:00:07,500'
    """
    total = round(time * 1000)
    separator = "." if "." in written else ","
    return f"{total // 3600000:02}:{total // 60000 % 60:02}:{total // 1000 % 60:02}{separator}{total % 1000:03}"


def _starts(lines: list[Line], heads: list[int]) -> list[int]:
    """Return the line each cue starts at: its number's, where it has one, else that of its times.

    A number stands just before the times, or before blank lines if it goes on with the count.
    """
    starts: list[int] = []
    number = 0
    for head, previous in zip(heads, [-1, *heads], strict=False):
        at = head - 1
        while at > previous and not lines[at].text.strip(BLANK):
            at -= 1
        word = lines[at].text.strip(BLANK) if at > previous else ""
        if NUMBER.fullmatch(word) and (at == head - 1 or not starts or int(word) == number + 1):
            number = int(word)
            starts.append(at)
        else:
            starts.append(head)
    return starts


def _entry(head: Line, rest: list[Line], text: str, problems: Problems) -> Entry | None:
    while rest and not rest[-1].text.strip():
        rest.pop()
    at = next((line.at for line in rest if line.text.strip()), head.at + len(head.text))
    body = text[at : rest[-1].at + len(rest[-1].text)] if rest else ""
    return cue(head, TIMES.match(head.text), at, body, problems, FIX)
