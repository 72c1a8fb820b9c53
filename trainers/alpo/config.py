"""ALPO's configuration: one TOML file for the four stages, SFT, candidates, training and evaluation."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from trainers.alpo.examples import Method
from trainers.alpo.mixing import Mixing
from trainers.alpo.rating import Mode
from trainers.alpo.selection import Rules
from trainers.common.config import Model, Training

TOY = "toy"
"""Name of the made-up language as a task, and of a tiny model from scratch as a model's path."""


@dataclass(frozen=True)
class Data:
    """What is trained on.

    Attributes:
        task: a task's name or folder, or ``toy``.
        path: its data, where it has none of its own.
        sft_share: share of the samples, by cluster, that SFT gets; the others are for preferences.
        scenes: of the toy, how many.
    """

    task: str
    path: str = ""
    sft_share: float = 0.8
    scenes: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            ValueError: a value is out of range.
        """
        if not 0 <= self.sft_share < 1:
            raise ValueError("data.sft_share must lie in 0..1, below 1")


@dataclass(frozen=True)
class Sampling:
    """Where candidates come from.

    Attributes:
        output: folder of ``rated.jsonl``.
        mode: ``sequential``, ``sliced`` or ``whole``.
        k: lines or outputs drawn.
        temperature: of sampling.
        top_p: nucleus.
        top_k: most likely tokens kept; not sent to other models.
        max_tokens: longest answer.
        model: a model behind the door; empty for the trained one.
        api_base: its server.
        group: samples that are sampled together and then written.
        batch: sequences in memory at a time, for the trained one.
    """

    output: str
    mode: Mode = "sequential"
    k: int = 15
    temperature: float = 0.7
    top_p: float = 0.9
    top_k: int = 40
    max_tokens: int = 650
    model: str = ""
    api_base: str = ""
    group: int = 64
    batch: int = 64

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            ValueError: a value is out of range.
        """
        if min(self.k, self.group, self.batch, self.max_tokens) < 1:
            raise ValueError("sampling.k, group, batch and max_tokens must be 1 or more")
        if not 0 <= self.temperature < math.inf or not 0 < self.top_p <= 1 or self.top_k < 0:
            raise ValueError("sampling.temperature and top_k must be 0 or more, and top_p lie in 0..1, above 0")


@dataclass(frozen=True)
class Scoring:
    """What candidates are worth.

    Attributes:
        scorer: ``judge``, ``duration``, or ``exact`` for the toy.
        judge: such as ``candidates:model=deepseek/deepseek-chat``.
        low: ``duration``: share of the slot that is filled at least.
        high: ``duration``: share at most.
        rate: ``duration``: syllables a second; 0 takes the target language's (Table 1 of arXiv 2601.10187).
    """

    scorer: Literal["judge", "duration", "exact"]
    judge: str = ""
    low: float = 0.8
    high: float = 1.0
    rate: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            ValueError: a value is out of range.
        """
        if (self.scorer == "judge") != bool(self.judge):
            raise ValueError('scoring.judge and scorer "judge" go together')
        if not 0 < self.low <= self.high < math.inf or not 0 <= self.rate < math.inf:
            raise ValueError("scoring.low and high must be above 0 and in order, and rate 0 or more")


@dataclass(frozen=True)
class Evaluation:
    """What is measured in the end; the toy counts, and needs no judge.

    Attributes:
        task: a task other than the one trained on, or ``toy``; empty evaluates nothing.
        path: its data.
        limit: lines, 0 for all; of the toy, scenes.
        judges: of chunks, such as ``vividness:panel=M,M,M``.
        pairwise: such as ``pairwise:model=M:dimension=vividness``.
        systems: by name, files of translations, JSON lines of ``id`` and ``text``.
        temperature: of the translations.
    """

    task: str = ""
    path: str = ""
    limit: int = 0
    judges: tuple[str, ...] = ()
    pairwise: tuple[str, ...] = ()
    systems: dict[str, str] = field(default_factory=dict)
    temperature: float = 0.7

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            ValueError: a value is out of range.
        """
        if self.limit < (self.task == TOY):
            raise ValueError("evaluation.limit must be 0 or more, and for the toy 1 or more")
        if not 0 <= self.temperature < math.inf:
            raise ValueError("evaluation.temperature must be 0 or more")


@dataclass(frozen=True)
class Config:
    """A run.

    Attributes:
        model: the base; its adapters, where there are any, are for the preferences, SFT trains all weights.
        data: what is trained on.
        sampling: where candidates come from.
        scoring: what they are worth.
        train: of the preferences.
        sft: of SFT; left out, ``model`` is the SFT model.
        method: ``alpo``, or a baseline: ``segment_dpo``, ``outcome_dpo`` (with ``sampling.mode = "whole"``).
        beta: beta_base of ALPO, beta of DPO.
        selection: how pairs are taken.
        mixing: the schedule of prefixes; DPO keeps the chosen ones.
        reproduce_code: normalise by the weights' sum of each micro-batch, as the released code does.
        pairs: pairs at a time in memory, 0 for all.
        separator: what ends a line.
        cutoff: most tokens of a row.
        evaluation: what is measured in the end.
        until: the last stage that is run.
    """

    model: Model
    data: Data
    sampling: Sampling
    scoring: Scoring
    train: Training
    sft: Training | None = None
    method: Method = "alpo"
    beta: float = 1.0
    selection: Rules = field(default_factory=Rules)
    mixing: Mixing = field(default_factory=Mixing)
    reproduce_code: bool = False
    pairs: int = 0
    separator: str = "\n"
    cutoff: int = 8192
    evaluation: Evaluation = field(default_factory=Evaluation)
    until: Literal["sft", "candidates", "preferences", "evaluation"] = "evaluation"

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            ValueError: a value is out of range, or two do not go together.
        """
        if (self.method == "outcome_dpo") != (self.sampling.mode == "whole"):
            raise ValueError('method "outcome_dpo" and sampling.mode "whole" go together')
        if not 0 < self.beta < math.inf or self.cutoff < 1 or self.pairs < 0:
            raise ValueError("beta must be above 0, cutoff 1 or more, and pairs 0 or more")
        if not self.separator:
            raise ValueError("separator is empty, and lines must end somewhere")
        if (self.data.task == TOY) != (self.scoring.scorer == "exact"):
            raise ValueError('scorer "exact" is the toy\'s, and the toy has no other')
        if self.data.task == TOY and self.sampling.model:
            raise ValueError("the toy is sampled from its own model alone; leave out sampling.model")
        if taken := {"sft", self.method, "reference"} & set(self.evaluation.systems):
            raise ValueError(f"evaluation.systems has a system {min(taken)!r}; that name is taken")
        outputs = [self.sampling.output, self.train.output, *([self.sft.output] if self.sft else [])]
        if len(set(outputs)) < len(outputs):
            raise ValueError("sft, sampling and train need an output folder each")

    def sft_stage(self) -> dict[str, Any]:
        """What SFT hangs on."""
        return {
            "model": replace(self.model, lora=None),
            "cutoff": self.cutoff,
            "data": self.data,
            "sft": self.sft,
            "separator": self.separator,
            "seed": self.train.seed,
        }

    def candidates_stage(self) -> dict[str, Any]:
        """What the rated candidates hang on."""
        named = {"sampling": self.sampling, "scoring": self.scoring, "selection": self.selection}
        return self.sft_stage() | named

    def preferences_stage(self) -> "Config":
        """What the trained model hangs on: all but the evaluation."""
        return replace(self, evaluation=Evaluation(), until="evaluation")
