"""What training a GenRM is: ``[model]``, ``[train]``, ``[data]``, ``[teacher]``, ``[rubric]``, ``[evaluation]``."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.judges.spec import parse_spec
from trainers.common.config import Model, Training
from trainers.homura.asking import Asking
from trainers.homura.genrm.toy import Toy

PACKAGE = Path(__file__).parent
PARTS = ("back_translation", "fluency")


@dataclass(frozen=True)
class Data:
    """``[data]``: files of JSON lines with ``source``, ``hypothesis``, and where there are any ``before``, ``after``.

    Attributes:
        pairs: translations for the teacher to judge.
        held_out: translations with labels, of other sources.
        source: source language.
        target: target language.
        max_length: tokens of question and judgement that are learned from.
    """

    pairs: str = ""
    held_out: str = ""
    source: str = "zh"
    target: str = "en"
    max_length: int = 2048

    def __post_init__(self) -> None:
        """Refuse what nothing can be learned from."""
        if self.max_length < 1:
            raise ValueError(f"data.max_length is {self.max_length} and must be 1 or more")


@dataclass(frozen=True, kw_only=True)
class Teacher(Asking):
    """``[teacher]``: the stronger model.

    Attributes:
        judge: ``genrm:model=NAME:option=value…``, as ``sandglass run --judge`` takes it.
        samples: judgements a pair; give a temperature above 0 with more than one.
    """

    judge: str
    samples: int = 1

    def __post_init__(self) -> None:
        """Refuse other judges, and samples that would be the same.

        Raises:
            ValueError: a value is out of range.
            UserError: the judge cannot be read.
        """
        super().__post_init__()
        kind, options = parse_spec(self.judge)
        if kind != "genrm" or "model" not in options:
            raise ValueError(f"teacher.judge is {self.judge!r} and must be genrm:model=NAME")
        if self.samples < 1:
            raise ValueError("teacher.samples must be 1 or more")
        if self.samples > 1 and options.get("temperature", "0") in ("0", "0.0"):
            raise ValueError("teacher.samples is above 1 and teacher.judge gives no temperature above 0")


@dataclass(frozen=True)
class Rubric:
    """``[rubric]``: what judgements are filtered by.

    Attributes:
        filter: ``agree`` keeps judgements that agree with the rubric, ``none`` keeps all.
        threshold: similarity from which the meaning counts as kept.
        parts: settings of HOMURA's quality parts ``back_translation`` and ``fluency``.
    """

    filter: Literal["agree", "none"] = "agree"
    threshold: float = 0.8
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what filters nothing or everything."""
        if not 0 < self.threshold <= 1:
            raise ValueError(f"rubric.threshold is {self.threshold:g} and must be above 0 and at most 1")
        if unknown := [name for name in self.parts if name not in PARTS]:
            raise ValueError(f"rubric.parts knows no {unknown[0]!r}, only {' and '.join(PARTS)}")


@dataclass(frozen=True)
class Held:
    """``[evaluation]``.

    Attributes:
        max_tokens: most tokens of a judgement.
        batch: judgements at a time.
    """

    max_tokens: int = 1024
    batch: int = 16

    def __post_init__(self) -> None:
        """Refuse empty answers."""
        if min(self.max_tokens, self.batch) < 1:
            raise ValueError("evaluation.max_tokens and batch must be 1 or more")


@dataclass(frozen=True)
class Config:
    """A run; ``[toy]`` stands in the place of ``[model]``, files and the rubric's models."""

    train: Training
    teacher: Teacher
    model: Model | None = None
    data: Data = Data()
    rubric: Rubric = Rubric()
    evaluation: Held = Held()
    toy: Toy | None = None

    def __post_init__(self) -> None:
        """Refuse half a configuration.

        Raises:
            ValueError: something is missing, or given twice.
        """
        given = {"[model]": self.model is not None, "data.pairs": self.data.pairs, "data.held_out": self.data.held_out}
        if self.rubric.filter == "agree":
            given |= {f"[rubric.parts.{name}]": name in self.rubric.parts for name in PARTS}
        if self.toy is None:
            if missing := [name for name, there in given.items() if not there]:
                raise ValueError(f"{missing[0]} is missing")
        elif extra := [name for name, there in given.items() if there]:
            raise ValueError(f"{extra[0]} is given beside [toy], which makes its own")
