"""The segments on which two runs differ in a verdict, with their texts, so that a person can see what happened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.compare_runs import Run
from harness.errors import UserError
from harness.jsonl import read_own
from harness.metrics.base import Metric
from harness.records import Translation
from harness.run.store import read_segments, read_stage

MOST_TEXT = 400
"""Characters of a text that are shown; a model's output may have any length."""


@dataclass(frozen=True)
class Flip:
    """A segment whose verdict differs.

    Attributes:
        metric: the verdict.
        segment: its id.
        cluster: its video.
        first: share of its repeats to which the verdict applies, in the first run.
        value: the same in this run.
        better: whether this run is the better one here.
        source: the source, cut to 400 characters.
        first_text: hypothesis of the first run, cut; of the first repeat with the verdict of the majority.
        text: the same of this run.
    """

    metric: str
    segment: str
    cluster: str
    first: float
    value: float
    better: bool
    source: str
    first_text: str
    text: str


def is_verdict(metric: Metric) -> bool:
    """Say whether a metric gives each segment a verdict that is good or bad."""
    return metric.proportion and metric.higher_is_better is not None


def flips(first: Run, run: Run, metrics: Sequence[str]) -> tuple[Flip, ...]:
    """List the segments on which the majority of repeats changed a verdict.

    Args:
        first: the first run.
        run: the run compared with it.
        metrics: names of both runs' metrics; those without verdicts are passed over.

    Returns:
        The flips, by metric in the order given and by segment.

    Raises:
        UserError: a stage file of a run is damaged.
    """
    changed = [
        (name, index, old, new)
        for name in metrics
        if is_verdict(first.metrics[name])
        for index, old, new in _changed(first, run, name)
    ]
    if not changed:
        return ()
    wanted = {first.segments[index] for _, index, _, _ in changed}
    try:
        sources = {segment.id: segment.text for segment in read_segments(first.folder) if segment.id in wanted}
        sides = [(_lines(side, wanted), read_stage(side.folder, Translation)) for side in (first, run)]
        found = []
        for name, index, old, new in changed:
            segment = first.segments[index]
            texts = [
                _text(lines[segment], translations, name, share)
                for (lines, translations), share in zip(sides, (old, new), strict=True)
            ]
            better = (new > old) == first.metrics[name].higher_is_better
            place = segment, first.clusters[index]
            found.append(Flip(name, *place, old, new, better, cut(sources[segment]), *texts))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{first.folder} or {run.folder} is damaged ({type(error).__name__}: {error}).",
            "Recompute both with sandglass verify.",
        ) from error
    return tuple(found)


def cut(text: str, most: int = MOST_TEXT) -> str:
    r"""Cut a text that is too long to show, and replace halves of characters, which no file can hold.

    Examples:
        >>> cut("They did it.", 6), cut("a\ud800")
        ('They …', 'a?')
    """
    text = text if len(text) <= most else text[: most - 1] + "…"
    return text.encode("utf-8", "replace").decode()


def _changed(first: Run, run: Run, name: str) -> Iterator[tuple[int, float, float]]:
    rows = zip(first.statistics[name], run.statistics[name], strict=True)
    for index, (before, after) in enumerate(rows):
        if before[-1] and after[-1]:
            old, new = float(before[0] / before[-1]), float(after[0] / after[-1])
            if (old > 0.5) != (new > 0.5):
                yield index, old, new


def _lines(run: Run, wanted: set[str]) -> dict[str, list[dict[str, Any]]]:
    """Read the score lines of some segments, by segment, sorted by repeat."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in read_own(run.folder / "scores.jsonl"):
        if line["id"] in wanted:
            found.setdefault(line["id"], []).append(line)
    return found


def _text(
    lines: Sequence[dict[str, Any]], translations: dict[tuple[str, int], Translation], name: str, share: float
) -> str:
    """Return the hypothesis of the first repeat that has the verdict of the majority."""
    for line in lines:
        value, *_, present = line["statistics"][name]
        if present and (value > 0.5) == (share > 0.5):
            return cut(translations[line["id"], line["seed"]].text)
    raise ValueError(f"no repeat of {lines[0]['id']} has the verdict of {name}")
