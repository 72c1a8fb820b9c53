"""A made-up language pair whose accuracy, naturalness and vividness are counted, not judged.

A scene is a mark of its register and four lines of three concepts. The target language has six words
for a concept: two registers, each with a plain, a coloured and a vivid word::

    source     <casual> 1. k04 k11 k29 ; 2. k00 k17 k08 ; 3. … ; 4. … =>
    target     1. k04-casual-plain k11-casual-vivid k29-casual-plain ; 2. …

    accuracy     share of places with a word of the right concept
    naturalness  share of words in the scene's register
    vividness    mean over words of 0 (plain), .5 (coloured), 1 (vivid), whatever they mean

References are like a careful translator's: mostly plain words, now and then a wrong one, and a seventh of the
scenes keep to the wrong register throughout, so that a model learns to go on as it began.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from harness.records import Item, Segment
from trainers.alpo.data import Sample
from trainers.alpo.mixing import stream

CONCEPTS = tuple(f"k{number:02}" for number in range(20))
REGISTERS = ("formal", "casual")
LEVELS = {"plain": 0.0, "coloured": 0.5, "vivid": 1.0}
LINES = 4
WORDS = 3
SEPARATOR = " ;"

LEVEL_CHANCES = (0.55, 0.3, 0.15)
WRONG_WORD = 0.02
WRONG_REGISTER = 1 / 7


@dataclass(frozen=True, slots=True)
class Quality:
    """What a line is worth, each part in 0..1."""

    accuracy: float
    naturalness: float
    vividness: float

    @property
    def score(self) -> float:
        """The rubric of ALPO's judge, 0..100: accuracy 30 %, fit 30 %, expressiveness 40 %."""
        return 100 * (0.3 * self.accuracy + 0.3 * self.naturalness + 0.4 * self.vividness)


def vocabulary() -> list[str]:
    """Return every word of both languages.

    Examples:
        >>> len(vocabulary())
        148
    """
    target = [word(concept, register, level) for concept in CONCEPTS for register in REGISTERS for level in LEVELS]
    numbers = [f"{number}." for number in range(1, LINES + 1)]
    return [*map(mark, REGISTERS), *numbers, ";", "=>", *CONCEPTS, *target]


def word(concept: str, register: str, level: str) -> str:
    """Return a word of the target language."""
    return f"{concept}-{register}-{level}"


def mark(register: str) -> str:
    """Return the mark of a scene's register."""
    return f"<{register}>"


def quality(source: Segment, text: str) -> Quality:
    """Measure one line.

    Words beyond the source's number make it less accurate; words that are none are wrong in every way.

    Args:
        source: the line; its ``domain`` is the scene's register.
        text: a translation.

    Examples:
        >>> line = Segment("1", "k00 k01 k02", "s", domain="casual")
        >>> quality(line, "k00-casual-plain k01-casual-vivid k09-formal-coloured")
        Quality(accuracy=0.6666666666666666, naturalness=0.6666666666666666, vividness=0.5)
        >>> quality(line, "")
        Quality(accuracy=0.0, naturalness=0.0, vividness=0.0)
    """
    wanted = source.text.split()
    parts = [(found + "--").split("-")[:3] for found in text.split()]
    longest = max(len(wanted), len(parts))
    right = sum(concept == part[0] for concept, part in zip(wanted, parts, strict=False))
    natural = sum(part[1] == source.domain for part in parts)
    vivid = sum(LEVELS.get(part[2], 0.0) for part in parts)
    return Quality(right / longest, natural / longest, vivid / longest)


def scenes(count: int, seed: int) -> list[Sample]:
    """Make scenes with references.

    Examples:
        >>> scenes(1, seed=1)[0].prompt
        '<casual> 1. k01 k15 k08 ; 2. k17 k16 k19 ; 3. k01 k16 k14 ; 4. k17 k14 k15 ; =>'
    """
    return [_scene(f"{seed}-{number}", stream("scene", seed, number)) for number in range(count)]


def _scene(id_: str, rng: Generator) -> Sample:
    register = str(rng.choice(REGISTERS))
    other = REGISTERS[1 - REGISTERS.index(register)]
    spoken = other if rng.random() < WRONG_REGISTER else register
    segments = []
    for number in range(1, LINES + 1):
        concepts = [str(concept) for concept in rng.choice(CONCEPTS, WORDS)]
        reference = " ".join(_word(concept, spoken, rng) for concept in concepts)
        segments.append(Segment(f"{id_}-{number}", " ".join(concepts), id_, register, reference=reference))
    return Sample(Item(id_, tuple(segments)), prompt(register, [segment.text for segment in segments]))


def _word(concept: str, register: str, rng: Generator) -> str:
    if rng.random() < WRONG_WORD:
        concept = str(rng.choice(CONCEPTS))
    return word(concept, register, str(rng.choice(list(LEVELS), p=np.array(LEVEL_CHANCES))))


def prompt(register: str, lines: Sequence[str]) -> str:
    """Return what the model is given.

    Examples:
        >>> prompt("casual", ["k00 k01", "k02 k03"])
        '<casual> 1. k00 k01 ; 2. k02 k03 ; =>'
    """
    numbered = " ".join(f"{number}. {line}{SEPARATOR}" for number, line in enumerate(lines, 1))
    return f"{mark(register)} {numbered} =>"
