"""Negation taken out of tagged words, so that the predicate is left bare and its polarity known."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.events.tokens import Token
from harness.events.words import ADVERBS, DIRECTIONS, GLUED, NEGATORS, NOT_NEGATIVE

_PREFIXES = tuple(sorted((n for n in NEGATORS if n not in ("很少", "非", "无", "無")), key=len, reverse=True))
_QUESTION = re.compile(r"(.)(?:不|没)\1")
_POTENTIAL = re.compile(rf"^(.{{1,2}})不([{''.join(DIRECTIONS)}].?)$")


_AFTER = re.compile(rf"不(?:[{''.join(DIRECTIONS)}]|下去|下来|出来|起来|过去)")
_MODAL = ("不要", "不用", "不会", "不想", "不需要", "不敢", "不肯")
_NOT = ("没有", "没", "沒有", "沒", "毫无", "无")


@dataclass(frozen=True, slots=True)
class Word:
    """A token and the number of negators it held."""

    token: Token
    negations: int = 0


def _lacks(following: Sequence[Token]) -> bool:
    """Say whether 没 has a noun for its object: no verb follows that the noun could be the subject of (没信号我就)."""
    if not following or following[0].tag not in ("noun", "name"):
        return False
    nouns = next((k for k, t in enumerate(following) if t.tag not in ("noun", "name")), len(following))
    return nouns == len(following) or following[nouns].tag in ("pronoun", "conjunction", "particle")


def negations(tokens: Sequence[Token]) -> list[Word]:
    """Take negation out of the words: each word left carries the negators it held."""
    words: list[Word] = []
    texts = [t.text for t in tokens]
    swallowed = -1
    for i, token in enumerate(tokens):
        if i == swallowed:
            continue
        text, tag = token.text, token.tag
        following = texts[i + 1] if i + 1 < len(texts) else ""
        question = _QUESTION.search(text) or (
            0 < i < len(texts) - 1 and text in ("不", "没", "没有") and texts[i - 1][:1] == texts[i + 1][:1]
        )
        if _AFTER.fullmatch(text) and words and words[-1].token.tag == "verb":
            words[-1] = Word(words[-1].token, words[-1].negations + 1)
            continue
        if text in NOT_NEGATIVE or question or (text == "不" and following in ("但", "仅", "光", "只")):
            stripped = _QUESTION.sub(r"\1", text) if _QUESTION.search(text) else text
            words.append(Word(Token(stripped, tag if text not in ("不", "没", "没有") else "adverb")))
            continue
        if tag == "verb" and len(text) > 1 and text.endswith("不") and _AFTER.fullmatch("不" + following):
            words.append(Word(Token(text[:-1], "verb"), 1))
            swallowed = i + 1
            continue
        if text == "不" and words and words[-1].token.tag == "verb" and _AFTER.fullmatch("不" + following):
            words[-1] = Word(words[-1].token, words[-1].negations + 1)
            swallowed = i + 1
            continue
        last = not any(t.tag in ("verb", "adjective", "verbal noun") for t in tokens[i + 1 :])
        if text == "不到":
            counted = i + 1 < len(tokens) and tokens[i + 1].tag == "number"
            words.append(
                Word(Token("到", "adverb" if counted and not last else "verb"), 0 if counted and not last else 1)
            )
            continue
        if text in _MODAL and last:
            words.append(Word(Token(text[1:], "verb"), 1))
            continue
        if text in ("没人", "没有人") and last:
            words += [Word(Token("没" if text == "没人" else "有", "verb"), 1), Word(Token("人", "noun"))]
            continue
        if text in NEGATORS:
            if text in _NOT and (last or _lacks(tokens[i + 1 : i + 4])):
                words.append(Word(Token("没" if text in ("没", "沒") else "有", "verb"), 1))
            elif text == "不是" and last:
                words.append(Word(Token("是", "verb"), 1))
            else:
                words.append(Word(Token(text, "adverb"), 1))
            continue
        potential = _POTENTIAL.match(text) if tag in ("verb", "other") else None
        if potential:
            words.append(Word(Token(potential.group(1), "verb"), 1))
            continue
        prefix = next((p for p in _PREFIXES if text.startswith(p) and len(text) > len(p)), None)
        if prefix and tag in ("verb", "adjective", "adverb") and len(text) < len(prefix) + 3:
            words.append(Word(Token(text[len(prefix) :], "verb" if tag == "verb" else tag), 1))
            continue
        if tag in ("verb", "adjective") and text[:1] in ADVERBS and 1 < len(text) < 4 and text not in GLUED:
            words += [Word(Token(text[0], "adverb")), Word(Token(text[1:], tag))]
            continue
        words.append(Word(token))
    return words
