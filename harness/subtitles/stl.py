"""EBU STL (Tech 3264), the binary exchange format: a header, then blocks of 128 bytes.

The file's text is its bytes as Latin-1, so that offsets are bytes. Bodies are decoded
with the file's table (Latin, Cyrillic, Arabic, Greek, Hebrew); codes below 0x20 and from
0x80 to 0x9F (colours, boxes, italics, line breaks) stay in them as formatting. Times are
those of the file, at 25 or 30 frames a second, not moved to the programme's start.
Comments and user data are left alone.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from harness.errors import UserError
from harness.subtitles import iso6937
from harness.subtitles.entry import Entry, Problems

HEADER, BLOCK, FIELD = 1024, 128, 16
LAST, USER_DATA, RESERVED = 0xFF, 0xFE, 0xF0
UNUSED = "\x8f"
TABLES = {"00": "iso6937", "01": "iso8859_5", "02": "iso8859_6", "03": "iso8859_7", "04": "iso8859_8"}


def parse(text: str, problems: Problems) -> list[Entry]:
    """Return the subtitles of an STL file; what cannot be used goes to ``problems``.

    Raises:
        UserError: the file is no EBU STL.
    """
    table, rate = header(text, problems)
    entries = []
    for number, at, field in subtitles(text):
        codes = [ord(char) for char in text[at + 5 : at + 13]]
        start, end = _seconds(codes[:4], rate), _seconds(codes[4:], rate)
        if start is None or end is None:
            problems.add(number, f"no time codes: {codes}", "Export the file again.")
            continue
        body = decode(field, table)
        if problems.allow(number, start, end, body):
            entries.append(Entry(number, start, end, body, at))
    return entries


def header(text: str, problems: Problems) -> tuple[str, int]:
    """Return the character table and the frame rate.

    Raises:
        UserError: the file is no EBU STL.
    """
    rate = re.fullmatch(r"STL(25|30)\.01", text[3:11])
    if rate is None or (len(text) - HEADER) % BLOCK or len(text) < HEADER:
        fix = "Only EBU STL of 25 or 30 frames is read; save others as SRT."
        raise UserError(f"{problems.path} is no EBU STL file.", fix)
    if text[12:14] not in TABLES:
        raise UserError(f"{problems.path}: unknown character table {text[12:14]!r}.", "Export with table 00 to 04.")
    return TABLES[text[12:14]], int(rate[1])


def subtitles(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield every subtitle's block number, offset, and text field over all its blocks."""
    first, field = -1, ""
    for at in range(HEADER, len(text), BLOCK):
        extension = ord(text[at + 3])
        if ord(text[at + 15]) == 1 or RESERVED <= extension <= USER_DATA:
            continue
        if first < 0:
            first, field = at, ""
        field += text[at + FIELD : at + BLOCK]
        if extension == LAST:
            yield (first - HEADER) // BLOCK + 1, first, field
            first = -1
    if first >= 0:
        yield (first - HEADER) // BLOCK + 1, first, field


def decode(field: str, table: str) -> str:
    """Decode a text field up to its unused end; control codes stay as they are."""
    data = field.rstrip(UNUSED).encode("latin-1")
    if table == "iso6937":
        return iso6937.decode(data)
    return "".join(chr(b) if b < 0xA0 else bytes([b]).decode(table, "replace") for b in data)


def _seconds(code: list[int], rate: int) -> Fraction | None:
    hours, minutes, whole, frames = code
    if minutes > 59 or whole > 59 or frames >= rate:
        return None
    return hours * 3600 + minutes * 60 + whole + Fraction(frames, rate)
