"""The toy of a GenRM: pairs in the made-up language, a fallible teacher, a rubric, and a tiny model from scratch.

The teacher goes word by word: it writes the next word of the source, quotes the next phrase of the translation,
writes the word which that says, and marks the two as the same (=) or not (!=). A full stop stands for an end. It
stops where either ends, and then it judges. Now and then it misreads a word, or judges against its marks.
"""

import json
import math
import random
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

from harness.llm.types import Request, Response
from harness.records import Usage
from trainers.homura import toy_language as language
from trainers.homura.genrm.data import Pair, answer
from trainers.homura.parts import Batch, Kind, Scores

Steps = Literal["compare", "back", "none"]
"""Of the reasoning: read back and compared, read back alone, or none at all."""

SAME, OTHER, END, NOTHING = "=", "!=", ".", "-"
ERRORS = {"lost": 1, "changed": 2, "retold": 3, "swapped": 2, "added": 1, "broken": 1, "gibberish": 1}
"""What is done to a translation, with weights: one word lost, replaced by another of its class, swapped or added; every
second word replaced; one token of the translation lost, or all of them replaced."""
TEACHER = "toy/teacher"

TEMPLATE = """{%- for m in messages -%}
{%- if m.role == 'user' -%}
{{- m.content | replace('{"source": "', '') | replace('", "translation": "', ' => ') | replace('"}', ' ?') -}}
{%- elif m.role == 'assistant' %} {{ m.content }} {{ eos_token }}
{%- endif -%}
{%- endfor -%}"""
"""A chat template that leaves the data of the judge's question, so that a tiny model is asked as a large one is."""


@dataclass(frozen=True)
class Toy:
    """``[toy]``: what is made instead of being read.

    Attributes:
        pairs: number of pairs that the teacher judges.
        held_out: number of labelled pairs, of other sentences.
        seed: of the teacher's faults; pairs and initial weights have ``train.seed``.
        misread: share of judgements in which the teacher misreads a word.
        contradict: share in which it judges against its own marks.
        steps: of its reasoning.
        similarity: of the rubric: cosine of ``ordered`` words (with pairs of neighbours) or of a ``bag`` of them.
        hidden: width of the model.
        layers: of the model.
        heads: of the model.
    """

    pairs: int = 6000
    held_out: int = 1000
    seed: int = 0
    misread: float = 0.1
    contradict: float = 0.1
    steps: Steps = "compare"
    similarity: Literal["ordered", "bag"] = "ordered"
    hidden: int = 64
    layers: int = 2
    heads: int = 2

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
        if min(self.pairs, self.held_out) < 1:
            raise ValueError("toy.pairs and toy.held_out must be 1 or more")
        if not (0 <= self.misread <= 1 and 0 <= self.contradict <= 1):
            raise ValueError("toy.misread and toy.contradict must be shares")
        if self.hidden % self.heads:
            raise ValueError(f"toy.hidden is {self.hidden} and must be a multiple of toy.heads, {self.heads}")


def make_pairs(number: int, seed: int, *, evaluation: bool = False) -> list[Pair]:
    """Make pairs with exact labels, half of them faithful; held-out pairs are of other sentences.

    Examples:
        >>> pairs = make_pairs(200, seed=0)
        >>> {pair.kind for pair in pairs if pair.label}, len({pair.kind for pair in pairs if not pair.label})
        ({'intact'}, 7)
    """
    rng = random.Random(f"pairs {seed} {evaluation}")
    return [_pair(source, rng) for source in language.sentences(number, seed, evaluation=evaluation)]


def _pair(source: str, rng: random.Random) -> Pair:
    kind = rng.choices(list(ERRORS), list(ERRORS.values()))[0] if rng.random() < 0.5 else "intact"
    verbosity = rng.uniform(-1.5, 1.5)
    while True:
        hypothesis = _translated(source.split(), kind, verbosity, rng)
        label = int(language.kept(source, hypothesis) and language.well_formed(hypothesis))
        if label == (kind == "intact"):  # a word may by chance have been replaced by itself
            return Pair(source, hypothesis, label=label, kind=kind)


def _translated(words: list[str], kind: str, verbosity: float, rng: random.Random) -> str:
    place = rng.randrange(len(words))
    if kind == "lost":
        del words[place]
    elif kind == "changed":
        words[place] = rng.choice(_fellows(words[place]))
    elif kind == "retold":
        words = [rng.choice(_fellows(word)) if rng.random() < 0.5 else word for word in words]
    elif kind == "swapped":
        other = rng.choice([i for i in range(len(words)) if i != place])
        words[place], words[other] = words[other], words[place]
    elif kind == "added":
        words.insert(place, rng.choice(list(language.phrases())))
    tokens = language.render(" ".join(words), rng, verbosity).split()
    if kind == "broken":
        del tokens[rng.randrange(len(tokens))]
    elif kind == "gibberish":
        tokens = [rng.choice(_english()) for _ in tokens]
    return " ".join(tokens) or "the"


def _fellows(word: str) -> list[str]:
    """Return the words of a word's class."""
    classes = ([line.split()[0] for line in text.strip().splitlines()] for text in language.LEXICON.values())
    return next(words for words in classes if word in words)


def _english() -> list[str]:
    return sorted({token for said in language.phrases().values() for phrase in said for token in phrase.split()})


class Teacher:
    """The stronger model: a backend of the door that judges as ``harness.judges.genrm`` asks, with known faults.

    Args:
        toy: gives the shares of its faults and the steps of its reasoning.
    """

    def __init__(self, toy: Toy) -> None:
        self._toy = toy

    async def call(self, request: Request, timeout_s: float) -> Response:
        """Judge one translation; the same request gets the same answer."""
        data = json.loads(request.messages[-1].content)
        rng = random.Random(f"{self._toy.seed} {request.repeat} {data}")
        read = language.phrase_by_phrase(data["translation"])
        if rng.random() < self._toy.misread:
            place = rng.randrange(len(read))
            read[place] = read[place][0], rng.choice(list(language.phrases()))
        reasoning, score = judged(data["source"], read, self._toy.steps)
        if rng.random() < self._toy.contradict:
            score = 1 - score
        return Response(answer(reasoning, score), "stop", Usage(calls=1))

    async def close(self) -> None:
        """Nothing is open."""


def judged(source: str, read: list[tuple[str, str]], steps: Steps) -> tuple[str, int]:
    """Reason and judge without fault.

    Args:
        source: source sentence.
        read: the translation's phrases, each with the word it is read as.
        steps: of the reasoning.

    Examples:
        >>> judged("警察 看见 小狗", [("the cops", "警察"), ("fear", "害怕"), ("dogs", "小狗")], "compare")
        (' 警察 the cops 警察 = 看见 fear 害怕 != 小狗 dogs 小狗 = . . = ', 0)
        >>> judged("警察", [("cops", "警察")], "compare"), judged("警察", [("cops", "警察")], "back")
        ((' 警察 cops 警察 = . . = ', 1), (' cops 警察 . ', 1))
    """
    words = source.split()
    score = int(words == [word for _, word in read])
    if steps == "none":
        return f" {NOTHING} ", score
    reasoning: list[str] = []
    for (phrase, word), expected in zip([*read, ("", END)], [*words, END], strict=False):
        said = [phrase, word] if phrase else [word]
        reasoning += said if steps == "back" else [expected, *said, SAME if word == expected else OTHER]
    return f" {' '.join(reasoning)} ", score


@dataclass(frozen=True)
class Similarity:
    """The rubric's similarity: of words alone, which swapped words do not change, or of words in order."""

    how: Literal["ordered", "bag"]
    name: ClassVar[str] = "back_translation"
    kind: ClassVar[Kind] = "similarity"
    optimised_for: ClassVar[tuple[str, ...]] = ()

    def __call__(self, batch: Batch) -> Scores:
        """Compare source and back-translation."""
        compare = language.similarity if self.how == "bag" else ordered_similarity
        return [compare(source, text) for source, text in zip(batch.sources, batch.hypotheses, strict=True)]


def ordered_similarity(source: str, hypothesis: str) -> float:
    """Compute the cosine of words and pairs of neighbours of a source and of a back-translation, in [0, 1].

    Examples:
        >>> round(ordered_similarity("警察 看见 小狗", "dogs see cops"), 3)
        0.429
    """
    ours, theirs = _grams(source), _grams(language.back_translate(hypothesis))
    norms = math.sqrt(sum(n * n for n in ours.values()) * sum(n * n for n in theirs.values()))
    return sum(n * theirs[gram] for gram, n in ours.items()) / norms


def _grams(text: str) -> Counter[tuple[str, ...]]:
    words = ["", *text.split(), ""]
    return Counter([(word,) for word in words[1:-1]] + list(pairwise(words)))


@dataclass(frozen=True)
class WellFormed:
    """The rubric's well-formedness: exact."""

    name: ClassVar[str] = "fluency"
    kind: ClassVar[Kind] = "judgement"
    optimised_for: ClassVar[tuple[str, ...]] = ()

    def __call__(self, batch: Batch) -> Scores:
        """Judge the translations alone."""
        return [float(language.well_formed(text)) for text in batch.hypotheses]


def tokenizer_and_model(toy: Toy, seed: int) -> tuple[Any, Any]:
    """Make the tokenizer, with a chat template, and the model from scratch."""
    from trainers.common.toy import tiny_model, word_tokenizer

    form = answer(" ", 0).split() + answer(" ", 1).split()
    tokenizer = word_tokenizer([*language.words(), "=>", "?", SAME, OTHER, END, NOTHING, *form])
    tokenizer.chat_template = TEMPLATE
    return tokenizer, tiny_model(tokenizer, hidden=toy.hidden, layers=toy.layers, heads=toy.heads, seed=seed)
