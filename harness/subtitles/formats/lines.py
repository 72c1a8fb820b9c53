"""Lines of a text with their numbers and offsets, for parsers that must find their way back."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from harness.subtitles.entry import Entry, Problems

LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")


class Line(NamedTuple):
    """One line without its end: number from 1, offset in the text, text."""

    number: int
    at: int
    text: str


def lines_of(text: str) -> Iterator[Line]:
    r"""Yield a text's lines; only carriage return and line feed end one.

    Examples:
        >>> [tuple(line) for line in lines_of("a\r\n\nb")]
        [(1, 0, 'a'), (2, 3, ''), (3, 4, 'b')]
    """
    at, number = 0, 1
    while at < len(text):
        match = LINE.match(text, at)
        assert match is not None  # the pattern matches everywhere
        yield Line(number, at, match[1])
        at, number = match.end(), number + 1


def seconds(hours: str | None, minutes: str, whole: str, fraction: str | None) -> Fraction | None:
    """Return exact seconds of a written time; None where minutes or seconds are above 59.

    Examples:
        >>> seconds("1", "02", "03", "5")
        Fraction(7447, 2)
        >>> seconds(None, "61", "00", None) is None
        True
    """
    if int(minutes) > 59 or int(whole) > 59:
        return None
    scale = 10 ** len(fraction or "")
    total = int(hours or 0) * 3600 + int(minutes) * 60 + int(whole)
    return Fraction(total * scale + int(fraction or 0), scale)


def cue(head: Line, times: re.Match[str] | None, at: int, body: str, problems: Problems, fix: str) -> Entry | None:
    """Return the cue of a line of times and its body; None, and a problem, where it cannot be used.

    Args:
        head: the line of times.
        times: what was found there: start, its hours, minutes, seconds and fraction; then the end's.
        at: offset of the body in the text.
        body: the text with its markup.
        problems: takes what cannot be used.
        fix: how times are written in this format.

    Returns:
        The entry, or None.
    """
    start, end = (seconds(*times.group(*groups)) if times else None for groups in ((2, 3, 4, 5), (7, 8, 9, 10)))
    if times is None or start is None or end is None:
        problems.add(head.number, f"no times: {head.text.strip()[:60]!r}", fix)
        return None
    if not problems.allow(head.number, start, end, body):
        return None
    start_at, end_at = ((head.at + times.start(group), head.at + times.end(group)) for group in (1, 6))
    return Entry(head.number, start, end, body, at, start_at, end_at)
