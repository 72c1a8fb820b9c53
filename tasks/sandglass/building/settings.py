"""What decides a build: everything here enters the plan, and with it the bytes of the result."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.convert import dump
from harness.corpus.languages import Language
from harness.corpus.options import Labels
from harness.corpus.stages import sha256
from harness.corpus.transcripts import Transcript
from harness.definition import Target
from harness.metrics.fill import DUBBING_RATE, SPEECH_RATES

VERSION = 1
"""Raised when the rules of a stage change: other rules, other bytes."""

PAPER_TARGETS = {
    "en": Target((0.8, 0.9), (SPEECH_RATES["en"], DUBBING_RATE)),
    "de": Target((0.9, 1.0), (SPEECH_RATES["de"], DUBBING_RATE)),
    "es": Target((1.0, 1.1), (SPEECH_RATES["es"], DUBBING_RATE)),
}
"""From Chinese: bounds from Table 2 of the paper, rates from Table 1, and a dubbing tool's."""


PLANNED = tuple("code language targets items quotas per_transcript train near keep_cues events encoding seed".split())
"""Settings that stand in the plan as they are."""


@dataclass(frozen=True)
class Settings:
    """One build.

    Attributes:
        transcripts: the inputs, sorted by name.
        code: source language.
        language: its configuration.
        targets: target languages with their bounds.
        items: segments wanted.
        quotas: quotas given by domain; the others share what is left.
        per_transcript: most segments of one transcript, None without a limit.
        train: share of transcripts set aside for training.
        near: Jaccard similarity from which on two segments are near-duplicates.
        keep_cues: take every cue as a segment, without joining or cutting.
        events: name of the core-event extractor, or ``none``.
        public: public files for the memorisation probe.
        encoding: of the subtitle files, None to find it.
        seed: of every choice.
        labels: for definition and card.
    """

    transcripts: tuple[Transcript, ...]
    code: str
    language: Language
    targets: dict[str, Target]
    items: int
    quotas: dict[str, int]
    per_transcript: int | None
    train: float
    near: float
    keep_cues: bool
    events: str
    public: tuple[Path, ...]
    encoding: str | None
    seed: int
    labels: Labels

    def plan(self) -> dict[str, Any]:
        """Return all that decides the result as plain data, files by their hashes and the date left out."""
        inputs = [[t.name, t.domain, t.path.suffix.lower(), sha256(t.path)] for t in self.transcripts]
        public = [[path.suffix.lower(), sha256(path)] for path in self.public]
        rest = {key: dump(getattr(self, key)) for key in PLANNED}
        return (
            {"builder": "sandglass", "builder_version": VERSION, "inputs": inputs, "public": public}
            | rest
            | self.labels.plan()
        )
