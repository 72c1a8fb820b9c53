"""The length budget of a segment: what strategies are told and what metrics hold translations against.

A track says what is measured against what (``TRACKS``):

============== =========== =============================== ==========================================
track          unit        basis                           in bounds
============== =========== =============================== ==========================================
ratio          syllables   syllables of the source         low <= n / basis <= high (Sand-Glass)
duration       syllables   seconds x rate                  low <= n / basis <= high
count          syllables   round(seconds x rate x pace)    off by 1 or 5 % at most (hit-a-count)
isometric      characters  characters of the source        low <= n / basis <= high, blanks not counted
reading_speed  characters  seconds x rate, most at most    low <= n / basis <= high
none           -           -                               there is no budget
============== =========== =============================== ==========================================
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from harness.records import Segment
from harness.syllables import count
from harness.syllables.literal import HAN

Track = Literal["ratio", "duration", "count", "isometric", "reading_speed", "none"]
TRACKS: tuple[Track, ...] = get_args(Track)
BY_SYLLABLES = frozenset({"ratio", "duration", "count"})
BY_TIME = frozenset({"duration", "count", "reading_speed"})

HIT_SYLLABLES = 1
HIT_DEVIATION = 0.05
"""Hit-a-count: off by one syllable, or by 5 % at most, is a hit (Sandglass-Bench v2)."""


FASTEST_SOURCE = 9.0
"""Han characters a second above which a segment's times cannot belong to its text."""


def plausible_times(segment: Segment) -> bool:
    """Say whether a segment has times that can belong to its text (at most 9 Han characters a second).

    Examples:
        >>> [plausible_times(Segment("1", "平行宇宙国王星", "v", start=0, end=end)) for end in (0.7, 0.8, None)]
        [False, True, False]
    """
    if segment.start is None or segment.end is None:
        return False
    return len(HAN.findall(segment.text)) <= FASTEST_SOURCE * (segment.end - segment.start)


def characters(text: str) -> int:
    r"""Count the characters of a text as reading speed does.

    Code points, blanks and punctuation included, line breaks not.

    Examples:
        >>> characters("Oh no…\nno!"), characters("再见")
        (9, 2)
    """
    return sum(len(line) for line in text.splitlines())


def characters_without_blanks(text: str) -> int:
    """Count the characters of a text as the isometric track does: blanks (U+0020) left out.

    A French no-break space counts: so the published compliance comes out.

    Examples:
        >>> characters_without_blanks("This is my new toy.")
        15
    """
    return characters(text) - text.count(" ")


def in_bounds(ratio: float, low: float, high: float) -> bool:
    """Say whether a ratio lies within closed bounds.

    Args:
        ratio: of a translation's amount to its basis, such as rho.
        low: lower bound L.
        high: upper bound R.

    Returns:
        L <= ratio <= R.

    Examples:
        >>> in_bounds(10 / 12, 0.8, 0.9), in_bounds(11 / 12, 0.8, 0.9)
        (True, False)
    """
    return low <= ratio <= high


def amounts_within(basis: float, low: float, high: float) -> range:
    """List the whole amounts n with low <= n / basis <= high.

    Args:
        basis: what the bounds multiply, above 0.
        low: lower bound.
        high: upper bound.

    Returns:
        A range, possibly empty.

    Examples:
        >>> amounts_within(12, 0.8, 0.9), amounts_within(20, 0.8, 0.9), amounts_within(1, 0.8, 0.9)
        (range(10, 11), range(16, 19), range(0, 0))
    """
    first, last = max(0, math.ceil(low * basis) - 1), math.floor(high * basis) + 1
    while first <= last and not in_bounds(first / basis, low, high):
        first += 1
    while last >= first and not in_bounds(last / basis, low, high):
        last -= 1
    return range(first, last + 1) if first <= last else range(0)


def distance(amount: int, admissible: range) -> int | None:
    """Compute the signed distance of an amount to the nearest admissible one.

    Args:
        amount: syllables or characters of a translation.
        admissible: the amounts that are in bounds.

    Returns:
        0 within, positive over and negative under; None where nothing is admissible.

    Examples:
        >>> distance(13, range(10, 11)), distance(8, range(10, 11)), distance(1, range(0))
        (3, -2, None)
    """
    if not admissible:
        return None
    return max(0, amount - admissible[-1]) + min(0, amount - admissible[0])


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget of one task: languages, counter, track and bounds.

    Attributes:
        source: source language.
        target: target language.
        counter: name of the syllable counter.
        bounds: closed bounds of amount / basis; empty on tracks without.
        track: see the module.
        rate: syllables or characters a second, on tracks by time.
        most: most characters that fit on screen whatever the time, on the track reading_speed; 0 without.
    """

    source: str
    target: str
    counter: str
    bounds: Sequence[float] = ()
    track: Track = "ratio"
    rate: float = 0.0
    most: int = 0

    @property
    def unit(self) -> str:
        """What is counted, in the plural."""
        return "syllables" if self.track in BY_SYLLABLES else "characters"

    def amount(self, text: str) -> int:
        """Count a translation in the track's unit."""
        if self.unit == "syllables":
            return count(text, self.target, self.counter)
        return characters_without_blanks(text) if self.track == "isometric" else characters(text)

    def basis(self, segment: Segment) -> float | None:
        """Return what the bounds multiply; None where the segment has no budget.

        Examples:
            >>> Budget("zh", "en", "pyphen", (0.8, 0.9)).basis(Segment("1", "两人之间的关系越来越亲密", "v"))
            12
            >>> timed = Segment("1", "你好", "v", start=1.0, end=3.0)
            >>> Budget("zh", "en", "pyphen", (0, 1), "reading_speed", 21).basis(timed)
            42.0
        """
        if self.track == "none":
            return None
        if self.track == "ratio":
            return max(1, count(segment.text, self.source, self.counter))
        if self.track == "isometric":
            return max(1, characters_without_blanks(segment.text))
        if segment.start is None or segment.end is None:
            return None
        amount = (segment.end - segment.start) * self.rate
        if self.track == "count":
            return max(1, round(amount * segment.pace))
        return min(amount, self.most) if self.most else amount

    def admissible(self, basis: float) -> range:
        """List the amounts that are in bounds, possibly none.

        Examples:
            >>> Budget("zh", "en", "pyphen", (), "count", 6.19).admissible(40)
            range(38, 43)
        """
        if self.track != "count":
            return amounts_within(basis, *self.bounds)
        slack = max(HIT_SYLLABLES, math.floor(HIT_DEVIATION * basis))
        return range(max(0, round(basis) - slack), round(basis) + slack + 1)

    def wanted(self, segment: Segment) -> range:
        """List the amounts to ask a model for: at least 1, and the nearest one where none is admissible.

        Raises:
            ValueError: the segment has no budget.

        Examples:
            >>> budget = Budget("zh", "en", "pyphen", (0.8, 0.9))
            >>> budget.wanted(Segment("1", "两人之间的关系越来越亲密", "v")), budget.wanted(Segment("1", "好", "v"))
            (range(10, 11), range(1, 2))
        """
        basis = self.basis(segment)
        if basis is None:
            raise ValueError(f"{segment.id} has no budget")
        amounts = self.admissible(basis)
        if amounts and amounts[-1] > 0:
            return range(max(1, amounts[0]), amounts[-1] + 1)
        nearest = max(1, round(sum(self.bounds) / len(self.bounds) * basis)) if self.bounds else max(1, round(basis))
        return range(nearest, nearest + 1)

    def error(self, segment: Segment, text: str) -> int:
        """Compute the signed distance of a translation to its budget, in the track's unit.

        Examples:
            >>> budget = Budget("zh", "en", "pyphen", (0.8, 0.9))
            >>> budget.error(Segment("1", "两人之间的关系越来越亲密", "v"), "Bond grows tighter.")
            -7
        """
        return distance(self.amount(text), self.wanted(segment)) or 0
