"""Core events from tagged tokens: the same rules for every tagger.

A core event is the main predicate of a clause with its content-bearing arguments:
nouns, proper nouns and numerals (arXiv 2601.10187, appendix D). The paper leaves
open what the main predicate is; the rules here are those of the conventions in
tasks/sandglass_mini/NOTE.md, as far as tags can decide them [ours]:

1. subtitles come without punctuation, so a stretch between two marks may hold several
   clauses: it is cut at connectives, and each predicate takes the words around it up to
   a border (a pronoun, an adverb, a preposition), see ``predicates``;
2. modal, causing and introducing verbs are no predicates while a verb follows; a verb of
   saying has only the words before it; a relative clause or one that says when counts only
   with an argument of its own, or a negation;
3. an event without an argument gets the subject of the event before it, unless it has a
   pronoun of its own; the two events with the most arguments are kept, where none has any
   those that are not empty (做, 好: any text would keep them);
4. a text with no predicate at all but with nouns is a nominal event, its last noun
   the predicate; a text without content words has no event.

Negation is the parity of the negators before the predicate within its words, with
lexicalised words (不错, 不过, 没事) and questions (能不能, 去不去) taken out. Arguments come
in the order agent, patient: after 被 the order is turned round.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.events.mending import mend
from harness.events.numerals import is_one_number, numeral_text
from harness.events.polarity import Word, negations
from harness.events.predicates import Head, heads
from harness.events.tokens import Token
from harness.events.words import ADDRESSES, CONNECTIVES, LIGHT, STOP_NOUNS
from harness.records import Argument, Event

VERSION = 2
"""Goes into every extractor's name: other rules, other calibration."""

MAX_EVENTS = 2
"""Core events of a source."""

MAX_CANDIDATES = 8
"""Events of a text that is compared with one."""

MAX_ARGUMENTS = 6

MAX_PART = 100
"""Words of a stretch: what is longer is no speech, and is cut so that time grows with the length of a text."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An event, the part it stands in, whether it is a main predicate, and whether it may share a subject."""

    part: int
    event: Event
    main: bool
    shares: bool


def build(clauses: Sequence[Sequence[Token]], limit: int = MAX_EVENTS) -> tuple[Event, ...]:
    """Build the core events of a text.

    Args:
        clauses: the tagged tokens of each clause.
        limit: how many events at most.

    Returns:
        The events with most arguments, in text order.

    Examples:
        >>> clause = [Token("他", "pronoun"), Token("没有", "verb"), Token("打败", "verb"), Token("Boss", "noun")]
        >>> build([clause])[0].text()
        '不打败 Boss'
        >>> build([[Token("好的", "particle")]])
        ()
    """
    return tuple(event for _, event in build_indexed(clauses, limit))


def build_indexed(clauses: Sequence[Sequence[Token]], limit: int = MAX_EVENTS) -> tuple[tuple[int, Event], ...]:
    """Build the core events, each with the index of the clause it came from."""
    mended = [mend(clause) for clause in clauses]
    parts = [(i, part) for i, clause in enumerate(mended) for part in _split(clause)]
    found = [event for n, (_, part) in enumerate(parts) for event in _part(part, n)]
    found = _attach_topics(found, [part for _, part in parts])
    shared = list(zip(_share_subject(found), (len(f.event.arguments) for f in found), strict=True))
    told = [(f, own) for f, own in shared if f.event.arguments]
    told = told or [(f, 0) for f in found if f.main and not _empty(f.event)]
    if not told:
        return _nominal(mended)
    order = sorted(range(len(told)), key=lambda k: (-told[k][1], k))
    return tuple((parts[told[k][0].part][0], told[k][0].event) for k in sorted(order[:limit]))


def part_events(tokens: Sequence[Token]) -> list[Event]:
    """Build the events of a stretch without punctuation or connectives.

    Examples:
        >>> T = Token
        >>> part_events([T("猫", "noun"), T("被", "preposition"), T("狗", "noun"), T("咬", "verb")])[0].text()
        '咬 狗 猫'
        >>> clause = [T("他", "pronoun"), T("买", "verb"), T("苹果", "noun"), T("送", "verb"), T("老师", "noun")]
        >>> [e.text() for e in part_events(clause)]
        ['买 苹果', '送 老师']
        >>> part_events([T("这个", "pronoun"), T("游戏", "noun"), T("不错", "adjective")])
        [Event(predicate='不错', negated=False, arguments=(Argument(text='游戏', kind='noun'),))]
    """
    return [found.event for found in _part(mend(tokens), 0)]


def _part(tokens: Sequence[Token], number: int) -> list[_Found]:
    words = negations(_unaddressed(tokens))
    found = []
    for head in heads(words):
        event = _event(words, head)
        if head.kind == "relative" and event.negated and not event.arguments:
            event = replace(event, arguments=_arguments(words, range(head.own[-1] + 1, len(words)))[:1])
        pronoun = any(words[i].token.tag == "pronoun" for i in head.own if i < head.at)
        if event.arguments or head.kind == "main":
            found.append(_Found(number, event, head.kind == "main", not pronoun))
    return found


def _unaddressed(tokens: Sequence[Token]) -> Sequence[Token]:
    """Leave off who is spoken to: 朋友们 or 妈 before a pronoun."""
    called = len(tokens) > 1 and tokens[0].tag in ("noun", "name") and tokens[1].tag == "pronoun"
    return tokens[1:] if called and (tokens[0].text in ADDRESSES or tokens[0].text[-1] in "们") else tokens


def _event(words: Sequence[Word], head: Head) -> Event:
    """Build the event of a predicate from the words that belong to it."""
    before, after = [i for i in head.own if i < head.at], [i for i in head.own if i > head.at]
    marks = [i for i in before if words[i].token.text in ("被", "给") and words[i].token.tag == "preposition"]
    arguments = _arguments(words, before)
    if marks:
        arguments = _arguments(words, [i for i in before if i > marks[0]]) + _arguments(
            words, [i for i in before if i < marks[0]]
        )
    arguments = tuple(dict.fromkeys(arguments + _arguments(words, after)))
    negated = sum(words[i].negations for i in (*before, head.at)) % 2 == 1
    return Event(words[head.at].token.text, negated, arguments[:MAX_ARGUMENTS])


def _nominal(clauses: Sequence[Sequence[Token]]) -> tuple[tuple[int, Event], ...]:
    """Build the one event of a text that only has nouns."""
    nominal = [(i, a) for i, clause in enumerate(clauses) for a in _all(clause)]
    named = [k for k, (_, a) in enumerate(nominal) if a.kind != "number"]
    if not named:
        return ()
    rest = tuple(a for k, (_, a) in enumerate(nominal) if k != named[-1])
    return ((nominal[named[-1]][0], Event(nominal[named[-1]][1].text, False, rest[:MAX_ARGUMENTS])),)


def _empty(event: Event) -> bool:
    """Say whether an event holds nothing to be lost: a light or one-character predicate alone (做, 好)."""
    return not event.arguments and not event.negated and (event.predicate in LIGHT or len(event.predicate) == 1)


def _share_subject(found: Sequence[_Found]) -> list[_Found]:
    """Give an event without arguments the first argument of the event before it: Chinese drops shared subjects."""
    out: list[_Found] = []
    for each in found:
        subject = next((a for f in reversed(out) for a in f.event.arguments if a.kind != "number"), None)
        if not each.event.arguments and subject is not None and each.shares:
            each = replace(each, event=replace(each.event, arguments=(subject,)))
        out.append(each)
    return out


def _split(clause: Sequence[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in clause:
        if token.text in CONNECTIVES and token.tag in ("conjunction", "adverb", "verb", "other"):
            parts.append([])
        else:
            parts += [[]] if len(parts[-1]) == MAX_PART else []
            parts[-1].append(token)
    return [part for part in parts if part]


def _arguments(words: Sequence[Word], indexes: Sequence[int]) -> tuple[Argument, ...]:
    """Collect the content-bearing arguments among some words, adjacent nouns joined, each once."""
    out: list[Argument] = []
    joined = last = -2
    for k in indexes:
        token = words[k].token
        previous, last = last, k
        if token.text in STOP_NOUNS:
            continue
        if token.tag in ("noun", "verbal noun"):
            if joined == k - 1 and out and not token.text.isascii() and not out[-1].text.isascii():
                out[-1] = Argument(out[-1].text + token.text, "noun")
            else:
                out.append(Argument(token.text, "noun"))
            joined = k
        elif token.tag == "name":
            out.append(Argument(token.text, "name"))
        elif token.tag == "number":
            text = token.text
            following = words[k + 1].token.text if k + 1 < len(words) else ""
            if (
                previous == k - 1
                and out
                and out[-1].text.endswith(words[k - 1].token.text)
                and is_one_number(out[-1].text + text)
            ):
                out[-1] = Argument(numeral_text(out[-1].text + text), "number")
                continue
            out.append(Argument(numeral_text(text + following if following.startswith("半") else text), "number"))
    return tuple(dict.fromkeys(out))


def _all(tokens: Sequence[Token]) -> tuple[Argument, ...]:
    words = negations(tokens)
    return _arguments(words, range(len(words)))


def _attach_topics(found: Sequence[_Found], parts: Sequence[Sequence[Token]]) -> list[_Found]:
    """Give the arguments of parts without a predicate to the next event, or the last one."""
    out = list(found)
    used = {f.part for f in found}
    for n, part in enumerate(parts if found else ()):
        loose = () if n in used else _all(part)
        if loose:
            at = next((k for k, f in enumerate(out) if f.part > n), len(out) - 1)
            event = out[at].event
            both = loose + event.arguments if out[at].part > n else event.arguments + loose
            out[at] = replace(out[at], event=replace(event, arguments=tuple(dict.fromkeys(both))[:MAX_ARGUMENTS]))
    return out
