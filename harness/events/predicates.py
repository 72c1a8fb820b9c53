"""Which words of a clause are predicates, of what kind, and which words belong to each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from harness.events.polarity import Word
from harness.events.tokens import NONE, Token
from harness.events.words import ADDRESSING, BEING, CAUSING, GOING, HAVING, MODAL, SAYING

Kind = Literal["main", "saying", "when", "relative"]
NOMINAL = ("noun", "name", "number", "verbal noun")
_AFTERWARDS = frozenset("时候 时 以后 之后 之前 以前 后 前 那年 那天 那时 那次 那时候 那会儿 那一刻 那晚".split())
_PAUSES = ("adverb", "preposition", "conjunction", "time")
_DEGREES = frozenset("像 跟 要命 要死 不行 不得了 吓人 厉害 够呛 离谱 可怕 惊人 过分 慌".split())
_THEN = frozenset("再 就 才 便 立马 马上 立刻 赶紧 连忙 急忙".split())
_ASPECTS = ("了", "着", "过")


@dataclass(frozen=True, slots=True)
class Head:
    """A predicate and what belongs to it.

    Attributes:
        at: its index.
        kind: ``main``; ``saying`` where a clause is its object; ``when`` in a clause that says
            when; ``relative`` in one that modifies a noun.
        own: indexes of the words that belong to it, itself not among them.
    """

    at: int
    kind: Kind
    own: tuple[int, ...] = ()


def heads(words: Sequence[Word]) -> list[Head]:
    """Find the predicates of a stretch without punctuation or connectives, each with its words.

    Args:
        words: mended, negation taken out.

    Returns:
        The predicates in order; no word belongs to two.

    Examples:
        >>> tags = {"他": "pronoun", "买": "verb", "的": "particle", "车": "noun", "坏": "verb", "了": "particle"}
        >>> [(h.at, h.kind, h.own) for h in heads([Word(Token(text, tag)) for text, tag in tags.items()])]
        [(1, 'relative', (0, 2)), (4, 'main', (3, 5))]
    """
    tokens = [word.token for word in words]
    relative = _relatives(tokens)
    inside = {i for k, j in relative.items() for i in range(k, j + 1)}
    mains = [k for k in range(len(tokens)) if k not in inside and _is_predicate(words, k)]
    mains = [k for k in mains if not _describes(tokens, k)]
    mains = [k for k in mains if not _yields(words, k, mains)]
    found = [Head(k, _kind(tokens, k, mains)) for k in mains]
    owner = _owners(tokens, found, relative)
    _pass_on(tokens, found, owner)
    found = sorted([*found, *(Head(k, "relative") for k in relative)], key=lambda head: head.at)
    return [Head(h.at, h.kind, tuple(i for i, o in enumerate(owner) if o == h.at and i != h.at)) for h in found]


def _is_predicate(words: Sequence[Word], k: int) -> bool:
    token = words[k].token
    if token.tag == "verb":
        return True
    following = words[k + 1].token if k + 1 < len(words) else NONE
    if token.tag != "adjective" or (k == 0 and following.text not in ("了", "多", "极")):
        return False
    graded = (
        k == 0
        or bool(words[k].negations)
        or words[k - 1].token.tag in ("adverb", "pronoun", "noun", "name")
        or words[k - 1].token.text in MODAL
    )
    if following.text == "得":
        return True
    closes = following.text in ("", "了", "多", "极", "呢", "吗", "吧", "啊") or following.tag in (
        "pronoun",
        "conjunction",
        "particle",
    )
    closes = closes or (
        following.text in ("也", "都", "就", "才", "却", "还", "又") and token.text not in ("快", "早", "慢")
    )
    closes = closes or (words[k - 1].token.tag == "adverb" and following.tag in ("noun", "name"))
    last_of = following.text == "的" and k + 2 == len(words)
    return graded and (last_of or (closes and following.text not in ("的", "地", "得")))


def _describes(tokens: Sequence[Token], k: int) -> bool:
    """Say whether a predicate after 得 only describes the verb before it (唱得很高), not where a clause follows."""
    marks = [j for j in range(1, k) if tokens[j].text == "得" and tokens[j].tag == "particle"]
    return (
        (tokens[k].tag == "adjective" or tokens[k].text in _DEGREES)
        and bool(marks)
        and not any(t.tag == "verb" for t in tokens[marks[-1] + 1 : k])
    )


def _yields(words: Sequence[Word], k: int, heads: Sequence[int]) -> bool:
    """Say whether a verb leaves the predicate to the next one: modal, causing, going, introducing, or manner."""
    tokens = [word.token for word in words]
    later = next((j for j in heads if j > k), None)
    if later is None:
        following = next((t for t in tokens[k + 1 :] if t.tag != "adverb"), NONE)
        return tokens[k].text in MODAL and following.tag == "verb"
    text, between = tokens[k].text, tokens[k + 1 : later]
    close = not any(_subject_pronoun(tokens, j) for j in range(k + 1, later))
    bare = not any(t.tag in NOMINAL for t in between)
    if text in MODAL:
        first = next((t for t in between if t.tag not in ("adverb", "time")), None)
        return first is None or first.tag not in NOMINAL
    if text in CAUSING or text == "离":
        return True
    if text == "等":
        return tokens[k + 1].text not in _ASPECTS
    if text in GOING:
        return close and not any(t.text in _ASPECTS for t in between)
    if text in HAVING and not words[k].negations:
        return close and not bare
    if text in BEING - HAVING:
        return not any(t.tag in NOMINAL for t in tokens[:k]) or "的" in (tokens[-1].text, tokens[k - 1].text)
    mark = between[0].text if between else ""
    if mark == "着" and bare:
        return True
    described = any(t.text in _DEGREES or t.tag == "adjective" for t in between)
    return mark == "得" and tokens[later].tag == "verb" and not described


def _subject_pronoun(tokens: Sequence[Token], j: int) -> bool:
    """Say whether a pronoun may begin a clause: not after a preposition, nor before a noun or measure word."""
    following = tokens[j + 1] if j + 1 < len(tokens) else NONE
    free = following.text != "的" and following.tag not in ("other", *NOMINAL)
    return tokens[j].tag == "pronoun" and free and tokens[j - 1].tag != "preposition"


def _kind(tokens: Sequence[Token], k: int, mains: Sequence[int]) -> Kind:
    later = next((j for j in mains if j > k), len(tokens))
    rest = tokens[k + 1 : later]
    ends = any(t.text in _AFTERWARDS and f.text != "的" for t, f in pairwise([*rest, NONE]))
    ends = ends or (any(t.text == "就" for t in rest) and all(t.tag in ("particle", "other", "adverb") for t in rest))
    once = k > 0 and tokens[k - 1].text == "一" and tokens[k - 1].tag in ("adverb", "other")
    if once and tokens[k].text in SAYING and later < len(tokens) and not any(t.text == "就" for t in rest):
        return "saying"
    if ends or once:
        return "when"
    seen = next((t.text for t in rest if t.tag not in (*NOMINAL, "particle", "other", "adjective")), "")
    return "saying" if tokens[k].text in SAYING and later < len(tokens) and seen not in _THEN else "main"


def _relatives(tokens: Sequence[Token]) -> dict[int, int]:
    """Find verbs of relative clauses (V ... 的 N), each with the index of its 的."""
    found: dict[int, int] = {}
    for j, token in enumerate(tokens):
        if token.text != "的" or j + 1 == len(tokens) or not j:
            continue
        after = tokens[j + 1 : j + 4]
        if not any(t.tag in NOMINAL for t in after) or any(t.text in _AFTERWARDS for t in after):
            continue
        k = j - 1
        while k >= 0 and (tokens[k].tag in (*NOMINAL, "particle", "other", "adjective") or tokens[k].text in _ASPECTS):
            k -= 1
        if k < 0 or tokens[k].tag != "verb" or k in found:
            continue
        if tokens[k].text == "是" or (tokens[k].text in SAYING and k + 1 < j):
            continue
        direct = all(t.tag == "particle" for t in tokens[k + 1 : j])
        later = any(t.tag in ("verb", "adjective") for t in tokens[j + 1 :])
        opened = k > 0 and (tokens[k - 1].text in ("个", "位", "所") or _determined(tokens, k))
        pointed = tokens[j + 1].tag == "pronoun"
        finished = k + 1 < j and tokens[k + 1].text in ("了", "过")
        if direct or opened or pointed or (later and not finished and not any(t.tag == "verb" for t in tokens[:k])):
            found[k] = j
    return found


def _determined(tokens: Sequence[Token], k: int) -> bool:
    """Say whether a determiner with its measure word stands before a verb (那杯下了毒的咖啡)."""
    measured = k > 1 and tokens[k - 1].tag == "other" and tokens[k - 2].tag == "pronoun"
    word = tokens[k - 2] if measured else tokens[k - 1]
    glued = word.tag == "pronoun" and len(word.text) > 1 and word.text not in ("这样", "那样", "这里", "那里")
    return (measured or glued) and word.text[0] in "这那哪"


def _owners(tokens: Sequence[Token], mains: Sequence[Head], relative: dict[int, int]) -> list[int]:
    """Return for every word the index of the predicate it belongs to, -1 where there is none."""
    owner = [-1] * len(tokens)
    for n, head in enumerate(mains):
        start = 0 if n == 0 else mains[n - 1].at + 1
        border = start if n == 0 else _border(tokens, mains[n - 1], head.at, relative)
        for i in range(start, head.at):
            owner[i] = mains[n - 1].at if n and i < border else head.at
    for i in range(mains[-1].at + 1 if mains else 0, len(tokens)):
        owner[i] = mains[-1].at if mains else -1
    for k, j in relative.items():
        owner[k] = k
        for i in range(k, j + 1):
            owner[i] = k
        i = k - 1
        while i >= 0 and all(i != h.at for h in mains) and owner[i] not in relative and not _stops(tokens[i]):
            owner[i] = k
            i -= 1
    return owner


def _pass_on(tokens: Sequence[Token], mains: Sequence[Head], owner: list[int]) -> None:
    """Give the subject of a clause that says when to the next predicate, where either has nothing else of its own."""
    for head, later in pairwise(mains):
        mine = [i for i, o in enumerate(owner) if o == head.at and i != head.at]
        object_of_own = any(
            tokens[i].text in ("把", "被")
            or (i > head.at and tokens[i].tag in NOMINAL and tokens[i].text not in _AFTERWARDS)
            for i in mine
        )
        subject = any(
            tokens[i].tag in NOMINAL or _subject_pronoun(tokens, i) for i, o in enumerate(owner) if o == later.at > i
        )
        if head.kind == "when" and not object_of_own and not subject:
            for i in mine:
                owner[i] = later.at


def _stops(token: Token) -> bool:
    return token.tag in ("particle", "other", "verb", "number")


def _border(tokens: Sequence[Token], before: Head, at: int, relative: dict[int, int]) -> int:
    """Return the index from which words between two predicates belong to the second."""
    if before.kind == "saying" and tokens[before.at].text in ADDRESSING:
        return next((i for i in range(before.at + 1, at) if tokens[i].tag not in (*NOMINAL, "particle", "other")), at)
    clause = tokens[before.at].text == "是" and tokens[before.at + 1].tag in ("time", "pronoun", "adverb")
    if before.kind == "saying" or clause:
        return before.at + 1
    if tokens[before.at].tag == "adjective":
        return before.at + 1
    nouns = 0
    for i in range(before.at + 1, at):
        token = tokens[i]
        inside = any(k <= i <= j for k, j in relative.items())
        starts = _subject_pronoun(tokens, i)
        if not inside and (token.tag in _PAUSES or starts or (token.tag == "pronoun" and nouns)):
            return _subject(tokens, before.at, i) if token.tag == "adverb" else i
        nouns += token.tag in NOMINAL
    return at


def _subject(tokens: Sequence[Token], start: int, stop: int) -> int:
    """Return where the subject before an adverb begins: the last noun, where the predicate has another already."""
    nouns = [i for i in range(start + 1, stop) if tokens[i].tag in NOMINAL]
    placed = any(t.text in ("把", "被") and t.tag == "preposition" for t in tokens[:start])
    if (
        (len(nouns) > 1 or (nouns and placed))
        and tokens[nouns[-1]].tag != "number"
        and tokens[nouns[-1] - 1].text != "的"
        and nouns[-1] == stop - 1
    ):
        return nouns[-1]
    return stop
