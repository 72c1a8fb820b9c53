"""What is wrong with a subtitle file: every cue held against the limits of its locale.

Reading speed, characters a line, lines, time on screen, gaps and overlaps are errors;
gaps that should be closed, and speech that cannot fit (``fill``), are warnings. Values
are exact and never rounded for a comparison; a value equal to its limit passes.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from harness.metrics.fill import DUBBING_RATE, SPEECH_RATES, fill_ratio
from harness.subtitles.document import Document
from harness.subtitles.entry import Problem
from harness.subtitles.limits import Limits, characters, least
from harness.syllables import LANGUAGES, counter_for

Level = Literal["error", "warning"]

RULES: dict[str, str] = {
    "unreadable": "a cue that cannot be read",
    "reading_speed": "more characters a second than can be read",
    "line_length": "a line of more characters than allowed",
    "lines": "more lines than allowed",
    "short": "on screen for less than the shortest time",
    "long": "on screen for more than the longest time",
    "overlap": "begins before another has ended",
    "gap": "fewer frames after the cue before than allowed",
    "close_gap": "a gap of so few frames that it should be closed",
    "fill": "needs a speed-up above 1.4 to be spoken in its time, at either rate",
}
WARNINGS = frozenset({"close_gap", "fill"})
PLACED = re.compile(r"\\(?:pos|move)\(")
TOO_FAST, TOO_EMPTY = 1.4, 0.67


@dataclass(frozen=True, slots=True)
class Settings:
    """What a file is held against: limits, frame rate, and seconds of a following gap that speech may take."""

    limits: Limits
    fps: Fraction = Fraction(25)
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation: the cue (0 for one that could not be read), its line, the rule, and measured against limit."""

    cue: int
    line: int
    start: float
    rule: str
    measured: float
    limit: float
    message: str

    @property
    def level(self) -> Level:
        """Say whether it is an error or a warning."""
        return "warning" if self.rule in WARNINGS else "error"


@dataclass(frozen=True, slots=True)
class Fill:
    """Shares of cues by how much of their time speech would take at one rate (``harness.metrics.fill``)."""

    rate: float
    cues: int
    fits: float
    fits_at_1_2: float
    too_fast: float
    too_empty: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found in one file, in the order of cues and rules; ``fills`` only where syllables can be counted."""

    name: str
    cues: int
    findings: tuple[Finding, ...]
    fills: tuple[Fill, ...]

    @property
    def errors(self) -> int:
        """Count the findings that are errors."""
        return sum(finding.level == "error" for finding in self.findings)


def lint(document: Document, settings: Settings, problems: list[Problem]) -> Report:
    """Hold a document against limits.

    Args:
        document: the file, read with ``problems``.
        settings: limits and frame rate.
        problems: the cues that could not be read; each is a finding.

    Returns:
        The report.
    """
    findings = [Finding(0, p.line, 0.0, "unreadable", 0.0, 0.0, f"{p.what}. {p.fix}") for p in problems]
    findings += _texts(document, settings)
    findings += _times(document, settings)
    fills, unfit = _fills(document, settings)
    findings += unfit
    order = list(RULES)
    findings.sort(key=lambda finding: (finding.line, finding.cue, order.index(finding.rule)))
    return Report(str(document.path), len(document.entries), tuple(findings), fills)


def tracks(document: Document) -> list[list[int]]:
    """Return the places of the cues that show words, in time.

    In ASS the cues of each style stand apart, and those placed on the picture are no speech.
    """
    found: dict[str, list[int]] = {}
    for place, (entry, skeleton) in enumerate(zip(document.entries, document.skeletons, strict=True)):
        ass = document.markup == "ass"
        if skeleton.text and not (ass and any(PLACED.search(tag.raw) for tag in skeleton.tags)):
            found.setdefault(entry.style if ass else "", []).append(place)
    return [sorted(places, key=lambda place: (document.entries[place].start, place)) for places in found.values()]


def unit(document: Document) -> Fraction:
    """Return the step of the clock that a document's times are written in, in seconds."""
    if document.markup == "stl":
        return Fraction(1, int(document.text[6:8]))  # frames; "STL25.01" stands at 3
    return Fraction(1, 100) if document.markup == "ass" else Fraction(1, 1000)


def _texts(document: Document, settings: Settings) -> Iterator[Finding]:
    limits = settings.limits
    for place, (entry, skeleton) in enumerate(zip(document.entries, document.skeletons, strict=True)):
        if not skeleton.text:
            continue
        found = _finder(document, place)
        duration = entry.end - entry.start
        count = characters(skeleton.text, limits)
        if count > limits.speed * duration:
            yield found("reading_speed", count / duration, limits.speed, "characters a second")
        lines = skeleton.text.split("\n")
        longest = max(characters(line, limits) for line in lines)
        if longest > limits.characters:
            yield found("line_length", longest, limits.characters, "characters in a line")
        if len(lines) > limits.lines:
            yield found("lines", Fraction(len(lines)), Fraction(limits.lines), "lines")
        if duration < least(limits.shortest, unit(document)):
            yield found("short", duration, limits.shortest, "s on screen")
        if duration > limits.longest:
            yield found("long", duration, limits.longest, "s on screen")


def _times(document: Document, settings: Settings) -> Iterator[Finding]:
    """Hold every cue against the one on screen longest before it."""
    limits, frame = settings.limits, 1 / settings.fps
    shortest_gap = least(limits.gap * frame, unit(document))
    for places in tracks(document):
        ended = document.entries[places[0]].end
        for place in places[1:]:
            found = _finder(document, place)
            gap = document.entries[place].start - ended
            ended = max(ended, document.entries[place].end)
            if gap < 0:
                yield found("overlap", -gap, Fraction(0), "s of overlap with a cue before")
            elif gap < shortest_gap:
                yield found("gap", gap / frame, Fraction(limits.gap), "frames after the cue before")
            elif limits.close[0] * frame <= gap <= limits.close[1] * frame:
                yield found("close_gap", gap / frame, Fraction(limits.gap), "frames after the cue before")


def _fills(document: Document, settings: Settings) -> tuple[tuple[Fill, ...], list[Finding]]:
    language = settings.limits.language
    if language not in LANGUAGES:
        return (), []
    count = counter_for(language, "phonetic")
    rates = (SPEECH_RATES[language], DUBBING_RATE)
    ratios: list[tuple[int, list[float]]] = []
    for places in tracks(document):
        for place, following in zip(places, [*places[1:], None], strict=True):
            entry, syllables = document.entries[place], count(document.skeletons[place].text)
            gap = float("inf") if following is None else max(0.0, float(document.entries[following].start - entry.end))
            slot = float(entry.end - entry.start)
            if syllables:
                filled = [fill_ratio(syllables, slot, rate, gap, settings.tolerance) for rate in rates]
                ratios.append((place, filled))
    fills = tuple(_shares(rate, [values[n] for _, values in ratios]) for n, rate in enumerate(rates) if ratios)
    unfit = [
        _finder(document, place)("fill", Fraction(min(values)), Fraction("1.4"), "times its slot when spoken")
        for place, values in ratios
        if min(values) > TOO_FAST
    ]
    return fills, unfit


def _shares(rate: float, ratios: list[float]) -> Fill:
    def share(test: Callable[[float], bool]) -> float:
        return sum(map(test, ratios)) / len(ratios)

    return Fill(
        rate,
        len(ratios),
        share(lambda ratio: ratio <= 1),
        share(lambda ratio: ratio <= 1.2),
        share(lambda ratio: ratio > TOO_FAST),
        share(lambda ratio: ratio < TOO_EMPTY),
    )


def _finder(document: Document, place: int) -> Callable[[str, Fraction, Fraction, str], Finding]:
    """Return a maker of findings about one cue."""
    entry = document.entries[place]

    def found(rule: str, measured: Fraction, limit: Fraction, what: str) -> Finding:
        message = f"{_shown(measured, limit)} {what}, limit {_shown(limit)}"
        return Finding(place + 1, entry.line, float(entry.start), rule, float(measured), float(limit), message)

    return found


def _shown(value: Fraction, limit: Fraction | None = None) -> str:
    """Write a value with as many decimals as tell it from its limit, three where there is none."""
    for digits in (1, 2, 3, 6, 9, 12):
        text = f"{float(value):.{digits}f}"
        if (digits == 3) if limit is None else (text != f"{float(limit):.{digits}f}"):
            break
    return text.rstrip("0").rstrip(".")
