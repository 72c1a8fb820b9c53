"""First stage: files to cleaned segments in windows of ten."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.convert import dump
from harness.corpus.cleaning import Cleaner
from harness.corpus.draw import Tally
from harness.corpus.funnel import Step
from harness.corpus.segmentation import Piece, Segmenter
from harness.corpus.stages import Ticker, write_lines
from harness.corpus.texts import characters
from harness.corpus.transcripts import Transcript, read_units
from harness.corpus.units import Problem, Unit
from harness.corpus.windows import windows
from tasks.sandglass.building.settings import Settings

STAGE, WINDOWS, PROBLEMS = "1-read", "windows.jsonl", "problems.jsonl"


def read(settings: Settings, folder: Path) -> dict[str, Any]:
    """Read, clean and segment all transcripts.

    Returns:
        The report: funnel steps, and the number of segments, characters, transcripts and problems.
    """
    reading = _Reading(settings)
    ticker = Ticker("reading transcripts")
    packed = (window for transcript in ticker.over(settings.transcripts) for window in reading.windows(transcript))
    write_lines(folder / WINDOWS, packed)
    write_lines(folder / PROBLEMS, map(dump, reading.problems))
    return reading.report()


class _Reading:
    """What is counted while transcripts are read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cleaner, self._segmenter = Cleaner(settings.language), Segmenter(settings.language)
        self._emptied = Tally(settings.seed)
        self._shortened: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self.problems: list[Problem] = []

    def windows(self, transcript: Transcript) -> Iterator[dict[str, Any]]:
        units = read_units(transcript, self.problems, self._settings.encoding)
        left = self._cleaned(units)
        pieces = [_as_it_is(unit) for unit in left] if self._settings.keep_cues else self._segmenter.pieces(left)
        self._counts["units"] += len(units)
        self._counts["left"] += len(left)
        self._counts["segments"] += len(pieces)
        self._counts["characters"] += sum(characters(piece.text) for piece in pieces)
        self._counts["interpolated"] += sum(piece.split for piece in pieces)
        self._counts["empty"] += not pieces
        yield from windows(transcript, self._settings.code, pieces)

    def _cleaned(self, units: list[Unit]) -> list[Unit]:
        left = []
        for unit in units:
            result = self._cleaner.clean(unit.text)
            if characters(result.text):
                left.append(replace(unit, text=result.text))
                self._shortened.update(result.removed)
            else:
                self._emptied.count(result.removed[-1] if result.removed else "no letters", unit.text)
        return left

    def report(self) -> dict[str, Any]:
        units, counts = self._counts["units"], self._counts
        bad: dict[str, Any] = {}
        if self.problems:
            first = [f"{p.file}, {p.place}: {p.what}. {p.fix}" for p in self.problems[: Tally.EXAMPLES]]
            bad = {"cannot be used": {"count": len(self.problems), "examples": first}}
        taken = ", ".join(f"{name} {number:,}" for name, number in sorted(self._shortened.items()))
        notes = [f"{counts['segments']:,} segments, {counts['interpolated']:,} with interpolated times"]
        notes += [f"also taken out of cues that stayed: {taken}"] if taken else []
        notes += [f"{counts['empty']:,} transcripts without speech"] if counts["empty"] else []
        steps = [
            Step("read", "cues or words", units + len(self.problems), units, bad),
            Step("cleaned", "cues or words", units, counts["left"], self._emptied.report(), tuple(notes)),
        ]
        return {
            "steps": [dump(step) for step in steps],
            "segments": counts["segments"],
            "characters": counts["characters"],
            "interpolated": counts["interpolated"],
            "problems": len(self.problems),
        }


def _as_it_is(unit: Unit) -> Piece:
    return Piece(unit.text, unit.start, unit.end, False)
