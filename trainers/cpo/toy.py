"""A small translation language whose quality is computed exactly.

A source is 4 to 8 invented words. Every word has one translation, except homographs: theirs depends on
whether the word before is of the first or of the second class. An attribute (``q…``) stands before its
noun in the source and after the next word in the translation.

Three systems translate with errors of known rates: they use the common sense of a homograph where the
other is right, leave words out, keep the source's order. Each homograph has a difficulty of its own, the
rate at which all systems take the common sense; so on some words even the best of three outputs is
mostly wrong, as ALMA-R takes references and strong systems to be. Triplets are ranked by ``words``;
``order`` is of another family and selects nothing.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from trainers.cpo.outputs import Candidate, Outputs

PLAIN = tuple(f"w{n}" for n in range(40))
HOMOGRAPHS = tuple(f"h{n}" for n in range(16))
ATTRIBUTES = tuple(f"q{n}" for n in range(8))
MARK = "=>"
SELECTED_BY = "words"
SOURCE, TARGET = "toy-source", "toy-target"

DIFFICULTY = {word: 0.3 + 0.65 * place / (len(HOMOGRAPHS) - 1) for place, word in enumerate(HOMOGRAPHS)}
"""How often systems take a homograph's common sense where the other is right: .3 to .95."""


@dataclass(frozen=True)
class Rates:
    """A system's errors: factor on the difficulty, and probabilities of an omission and of the source's order."""

    sense: float
    omitted: float
    unordered: float


SYSTEMS = {"reference": Rates(1.0, 0.05, 0.1), "A": Rates(0.85, 0.03, 0.35), "B": Rates(1.1, 0.1, 0.15)}


def vocabulary() -> list[str]:
    """Return every word of both languages."""
    senses = [f"{word.upper()}{sense}" for word in HOMOGRAPHS for sense in "AB"]
    return [MARK, *PLAIN, *HOMOGRAPHS, *ATTRIBUTES, *(w.upper() for w in (*PLAIN, *ATTRIBUTES)), *senses]


def prompt(text: str) -> str:
    """Return what the model is to continue; the beginning of sequence is written out."""
    return f"<bos> {text} {MARK}"


def sources(count: int, seed: str) -> list[str]:
    """Draw sources: no homograph first, no attribute last or before another one."""
    draw = random.Random(seed)
    return [_source(draw) for _ in range(count)]


def _source(draw: random.Random) -> str:
    words: list[str] = [draw.choice(PLAIN)]
    for left in range(draw.randint(3, 7), 0, -1):
        attribute = left > 1 and words[-1][0] != "q" and draw.random() < 0.25
        words.append(draw.choice(ATTRIBUTES if attribute else HOMOGRAPHS if draw.random() < 0.45 else PLAIN))
    return " ".join(words)


def translate(text: str, rates: Rates | None = None, draw: random.Random | None = None) -> str:
    """Translate, exactly or with a system's errors.

    Args:
        text: a source.
        rates: of errors; exact without.
        draw: source of chance for errors.

    Examples:
        >>> translate("w0 q1 w2"), translate("w0 h0"), translate("w1 h0")
        ('W0 W2 Q1', 'W0 H0A', 'W1 H0B')
    """
    words = text.split()
    out = [_word(words, place, rates, draw) for place in range(len(words))]
    place = 0
    while place + 1 < len(words):
        if words[place][0] == "q":
            if not (rates and draw and draw.random() < rates.unordered):
                out[place : place + 2] = out[place + 1], out[place]
            place += 1
        place += 1
    return " ".join(word for word in out if not (rates and draw and draw.random() < rates.omitted))


def _word(words: Sequence[str], place: int, rates: Rates | None, draw: random.Random | None) -> str:
    word = words[place]
    if word[0] != "h":
        return word.upper()
    rare = int(words[place - 1][1:]) % 2 == 1
    if rare and rates and draw and draw.random() < min(1.0, rates.sense * DIFFICULTY[word]):
        rare = False
    return f"{word.upper()}{'B' if rare else 'A'}"


def references(count: int, seed: int) -> list[tuple[str, str]]:
    """Return prompts with imperfect references, what the base model is fitted to."""
    draw = random.Random(f"{seed}:references")
    return [(prompt(t), translate(t, SYSTEMS["reference"], draw)) for t in sources(count, f"{seed}:fit")]


def outputs(count: int, seed: int) -> tuple[Outputs, ...]:
    """Return outputs of the three systems, scored by ``words``."""
    draw = random.Random(f"{seed}:systems")
    found = []
    for number, text in enumerate(sources(count, f"{seed}:triplets")):
        texts = {name: translate(text, rates, draw) for name, rates in SYSTEMS.items()}
        candidates = tuple(Candidate(name, out, words(out, text)) for name, out in texts.items())
        found.append(Outputs(str(number), SOURCE, TARGET, text, candidates))
    return tuple(found)


def words(output: str, text: str) -> float:
    """Return F1 of the words whatever their order, 0 to 1: what triplets are ranked by.

    Examples:
        >>> words("W2 W0", "w0 w2"), words("W0", "w0 w2"), words("", "w0")
        (1.0, 0.6666666666666666, 0.0)
    """
    ours, true = Counter(output.split()), Counter(translate(text).split())
    return 2 * (ours & true).total() / (ours.total() + true.total())


def order(output: str, text: str) -> float | None:
    """Return the share of attributes that stand directly after their noun, None where the source has none.

    Only attributes whose noun is in the output count as right.

    Examples:
        >>> order("W0 W2 Q1", "w0 q1 w2"), order("W0 Q1 W2", "w0 q1 w2"), order("W0", "w0")
        (1.0, 0.0, None)
    """
    source, out = text.split(), output.split()
    pairs = [(noun, word) for word, noun in pairwise(source) if word[0] == "q"]
    if not pairs:
        return None
    beside = [(a.rstrip("AB") if a[0] == "H" else a, b) for a, b in pairwise(out)]
    return sum((noun.upper(), word.upper()) in beside for noun, word in pairs) / len(pairs)


def quality(output: str, text: str) -> float:
    """Return ``1 - edit distance in words / the longer length`` to the exact translation, 0 to 1.

    Examples:
        >>> quality("W0 W2", "w0 w2"), quality("W0 W3", "w0 w2"), quality("", "w0")
        (1.0, 0.5, 0.0)
    """
    ours, true = output.split(), translate(text).split()
    row = list(range(len(true) + 1))
    for i, word in enumerate(ours, 1):
        before, row[0] = row[0], i
        for j, wanted in enumerate(true, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != wanted))
    return 1 - row[-1] / max(len(ours), len(true))
