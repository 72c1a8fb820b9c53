"""Advanced SubStation Alpha and its predecessor: the Dialogue lines of the section Events."""

import re
from fractions import Fraction

from harness.subtitles.entry import Entry, Problems
from harness.subtitles.formats.lines import Line, lines_of, seconds

COLUMNS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
TIME = re.compile(r"(\d{1,9}):(\d{1,2}):(\d{1,2})(?:[.:](\d{1,3}))?")
FIX = "Write times as 0:00:01.00, and the columns of the Format line."


def parse(text: str, problems: Problems) -> list[Entry]:
    """Return the dialogue of an ASS or SSA text; what cannot be used goes to ``problems``."""
    entries = []
    section = ""
    columns: tuple[str, ...] = COLUMNS
    for line in lines_of(text):
        kind, colon, rest = line.text.partition(":")
        if line.text.startswith("["):
            section = line.text.strip().lower()
        elif section == "[events]" and colon:
            if kind.strip().lower() == "format":
                columns = tuple(column.strip().lower() for column in rest.split(","))
            elif kind.strip().lower() == "dialogue":
                entry = _entry(line, len(kind) + 1, columns, problems)
                if entry is not None:
                    entries.append(entry)
    return entries


def stamp(time: Fraction, written: str) -> str:
    """Write a time in hundredths of a second.

    Examples:
        >>> stamp(Fraction(15, 2), "0:00:01.00")
        '0:00:07.50'
    """
    total = round(time * 100)
    return f"{total // 360000}:{total // 6000 % 60:02}:{total // 100 % 60:02}.{total % 100:02}"


def _entry(line: Line, skip: int, columns: tuple[str, ...], problems: Problems) -> Entry | None:
    fields = line.text[skip:].split(",", len(columns) - 1)
    if len(fields) < len(columns) or columns[-1] != "text" or not {"start", "end"} <= set(columns):
        problems.add(line.number, f"{len(fields)} columns, not those of the Format line", FIX)
        return None
    at, spans = line.at + skip, {}
    for column, value in zip(columns, fields, strict=True):
        padding = 0 if column == "text" else len(value) - len(value.lstrip())
        spans[column] = (at + padding, at + padding + len(value.strip()))
        at += len(value) + 1
    values = dict(zip(columns, fields, strict=True))
    times = [TIME.fullmatch(values[column].strip()) for column in ("start", "end")]
    start, end = (seconds(*time.groups()) if time else None for time in times)
    if start is None or end is None:
        problems.add(line.number, f"no times: {values['start'].strip()[:20]!r}, {values['end'].strip()[:20]!r}", FIX)
        return None
    if not problems.allow(line.number, start, end, values["text"]):
        return None
    return Entry(
        line.number,
        start,
        end,
        values["text"],
        spans["text"][0],
        spans["start"],
        spans["end"],
        style=values.get("style", "").strip(),
        actor=values.get("name", values.get("actor", "")).strip(),
    )
