"""Words that taggers glue together, cut apart: 两个人, 丢了, 看电视, 想吃, 她说."""

import re

from harness.events.numerals import HAN_NUMERALS
from harness.events.tokens import Tag, Token
from harness.events.words import (
    ADVERBS,
    BESIDE,
    CLASSIFIERS,
    COVERBS,
    HEADINGS,
    INSIDE,
    PRODUCTIVE,
    RESULTS,
    THINGS,
    TRANSITIVE,
    WHOLE,
)

_COUNTED = re.compile(rf"^([几{HAN_NUMERALS}\d]+)([{CLASSIFIERS}])(.+)$")
_DETERMINED = re.compile(
    rf"^([这那每某哪][{CLASSIFIERS}]|很多|许多|好多|多少|所有|各种|全班|全体|[我你他她它]的|我们的)(.+)$"
)
_ASPECT = re.compile(r"^(.+)([了着过])$")
_POSSIBLE = re.compile(rf"^(.)得(?:[{''.join(sorted(RESULTS))}了]|{'|'.join(sorted(HEADINGS))})$")
_PRONOUNS = "我你他她它"


def unglue(token: Token, following: Token, first: bool) -> list[Token]:
    """Cut a token into the words it holds.

    Args:
        token: as tagged.
        following: the token after it.
        first: whether it begins its clause.

    Returns:
        The words, most often the token alone.

    Examples:
        >>> [t.text for t in unglue(Token("两个人", "noun"), Token("走", "verb"), True)]
        ['两', '个', '人']
        >>> [(t.text, t.tag) for t in unglue(Token("丢了", "verb"), Token("箱子", "noun"), False)]
        [('丢', 'verb'), ('了', 'particle')]
    """
    if token.text == "有人":
        return [Token("有", "verb"), Token("人", "noun")]
    if token.tag == "noun":
        return _noun(token)
    if token.tag == "name" and len(token.text) > 1:
        return _name(token, following, first)
    if token.tag == "adjective" and len(token.text) == 2 and token.text[1] == "得" and token.text not in WHOLE:
        return _cut(token, 1, "adjective", "particle")
    return _verb(token) if token.tag == "verb" else [token]


def _cut(token: Token, at: int, left: Tag, right: Tag) -> list[Token]:
    return [Token(token.text[:at], left), Token(token.text[at:], right)]


def _noun(token: Token) -> list[Token]:
    text = token.text
    counted, determined = _COUNTED.match(text), _DETERMINED.match(text)
    if counted:
        number, measure, noun = counted.groups()
        tag: Tag = "other" if number in "一几" else "number"
        return [Token(number, tag), Token(measure, "other"), Token(noun, "noun")]
    if determined:
        return _cut(token, determined.start(2), "pronoun", "noun")
    if len(text) > 3 and text[-2:] in BESIDE:
        return _cut(token, -2, "noun", "other")
    if len(text) > 2 and text[-1] in "里上下" and text[-2] not in "以之":
        return _cut(token, -1, "noun", "other")
    return [token]


def _name(token: Token, following: Token, first: bool) -> list[Token]:
    """Take 可 off a name at the head (可保安), and an adverb off its end (汤太 before 香)."""
    text = token.text
    if first and len(text) == 3 and text[0] in "可但而":
        return _cut(token, 1, "conjunction", "noun")
    graded = text[-1] in "太很真最更" and following.tag == "adjective"
    once = text[-1] == "一" and following.tag == "verb"
    return _cut(token, -1, "noun", "adverb") if graded or once else [token]


def _verb(token: Token) -> list[Token]:
    text, size = token.text, len(token.text)
    if size == 2 and text[0] == "一":
        return _cut(token, 1, "adverb", "verb")
    if size == 2 and text[0] in _PRONOUNS:
        return _cut(token, 1, "pronoun", "verb")
    if size > 2 and text[-1] == "是":
        return _cut(token, -1, "adverb", "verb")
    if size == 2 and text[0] in PRODUCTIVE and text[1] in THINGS:
        return _cut(token, 1, "verb", "noun")
    if size > 2 and text[-1] in _PRONOUNS:
        return _cut(token, -1, "verb", "pronoun")
    if size == 2 and text[1] == "得" and text not in WHOLE:
        return _cut(token, 1, "verb", "particle")
    if size == 3 and text[0] in TRANSITIVE and text[1] not in INSIDE and text[1:] not in HEADINGS:
        return _cut(token, 1, "verb", "noun")
    if text in WHOLE or text in COVERBS:
        return [token]
    possible = _POSSIBLE.match(text)
    if _ASPECT.match(text):
        return _cut(token, -1, "verb", "particle")
    if size == 2 and text[0] in "想要爱去来" and text[1] in TRANSITIVE:
        return _cut(token, 1, "verb", "verb")
    if possible:
        return [Token(possible.group(1), "verb")]
    if size == 2 and text[1] == "在" and text[0] not in ADVERBS:
        return _cut(token, 1, "verb", "preposition")
    return [token]
