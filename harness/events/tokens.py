"""Tagged tokens: the one form every tagger's output is brought into.

A text is cut into clauses before it is tagged, so that taggers never see
punctuation and a clause is tagged the same wherever it stands.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from harness.events.numerals import numerals

Tag = Literal[
    "verb",
    "verbal noun",
    "noun",
    "name",
    "number",
    "adjective",
    "adverb",
    "pronoun",
    "preposition",
    "conjunction",
    "particle",
    "time",
    "place",
    "other",
]

_BREAK = re.compile(
    r"[。！？；：，、…—～~!?;\n\r\t\"“”‘’「」『』《》〈〉【】（）()\[\]{}<>|♪♫·]+"
    r"|,(?!\d)|(?<!\d),|:(?!\d)|(?<!\d):|\.{2,}|\.(?=\s|$)|(?<=[㐀-鿿])\.(?!\d)|-{2,}"
)
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SPACE = re.compile(r"(?<=[㐀-鿿])\s+|\s+(?=[㐀-鿿])")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ0-9'’.&+\-]*")
_COMMON_PLACES = frozenset("区路地坑洞道场墙")
_UNCOUNTED = re.compile(r"^(?:一.?$|一[大小整长]|第|周|星期|礼拜)")
_COUNTED = re.compile(
    r"^([二两三四五六七八九十百千0-9]+)([人天年次个名位岁点月日号元块家种刀枪折步拳脚章页集遍趟回场关级星分秒杯碗瓶罐盒箱串锅桶])$"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word and its coarse part of speech."""

    text: str
    tag: Tag


NONE = Token("", "other")
"""Stands where there is no token."""


def clauses(text: str) -> tuple[str, ...]:
    """Cut a text at punctuation and at spaces beside Han characters.

    Full-width forms are folded and thousands separators taken out first; points and commas inside numbers and spaces
    between Latin words do not cut.

    Examples:
        >>> clauses("这是茄子，８.9刀 每kg!Boss Rush 开始了")
        ('这是茄子', '8.9刀', '每kg', 'Boss Rush', '开始了')
        >>> clauses("……")
        ()
    """
    folded = _GROUPED.sub("", unicodedata.normalize("NFKC", text.replace("…", "。")))
    pieces = (piece.strip(" .-'*#@_/\\") for part in _BREAK.split(folded) for piece in _SPACE.split(part))
    return tuple(piece for piece in pieces if piece)


def is_latin(text: str) -> bool:
    """Say whether a token is a Latin word.

    Examples:
        >>> is_latin("Boss"), is_latin("B站"), is_latin("12")
        (True, False, False)
    """
    return _LATIN.fullmatch(text) is not None


def latin_words(text: str) -> tuple[str, ...]:
    """Return the Latin words of a text, in order.

    Examples:
        >>> latin_words("用PhotoShop打Boss")
        ('PhotoShop', 'Boss')
    """
    return tuple(_LATIN.findall(unicodedata.normalize("NFKC", text)))


def settle(text: str, tag: Tag) -> tuple[Token, ...]:
    """Settle what taggers disagree on: Latin words, digits, counted nouns, numbers.

    A Latin word is a name where the tagger says so or where it has two capitals or a
    digit (WESG, PhotoShop, PS5), but not where it is up to three capitals (AI, DLC); else
    a noun. A name of one character, a team and a short common place (郊区, 石板路) are
    nouns. A number is kept only where it has a value and is neither an ordinal (第三), nor
    a day of the week, nor the bare 一 that works as an article (一个, 一大碗).

    Args:
        text: the word as tagged.
        tag: the coarse tag the adapter chose.

    Returns:
        One token, or two where a number and its noun were tagged as one.

    Examples:
        >>> settle("WESG", "noun"), settle("Boss", "other")
        ((Token(text='WESG', tag='name'),), (Token(text='Boss', tag='noun'),))
        >>> settle("三人", "noun")
        (Token(text='三', tag='number'), Token(text='人', tag='noun'))
        >>> settle("一个", "number"), settle("许多", "number")
        ((Token(text='一个', tag='other'),), (Token(text='许多', tag='other'),))
    """
    text = text.strip()
    if not text:
        return ()
    if is_latin(text):
        short = text.isupper() and text.isalpha() and len(text) < 4
        marked = not short and (sum(c.isupper() for c in text) > 1 or any(c.isdigit() for c in text))
        return (Token(text, "name" if marked or tag == "name" else "noun"),) if len(text) > 1 else (Token(text, tag),)
    common = len(text) == 1 or (len(text) > 2 and text[-1] in "队隊") or (len(text) < 4 and text[-1] in _COMMON_PLACES)
    if tag == "name" and common:
        return (Token(text, "noun"),)
    counted = _COUNTED.match(text)
    if counted and tag in ("noun", "number", "time", "other"):
        rest: Tag = "noun" if counted.group(2) == "人" else "other"
        return Token(counted.group(1), "number"), Token(counted.group(2), rest)
    if tag == "number" and "几" in text:
        return (Token(text, "other"),)
    if tag in ("number", "time") or text[0].isdigit():
        values = [] if _UNCOUNTED.match(text) else numerals(text)
        if values:
            return (Token(text, "number"),)
        return (Token(text, "other" if tag == "number" else tag),)
    return (Token(text, tag),)
