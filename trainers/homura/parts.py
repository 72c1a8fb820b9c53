"""Quality parts of the reward: what they are given, what they return, and which there are.

A part scores translations; the trainer asks it for a batch of rollouts at a time. A part
that calls models is async, so that several parts run at once. Outputs that are not in the
required form, or empty, never reach a part: the profile says what they are worth.
"""

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from harness.errors import UserError

Kind = Literal["similarity", "judgement"]
"""``similarity``: a raw cosine, clipped and rescaled by the profile; ``judgement``: in [0, 1], taken as it is."""

Scores = list[float | None]
"""One value a translation; None (or NaN) where there is none, as when a judge could not be asked or read."""

PARTS = {
    "back_translation": "trainers.homura.fidelity:build",
    "embed_qe": "trainers.homura.embedding:build",
    "fluency": "trainers.homura.judged:build_fluency",
    "llm": "trainers.homura.judged:build_llm",
    "genrm": "trainers.homura.judged:build_genrm",
    "toy_meaning": "trainers.homura.toy:meaning",
    "toy_clipped": "trainers.homura.toy:clipped",
    "toy_form": "trainers.homura.toy:form",
    "toy_verdict": "trainers.homura.toy:verdict",
}
"""Quality parts by name, ``[quality.NAME]`` in a config: where ``build(settings) -> Part`` is."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Translations to be scored, as parallel sequences.

    Attributes:
        sources: source texts.
        hypotheses: translations, read out of the model's answers.
        columns: further columns of the training set by name, one value a translation: ``id``, ``cluster``,
            ``before`` and ``after`` (lists of lines), ``reference``, ``source_syllables``, ``source_language``,
            ``target_language``.
    """

    sources: Sequence[str]
    hypotheses: Sequence[str]
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)


class Part(Protocol):
    """A quality part.

    Attributes:
        name: short name, in logs and column names.
        kind: how the profile uses its values.
        optimised_for: what it measures with (metric and model names and families), written into the checkpoint's card.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> Kind: ...  # noqa: D102
    @property
    def optimised_for(self) -> tuple[str, ...]: ...  # noqa: D102

    def __call__(self, batch: Batch) -> Scores | Awaitable[Scores]:
        """Score a batch: one value a translation, in order."""
        ...


def build_part(name: str, settings: Mapping[str, Any]) -> Part:
    """Build a quality part from its section ``[quality.NAME]``; the part checks its own settings.

    Raises:
        UserError: there is no such part, or its settings are wrong.
    """
    if name not in PARTS:
        raise UserError(f"There is no quality part {name!r}.", f"Use [quality.NAME] with one of {', '.join(PARTS)}.")
    build: Callable[[Mapping[str, Any]], Part] = imported(PARTS[name])
    try:
        return build(settings)
    except ValueError as error:
        raise UserError(f"[quality.{name}]: {error}.", "Mend that field; docs/homura.md lists them.") from None


def imported(path: str) -> Any:
    """Return what an import path ``module:attribute`` of one of our tables stands for."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
