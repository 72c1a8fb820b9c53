"""Two subtitle files side by side: which cues belong together, which stand alone, and how far apart the files lie."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from harness.subtitles.cues import Cue
from harness.subtitles.pairing import pair

REACH = 30.0
"""Seconds either side of a first guess within which an offset is looked for."""
BIN = 0.1
MOST_CUES = 20_000
"""Cues whose differences are looked at, spread over the file; a long film has a tenth of it."""
NEIGHBOURS = 100
"""Cues on either side of a first guess that are looked at; more than that in half a minute is no speech."""


@dataclass(frozen=True, slots=True)
class Row:
    """A pair of cues, or one that stands alone."""

    first: Cue | None
    second: Cue | None

    @property
    def start(self) -> float:
        """Return when the row begins, by the first file where it has a cue there, else by the second."""
        cue = self.first or self.second
        assert cue is not None  # a row holds one at least
        return cue.start

    @property
    def difference(self) -> float | None:
        """Return how much later the second cue begins, in seconds; None where one stands alone."""
        return self.second.start - self.first.start if self.first and self.second else None


@dataclass(frozen=True, slots=True)
class Alignment:
    """All cues of two files in time.

    ``offset`` is the shift applied to the second file, ``estimate`` how much later the
    second file seems to begin, and ``at_estimate`` the pairs that shift would give.
    """

    rows: tuple[Row, ...]
    tolerance: float
    offset: float
    estimate: float
    at_estimate: int

    @property
    def pairs(self) -> int:
        """Count the pairs."""
        return sum(row.difference is not None for row in self.rows)


def align(first: Sequence[Cue], second: Sequence[Cue], tolerance: float, offset: float = 0.0) -> Alignment:
    """Put two files side by side.

    Args:
        first: the cues of one file.
        second: the cues of the other.
        tolerance: seconds that two starts may lie apart, at most.
        offset: seconds that the second file is late; taken off its times for pairing.

    Returns:
        The alignment; every cue stands in exactly one row.

    Examples:
        >>> a = [Cue(1, 1.0, 2.0, "Hi"), Cue(2, 3.0, 4.0, "Yes")]
        >>> b = [Cue(1, 1.2, 2.0, "Hallo")]
        >>> [(row.first.text, row.second and row.second.text) for row in align(a, b, 0.7).rows]
        [('Hi', 'Hallo'), ('Yes', None)]
    """
    starts, others = [cue.start for cue in first], [cue.start for cue in second]
    pairs = pair(starts, [start - offset for start in others], tolerance)
    with_first, with_second = {a for a, _ in pairs}, {b for _, b in pairs}
    rows = [Row(first[a], second[b]) for a, b in pairs]
    rows += [Row(cue, None) for place, cue in enumerate(first) if place not in with_first]
    rows += [Row(None, cue) for place, cue in enumerate(second) if place not in with_second]
    rows.sort(key=lambda row: row.start - (offset if row.first is None else 0.0))
    estimate = estimate_offset(starts, others)
    at_estimate = len(pair(starts, [start - estimate for start in others], tolerance))
    return Alignment(tuple(rows), tolerance, offset, estimate, at_estimate)


def estimate_offset(first: Sequence[float], second: Sequence[float]) -> float:
    """Estimate how much later the second file begins: the difference of starts that most cues agree on.

    Looked for within 30 s of none, and of the difference between the two first cues.

    Examples:
        >>> estimate_offset([1.0, 5.0, 9.0, 20.0], [3.5, 7.5, 11.5, 22.5])
        2.5
        >>> estimate_offset([], [1.0])
        0.0
    """
    if not first or not second:
        return 0.0
    first, second = sorted(first), sorted(second)
    differences = [d for guess in {0.0, second[0] - first[0]} for d in _differences(first, second, guess)]
    votes = Counter(round(difference / BIN) for difference in differences)
    if not votes:
        return 0.0
    best = max(votes, key=lambda bin_: (votes[bin_ - 1] + votes[bin_] + votes[bin_ + 1], -abs(bin_), bin_))
    agreeing = [difference for difference in differences if abs(difference - best * BIN) <= 1.5 * BIN]
    return round(median(agreeing), 3)


def _differences(first: Sequence[float], second: Sequence[float], guess: float) -> list[float]:
    """Return the differences of starts within reach of a guess, of so many cues and neighbours at most."""
    found: list[float] = []
    for start in first[:: len(first) // MOST_CUES + 1]:
        at = bisect_left(second, start + guess)
        differences = (other - start for other in second[max(0, at - NEIGHBOURS) : at + NEIGHBOURS])
        found += [difference for difference in differences if abs(difference - guess) <= REACH]
    return found
