"""What building needs to know of a source language: data in ``languages.toml``, not code."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from harness.convert import load
from harness.errors import UserError

SHIPPED = Path(__file__).with_name("languages.toml")

HAN = r"㐀-䶿一-鿿豈-﫿々〇\U00020000-\U0003ffff"
KANA = r"぀-ヿㇰ-ㇿｦ-ﾟ"
SCRIPTS = {
    "han": HAN,
    "kana-han": HAN + KANA,
    "latin": r"A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿＡ-Ｚａ-ｚ",
    "hangul": r"가-힣ᄀ-ᇿ㄰-㆏",
    "cyrillic": r"Ѐ-ԯ",
    "arabic": r"؀-ۿݐ-ݿﭐ-﷿ﹰ-ﻼ",
    "devanagari": r"ऀ-ॿ",
    "thai": r"฀-๿",
}
"""Character classes, for the inside of square brackets."""

UNSPACED = re.compile(f"[{HAN}{KANA}]")
"""Letters of scripts that put no spaces between words."""


@dataclass(frozen=True)
class Language:
    """The configuration of one source language; ``languages.toml`` explains every field."""

    script: str
    short: int
    long: int
    rate: tuple[float, ...]
    shingle: int
    probe: int
    fillers: tuple[str, ...] = ()
    always: str = ""
    sounds: tuple[str, ...] = ()
    openers: tuple[str, ...] = ()
    abbreviations: tuple[str, ...] = ()


def language(code: str, path: Path | None = None) -> Language:
    """Return the configuration of a source language.

    Args:
        code: language code, a table of the file.
        path: a file of one's own, whose tables come before the shipped ones.

    Returns:
        The configuration.

    Raises:
        UserError: no such table, or a bad one.

    Examples:
        >>> language("zh").script, language("en").shingle
        ('han', 3)
        >>> language("tlh")
        Traceback (most recent call last):
            ...
        harness.errors.UserError: Building knows no language 'tlh'. Give its table in a file with --languages; \
known are zh, en, de, es.
    """
    tables = {**_tables(SHIPPED), **(_tables(path) if path else {})}
    if code not in tables:
        known = ", ".join(tables)
        raise UserError(
            f"Building knows no language {code!r}.", f"Give its table in a file with --languages; known are {known}."
        )
    where = path or SHIPPED
    try:
        found = load(Language, tables[code])
    except ValueError as error:
        raise UserError(f"{where}, [{code}]: {error}.", f"{SHIPPED.name} explains the fields.") from error
    problem = _problem(found)
    if problem:
        raise UserError(f"{where}, [{code}]: {problem}.", f"{SHIPPED.name} explains the fields.")
    return found


def _tables(path: Path) -> dict[str, object]:
    if not path.is_file():
        raise UserError(f"There is no file {path}.", "Check the path given with --languages.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}.", "Mend the file; it is TOML, one table a language.") from error


def _problem(found: Language) -> str:
    if found.script not in SCRIPTS:
        return f"the script {found.script!r} is none of {', '.join(SCRIPTS)}"
    if not 0 < found.short <= found.long:
        return f"short is {found.short} and long {found.long}, short must be the smaller"
    if len(found.rate) != 4 or list(found.rate) != sorted(found.rate) or found.rate[0] < 0:
        return f"rate is {list(found.rate)}, not four rising numbers"
    if found.shingle not in (1, 2, 3):
        return f"shingle is {found.shingle}, not 1, 2 or 3"
    return "" if found.probe > 0 else f"probe is {found.probe}, not a number of characters"
