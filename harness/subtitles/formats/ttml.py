"""TTML and DFXP: the paragraphs of the body, found by expat, kept byte for byte.

Times are clock times with fractions or frames, or offsets (h, m, s, ms, f, t). They count
from the beginning of the element around; where a paragraph has none it has those of the
element around. Entity declarations are refused, so nothing expands.
Spans with times of their own are text of their paragraph.
"""

import re
from fractions import Fraction
from xml.parsers import expat

from harness.errors import UserError
from harness.subtitles.entry import Entry, Problems

FIX = "Give every p begin and end (or dur), as 00:00:01.000 or 12.5s."
CLOCK = re.compile(r"(\d{2,9}):(\d{2}):(\d{2})(?:\.(\d{1,9})|:(\d{2,3}))?")
OFFSET = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?(h|ms|m|s|f|t)")
TIMED = ("body", "div", "p")
Interval = tuple[Fraction, Fraction | None]


def parse(text: str, problems: Problems) -> list[Entry]:
    """Return the paragraphs of a TTML text; what cannot be used goes to ``problems``.

    Raises:
        UserError: no well-formed XML, or one that declares entities.
    """
    return _Reader(text, problems).entries


def stamp(time: Fraction, written: str) -> str:
    """Write a time as clock time in milliseconds.

    Examples:
        >>> stamp(Fraction(15, 2), "00:00:01.000")
        '00:00:07.500'
    """
    total = round(time * 1000)
    return f"{total // 3600000:02}:{total // 60000 % 60:02}:{total // 1000 % 60:02}.{total % 1000:03}"


class _Reader:
    """One pass of expat over a text."""

    def __init__(self, text: str, problems: Problems) -> None:
        self.entries: list[Entry] = []
        self._problems = problems
        self._text = text
        self._data = text.encode("utf-8")
        self._known = (0, 0)  # a byte offset and the same place in characters
        self._intervals: list[Interval | None] = [(Fraction(0), None)]
        self._frame_rate, self._tick_rate = Fraction(30), Fraction(1)
        self._open: tuple[int, int, dict[str, str]] | None = None
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.EntityDeclHandler = self._refuse_entity
        try:
            self._parser.Parse(self._data, True)
        except expat.ExpatError as error:
            why = f"{problems.path}, line {error.lineno}: no well-formed XML ({expat.ErrorString(error.code)})."
            raise UserError(why, "Mend the file, or export it again.") from None

    def _refuse_entity(self, *declaration: object) -> None:
        line = self._parser.CurrentLineNumber
        raise UserError(f"{self._problems.path}, line {line}: the file declares entities.", "Take the DOCTYPE out.")

    def _here(self) -> int:
        """Return where the parser stands, in characters."""
        before, characters = self._known
        at = self._parser.CurrentByteIndex
        self._known = (at, characters + len(self._data[before:at].decode("utf-8")))
        return self._known[1]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        values = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        if local == "tt":
            self._rates(values)
        if local in TIMED:
            if local == "p":
                self._open = (self._here(), self._parser.CurrentLineNumber, values)
            self._intervals.append(self._interval(values))

    def _rates(self, values: dict[str, str]) -> None:
        top, _, bottom = values.get("frameRateMultiplier", "1 1").replace(":", " ").partition(" ")
        try:
            self._frame_rate = Fraction(values.get("frameRate", "30")) * Fraction(int(top), int(bottom or 1))
            ticks = Fraction(values.get("tickRate", "1"))
            self._tick_rate = ticks if "tickRate" in values or "frameRate" not in values else self._frame_rate
        except (ValueError, ZeroDivisionError):
            self._frame_rate = Fraction(0)
        if self._frame_rate <= 0 or self._tick_rate <= 0:
            path, line = self._problems.path, self._parser.CurrentLineNumber
            raise UserError(f"{path}, line {line}: impossible frame or tick rate.", "Mend ttp:frameRate.")

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if local == "p" and self._open is not None:
            self._paragraph(self._here(), *self._open)
            self._open = None
        if local in TIMED:
            self._intervals.pop()

    def _interval(self, values: dict[str, str]) -> "Interval | None":
        """Return when an element begins, and ends where that is said; None where its times cannot be read."""
        around = self._intervals[-1]
        times = {name: self._time(values[name]) for name in ("begin", "end", "dur") if name in values}
        if around is None or None in times.values():
            return None
        begin = around[0] + (times.get("begin") or 0)
        ends = [around[0] + (times["end"] or 0)] if "end" in times else []
        ends += [begin + (times["dur"] or 0)] if "dur" in times else []
        return begin, min(ends) if ends else around[1]

    def _paragraph(self, stop: int, at: int, line: int, values: dict[str, str]) -> None:
        head = _tag_end(self._text, at)
        interval, around = self._intervals[-1], self._intervals[-2]
        if interval is None or around is None or interval[1] is None:
            written = ", ".join(f"{name} {values[name][:20]!r}" for name in ("begin", "end", "dur") if name in values)
            self._problems.add(line, f"a paragraph without times ({written or 'none'})", FIX)
            return
        begin, end = interval[0], interval[1]
        body = "" if self._text[head - 2] == "/" else self._text[head:stop]
        if self._problems.allow(line, begin, end, body):
            spans = ((0, 0), (0, 0)) if around[0] else (self._span("begin", at, head), self._span("end", at, head))
            self.entries.append(Entry(line, begin, end, body, head, *spans, style=values.get("style", "")))

    def _span(self, name: str, at: int, stop: int) -> tuple[int, int]:
        """Return where the value of an attribute stands in a start tag."""
        match = re.compile(rf"""\s{name}\s*=\s*(?:"([^"]*)"|'([^']*)')""").search(self._text, at, stop)
        return (0, 0) if match is None else match.span(1 if match[1] is not None else 2)

    def _time(self, written: str) -> Fraction | None:
        clock = CLOCK.fullmatch(written.strip())
        if clock:
            hours, minutes, whole, fraction, frames = clock.groups()
            base = int(hours) * 3600 + int(minutes) * 60 + int(whole)
            if frames:
                return base + int(frames) / self._frame_rate
            return base + Fraction(int(fraction or 0), 10 ** len(fraction or ""))
        offset = OFFSET.fullmatch(written.strip())
        if not offset:
            return None
        number = int(offset[1]) + Fraction(int(offset[2] or 0), 10 ** len(offset[2] or ""))
        scale = {"h": Fraction(3600), "m": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000)}
        scale |= {"f": 1 / self._frame_rate, "t": 1 / self._tick_rate}
        return number * scale[offset[3]]


def _tag_end(text: str, at: int) -> int:
    """Return the offset just after the start tag at ``at``; quotes may hold ``>``."""
    match = re.compile(r"""<(?:[^>"']|"[^"]*"|'[^']*')*>""").match(text, at)
    assert match is not None  # expat saw a start tag here
    return match.end()
