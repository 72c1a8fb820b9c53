"""Tags that a neighbour decides: 得 after a verb is a particle, 报警 after 没 a verb, 湿 at the end no noun."""

from collections.abc import Sequence

from harness.events.tokens import NONE, Tag, Token
from harness.events.words import CONNECTIVES, GRADED, HOW, MANNERS, MANY, MODAL, NEGATORS, PLAIN

ACTS = ("verb", "verbal noun", "adjective")


def retagged(tokens: Sequence[Token]) -> list[Token]:
    """Tag words again by their neighbours, and join those that are one word.

    Args:
        tokens: of one clause, as tagged.

    Returns:
        The tokens.

    Examples:
        >>> [t.tag for t in retagged([Token("为什么", "pronoun"), Token("睡", "verb")])]
        ['adverb', 'verb']
        >>> [t.text for t in retagged([Token("雾", "noun"), Token("蒙蒙", "adjective")])]
        ['雾蒙蒙']
    """
    out: list[Token] = []
    for k, token in enumerate(tokens):
        last = out[-1] if out else NONE
        following = tokens[k + 1] if k + 1 < len(tokens) else NONE
        joined = _joined(last, token)
        if joined is not None:
            out[-1:] = [joined]
        elif token.text == "到" and any(t.text == "从" for t in out) and last.tag in ("noun", "name", "time"):
            out.append(Token("到", "preposition"))
        elif token.text == "只有" and not any(t.tag in ACTS for t in tokens[k + 1 :]):
            out += [Token("只", "adverb"), Token("有", "verb")]
        elif _is_copula(last, token, following):
            out += [Token("还", "adverb"), Token("是", "verb")]
        else:
            out.append(Token(token.text, _tag(last, token, following)))
    return out


def _joined(last: Token, token: Token) -> Token | None:
    """Return the one word that two tokens are (要 是, 野 区, 雾 蒙蒙), None where they are two."""
    text = last.text + token.text
    if token.tag == last.tag == "conjunction" and text in CONNECTIVES:
        return Token(text, "conjunction")
    short = len(token.text) == len(last.text) == 1
    if token.tag == "noun" and short and last.tag == "adjective" and last.text not in PLAIN:
        return Token(text, "noun")
    doubled = len(token.text) == 2 and len(set(token.text)) == 1
    return Token(text, "adjective") if token.tag == "adjective" and doubled and len(last.text) == 1 else None


def _is_copula(last: Token, token: Token, following: Token) -> bool:
    """Say whether 还是 is no conjunction: after a noun and before a time or an adverb (办法还是每天…)."""
    conjunction = token.text == "还是" and token.tag == "conjunction"
    return conjunction and last.tag == "noun" and following.tag in ("time", "adverb")


def _tag(last: Token, token: Token, following: Token) -> Tag:
    text, closes = token.text, following.text in ("", "了")
    if text == "得" and last.tag in ("adjective", "verb"):
        return "particle"
    if token.tag == "noun" and text in GRADED and last is not NONE and closes and last.tag != "number":
        return "adjective"
    if text in HOW or (text in MANNERS and following.tag == "verb"):
        return "adverb"
    if text in MANY:
        return "other"
    if token.tag == "verbal noun" and _is_verbal(last, following):
        return "verb"
    if token.tag == "adverb" and len(text) > 1 and last is not NONE and closes:
        return "adjective"
    return token.tag


def _is_verbal(last: Token, following: Token) -> bool:
    """Say whether a verbal noun is a verb here: after an adverb, a modal or a negator, and before no noun."""
    led = last.tag == "adverb" or last.text in NEGATORS or (last.tag == "verb" and last.text in MODAL)
    return led and following.text != "的" and following.tag not in ("noun", "verbal noun", "verb")
