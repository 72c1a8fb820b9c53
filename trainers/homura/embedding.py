"""Fidelity without a back-translator: the cosine of source and translation in one multilingual space.

It costs no model call and sees topics more than faithfulness: for runs that cannot afford a round trip,
and to be judged by metrics of another family (``embed_qe`` and whatever else measures with the embedder are marked).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.convert import load
from harness.qe.embedded import EMBEDDER, EmbedQE
from trainers.homura.parts import Batch, Kind, Scores


@dataclass(frozen=True)
class EmbeddedFidelity:
    """The part: cosines in [-1, 1], those of the harness's estimator ``embed_qe``. It has no settings."""

    name: ClassVar[str] = "embed_qe"
    kind: ClassVar[Kind] = "similarity"
    optimised_for: ClassVar[tuple[str, ...]] = (f"embedding/{EMBEDDER}",)

    def __call__(self, batch: Batch) -> Scores:
        """Score a batch."""
        from harness.qe import Row

        rows = [Row(*pair) for pair in zip(batch.sources, batch.hypotheses, strict=True)]
        return list(EmbedQE().score(rows))  # anew, since it remembers every text it has seen


def build(settings: Mapping[str, Any]) -> EmbeddedFidelity:
    """Build the part.

    Raises:
        ValueError: a field is given.
        UserError: the embedder is not installed.
    """
    part = load(EmbeddedFidelity, dict(settings))
    EmbedQE().start()
    return part
