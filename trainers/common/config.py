"""Training configurations: one TOML file a run, read strictly.

A method's configuration is a frozen dataclass that embeds ``Model`` as ``[model]`` and
``Training`` as ``[train]`` beside sections of its own.
"""

import inspect
import json
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.convert import load
from harness.errors import UserError

C = TypeVar("C")

MAX_CONFIG = 1 << 20


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters (arXiv 2106.09685): rank, alpha, dropout, and the modules that get them.

    ``targets`` are names of modules; ``all-linear`` alone means every linear layer but the output's.
    """

    r: int = 16
    alpha: int = 32
    dropout: float = 0.05
    targets: tuple[str, ...] = ("all-linear",)

    def __post_init__(self) -> None:
        """Refuse what are no adapters.

        Raises:
            ValueError: a value is out of range.
        """
        if self.r < 1 or self.alpha < 1 or not 0 <= self.dropout < 1 or not self.targets:
            raise ValueError("lora.r and lora.alpha must be 1 or more, lora.dropout a share below 1, and targets named")


@dataclass(frozen=True)
class Model:
    """What is trained.

    Attributes:
        path: ``hf/ORG/NAME[@REVISION]``, ``hf/./FOLDER``, or ``local/…`` for the embedded model.
        lora: adapters; all weights are trained where it is left out.
        dtype: of the weights; float32 on a CPU.
    """

    path: str
    lora: Lora | None = None
    dtype: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True)
class Training:
    """How long and how fast, the same words for every method.

    Attributes:
        output: folder of the run: checkpoints, history, the finished model.
        learning_rate: the highest.
        batch: samples a device and step.
        accumulation: steps gathered before weights change.
        steps: optimiser steps; 0 for ``epochs``.
        epochs: passes over the data, where ``steps`` is 0.
        schedule: of the learning rate.
        warmup: share of the steps in which it rises.
        weight_decay: of AdamW.
        max_grad_norm: gradients are clipped to; 0 does not clip.
        seed: of data order, sampling and initial adapters.
        save_steps: steps between checkpoints.
        log_steps: steps between lines of the history.
        threads: CPU threads; 0 leaves them to torch.
        gradient_checkpointing: recompute activations to save memory.
        tensorboard: log to OUTPUT/tensorboard too.
    """

    output: str
    learning_rate: float
    batch: int = 8
    accumulation: int = 1
    steps: int = 0
    epochs: float = 1.0
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup", "inverse_sqrt"] = "cosine"
    warmup: float = 0.1
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    seed: int = 0
    save_steps: int = 100
    log_steps: int = 1
    threads: int = 0
    gradient_checkpointing: bool = False
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            ValueError: a value is out of range.
        """
        whole = {"batch": self.batch, "accumulation": self.accumulation}
        whole |= {"save_steps": self.save_steps, "log_steps": self.log_steps}
        for name, value in whole.items():
            if value < 1:
                raise ValueError(f"train.{name} is {value} and must be 1 or more")
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"train.learning_rate is {self.learning_rate:g} and must lie between 0 and 1")
        for name in ("steps", "threads", "weight_decay", "max_grad_norm"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise ValueError(f"train.{name} is {value} and must be 0 or more")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"train.warmup is {self.warmup:g} and must be a share of the steps, below 1")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"train.seed is {self.seed} and must lie between 0 and 2^32 - 1")
        if self.steps == 0 and not 0 < self.epochs < math.inf:
            raise ValueError(f"train.epochs is {self.epochs:g} and must be above 0 where train.steps is 0")
        if not self.output:
            raise ValueError("train.output is empty; name a folder for the run")


def read_config(path: Path, kind: type[C], sets: Sequence[str] = ()) -> C:
    """Read a configuration strictly.

    A file may say ``base = "default"``, another one of its folder or of the method's by name, and override parts of it.

    Args:
        path: the TOML file.
        kind: the method's dataclass; its ``__post_init__`` may raise ValueError.
        sets: overrides such as ``train.seed=1``; values are TOML, or text where they are none.

    Returns:
        The configuration.

    Raises:
        UserError: the file is missing or no TOML, or a field is unknown, missing or out of range.
    """
    table = _read(path, Path(inspect.getfile(kind)).parent)
    for item in sets:
        name, equals, value = item.partition("=")
        if not equals or not all(name.split(".")):
            raise UserError(f"--set {item!r} is no setting.", "Write --set SECTION.FIELD=VALUE, such as train.seed=1.")
        _put(table, name.split("."), _value(value), item)
    try:
        return load(kind, table)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: {error}.", "Mend the file, or the --set.") from None


def find_config(given: str, package: Path) -> Path:
    """Return the file that a name or a path stands for.

    Args:
        given: a path, or the name of a configuration that comes with the method.
        package: the method's folder.

    Raises:
        UserError: there is none.
    """
    own = {path.stem: path for path in sorted(package.glob("*.toml"))}
    if given in own:
        return own[given]
    if Path(given).is_file():
        return Path(given)
    raise UserError(f"There is no configuration {given!r}.", f"Give a file, or one of {', '.join(own)}.")


def as_json(table: Any) -> str:
    """Write a configuration's data for hashes and cards: sorted, on one line."""
    return json.dumps(table, sort_keys=True, ensure_ascii=False)


def _read(path: Path, package: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_CONFIG:
            raise UserError(f"{path} is larger than a configuration can be.", "Give a TOML file of up to 1 MiB.")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"{path} cannot be read.", "Give the path of a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is no TOML: {error}.", "Mend the file.") from None
    base = table.pop("base", None)
    if base is None:
        return table
    above = (*above, path.resolve())
    for folder in (path.parent, package):
        under = folder / f"{base}.toml"
        if Path(str(base)).name == base and under.is_file() and under.resolve() not in above:
            return _merged(_read(under, package, above), table)
    raise UserError(
        f"{path}: base is {base!r}.", "Name another configuration of its folder or of the method, as in 'default'."
    )


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = dict(under)
    for name, value in over.items():
        inner = both.get(name)
        both[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both


def _put(table: dict[str, Any], names: list[str], value: Any, item: str) -> None:
    for name in names[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise UserError(f"--set {item!r}: {name} is no section.", "Write --set SECTION.FIELD=VALUE.")
    table[names[-1]] = value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
