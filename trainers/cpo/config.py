"""CPO's configuration: ``[model]``, ``[data]``, ``[loss]`` and ``[train]``, or ``[toy]`` in place of the first two."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainers.common.config import Model, Training

if TYPE_CHECKING:
    from trainers.cpo.loss import Preference

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Loss:
    """What is minimised.

    Attributes:
        objective: ``cpo``, or for comparison ``dpo`` against the initial model, or ``sft`` on the preferred side.
        kind: preference term of cpo (``trainers.cpo.loss``); dpo has sigmoid, hinge and ipo.
        beta: inverse temperature of cpo and dpo.
        cpo_alpha: weight of the likelihood of the preferred side.
        nll: average of that likelihood, over tokens (the code) or over sequences (the paper).
        label_smoothing: share of labels taken to be wrong, of cpo.
        gamma: wanted margin of simpo and alphapo.
        alpha: shape of alphapo's reward.
    """

    objective: Literal["cpo", "dpo", "sft"] = "cpo"
    kind: Literal["sigmoid", "hinge", "ipo", "simpo", "alphapo"] = "sigmoid"
    beta: float = 0.1
    cpo_alpha: float = 1.0
    nll: Literal["token_mean", "sequence_sum"] = "token_mean"
    label_smoothing: float = 0.0
    gamma: float = 0.5
    alpha: float = 0.25

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            ValueError: a value is out of range.
        """
        if self.objective == "dpo" and self.kind not in ("sigmoid", "hinge", "ipo"):
            raise ValueError(f"loss.kind {self.kind} has no reference model; use objective cpo")
        if self.objective == "dpo" and self.label_smoothing:
            raise ValueError("dpo takes no loss.label_smoothing; use objective cpo")
        if self.kind == "alphapo" and self.cpo_alpha:
            raise ValueError("alphapo has no likelihood term; set loss.cpo_alpha to 0")
        if not 0 <= self.cpo_alpha < math.inf:
            raise ValueError(f"loss.cpo_alpha is {self.cpo_alpha:g} and must be 0 or more")

    def preference(self) -> "Preference":
        """Return the preference term.

        Raises:
            ValueError: a value is out of range.
        """
        from trainers.cpo.loss import Preference

        return Preference(self.kind, self.beta, self.label_smoothing, self.gamma, self.alpha)


@dataclass(frozen=True)
class Data:
    """What is learned from.

    Attributes:
        triplets: file of ``trainers.cpo.triplets``; left open in ``default``.
        rejected: ``natural``, or ``noised`` preferred translations in their place.
        directions: such as ``zh-en``; all where empty.
        max_prompt_length: tokens; longer prompts are left out and counted.
        max_length: tokens of prompt and translation, which is cut there.
    """

    triplets: str = ""
    rejected: Literal["natural", "noised"] = "natural"
    directions: tuple[str, ...] = ()
    max_prompt_length: int = 256
    max_length: int = 512

    def __post_init__(self) -> None:
        """Refuse lengths that leave no room for a translation.

        Raises:
            ValueError: a value is out of range.
        """
        if not 0 < self.max_prompt_length <= self.max_length - 2:  # a beginning of sequence, and one token at least
            raise ValueError("data.max_prompt_length must be above 0 and 2 or more below data.max_length")


@dataclass(frozen=True)
class Toy:
    """The made-up language of ``trainers.cpo.toy``, and the model that is fitted to its references first.

    Attributes:
        references: sources with a reference that the base model is fitted to.
        sources: sources with outputs of three systems, of which triplets are made.
        tests: sources that quality is measured on.
        fitting: steps of 64 pairs.
        hidden: width of the model.
        layers: its blocks.
    """

    references: int = 6000
    sources: int = 3000
    tests: int = 500
    fitting: int = 900
    hidden: int = 96
    layers: int = 2


@dataclass(frozen=True)
class Config:
    """A whole run."""

    train: Training
    loss: Loss = field(default_factory=Loss)
    data: Data = field(default_factory=Data)
    model: Model | None = None
    toy: Toy | None = None

    def __post_init__(self) -> None:
        """Refuse a run without a model or data.

        Raises:
            ValueError: something is missing, or said twice.
        """
        if (self.model is None) == (self.toy is None):
            raise ValueError("give [model], or [toy], and not both")
        if self.toy is None and not self.data.triplets:
            raise ValueError("data.triplets is empty; name a file made by python -m trainers.cpo.triplets")
        self.loss.preference()
