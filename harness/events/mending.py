"""Tagged tokens mended before events are built: what taggers glue together, cut apart or mistake.

Every rule is of the language, none of one tagger: tags that a neighbour decides
(``retagging``), glued words (``unglue``), and here complements cut off (找 来), words for
place, and prepositions that are verbs.
"""

from collections.abc import Sequence
from itertools import pairwise

from harness.events.retagging import ACTS, retagged
from harness.events.tokens import NONE, Token
from harness.events.unglue import unglue
from harness.events.words import (
    COVERBAL,
    COVERBS,
    FADING,
    FULL,
    GLUED,
    HEADINGS,
    INNER,
    MASSES,
    NO_RESULT,
    QUESTIONS,
    RESULTS,
    UNCOUNTED,
    UNITS,
    WHOLE,
)

ENDS = ("conjunction", "pronoun")
"""What begins a new clause after 了."""


def mend(tokens: Sequence[Token]) -> list[Token]:
    """Mend the tokens of a clause.

    Args:
        tokens: as tagged, negation still in them.

    Returns:
        Tokens with numerals, nouns and verbs as words of their own.

    Examples:
        >>> [t.text for t in mend([Token("找", "verb"), Token("来", "verb"), Token("保安", "noun")])]
        ['找来', '保安']
        >>> [(t.text, t.tag) for t in mend([Token("屋", "noun"), Token("里", "place")])]
        [('屋里', 'noun')]
        >>> [t.tag for t in mend([Token("坏", "verb"), Token("掉", "verb"), Token("了", "particle")])]
        ['verb', 'particle', 'particle']
    """
    if len(tokens) > 2 and tokens[-2].text in QUESTIONS and tokens[-1].text in ("吧", "吗", "么"):
        tokens = tokens[:-2]
    tagged = retagged(tokens)
    pieces = [unglue(t, f, k == 0) for k, (t, f) in enumerate(pairwise([*tagged, NONE]))]
    return _last_verb(_coverbs(_complements(_places(_counted([t for piece in pieces for t in piece])))))


def _counted(tokens: Sequence[Token]) -> list[Token]:
    """Make 一 a number after 只 (只用一招), and take 钱 off a unit of money (五块钱)."""
    out = list(tokens)
    for k, token in enumerate(out):
        text, last = token.text, out[k - 1] if k else NONE
        only = any(t.text[:1] in ("只", "仅") and t.tag in ("adverb", "verb") for t in out[max(0, k - 2) : k])
        counts = text[:1] == "一" and text not in UNCOUNTED and text[-1] not in MASSES
        if only and counts and token.tag == "other":
            out[k] = Token("一", "number")
        if text == "钱" and last.text[-1:] in UNITS and last.tag in ("other", "number"):
            out[k] = Token("钱", "other")
    return out


def _places(tokens: Sequence[Token]) -> list[Token]:
    """Join 里, 上 and the like to a noun of one character, let longer nouns lose them; 左, 右 go to their noun."""
    out: list[Token] = []
    for k, token in enumerate(tokens):
        last = out[-1] if out else NONE
        following = tokens[k + 1] if k + 1 < len(tokens) else NONE
        short = last.tag == "noun" and len(last.text) == 1 and not (len(out) > 1 and out[-2].tag == "noun")
        if (last.text in ("左", "右") and token.tag == "noun") or (
            token.tag == "place" and token.text in INNER and short
        ):
            out[-1] = Token(last.text + token.text, "noun")
        elif token.tag != "place":
            out.append(token)
        elif last.tag in ("noun", "name", "pronoun", "time", "number") or following.text == "的":
            out.append(Token(token.text, "other"))
        else:
            alone = len(token.text) > 1 or last.text in ("往", "向", "朝", "从")
            out.append(Token(token.text, "noun" if alone else "other"))
    return out


def _complements(tokens: Sequence[Token]) -> list[Token]:
    """Join a verb and its complement of one character (找 来), drop those that say little (坏 掉, 流 出来)."""
    out: list[Token] = []
    for k, token in enumerate(tokens):
        last = out[-1] if out else NONE
        rest = tokens[k + 1 : k + 3]
        following = rest[0] if rest else NONE
        verbal = last.tag == "verb" and last.text not in NO_RESULT
        close = verbal and tokens[k - 1].tag != "particle"
        apart = len(out) > 1 and last.text in ("了", "得") and out[-2].tag == "verb"
        if (
            _fades_apart(last, token, following, apart)
            or (verbal and token.text in ("得了", "得起", "得下", "得动"))
            or (close and _fades(last, token, following))
        ):
            out.append(Token(token.text, "particle"))
        elif close and _results(last, token, rest):
            out[-1] = Token(last.text + token.text, "verb")
        elif close and token.tag == "adjective" and last.text == "吃":
            out.append(Token(token.text, "noun"))
        else:
            out.append(token)
    return [_bare(token) for token in out]


def _fades_apart(last: Token, token: Token, following: Token, apart: bool) -> bool:
    """Say whether a complement that stands apart from its verb says little: 跳 了 下去, 看 得 懂, 热闹 起来."""
    heading = token.text in HEADINGS and following.tag not in ("noun", "verb")
    able = last.text == "得" and token.text in RESULTS and following.tag in ("noun", "pronoun", "other")
    return (heading and (apart or last.tag == "adjective")) or (apart and able)


def _fades(last: Token, token: Token, following: Token) -> bool:
    heading = token.text in HEADINGS and (following.tag != "noun" or len(last.text) == 1)
    return heading or (token.text in FADING and token.tag in ("verb", "adjective"))


def _results(last: Token, token: Token, rest: Sequence[Token]) -> bool:
    """Say whether a token is the complement of the verb before it: 打 穿 了, 送 给, 找 来, 变 慢."""
    following = rest[0] if rest else NONE
    single = len(token.text) == len(last.text) == 1
    if token.tag == "verb" and single and following.text == "了" and all(t.tag in ENDS for t in rest[1:]):
        return True
    if token.text == "给" and len(last.text) == 1:
        return True
    fits = len(last.text) == 1 or (token.text not in "来去" and last.text[-1] not in RESULTS)
    if token.text in RESULTS and fits and token.tag in ("verb", "adjective") and following.tag != "verb":
        return True
    return token.tag == "adjective" and last.text != "吃" and (last.text in ("变", "变得") or single)


def _bare(token: Token) -> Token:
    """Take a complement that says little off a verb of its own token (坏掉, 交上去)."""
    text = token.text
    if token.tag != "verb" or text in WHOLE or text in GLUED or text in HEADINGS:
        return token
    if len(text) > 2 and text[-2:] in HEADINGS:
        return Token(text[:-2], "verb")
    if len(text) > 1 and text[-1] in "掉完满好" and text not in FULL:
        return Token(text[:-1], "verb")
    return token


def _coverbs(tokens: Sequence[Token]) -> list[Token]:
    """Make 隔着 a preposition, 用 before a noun a verb, and 给 or 在 one where there is no other."""
    out: list[Token] = []
    for k, token in enumerate(tokens):
        text, rest = token.text, tokens[k + 1 :]
        alone = text in COVERBAL and not any(t.tag in ACTS for t in (*rest, *tokens[:k]))
        gives = text == "给" and not any(t.tag == "verb" for t in rest)
        if text == "着" and out and len(out[-1].text) == 1 and out[-1].text + "着" in COVERBS:
            out[-1] = Token(out[-1].text + "着", "preposition")
        elif text in COVERBS:
            out.append(Token(text, "preposition"))
        elif token.tag == "preposition" and (text in ("用", "拿") or alone or gives):
            out.append(Token(text, "verb"))
        else:
            out.append(token)
    return out


def _last_verb(tokens: list[Token]) -> list[Token]:
    """Make the last word after 把 and its noun a verb where the tagger saw none (把债还清)."""
    held = [k for k, token in enumerate(tokens) if token.text == "把" and token.tag == "preposition"]
    after = tokens[held[-1] :] if held else []
    if after and not any(t.tag in ("verb", "verbal noun") for t in after) and after[-1].tag in ("adverb", "adjective"):
        return [*tokens[:-1], Token(after[-1].text, "verb")]
    return tokens
