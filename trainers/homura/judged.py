"""Judges of the harness as parts of the reward: well-formedness, GenRM, and any other judge (LLM-as-RM).

The configuration names a judge as ``sandglass run --judge`` does. A judge that could not be asked,
or whose answer could not be read, gives no value and never 0.
"""

import atexit
import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

from harness.convert import load
from harness.errors import RunError, UserError
from harness.judges import Judge
from harness.judges import load as load_judge
from harness.judges.families import model_names
from harness.judges.spec import parse_spec
from harness.llm.backend import Backend
from harness.llm.checkpoint import Checkpoint, is_checkpoint, resolve
from harness.llm.serve import find_engine
from harness.llm.serve import serve as serve_checkpoint
from harness.llm.training_card import read_optimised_for
from harness.llm.types import LLM
from trainers.homura.asking import Asking, Line, gathered, lines
from trainers.homura.parts import Batch, Kind, Scores


@dataclass(frozen=True, kw_only=True)
class Settings(Asking):
    """``[quality.fluency]``, ``[quality.genrm]`` or ``[quality.llm]``.

    Attributes:
        judge: ``KIND:model=NAME:option=value…``; the model may be a checkpoint, ``hf/ORG/NAME`` or ``hf/./FOLDER``.
        serve: where a checkpoint answers: a ``server`` of its own, or this ``process``, for small ones.
    """

    judge: str
    serve: Literal["server", "process"] = "server"


@dataclass(frozen=True)
class Judged:
    """The part: a judge's verdicts, brought to [0, 1].

    Args:
        name: of the part.
        settings: its section of the configuration.
        open_door: opens the door, where a checkpoint begins to answer: not before it is asked.
        learned_from: what a trained judge was itself optimised for, such as its teacher.
    """

    name: str
    settings: Settings
    open_door: Callable[[], LLM]
    learned_from: tuple[str, ...] = ()
    kind: ClassVar[Kind] = "judgement"
    _judges: dict[tuple[str, str], Judge] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def llm(self) -> LLM:
        """The door."""
        return self.open_door()

    @property
    def optimised_for(self) -> tuple[str, ...]:
        """The judge's column, the models it asks with their families, and what these learned from."""
        judge = load_judge(self.settings.judge, self.settings.source or "zh", self.settings.target or "en")
        asked = model_names(*(model for model, _ in judge.models))
        return tuple(sorted({f"judge/{judge.name}", *asked, *self.learned_from}))

    async def __call__(self, batch: Batch) -> Scores:
        """Judge a batch, all at once."""
        settings, llm = self.settings, self.llm
        return await gathered(
            self.name, [self._score(line, llm) for line in lines(batch, settings.source, settings.target)]
        )

    async def _score(self, line: Line, llm: LLM) -> float:
        pair = line.source, line.target
        judge = self._judges.get(pair) or self._judges.setdefault(pair, load_judge(self.settings.judge, *pair))
        found = await judge.judge(line.segment, line.hypothesis, llm)
        if found.value is None:
            raise RunError(f"the judge cannot be read: {found.reason}")
        low, high = judge.limits
        return (found.value - low) / (high - low)


def build_fluency(settings: Mapping[str, Any]) -> Judged:
    """Build the part for well-formedness, 0 or 1; the judge is ``well_formed``."""
    return _build("fluency", settings, "well_formed")


def build_genrm(settings: Mapping[str, Any]) -> Judged:
    """Build the part for a GenRM, 0 or 1; the judge is ``genrm``."""
    return _build("genrm", settings, "genrm")


def build_llm(settings: Mapping[str, Any]) -> Judged:
    """Build the part for a judge of any kind; the paper's LLM-as-RM is ``genrm`` asked of a model that was not trained.

    Raises:
        ValueError: a field is unknown, missing or out of range.
        UserError: the judge, its model or a key is missing.
    """
    return _build("llm", settings)


def _build(name: str, given: Mapping[str, Any], only: str = "") -> Judged:
    settings = load(Settings, dict(given))
    kind, options = parse_spec(settings.judge)
    if only and kind != only:
        raise ValueError(f"the judge is {kind!r} and must be {only}:model=NAME")
    model = options.get("model", "")
    if not is_checkpoint(model):
        door = settings.door()
        door.check(load_judge(settings.judge, settings.source or "zh", settings.target or "en").models)
        return Judged(name, settings, lambda: door)
    checkpoint = _checked(model, settings.serve)
    written = ":".join(f"{option}={value}" for option, value in (options | {"model": checkpoint.model}).items())
    settings = replace(settings, judge=f"{kind}:{written}")
    load_judge(settings.judge, settings.source or "zh", settings.target or "en")
    learned_from = read_optimised_for(checkpoint.folder)
    return Judged(name, settings, lambda: settings.door({"hf": _answering(checkpoint, settings.serve)}), learned_from)


def _checked(model: str, serve: Literal["server", "process"]) -> Checkpoint:
    """Find a checkpoint, and see that it can be made to answer."""
    if serve == "server":
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise UserError(
                f"Every process of this training would serve {model} again.",
                "Serve it once, apart, and give model=hosted_vllm/NAME:api_base=URL.",
            )
        find_engine()
    return resolve(model)


def _answering(checkpoint: Checkpoint, serve: Literal["server", "process"]) -> Backend:
    """Make a checkpoint answer until this process ends."""
    if serve == "process":
        from trainers.homura.genrm.in_process import InProcess

        return InProcess(checkpoint.folder)
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(serve_checkpoint(checkpoint)).backend()
