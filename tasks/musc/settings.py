"""What decides a build of MuSC: everything here enters the plan, and with it the bytes of the result."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.convert import dump
from harness.corpus.options import Labels
from harness.corpus.stages import sha256
from tasks.musc.tracks import Film

VERSION = 1
"""Raised when the rules of a step change: other rules, other bytes."""

MERGES = ("none", "rule", "llm")

PLANNED = tuple("languages tolerance least_aligned chunk context least_lines merge model train encoding seed".split())
"""Settings that stand in the plan as they are."""


@dataclass(frozen=True)
class Settings:
    """One build.

    Attributes:
        films: the inputs, sorted by name.
        languages: codes of source and target language.
        tolerance: seconds that the starts of a line may lie apart.
        least_aligned: share of the shorter track that must be aligned.
        chunk: lines of a chunk's core.
        context: lines of context on each side.
        least_lines: fewest lines of a fragment.
        terms: list of terms, where there is one.
        merge: how lines become segments, one of ``MERGES``.
        model: model that merges, for ``llm``.
        api_base: its server, where it is not the provider's own.
        train: share of films set aside for training.
        encoding: of the subtitle files, None to find it.
        seed: of every choice.
        labels: for definition and card.
    """

    films: tuple[Film, ...]
    languages: tuple[str, str]
    tolerance: float
    least_aligned: float
    chunk: int
    context: int
    least_lines: int
    terms: Path | None
    merge: str
    model: str
    api_base: str | None
    train: float
    encoding: str | None
    seed: int
    labels: Labels

    def plan(self) -> dict[str, Any]:
        """Return all that decides the result as plain data, files by their hashes and the date left out."""
        inputs = [
            [f.name, f.domain, f.source.suffix, f.target.suffix, sha256(f.source), sha256(f.target)] for f in self.films
        ]
        terms = sha256(self.terms) if self.terms else ""
        rest = {key: dump(getattr(self, key)) for key in PLANNED}
        return (
            {"builder": "musc", "builder_version": VERSION, "inputs": inputs, "terms": terms}
            | rest
            | self.labels.plan()
        )
