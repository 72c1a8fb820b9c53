"""Last stage: the task folder's files."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from harness.convert import dump
from harness.corpus import funnel
from harness.corpus.folder import write_json
from harness.corpus.funnel import Step
from harness.corpus.probe import Probe, probe, public_texts
from harness.corpus.reader import CONTEXT, Line
from harness.corpus.reader import read_lines as read_built
from harness.corpus.stages import Ticker, read_lines, sha256, write_lines
from harness.corpus.texts import batches
from harness.corpus.windows import Placed
from tasks.sandglass.building import card
from tasks.sandglass.building.filtering import segments
from tasks.sandglass.building.settings import Settings
from tasks.sandglass.building.statistics import statistics

STAGE = "6-task"
SEGMENTS, TRAINING, WINDOWS, EVENTS = "segments.jsonl", "train.jsonl", "windows.jsonl", "events.jsonl"


def task(
    settings: Settings,
    windows: Path,
    distinct: Path,
    choice: tuple[Path, Path],
    report: dict[str, Any],
    steps: Sequence[Step],
    folder: Path,
) -> None:
    """Write segments, windows, events, statistics, funnel, definition and card.

    Args:
        settings: of the build.
        windows: all windows.
        distinct: the segments that may be chosen, with weight and doubts.
        choice: files with the places for test and for training.
        report: what the fifth stage reported, and the number of problems.
        steps: of all stages.
        folder: where to write.

    Raises:
        UserError: a public file cannot be read, or a label is refused by the task's reader.
    """
    test, train = (set(np.load(path, allow_pickle=False).tolist()) for path in choice)
    public = _public(settings)
    write_lines(folder / SEGMENTS, _probed(_lines(windows, distinct, test), public))
    if train:
        write_lines(folder / TRAINING, _lines(windows, distinct, train))
    lines = read_built(folder / SEGMENTS)
    shown = {line.window for line in lines}
    write_lines(folder / WINDOWS, (window for window in read_lines(windows) if window["id"] in shown))
    counts = _events(settings, lines, folder)
    numbers = statistics(settings, lines, counts, report)
    write_json(folder / "statistics.json", numbers)
    funnel.write(folder, steps)
    card.write(settings, folder, lines, numbers, sha256(folder / SEGMENTS))


def _lines(windows: Path, distinct: Path, wanted: set[int]) -> Iterator[dict[str, Any]]:
    """Return the wanted segments as ``reader.Line`` reads them: own context, and what the checks said."""
    judged = (record for record in read_lines(distinct) if record["n"] in wanted)
    numbered = enumerate(segments(windows))
    for _, group in groupby(numbered, lambda pair: pair[1].transcript):
        places, neighbours = zip(*group, strict=True)
        for k, n in enumerate(places):
            if n in wanted:
                yield _line(neighbours, k, next(judged))


def _line(neighbours: Sequence[Placed], k: int, judged: dict[str, Any]) -> dict[str, Any]:
    segment = neighbours[k]
    line: dict[str, Any] = {
        "id": segment.id,
        "video": segment.transcript,
        "domain": segment.domain,
        "window": segment.window,
        "text": segment.text,
        "start": segment.start,
        "end": segment.end,
        "before": [other.text for other in neighbours[max(0, k - CONTEXT) : k]],
        "after": [other.text for other in neighbours[k + 1 : k + 1 + CONTEXT]],
        "weight": judged["weight"],
        "doubts": judged["doubts"],
    }
    if k + 1 < len(neighbours):
        line["gap"] = round(max(0.0, neighbours[k + 1].start - segment.end), 3)
    if segment.interpolated:
        line["interpolated"] = True
    return line


def _public(settings: Settings) -> Probe | None:
    if not settings.public:
        return None
    return probe((text for path in settings.public for text in public_texts(path)), settings.language.probe)


def _probed(lines: Iterable[dict[str, Any]], public: Probe | None) -> Iterator[dict[str, Any]]:
    """Add the share of public n-grams; a segment too short to tell stays without."""
    for batch in batches(lines, 1000):
        shares = public.overlap([line["text"] for line in batch]).tolist() if public else [math.nan] * len(batch)
        for line, share in zip(batch, shares, strict=True):
            yield line if math.isnan(share) else {**line, "overlap": round(share, 4)}


def _events(settings: Settings, lines: Sequence[Line], folder: Path) -> list[int] | None:
    """Write the core events of the segments by machine, and return how many each has; None without an extractor."""
    if settings.events == "none":
        return None
    from harness import events

    extractor = events.load(settings.events)
    found = [extractor.events(line.text) for line in Ticker("core events").over(lines)]
    rows = zip(lines, found, strict=True)
    write_lines(
        folder / EVENTS,
        ({"id": line.id, "extractor": extractor.name, "events": dump(its)} for line, its in rows),
    )
    return [len(its) for its in found]
