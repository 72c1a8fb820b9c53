"""What a cue may hold: limits by locale, dated and sourced, and how characters are counted.

The numbers stand in ``limits.toml``. Values are compared exactly, never rounded, and a
value equal to its limit passes. A least time is lowered to what the file's clock can
say: 5/6 s is .833 s in a file of milliseconds and .83 s in one of hundredths.
"""

import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import UserError

FILE = Path(__file__).with_name("limits.toml")
FRAME_RATES = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}
FASTEST_FRAMES = 240


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one locale and audience.

    ``speed`` is characters a second, ``characters`` those of a line, ``shortest`` and
    ``longest`` seconds on screen, ``gap`` frames between two cues; gaps of ``close``
    frames, both included, are closed to it. ``half_width`` says that a half-width
    character counts one half.
    """

    language: str
    speed: Fraction
    characters: Fraction
    lines: int
    shortest: Fraction
    longest: Fraction
    gap: int
    close: tuple[int, int]
    half_width: bool
    checked: date
    source: str


def limits_for(language: str, *, children: bool = False, sdh: bool = False) -> Limits:
    """Return the limits of a target language; those of most languages where it has none of its own.

    Args:
        language: code, such as ``en`` or ``zh-Hans``; its first part counts.
        children: for children's programmes.
        sdh: for the deaf and hard of hearing.

    Returns:
        The limits.

    Raises:
        UserError: no language code.

    Examples:
        >>> limits_for("en").speed, limits_for("zh-Hans", children=True).speed
        (Fraction(20, 1), Fraction(7, 1))
        >>> limits_for("de", sdh=True).speed, limits_for("de").shortest
        (Fraction(20, 1), Fraction(5, 6))
    """
    primary = language.replace("_", "-").split("-")[0].lower()
    if not (primary.isascii() and primary.isalpha() and 2 <= len(primary) <= 3):
        raise UserError(f"{language!r} is no language code.", "Give one such as en, de or zh-Hans.")
    table = _table()
    row: dict[str, Any] = table["general"] | table.get(primary, {})
    audience = ("children" if children else "adult") + ("_sdh" if sdh else "")
    return Limits(
        primary,
        Fraction(row[audience]),
        Fraction(row["characters"]),
        row["lines"],
        Fraction(row["shortest"]),
        Fraction(row["longest"]),
        row["gap"],
        (row["close"][0], row["close"][1]),
        row["half_width"],
        table["checked"],
        table["source"],
    )


def characters(text: str, limits: Limits) -> Fraction:
    r"""Count a text's characters as its limits do.

    Code points are counted, composed (NFC). Tags and line breaks count nothing, nor do
    characters without a width of their own (direction marks and joiners; in Arabic also
    vowel signs); spaces and punctuation count. Where ``half_width`` holds, a half-width character counts one half.

    Examples:
        >>> characters("Oh no…\nno!", limits_for("en")), characters("A级，好", limits_for("zh"))
        (Fraction(9, 1), Fraction(7, 2))
    """
    if text.isascii() and text.isprintable():
        return Fraction(len(text), 2 if limits.half_width else 1)
    arabic = limits.language == "ar"
    halves = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        if category in ("Cc", "Cf") or (arabic and category == "Mn"):
            continue
        halves += 1 if limits.half_width and unicodedata.east_asian_width(char) not in "WFA" else 2
    return Fraction(halves, 2)


def frame_rate(written: str) -> Fraction:
    """Read a frame rate exactly; 23.976, 29.97 and 59.94 are those of television.

    Raises:
        UserError: no number above 0 and up to 240.

    Examples:
        >>> frame_rate("25"), frame_rate("23.976")
        (Fraction(25, 1), Fraction(24000, 1001))
    """
    try:
        rate = FRAME_RATES.get(written) or Fraction(written[:20])
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= FASTEST_FRAMES:
        raise UserError(f"{written!r} is no frame rate.", "Give one such as 25, 23.976 or 24000/1001.")
    return rate


def least(limit: Fraction, unit: Fraction) -> Fraction:
    """Return a least time lowered to what a clock of this unit can say.

    Examples:
        >>> least(Fraction(5, 6), Fraction(1, 1000)), least(Fraction(2, 25), Fraction(1, 1000))
        (Fraction(833, 1000), Fraction(2, 25))
    """
    return limit // unit * unit


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
