"""What a HOMURA run is: ``[model]``, ``[train]``, ``[data]``, ``[reward]``, ``[quality.NAME]`` and ``[grpo]``."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from trainers.common.config import Model, Training
from trainers.homura.rewards import Bounds

Form = Literal["chat", "line", "unconstrained", "plain"]


@dataclass(frozen=True)
class Data:
    """What is trained on.

    Attributes:
        task: a task on the ratio track, by name or folder as ``sandglass run --task`` takes it, or ``toy``.
        file: lines to train on, as in the train.jsonl of a built task; where it is left out, the one in the task's
            folder, and where there is none, the task's own segments but for the held-out clusters.
        prompt: ``chat`` states the budget as the strategy ``prompted`` does, ``line`` is its few-shot form for
            base models; ``unconstrained`` is that strategy's chat and states none; ``plain`` is the source text.
        held_out: share of the clusters (videos) that are not trained on.
        split_seed: of the draw of held-out clusters; the same for runs that are compared.
        limit: most training segments, spread evenly; 0 for all.
        thinking: whether the chat template may open a thinking block.
    """

    task: str
    file: str = ""
    prompt: Form = "chat"
    held_out: float = 0.1
    split_seed: int = 0
    limit: int = 0
    thinking: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be split.

        Raises:
            ValueError: a value is out of range.
        """
        if not 0 <= self.held_out < 1:
            raise ValueError(f"data.held_out is {self.held_out:g} and must be a share below 1")
        if self.limit < 0:
            raise ValueError(f"data.limit is {self.limit} and must be 0 or more")

    @property
    def chats(self) -> bool:
        """Whether prompts are chats."""
        return self.prompt in ("chat", "unconstrained")


@dataclass(frozen=True)
class Reward:
    """What is rewarded.

    Attributes:
        profile: ``paper``, ``code`` or ``repaired`` (``trainers.homura.profiles``).
        length: bounds relaxed for short sources (``dynamic``), the same for all (``static``), or none (``auto``).
        bounds: L0 and R0, where they are not the task's own.
        theta: of ``auto``.
        length_weight: l_len; the profile ``code`` weighs all parts equally.
        quality_weight: l_qual.
    """

    profile: Literal["paper", "code", "repaired"] = "repaired"
    length: Literal["dynamic", "static", "auto"] = "dynamic"
    bounds: tuple[float, ...] = ()
    theta: float = math.pi
    length_weight: float = 0.5
    quality_weight: float = 0.5

    def __post_init__(self) -> None:
        """Refuse rewards that mean nothing.

        Raises:
            ValueError: a value is out of range.
        """
        if self.bounds and not (len(self.bounds) == 2 and 0 <= self.bounds[0] < self.bounds[1] < math.inf):
            raise ValueError(f"reward.bounds is {list(self.bounds)} and must be [low, high], low below high")
        if not 0 < self.theta < math.inf:
            raise ValueError(f"reward.theta is {self.theta:g} and must be above 0")
        if not (0 <= self.length_weight < math.inf and 0 <= self.quality_weight < math.inf):
            raise ValueError("reward.length_weight and quality_weight must be 0 or more")
        if self.length_weight + self.quality_weight == 0:
            raise ValueError("reward.length_weight and quality_weight are both 0: nothing is rewarded")
        if self.profile == "code" and self.weights != (0.5, 0.5):
            raise ValueError("reward.length_weight and quality_weight do nothing in the profile code; leave them out")

    @property
    def weights(self) -> tuple[float, float]:
        """l_len and l_qual."""
        return self.length_weight, self.quality_weight

    @property
    def own_bounds(self) -> Bounds | None:
        """L0 and R0, None where the task's hold."""
        return (self.bounds[0], self.bounds[1]) if self.bounds else None


@dataclass(frozen=True)
class Grpo:
    """How rollouts are made and used.

    Attributes:
        generations: rollouts a prompt, the group.
        temperature: of sampling.
        max_tokens: most tokens of a rollout.
        loss: ``dr_grpo`` sums token terms as eq. 16 does (up to a constant), ``grpo`` divides each output's by
            its length (a bias on length, in a method about length), ``dapo`` divides by the tokens of the batch.
        scale: divide advantages by the deviation of their ``group``, or by ``none``.
        beta: KL coefficient; above 0 the initial model is held in memory too, and KL is logged.
        epsilon: clip range of the ratio.
        iterations: updates that one batch of rollouts is used for.
        vllm: address of a server started with ``trl vllm-serve``, ``colocate``, or empty for transformers.
    """

    generations: int = 16
    temperature: float = 1.0
    max_tokens: int = 1024
    loss: Literal["dr_grpo", "grpo", "dapo"] = "dr_grpo"
    scale: Literal["group", "none"] = "group"
    beta: float = 0.0
    epsilon: float = 0.2
    iterations: int = 1
    vllm: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            ValueError: a value is out of range.
        """
        if self.generations < 2:
            raise ValueError(f"grpo.generations is {self.generations}; a group needs 2 or more to compare")
        if self.max_tokens < 1 or self.iterations < 1:
            raise ValueError("grpo.max_tokens and iterations must be 1 or more")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"grpo.temperature is {self.temperature:g}; rollouts are sampled, so it is above 0")
        if not 0 <= self.beta < math.inf or not 0 < self.epsilon < 1:
            raise ValueError("grpo.beta must be 0 or more, and epsilon between 0 and 1")
        if self.vllm not in ("", "colocate") and not self.vllm.startswith(("http://", "https://")):
            raise ValueError(f"grpo.vllm is {self.vllm!r}; write http://HOST:PORT, colocate, or leave it out")


@dataclass(frozen=True)
class Config:
    """A run.

    Attributes:
        model: what is trained.
        train: how long and how fast; ``train.batch`` x ``train.accumulation`` rollouts a step and device.
        data: on what.
        reward: for what.
        quality: settings of the quality parts by name (``trainers.homura.parts``).
        grpo: how.
    """

    model: Model
    train: Training
    data: Data
    reward: Reward = Reward()
    quality: dict[str, dict[str, Any]] = field(default_factory=dict)
    grpo: Grpo = Grpo()

    def __post_init__(self) -> None:
        """Refuse sections that contradict each other.

        Raises:
            ValueError: they do.
        """
        wanted = self.reward.quality_weight > 0 or self.reward.profile == "code"
        if wanted and not self.quality:
            raise ValueError("no [quality.NAME] says what quality is; name one, or set reward.quality_weight = 0")
        if self.quality and not wanted:
            raise ValueError("reward.quality_weight is 0, so that [quality] does nothing; leave one of them out")
        if self.grpo.vllm and self.data.prompt == "line":
            raise ValueError("grpo.vllm does not end a base model's answers with their line; leave it out")
        if self.reward.length == "auto" and self.data.prompt in ("chat", "line"):
            raise ValueError(
                f"reward.length is auto, without bounds, and data.prompt = {self.data.prompt!r} states a budget; "
                "set data.prompt = 'unconstrained' or 'plain'"
            )
        if self.train.save_steps % self.grpo.iterations:
            raise ValueError(
                f"train.save_steps is {self.train.save_steps} and must be a multiple of grpo.iterations = "
                f"{self.grpo.iterations}: a resumed run begins with new rollouts"
            )
