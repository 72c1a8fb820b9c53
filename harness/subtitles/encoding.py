"""Bytes to text: which encoding a subtitle file is in, by a stated rule, or a refusal.

The rule, first hit wins: a byte order mark; UTF-16 where every second byte of the
head is zero; ISO-2022-JP where its escapes stand; strict UTF-8; else the legacy
encoding under which the file is most likely, by a plain model (the usual characters
of each, equally likely). A winner must be a thousand times as likely as the next and
plausible in itself; anything less is refused, so that nothing is silently mangled.
Candidates are GB18030, Big5, Shift-JIS, the Korean code page, and Latin-1 read as
Windows-1252, which only adds to it, where all marked letters belong to one language of
Western Europe. Others (Cyrillic, Greek, Central European …) must be named.
"""

import codecs
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.errors import UserError

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
UNMARKED = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf16": "utf-16-le", "utf-32": "utf-32-le"}
"""What names that speak of a byte order mark mean where there is none."""
LEGACY = ("gb18030", "big5", "cp932", "cp949", "cp1252")
SAMPLE = 1 << 20
"""Bytes of a file that are weighed."""
MARGIN = math.log(1000)
"""How much likelier than the next encoding the winner must be."""
PLAUSIBLE = -6.0
"""Least mean log-likelihood of a byte that is not ASCII."""
LATIN_MARKS = "“”‘’„‚–—…«»‹›¡¿°·•€£§©®™ªº\xa0"
ODD = {"latin": re.compile(r"(?<=[À-Þà-ÿ])[À-Þà-ÿ]"), "wide": re.compile(r"(?<=[a-z])[\u2e80-\ud7ff](?=[a-z])")}
"""What is seldom seen: two letters with marks side by side, an ideograph inside a Latin word."""
ALPHABETS = ("äöüßé", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "àèéìíòóùú", "áâãàçéêíóôõúü", "éèëïöüáóí", "åäöé", "æøåéòôóü")
"""Marked letters of German (with the é of loan words), French, Spanish, Italian, Portuguese, Dutch, Swedish
and Finnish, Danish and Norwegian."""
STRAYS = 0.02
"""Share of marked letters that may be of no alphabet that has the others."""
RARE = math.log(1e-6)
ASCII = math.log(1 / 64)
FIX = "Name the encoding (--encoding gb18030, big5, shift_jis, cp1251 …) or save the file as UTF-8."


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, how it was encoded, and the byte order mark it began with."""

    text: str
    encoding: str
    bom: bytes = b""


def decode(path: Path, data: bytes, encoding: str | None = None) -> Decoded:
    """Decode a file's bytes strictly.

    Args:
        path: the file, for messages.
        data: its bytes.
        encoding: name of the encoding, where it is known; else found by the module's rule.

    Returns:
        Text without a byte order mark, and what it takes to encode it again.

    Raises:
        UserError: unknown, undecidable or wrong encoding.

    Examples:
        >>> decode(Path("a.srt"), "“Grüße”".encode("cp1252")).encoding
        'cp1252'
        >>> decode(Path("a.srt"), "他们之间的关系越来越亲密".encode("gb18030")).encoding
        'gb18030'
    """
    for bom, name in BOMS:
        if data.startswith(bom):
            return Decoded(_strict(path, data[len(bom) :], name), name, bom)
    name = encoding or _guess(path, data)
    name = UNMARKED.get(name.lower().replace("_", "-"), name)
    text = _strict(path, data, name)
    if "\0" in text:
        raise UserError(f"{path} holds zero bytes: it is no text file, or not in {name}.", FIX)
    return Decoded(text, name)


def _strict(path: Path, data: bytes, name: str) -> str:
    try:
        text = data.decode(name)
        text.encode("utf-8")  # some codecs let half a character through
        return text
    except LookupError:
        raise UserError(f"{path}: there is no encoding {name!r}.", FIX) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: byte {data[error.start]:#04x} is not {name}.", FIX) from None
    except UnicodeError as error:  # codecs of host names say no more
        raise UserError(f"{path} is not {name} ({error}).", FIX) from None


def _guess(path: Path, data: bytes) -> str:
    head = data[:4096]
    if len(head) >= 4 and head.count(0) >= len(head) * 0.2:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    if b"\x1b$" in data or b"\x1b(J" in data:
        return "iso2022_jp"
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        broken = data.count(b"\n", 0, error.start) + 1
    scores = sorted(((likelihood, name) for name in LEGACY for likelihood in _likelihood(data, name)), reverse=True)
    if not scores or (len(scores) > 1 and scores[0][0] - scores[1][0] < MARGIN):
        raise UserError(f"{path}, line {broken}: not UTF-8, and its encoding cannot be told for certain.", FIX)
    return scores[0][1]


def _likelihood(data: bytes, name: str) -> list[float]:
    """Return the log-likelihood of the sample in one encoding; nothing where it cannot be it."""
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        return []
    counts = Counter(text if len(data) <= SAMPLE else data[:SAMPLE].decode(name, "ignore"))
    if name == "cp1252" and not _western(counts):
        return []
    usual = _usual(name)
    ascii_ = sum(n for char, n in counts.items() if char < "\x80")
    total = math.fsum(n * usual.get(char, RARE) for char, n in counts.items() if char >= "\x80")
    total += RARE / 2 * len(ODD["latin" if name == "cp1252" else "wide"].findall(text[:SAMPLE]))
    others = sum(n * len(char.encode(name)) for char, n in counts.items() if char >= "\x80")
    return [total + ascii_ * ASCII] if total >= others * PLAUSIBLE else []


def _western(counts: Counter[str]) -> bool:
    """Say whether the marked letters are those of one language of Western Europe; Czech or Turkish would look alike."""
    marked = {char: n for char, n in counts.items() if char >= "\x80" and char.isalpha()}
    known = max(sum(n for char, n in marked.items() if char.lower() in alphabet) for alphabet in ALPHABETS)
    return known >= (1 - STRAYS) * sum(marked.values())


@cache
def _usual(name: str) -> dict[str, float]:
    """Return log-probabilities of an encoding's usual characters: its first level, kana, punctuation."""
    if name == "cp1252":
        groups = [(0.8, [chr(code) for code in range(0xC0, 0x100)]), (0.2, list(LATIN_MARKS))]
    elif name == "gb18030":
        groups = [(0.78, _pairs(name, (0xB0, 0xD7))), (0.2, _pairs(name, (0xA1, 0xA1), (0xA3, 0xA3)))]
        groups.append((0.02, list("āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüê")))  # pinyin, and Latin letters with it
    elif name == "big5":
        groups = [(0.8, _pairs(name, (0xA4, 0xC6))), (0.2, _pairs(name, (0xA1, 0xA2)))]
    elif name == "cp949":
        groups = [(0.8, _pairs(name, (0xB0, 0xC8), low=0xA1)), (0.2, _pairs(name, (0xA1, 0xA1), (0xA3, 0xA3)))]
    else:
        kana = [chr(code) for code in (*range(0x3041, 0x3094), *range(0x30A1, 0x30F7), 0x30FC)]
        groups = [(0.5, kana), (0.3, _pairs(name, (0x88, 0x97))), (0.2, _pairs(name, (0x81, 0x82)))]
    return {char: math.log(share / len(group)) for share, group in reversed(groups) for char in group}


def _pairs(name: str, *leads: tuple[int, int], low: int = 0x40) -> list[str]:
    low = 0xA1 if name == "gb18030" else low
    found = (
        bytes([lead, trail]).decode(name, "ignore")
        for first, last in leads
        for lead in range(first, last + 1)
        for trail in range(low, 0xFF)
    )
    return [char for char in found if len(char) == 1 and char >= "\x80"]
