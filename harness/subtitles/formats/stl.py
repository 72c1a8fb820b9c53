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
from pathlib import Path

from harness.errors import UserError
from harness.subtitles.entry import Entry, Problems
from harness.subtitles.formats import iso6937

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
    for number, blocks in subtitles(text):
        codes = [ord(char) for char in text[blocks[0] + 5 : blocks[0] + 13]]
        start, end = _seconds(codes[:4], rate), _seconds(codes[4:], rate)
        if start is None or end is None:
            problems.add(number, f"no time codes: {codes}", "Export the file again.")
            continue
        body = decode("".join(text[at + FIELD : at + BLOCK].rstrip(UNUSED) for at in blocks), table)
        if problems.allow(number, start, end, body):
            entries.append(Entry(number, start, end, body, blocks[0]))
    return entries


def rewrite(text: str, path: Path, bodies: dict[int, str], times: dict[int, tuple[Fraction, Fraction]]) -> str:
    """Write new texts and times into an STL file.

    Args:
        text: the file's bytes as Latin-1.
        path: the file, for messages.
        bodies: new body by the offset of a subtitle's first block.
        times: new start and end by the same.

    Returns:
        The file's new bytes as Latin-1; a longer text gets further blocks.

    Raises:
        UserError: a character that the file's table lacks.
    """
    table, rate = header(text, Problems(path))
    replaced: dict[int, str] = {}
    for number, blocks in subtitles(text):
        first = blocks[0]
        head = text[first : first + FIELD]
        if first in times:
            head = head[:5] + "".join(_code(time, rate) for time in times[first]) + head[13:]
            replaced[first] = head + text[first + FIELD : first + BLOCK]
        if first in bodies:
            replaced |= dict.fromkeys(blocks, "")
            replaced[first] = _blocks(head, encode(bodies[first], table, path, number))
    blocks_text = "".join(replaced.get(at, text[at : at + BLOCK]) for at in range(HEADER, len(text), BLOCK))
    total = f"{len(blocks_text) // BLOCK:05}"
    return text[:238] + total + text[243:HEADER] + blocks_text if bodies else text[:HEADER] + blocks_text


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


def subtitles(text: str) -> Iterator[tuple[int, list[int]]]:
    """Yield every subtitle's block number and the offsets of its blocks."""
    blocks: list[int] = []
    for at in range(HEADER, len(text), BLOCK):
        extension = ord(text[at + 3])
        if ord(text[at + 15]) == 1 or RESERVED <= extension <= USER_DATA:
            continue
        blocks.append(at)
        if extension == LAST:
            yield (blocks[0] - HEADER) // BLOCK + 1, blocks
            blocks = []
    if blocks:
        yield (blocks[0] - HEADER) // BLOCK + 1, blocks


def decode(field: str, table: str) -> str:
    """Decode a text field; control codes stay as they are."""
    data = field.encode("latin-1")
    if table == "iso6937":
        return iso6937.decode(data)
    return "".join(chr(b) if b < 0xA0 else bytes([b]).decode(table, "replace") for b in data)


def encode(body: str, table: str, path: Path, number: int) -> str:
    """Encode a body with the file's table, as Latin-1.

    Raises:
        UserError: a character that the table lacks.
    """
    try:
        if table == "iso6937":
            return iso6937.encode(body).decode("latin-1")
        return "".join(c if c < "\xa0" else c.encode(table).decode("latin-1") for c in body)
    except UnicodeEncodeError as error:
        missing = body[error.start]
        fix = "Write another character, or convert the file to TTML."
        raise UserError(f"{path}, block {number}: {missing!r} is not in the file's table.", fix) from None


def _blocks(head: str, field: str) -> str:
    """Return the blocks of one subtitle, numbered, the last padded."""
    size = BLOCK - FIELD
    pieces = [field[at : at + size].ljust(size, UNUSED) for at in range(0, len(field) or 1, size)]
    last = len(pieces) - 1
    return "".join(
        head[:3] + chr(LAST if place == last else place) + head[4:] + piece for place, piece in enumerate(pieces)
    )


def _code(time: Fraction, rate: int) -> str:
    frames = round(time * rate)
    whole = frames // rate
    return "".join(map(chr, (whole // 3600, whole // 60 % 60, whole % 60, frames % rate)))


def _seconds(code: list[int], rate: int) -> Fraction | None:
    hours, minutes, whole, frames = code
    if minutes > 59 or whole > 59 or frames >= rate:
        return None
    return hours * 3600 + minutes * 60 + whole + Fraction(frames, rate)
