"""What a GenRM learns from and is tested on: pairs of source and translation, and judgements of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.convert import load
from harness.errors import UserError
from harness.jsonl import read_own, read_strict
from harness.judges.core import Setting, chat, line_data
from harness.judges.genrm import FORM, INSTRUCTION
from harness.llm.types import Message
from harness.records import Segment

FIX = "Give JSON lines of source, hypothesis and, where known, label."


@dataclass(frozen=True, slots=True)
class Pair:
    """A translation to be judged.

    Attributes:
        source: source line.
        hypothesis: its translation.
        before: source lines before it.
        after: source lines after it.
        label: 1 where the information is preserved and the quality high, else 0; None where nobody has said.
        kind: what sort of translation it is, for tables; empty where unknown.
        cluster: what intervals cluster by, such as the video; the source where empty.
    """

    source: str
    hypothesis: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    label: int | None = None
    kind: str = ""
    cluster: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be judged.

        Raises:
            ValueError: a text is empty, or a label neither 0 nor 1.
        """
        if not self.source.strip() or not self.hypothesis.strip():
            raise ValueError("source and hypothesis must not be empty")
        if self.label not in (None, 0, 1):
            raise ValueError(f"label is {self.label} and must be 0 or 1")

    def segment(self) -> Segment:
        """Return the source line with its context."""
        return Segment("", self.source, self.cluster, before=self.before, after=self.after)


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement: reasoning, and 0 or 1."""

    pair: Pair
    reasoning: str
    score: int

    def answer(self) -> str:
        """Write the judgement as the judge's form asks.

        Examples:
            >>> Judged(Pair("你好", "Hi"), "你好: the same.", 1).answer()
            '{"COT": "你好: the same.", "score": 1}'
        """
        return answer(self.reasoning, self.score)


def answer(reasoning: str, score: int) -> str:
    """Write reasoning and score as the judge's form asks."""
    return json.dumps({"COT": reasoning, "score": score}, ensure_ascii=False)


def question(pair: Pair) -> tuple[Message, ...]:
    """Return the very chat that the harness's judge ``genrm`` asks with, so that what is trained is what is asked."""
    setting = Setting("genrm", "", "", "")  # the prompt names neither model nor languages
    return chat(INSTRUCTION, FORM, line_data(setting, pair.segment(), translation=pair.hypothesis))


def read_pairs(path: Path, *, labelled: bool = False) -> list[Pair]:
    """Read pairs from JSON lines with the fields of ``Pair``.

    Args:
        path: the file.
        labelled: every pair must have a label.

    Raises:
        UserError: the file is missing or empty, or a line is not a pair.
    """
    found = [_pair(row, f"{path}, line {number}", labelled) for number, row in read_strict(path, FIX)]
    if not found:
        raise UserError(f"{path} is empty.", FIX)
    return found


def read_judged(path: Path) -> list[Judged]:
    """Read the judgements that a run learned from."""
    return [load(Judged, row) for row in read_own(path)]


def _pair(row: Any, where: str, labelled: bool) -> Pair:
    try:
        pair = load(Pair, row)
    except ValueError as error:
        raise UserError(f"{where}: {error}.", FIX) from None
    if labelled and pair.label is None:
        raise UserError(f"{where} has no label.", "Give label 0 or 1 to every held-out pair.")
    return pair


def overlap(training: Sequence[Pair], held_out: Sequence[Pair]) -> list[str]:
    """List held-out sources that stand in the training pairs, each once.

    Examples:
        >>> overlap([Pair("a", "x"), Pair("b", "x")], [Pair("b", "y"), Pair("c", "y")])
        ['b']
    """
    seen = {pair.source for pair in training}
    return list(dict.fromkeys(pair.source for pair in held_out if pair.source in seen))
