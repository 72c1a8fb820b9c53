r"""Reading what a model answered for several lines, row by row, whatever state the whole is in.

The strict reader of ``harness.prompts`` makes a whole answer unparsable where one row is
wrong. For a file that somebody pays for, every row that is whole, names its line and can
be its translation is kept; all else is asked again (``asking.py``).
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from harness.language import wrong_language
from harness.prompts import one_line
from harness.translating.glossary import Term

STRING = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
ROW = re.compile(rf'\{{\s*"id"\s*:\s*"?(\d{{1,6}})"?\s*,\s*"text"\s*:\s*({STRING})\s*\}}')
"""A whole row inside an answer that is cut off or has words around it."""
TELLING = 20
"""Characters from which two lines with one translation are a repetition, not two short answers alike."""
MOST_TERMS = 50
LONGEST = (200, 12)
"""Characters of a translation: so many, and so many for each of the source."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be used of an answer: texts by number from 1, the highest number in it, and terms it told.

    ``seen`` are the numbers that have any text, ``rejected`` texts that are blank or in a wrong language.
    """

    texts: dict[int, str]
    last: int
    seen: frozenset[int] = frozenset()
    terms: tuple[Term, ...] = ()
    rejected: dict[int, str] = field(default_factory=dict)


def read(answer: str, sources: Sequence[str], target: str) -> Reading:
    r"""Read an answer to numbered lines.

    A line is usable where one row with its number has a text that is not blank, is not in
    a wrong language, is not too long to be a translation of it, and does not repeat
    another line's. The same row twice is one row; two different ones are none.

    Args:
        answer: what the model wrote.
        sources: the lines asked for.
        target: language of the translation.

    Returns:
        What can be used of it.

    Examples:
        >>> cut = '{"translations": [{"id": 2, "text": "Two"}, {"id": 1, "text": "One"}, {"id": 3, "te'
        >>> read(cut, ["一", "二", "三"], "en")
        Reading(texts={1: 'One', 2: 'Two'}, last=2, seen=frozenset({1, 2}), terms=(), rejected={})
    """
    data = _json(answer)
    found: dict[int, set[str]] = {}
    last = 0
    for number, text in _rows(answer, data):
        last = max(last, number)
        if 1 <= number <= len(sources):
            found.setdefault(number, set()).add(one_line(text))
    single = {number: next(iter(found[number])) for number in sorted(found) if len(found[number]) == 1}
    rejected = {number: text for number, text in single.items() if not text or wrong_language(text, target)}
    texts = {
        number: text
        for number, text in single.items()
        if number not in rejected and len(text) <= LONGEST[0] + LONGEST[1] * len(sources[number - 1])
    }
    for number in _repeated(texts, sources):
        del texts[number]
    seen = frozenset(number for number, every in found.items() if any(every))
    return Reading(texts, last, seen, _terms(data), rejected)


def _repeated(texts: dict[int, str], sources: Sequence[str]) -> list[int]:
    """Return the lines that have another line's translation though not its source."""
    first: dict[str, int] = {}
    found: set[int] = set()
    for number, text in texts.items():
        other = first.setdefault(text, number)
        if other != number and len(text) >= TELLING and sources[other - 1] != sources[number - 1]:
            found |= {other, number}
    return sorted(found)


def _json(answer: str) -> Any:
    start, end = answer.find("{"), answer.rfind("}")
    try:
        return json.loads(answer[start : end + 1])
    except (ValueError, RecursionError):
        return None


def _rows(answer: str, data: Any) -> Iterator[tuple[int, str]]:
    rows = data.get("translations") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        for match in ROW.finditer(answer):
            try:
                yield int(match[1]), json.loads(match[2])
            except ValueError:
                continue
        return
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("text"), str):
            number = row.get("id")
            if type(number) is int or (isinstance(number, str) and number.isdecimal() and len(number) < 7):
                yield int(number), row["text"]


def _terms(data: Any) -> tuple[Term, ...]:
    """Return the terms that an answer tells beside its lines."""
    rows = data.get("terms") if isinstance(data, dict) else None
    return tuple(
        Term(one_line(row["source"]), one_line(row["target"]))
        for row in (rows if isinstance(rows, list) else [])[:MOST_TERMS]
        if isinstance(row, dict) and isinstance(row.get("source"), str) and isinstance(row.get("target"), str)
    )


def likeness(a: str, b: str) -> float:
    """Compare two texts by their pairs of characters (Dice), from 0 to 1.

    Examples:
        >>> likeness("Let's go home.", "Let us go home."), likeness("Let's go home.", "Who are you?") < 0.2
        (0.8148148148148148, True)
    """
    first, second = (set(pairwise(text)) or {(text, "")} for text in (a.casefold(), b.casefold()))
    return 2 * len(first & second) / (len(first) + len(second))
