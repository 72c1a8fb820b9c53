"""Finished runs as the board reads them: result, manifest, trust level and scores, and nothing computed anew.

A run directory may hold all its stages' files, or ``result.json``, ``manifest.json`` and ``scores.jsonl`` alone.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from harness.convert import load
from harness.errors import UserError
from harness.jsonl import MAX_LINE
from harness.records import Result
from harness.run.store import read_manifest, read_result
from leaderboard.text import slug

LEVELS = {
    "self-reported": "what the authors sent; nothing was checked",
    "recomputed": "every deterministic score follows from the stored files",
    "re-judged": "recomputed, and the judges were asked again",
    "re-generated": "re-judged, and the system was run again",
}
"""Trust levels, the weakest first, and what each says."""

FIX = "Leave that run out, or get it again from whoever made it."


@dataclass(frozen=True)
class Trust:
    """How far a row was checked; ``trust.json`` beside the result, written by whoever keeps the board."""

    level: str = "self-reported"
    command: str = ""
    date: str = ""
    note: str = ""


VERDICTS = ("usable", "ib", "bt_cerr")
"""What is either so or not of a single output, and shown with it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one output: ratio, syllables of source and hypothesis, and which verdicts it passed.

    ``passed`` holds 1, 0 or None (left out) for each of ``VERDICTS``.
    """

    ratio: float | None
    source: int | None
    hypothesis: int | None
    passed: list[int | None]


@dataclass(frozen=True)
class Scores:
    """What a run's segments scored, averaged over repeats.

    Attributes:
        segments: [n] ids, sorted.
        clusters: [n] the video or document of each.
        names: the metrics that are a mean over segments.
        sums: [n, 2 * metrics], each metric's value and presence side by side.
        ratios: syllable ratio of every record whose state is ok.
        verdicts: by segment id and seed.
    """

    segments: tuple[str, ...]
    clusters: tuple[str, ...]
    names: tuple[str, ...]
    sums: NDArray[np.float64]
    ratios: NDArray[np.float64]
    verdicts: Mapping[tuple[str, str], Verdict]

    def of(self, name: str) -> NDArray[np.float64]:
        """Return a metric's [n, 2] values and presences."""
        column = 2 * self.names.index(name)
        return self.sums[:, column : column + 2]


@dataclass(frozen=True)
class Run:
    """One finished run."""

    folder: Path
    result: Result
    manifest: Mapping[str, Any]
    trust: Trust
    scores: Scores

    @cached_property
    def slug(self) -> str:
        """Name of the run's files."""
        found = self.result
        return slug(f"{found.model}-{found.strategy.partition(':')[0]}", f"{found.system_id}/{found.run_id}")

    @property
    def with_texts(self) -> bool:
        """Whether the run brings its translations along."""
        return (self.folder / "translations.jsonl").is_file() and (self.folder / "segments.jsonl").is_file()


def find(folders: Sequence[Path]) -> list[Path]:
    """Find the run directories below some folders, sorted, a run that is there twice once.

    Raises:
        UserError: a folder is not there, or none holds a result.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"There is no folder {folder}.", "Give folders of results, as given with --out.")
        for path in sorted(folder.rglob("result.json")):
            found.setdefault("/".join(path.parts[-4:-1]), path.parent)
    if not found:
        raise UserError(f"{', '.join(map(str, folders))}: no result.", "Give folders of results, as given with --out.")
    return [found[name] for name in sorted(found)]


def read_head(folder: Path) -> tuple[Result, dict[str, Any]]:
    """Read a run's result and manifest.

    Raises:
        UserError: a file is missing, damaged or of another version.
    """
    try:
        return read_result(folder), read_manifest(folder)
    except RecursionError:
        _damaged(folder / "result.json", "it or manifest.json is nested too deeply")


def read(folder: Path) -> Run:
    """Read one run directory.

    Raises:
        UserError: a file is missing, damaged or of another version.
    """
    result, manifest = read_head(folder)
    for name, estimate in result.metrics.items():
        ends = (estimate.value, estimate.low, estimate.high, estimate.sd)
        if not all(number is None or isfinite(number) for number in ends):
            _damaged(folder / "result.json", f"{name} is not finite")
    try:
        scores = _scores(lines(folder / "scores.jsonl"), str(manifest.get("counter", "")))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        _damaged(folder / "scores.jsonl", f"{type(error).__name__}: {error}")
    return Run(folder, result, manifest, read_trust(folder), scores)


def read_trust(folder: Path) -> Trust:
    """Read a run's trust level; self-reported where nobody says otherwise.

    Raises:
        UserError: the file is not readable or names an unknown level.
    """
    path = folder / "trust.json"
    if not path.is_file():
        return Trust()
    try:
        data = json.loads(path.read_bytes())
        trust = load(Trust, {name: value for name, value in data.items() if name in Trust.__annotations__})
    except (ValueError, AttributeError) as error:
        _damaged(path, str(error))
    if trust.level not in LEVELS:
        _damaged(path, f"{trust.level!r} is not one of {', '.join(LEVELS)}")
    return trust


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a stage's file line by line; nothing where it is not there.

    Bytes that are not UTF-8 come as U+FFFD, so that a reader sees them.

    Raises:
        UserError: a line too long, or not a JSON object of finite numbers.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if len(raw) > MAX_LINE:
                _damaged(path, f"line {number} is longer than {MAX_LINE} bytes")
            try:
                data = _DECODER.decode(raw.decode("utf-8", "replace"))
            except (ValueError, RecursionError) as error:
                _damaged(path, f"line {number}: {error}")
            if not isinstance(data, dict):
                _damaged(path, f"line {number} is not an object")
            yield data


def _not_finite(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(parse_constant=_not_finite)


def _damaged(path: Path, why: str) -> NoReturn:
    raise UserError(f"{path} is damaged ({why}).", FIX)


def _scores(records: Iterable[Mapping[str, Any]], counter: str) -> Scores:
    names: tuple[str, ...] = ()
    ids: list[str] = []
    rows: list[list[float]] = []
    ratios: list[float] = []
    clusters: dict[str, str] = {}
    verdicts: dict[tuple[str, str], Verdict] = {}
    for record in records:
        statistics = record["statistics"]
        if not rows:
            names = tuple(sorted(name for name, values in statistics.items() if len(values) == 2))
        ids.append(str(record["id"]))
        clusters[ids[-1]] = str(record["cluster"])
        rows.append([number for name in names for number in statistics[name]])
        if record["state"] == "ok" and record.get("rho") is not None:
            ratios.append(record["rho"])
        verdicts[ids[-1], str(record["seed"])] = _verdict(record, counter)
    if not rows:
        raise ValueError("there are no scores")
    values, found = np.array(rows, dtype=np.float64), np.array(ratios, dtype=np.float64)
    if values.shape != (len(rows), 2 * len(names)) or not (np.isfinite(values).all() and np.isfinite(found).all()):
        raise ValueError("statistics are not finite numbers of one width")
    segments = tuple(sorted(clusters))
    place = {segment: number for number, segment in enumerate(segments)}
    index = np.array([place[segment] for segment in ids])
    sums = np.zeros((len(segments), values.shape[1]))
    np.add.at(sums, index, values)
    sums /= np.bincount(index, minlength=len(segments))[:, None]
    return Scores(segments, tuple(clusters[segment] for segment in segments), names, sums, found, verdicts)


def _verdict(record: Mapping[str, Any], counter: str) -> Verdict:
    counted = record.get("syllables", {}).get(counter) or (None, None)
    statistics = (record["statistics"].get(name, (0, 0)) for name in VERDICTS)
    passed = [int(values[0] > 0) if values[1] else None for values in statistics]
    source, hypothesis = (count if isinstance(count, int) else None for count in counted[:2])
    ratio = record.get("rho")
    return Verdict(None if ratio is None else round(float(ratio), 3), source, hypothesis, passed)
