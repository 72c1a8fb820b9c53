"""Second and third stage: perplexity out of fold, then the checks that remove and doubt."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.convert import dump
from harness.corpus.draw import Tally, draw, folds
from harness.corpus.filters import LEAST_CHARACTERS, Filter, robust_z
from harness.corpus.funnel import Step
from harness.corpus.perplexity import log_perplexity, train
from harness.corpus.stages import Ticker, read_lines, write_lines
from harness.corpus.texts import batches, normalised
from harness.corpus.windows import Placed, placed
from tasks.sandglass.building.settings import Settings

PERPLEXITY, VALUES = "2-perplexity", "log_perplexity.npy"
FILTERS, KEPT = "3-filters", "kept.jsonl"
FOLDS = 4
TRAINING_CHARACTERS = 4_000_000
"""Characters that the model is counted on; a larger corpus gives a sample of its segments."""
BATCH = 20_000

STEPS = {
    f"fewer than {LEAST_CHARACTERS} characters": f"at least {LEAST_CHARACTERS} characters",
    "rate": "characters a second",
    "script": "script",
    "repetition": "repetition",
    "perplexity": "perplexity",
    "several doubts": "at most two doubts",
}
"""Reasons of ``Filter`` and the steps of the funnel that they stand for, in the order of the checks."""


def segments(windows: Path) -> Iterator[Placed]:
    """Return the segments of a file of windows, in the order of the corpus."""
    for window in read_lines(windows):
        yield from placed(window)


def perplexity(settings: Settings, windows: Path, read: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write the log perplexity of every segment; NaN where it is too short, or no transcript can be left out."""
    names = [t.name for t in settings.transcripts]
    fold_of = folds(settings.seed, names, min(FOLDS, len(names)))
    values = np.full(read["segments"], np.nan)
    if len(names) >= 2:
        share = min(1.0, TRAINING_CHARACTERS / max(1, read["characters"]))
        sample = [
            (normalised(segment.text), fold_of[segment.transcript])
            for segment in segments(windows)
            if share == 1 or draw(settings.seed, "sample", segment.id) < share
        ]
        model = train([text for text, _ in sample], [fold for _, fold in sample], min(FOLDS, len(names)))
        del sample
        ticker, done = Ticker("perplexity"), 0
        for batch in batches(segments(windows), BATCH):
            texts = [normalised(segment.text) for segment in batch]
            scored = log_perplexity(model, texts, [fold_of[segment.transcript] for segment in batch])
            short = [len(text) < LEAST_CHARACTERS for text in texts]
            values[done : done + len(batch)] = np.where(short, np.nan, scored)
            done += len(batch)
            ticker.step(len(batch))
    np.save(folder / VALUES, values, allow_pickle=False)
    return {"used": len(names) >= 2}


def filtered(settings: Settings, windows: Path, values: Path, used: bool, folder: Path) -> dict[str, Any]:
    """Write the segments that the checks leave, with their place in the corpus, weight and doubts."""
    log = np.load(values, allow_pickle=False)
    z = robust_z(log)
    check, tally = Filter(settings.language), Tally(settings.seed)
    doubts: dict[str, int] = {}

    def kept() -> Iterator[dict[str, Any]]:
        for n, segment in enumerate(Ticker("filters").over(segments(windows))):
            verdict = check.verdict(segment.text, segment.end - segment.start, float(z[n]))
            if verdict.removed:
                tally.count(verdict.removed, segment.text)
                continue
            for doubt in verdict.doubts:
                doubts[doubt] = doubts.get(doubt, 0) + 1
            yield {
                "n": n,
                "id": segment.id,
                "domain": segment.domain,
                "transcript": segment.transcript,
                "text": segment.text,
                "weight": verdict.weight,
                "doubts": verdict.doubts,
            }

    write_lines(folder / KEPT, kept())
    return {"steps": [dump(step) for step in _steps(len(log), tally, doubts, used)], "doubts": doubts}


def _steps(number: int, tally: Tally, doubts: dict[str, int], used: bool) -> Iterator[Step]:
    report = tally.report()
    for reason, name in STEPS.items():
        out = {reason: report[reason]} if reason in report else {}
        after = number - sum(found["count"] for found in out.values())
        notes = [f"{doubts[reason]:,} doubtful, at half weight"] if reason in doubts else []
        notes += (
            ["not used: one transcript cannot be left out of itself"] if reason == "perplexity" and not used else []
        )
        yield Step(name, "segments", number, after, out, tuple(notes))
        number = after
