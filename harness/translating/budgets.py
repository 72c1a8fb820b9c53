"""What a cue may hold in its own time, and by how much a text is over it.

``characters`` is the reading speed and the room of the locale's limits
(``harness.subtitles.limits``), ``syllables:RATE`` so many syllables a second when spoken,
``none`` no limit of time. Lines and characters a line hold wherever text is on screen.
Values are compared exactly; a value equal to its limit passes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from harness.budget import Budget
from harness.errors import UserError
from harness.subtitles.breaking import break_lines
from harness.subtitles.entry import Entry
from harness.subtitles.limits import Limits, characters
from harness.syllables import LANGUAGES, counter_for

FASTEST = 20
"""Syllables a second that nobody exceeds."""
ROOM = Fraction(9, 10)
"""Share of the room on screen that a rewrite is asked for: lines break between words."""
COUNTER = "phonetic"


@dataclass(frozen=True, slots=True)
class Pace:
    """What a text is held against: limits of the locale, and syllables a second where speech is the limit.

    ``timed`` is False where no limit of time holds; ``rate`` is 0 where characters count.
    """

    limits: Limits
    timed: bool = True
    rate: Fraction = Fraction(0)

    @property
    def unit(self) -> str:
        """What is counted, in the plural."""
        return "syllables" if self.rate else "characters"

    @property
    def speed(self) -> Fraction:
        """The unit's limit a second."""
        return self.rate or self.limits.speed

    def amount(self, text: str) -> Fraction:
        """Count a text in the unit."""
        return Fraction(self._syllables(text)) if self.rate else characters(text, self.limits)

    @property
    def _syllables(self) -> Callable[[str], int]:
        return counter_for(self.limits.language, COUNTER)

    def allowed(self, entry: Entry) -> int:
        """Return the amount that a rewrite of a cue is asked for, at least 1."""
        room = math.floor(ROOM * self.limits.lines * self.limits.characters)
        amount = math.floor(self.speed * (entry.end - entry.start))
        return max(1, amount if self.rate else min(amount, room))

    def violations(self, entry: Entry, text: str) -> dict[str, float]:
        """Return by how much a text, lines broken by the rules, is over each limit that it breaks.

        Returns:
            Over by rule: ``reading_speed`` or ``speech_rate`` in units a second, ``line_length``
            in characters, ``lines``. Empty where the text fits.
        """
        limits, found = self.limits, {}
        text = break_lines(text, limits)  # a blank that becomes a line break counts nothing
        speed = self.amount(text) / (entry.end - entry.start)
        if self.timed and speed > self.speed:
            found["speech_rate" if self.rate else "reading_speed"] = float(speed - self.speed)
        lines = text.split("\n")
        longest = max(characters(line, limits) for line in lines)
        if longest > limits.characters:
            found["line_length"] = float(longest - limits.characters)
        if len(lines) > limits.lines:
            found["lines"] = float(len(lines) - limits.lines)
        return found

    def budget(self, source: str, target: str) -> Budget:
        """Return the budget that strategies are told, from each segment's own time."""
        if not self.timed:
            return Budget(source, target, COUNTER, (), "none")
        if self.rate:
            return Budget(source, self.limits.language, COUNTER, (0.0, 1.0), "duration", float(self.rate))
        most = math.floor(self.limits.lines * self.limits.characters)
        return Budget(source, target, COUNTER, (0.0, 1.0), "reading_speed", float(self.limits.speed), most)


def pace_of(written: str, limits: Limits) -> Pace:
    """Read ``--budget``.

    Args:
        written: ``characters``, ``syllables:RATE`` or ``none``.
        limits: of the target's locale.

    Returns:
        The pace.

    Raises:
        UserError: none of these, a rate out of range, or syllables of a language that has no counter.

    Examples:
        >>> from harness.subtitles.limits import limits_for
        >>> pace_of("syllables:4.44", limits_for("en")).speed
        Fraction(111, 25)
        >>> pace_of("characters", limits_for("en")).unit
        'characters'
    """
    kind, _, number = written.partition(":")
    if written in ("characters", "none"):
        return Pace(limits, written != "none")
    if kind != "syllables":
        raise UserError(f"--budget {written!r} is unknown.", "Give characters, syllables:RATE or none.")
    try:
        rate = Fraction(number[:20])
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= FASTEST:
        raise UserError(f"--budget {written!r} has no rate.", "Write syllables:4.44, in syllables a second.")
    if limits.language not in LANGUAGES:
        raise UserError(
            f"Syllables of {limits.language!r} cannot be counted, only of {', '.join(LANGUAGES)}.",
            "Give --budget characters.",
        )
    return Pace(limits, rate=rate)
