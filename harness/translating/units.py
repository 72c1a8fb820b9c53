"""What is sent to a model of a file: its lines without formatting, in time, in scenes.

A cue is one unit; a dialogue, marked by dashes, is one unit a turn, so that no turn can
be lost or move to another speaker. Dashes, tags and line breaks stay behind. Cues that
show no letter (music signs, numbers) are left as they are.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from harness.prompts import one_line
from harness.subtitles.document import Document
from harness.subtitles.restore import DASH

LETTER = re.compile(r"[^\W\d_]")
SCENE_GAP = 5.0
"""Seconds without a cue after which a new scene may begin."""
SCENE_UNITS = 60
"""Least units of a scene: fewer would be translated with too little history."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One line for the model: the cue's place, its turn in it, its text, seconds, and whether a dash began it."""

    place: int
    turn: int
    text: str
    start: float
    end: float
    dashed: bool = False

    @property
    def id(self) -> str:
        """Name of the unit, from 1."""
        return f"{self.place + 1}.{self.turn + 1}"


def units_of(document: Document) -> list[Unit]:
    """Return what there is to translate of a document, by start; a turn gets its share of the cue's time."""
    order = sorted(range(len(document.entries)), key=lambda place: (document.entries[place].start, place))
    return [unit for place in order for unit in _units(document, place)]


def _units(document: Document, place: int) -> list[Unit]:
    entry, text = document.entries[place], document.skeletons[place].text
    if not LETTER.search(text):
        return []
    turns = split_turns(text)
    start, length = float(entry.start), float(entry.end - entry.start)
    ends = list(accumulate((len(words) for words, _ in turns), initial=0))
    times = [start + length * end / ends[-1] for end in ends]
    return [
        Unit(place, number, words, times[number], times[number + 1], dashed)
        for number, (words, dashed) in enumerate(turns)
    ]


def split_turns(text: str) -> list[tuple[str, bool]]:
    r"""Split a cue's text into its turns, each on one line and without its dash, and say which had one.

    Examples:
        >>> split_turns("- Who\nis it?\n- Me.")
        [('Who is it?', True), ('Me.', True)]
        >>> split_turns("One sentence\non two lines.")
        [('One sentence on two lines.', False)]
    """
    turns: list[tuple[list[str], bool]] = []
    for line in text.split("\n"):
        dash = DASH.match(line)
        if dash or not turns:
            turns.append(([line[dash.end() :] if dash else line], dash is not None))
        else:
            turns[-1][0].append(line)
    return [(one_line(" ".join(lines)), dashed) for lines, dashed in turns]


def joined(units: Sequence[Unit], texts: Mapping[str, str]) -> str:
    r"""Put the texts of one cue's units together, a line a turn, with a dash where one stood.

    Examples:
        >>> units = [Unit(0, 0, "谁？", 0, 1, True), Unit(0, 1, "我。", 1, 2, True)]
        >>> joined(units, {"1.1": "Who?", "1.2": "- Me."})
        '- Who?\n- Me.'
    """
    return "\n".join(("- " if unit.dashed else "") + _undashed(texts[unit.id]) for unit in units)


def _undashed(text: str) -> str:
    dash = DASH.match(text)
    return text[dash.end() :] if dash else text


def scenes_of(units: Sequence[Unit]) -> list[list[Unit]]:
    """Cut units into scenes, which may be translated at the same time.

    A scene ends at a gap of ``SCENE_GAP`` seconds once it has ``SCENE_UNITS`` units, so
    the cut depends on the file alone and the same file always asks the same questions.

    Examples:
        >>> units = [Unit(n, 0, "x", 10.0 * n, 10.0 * n + 1) for n in range(150)]
        >>> [len(scene) for scene in scenes_of(units)]
        [60, 60, 30]
    """
    scenes: list[list[Unit]] = [list(units[:1])] if units else []
    for before, unit in pairwise(units):
        if unit.start - before.end >= SCENE_GAP and len(scenes[-1]) >= SCENE_UNITS:
            scenes.append([])
        scenes[-1].append(unit)
    return scenes
