"""Two tracks of one film side by side: cues paired by nearest start time."""

from bisect import bisect_left
from collections.abc import Sequence

TOLERANCE = 0.7
"""Seconds two starts may lie apart (MuSC)."""


def pair(first: Sequence[float], second: Sequence[float], tolerance: float = TOLERANCE) -> list[tuple[int, int]]:
    """Pair two tracks' cues by nearest start, one to one.

    Each cue of the first track takes the nearest cue of the second; where several take the
    same one, the nearest of them keeps it (the earlier at equal distance), and the others
    stay alone. So pairs never cross.

    Args:
        first: starts in seconds, in any order.
        second: the other track's, likewise.
        tolerance: seconds that two starts may lie apart, at most; times are compared to the microsecond.

    Returns:
        Places in ``first`` and ``second``, by start time.

    Examples:
        >>> pair([1.0, 2.0, 5.0], [1.2, 2.1, 9.0])
        [(0, 0), (1, 1)]
        >>> pair([1.0, 1.5], [1.4])
        [(1, 0)]
    """
    order = sorted(range(len(second)), key=lambda place: (second[place], place))
    starts = [second[place] for place in order]
    taken: dict[int, tuple[float, int]] = {}
    for place in sorted(range(len(first)), key=lambda place: (first[place], place)):
        after = bisect_left(starts, first[place])
        near = [(round(abs(starts[at] - first[place]), 6), at) for at in (after - 1, after) if 0 <= at < len(starts)]
        if not near:
            continue
        distance, at = min(near)
        if distance <= tolerance and (at not in taken or distance < taken[at][0]):
            taken[at] = (distance, place)
    return [(place, order[at]) for at, (_, place) in sorted(taken.items())]
