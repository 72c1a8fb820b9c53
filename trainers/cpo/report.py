"""What triplets say about their systems: how often each beats the reference, is chosen, is rejected."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.gold import Preferred, preferred
from harness.metrics.base import ratio
from harness.stats.clusters import cluster_sums
from harness.stats.intervals import Interval, interval
from trainers.cpo.outputs import REFERENCE, Outputs
from trainers.cpo.triplets import Selection, Triplet


@dataclass(frozen=True)
class Line:
    """One system in one direction.

    Attributes:
        direction: such as ``zh-en``.
        system: its name.
        better: how often it scores above the reference; None for the reference, and without one.
        chosen: share of the triplets in which it is preferred.
        rejected: share in which it is dispreferred.
    """

    direction: str
    system: str
    better: Preferred | None
    chosen: Interval
    rejected: Interval


def lines(outputs: Sequence[Outputs], triplets: Sequence[Triplet]) -> list[Line]:
    """Count by direction and system, with 95 % intervals clustered by document.

    Args:
        outputs: what the triplets were made from.
        triplets: of these outputs; a direction without any has no line.

    Returns:
        Directions in their order, and systems in the order of ties.
    """
    found = []
    for direction in dict.fromkeys(one.direction for one in outputs):
        here = [one for one in outputs if one.direction == direction]
        made = [one for one in triplets if f"{one.source}-{one.target}" == direction]
        clusters = {one.id: one.cluster or one.id for one in here}
        for system in dict.fromkeys(candidate.system for one in here for candidate in one.candidates):
            if made:
                chosen, rejected = (
                    _share([name == system for name in names], [clusters[one.id] for one in made])
                    for names in ([one.chosen_system for one in made], [one.rejected_system for one in made])
                )
                found.append(Line(direction, system, _better(system, here), chosen, rejected))
    return found


def _better(system: str, outputs: Sequence[Outputs]) -> Preferred | None:
    rows = [{c.system: c.score for c in one.candidates} for one in outputs]
    if system == REFERENCE or not any(row.get(REFERENCE) is not None for row in rows):
        return None
    ours, theirs = (np.array([row.get(name) for row in rows], dtype=np.float64) for name in (system, REFERENCE))
    return preferred(system, ours, theirs, [one.cluster or one.id for one in outputs])


def _share(hits: Sequence[bool], clusters: Sequence[str]) -> Interval:
    rows = np.column_stack([np.array(hits, dtype=float), np.ones(len(hits))])
    return interval(ratio, cluster_sums(rows, clusters), bounds=(0.0, 1.0), proportion=True)


def markdown(outputs: Sequence[Outputs], selection: Selection) -> str:
    """Write the counts as a table, with the numbers left out below."""
    table = [
        "| direction | system | beats the reference | ties | chosen | rejected |",
        "|---|---|---|---|---|---|",
    ]
    for line in lines(outputs, selection.triplets):
        better, ties = ("", "")
        if line.better is not None:
            better = _told(line.better.better, line.better.low, line.better.high)
            ties = f"{100 * line.better.ties:.1f} %"
        shares = [_told(share.estimate, share.low, share.high) for share in (line.chosen, line.rejected)]
        table.append(f"| {line.direction} | {line.system} | {better} | {ties} | {shares[0]} | {shares[1]} |")
    left_out = ", ".join(f"{count} {reason}" for reason, count in selection.skipped.items()) or "nothing"
    return "\n".join(
        [*table, "", f"{len(selection.triplets)} triplets of {len(outputs)} sources; left out: {left_out}."]
    )


def _told(share: float | None, low: float | None, high: float | None) -> str:
    if share is None:
        return "-"
    ends = "" if low is None or high is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{100 * share:.1f} %{ends}"
