"""What an ICR run is told: one TOML file."""

from dataclasses import dataclass, field
from typing import Literal

from trainers.common.config import Model, Training
from trainers.icr.requests import ENGLISH, REQUEST, Reward


@dataclass(frozen=True)
class Data:
    """Parallel instructions: a folder with ``en.jsonl``, ``es.jsonl`` and so on.

    A line has ``instruction`` and ``instruction_id`` (or ``id``), the same id in every language: the released format.

    Attributes:
        folder: where they are.
        languages: those that are sampled and trained on; English is read anyway.
        limit: instructions a language, the first; 0 takes all.
    """

    folder: str
    languages: tuple[str, ...]
    limit: int = 0

    def __post_init__(self) -> None:
        """Refuse what names no instructions.

        Raises:
            ValueError: no language, one twice, or a limit below 0.
        """
        if not self.languages or len(set(self.languages)) < len(self.languages):
            raise ValueError("data.languages is empty or names a language twice")
        if self.limit < 0:
            raise ValueError(f"data.limit is {self.limit} and must be 0 or more")


@dataclass(frozen=True)
class Sampling:
    """How responses are sampled in every round.

    Attributes:
        responses: N, for each prompt and language.
        temperature: of sampling.
        top_p: nucleus.
        max_tokens: longest response.
        batch: responses at a time where sampling is local.
        through: ``local`` generates in this process; ``server`` starts vLLM (or our own small server) on the
            round's model and samples through the door, so that responses are cached.
        concurrency: requests at a time at the server.
    """

    responses: int = 10
    temperature: float = 0.9
    top_p: float = 1.0
    max_tokens: int = 2400
    batch: int = 64
    through: Literal["local", "server"] = "local"
    concurrency: int = 64


@dataclass(frozen=True)
class Rewarding:
    """How responses are rewarded.

    Attributes:
        kind: ``cross_lingual`` (R_c), ``multilingual`` (R_m) or ``translated`` (R_t).
        request: put before the English instruction for R_c, with ``{language}``.
        reference: ``sft`` keeps the SFT model as the reward's reference in every round; ``previous`` takes the
            policy of the round before (the SFT model in the first).
        length_control: whether characters are penalised.
        batch: sequences at a time.
        translator: model that translates responses to English for R_t, by the door.
        api_base: its server, where it is not the provider's own.
    """

    kind: Reward = "cross_lingual"
    request: str = REQUEST
    reference: Literal["sft", "previous"] = "sft"
    length_control: bool = True
    batch: int = 16
    translator: str = ""
    api_base: str | None = None


@dataclass(frozen=True)
class Loss:
    """``DPO + alpha * NLL``: beta of DPO, and alpha."""

    beta: float = 0.1
    alpha: float = 1.0


@dataclass(frozen=True)
class Start:
    """How the start policy is made from the SFT model, where none is given.

    Attributes:
        method: ``dpo`` or ``kto``, on English preferences.
        preferences: JSON lines with ``prompt``, ``chosen`` and ``rejected``.
        beta: of the method.
        learning_rate: of the method; the rest is as in ``[train]``.
        steps: of the method.
    """

    method: Literal["dpo", "kto"]
    preferences: str
    beta: float = 0.1
    learning_rate: float = 5e-7
    steps: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            ValueError: a value is out of range.
        """
        if not (self.beta > 0 and 0 < self.learning_rate < 1 and self.steps >= 0):
            raise ValueError("start.beta must be above 0, learning_rate between 0 and 1, and steps 0 or more")


@dataclass(frozen=True)
class Toy:
    """The demonstration: its SFT model, preferences and instructions are made before the run.

    Attributes:
        seed: of the SFT model, the preferences and the split of the instructions.
        steps: of the SFT stage.
        pairs: English preferences.
        verbosity: how much annotators like length, per word.
        train: instructions of the rounds; the rest is held out for evaluation.
    """

    seed: int = 0
    steps: int = 600
    pairs: int = 3000
    verbosity: float = 0.4
    train: int = 144


@dataclass(frozen=True)
class Config:
    """An ICR run.

    Attributes:
        model: pi_0, the English-aligned start policy; with ``[start]`` the SFT model that it is made from.
        sft: the reward's reference; with ``[start]`` it is the model.
        data: parallel instructions.
        train: of one round.
        rounds: number of rounds, T.
        sampling: of responses.
        rewarding: of responses.
        loss: of the rounds.
        start: how pi_0 is made, where it is not given.
        toy: the demonstration; model and data are then made.
    """

    model: Model
    data: Data
    train: Training
    sft: str = ""
    rounds: int = 2
    sampling: Sampling = field(default_factory=Sampling)
    rewarding: Rewarding = field(default_factory=Rewarding)
    loss: Loss = field(default_factory=Loss)
    start: Start | None = None
    toy: Toy | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            ValueError: a value is missing or out of range.
        """
        if not self.sft and self.start is None:
            raise ValueError("sft is missing: name the model that the start policy was aligned from")
        if self.sft and self.start is not None:
            raise ValueError("sft and start exclude each other: with start, model.path is the SFT model")
        if self.start is not None and self.start.method == "kto" and self.train.batch < 2:
            raise ValueError("train.batch is 1 and must be 2 or more: KTO compares the pairs of a batch")
        if self.rounds < 1:
            raise ValueError(f"rounds is {self.rounds} and must be 1 or more")
        if self.sampling.responses < 2:
            raise ValueError(f"sampling.responses is {self.sampling.responses}; a pair needs 2 or more")
        if not (self.sampling.temperature > 0 and 0 < self.sampling.top_p <= 1):
            raise ValueError("sampling.temperature must be above 0 and top_p in (0, 1]")
        if min(self.sampling.max_tokens, self.sampling.batch, self.sampling.concurrency, self.rewarding.batch) < 1:
            raise ValueError("sampling.max_tokens, batch and concurrency and rewarding.batch must be 1 or more")
        if not (self.loss.beta > 0 and self.loss.alpha >= 0):
            raise ValueError("loss.beta must be above 0 and loss.alpha 0 or more")
        if "{language}" not in self.rewarding.request:
            raise ValueError("rewarding.request does not say {language}")
        foreign = set(self.data.languages) != {ENGLISH}
        if self.rewarding.kind == "translated" and foreign and not (self.rewarding.translator or self.toy):
            raise ValueError("rewarding.translator is missing: R_t translates responses to English")
