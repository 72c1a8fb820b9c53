"""What can be mended in a subtitle file without changing a word.

Lines are broken anew where that helps; an end is moved earlier where a gap is too short
or cues overlap a little, and later to close a small gap or where a cue is on screen too
briefly and silence follows. A mend is made only where no rule fails that held before.
"""

from fractions import Fraction

from harness.subtitles import lint
from harness.subtitles.breaking import break_lines, fits
from harness.subtitles.document import Document
from harness.subtitles.limits import Limits, characters, least
from harness.subtitles.lint import Settings
from harness.subtitles.write import Times

SMALL_OVERLAP = Fraction(1, 2)
"""Seconds; longer overlaps are two people speaking, or a mistake that a person must see."""


def broken(document: Document, limits: Limits) -> dict[int, str]:
    """Return the texts that are better broken otherwise, by place."""
    texts = {}
    for place, skeleton in enumerate(document.skeletons):
        if skeleton.text and not fits(skeleton.text, limits):
            text = break_lines(skeleton.text, limits)
            if _better(text, skeleton.text, limits):
                texts[place] = text
    return texts


def moved(document: Document, settings: Settings) -> dict[int, Times]:
    """Return the times that are better otherwise, by place; only ends move."""
    times: dict[int, Times] = {}
    for places in lint.tracks(document):
        for place, following in zip(places, [*places[1:], None], strict=True):
            entry = document.entries[place]
            if document.markup != "stl" and entry.end_at[0] == entry.end_at[1]:
                continue  # its end is not written in the file
            start = None if following is None else document.entries[following].start
            end = _end(document, place, start, settings)
            if end != entry.end:
                times[place] = (entry.start, end)
    return times


def _end(document: Document, place: int, following: Fraction | None, settings: Settings) -> Fraction:
    """Return the best end of a cue whose follower begins at a time, or that has none."""
    limits, frame, clock = settings.limits, 1 / settings.fps, lint.unit(document)
    entry = document.entries[place]
    shortest = least(limits.shortest, clock)
    if following is None:
        return max(entry.end, entry.start + shortest)
    latest = least(following - limits.gap * frame, clock)
    end = entry.end
    if -SMALL_OVERLAP <= following - end < least(limits.gap * frame, clock):
        readable = characters(document.skeletons[place].text, limits) / limits.speed
        return latest if latest - entry.start >= max(shortest, readable) else end
    if end - entry.start < shortest and entry.start + shortest <= latest:
        end = entry.start + shortest
    closes = limits.close[0] * frame <= following - end <= limits.close[1] * frame
    return latest if closes and latest - entry.start <= limits.longest else end


def _better(text: str, before: str, limits: Limits) -> bool:
    """Say whether a text breaks its limits less, in no respect more."""
    old, new = _size(before, limits), _size(text, limits)
    return new != old and all(a <= b for a, b in zip(new, old, strict=True))


def _size(text: str, limits: Limits) -> tuple[Fraction, Fraction]:
    """Return by how much the longest line and the lines are over their limits."""
    lines = text.split("\n")
    longest = max(characters(line, limits) for line in lines)
    return max(longest - limits.characters, Fraction(0)), Fraction(max(len(lines) - limits.lines, 0))
