"""What becomes of a cue on its way through both passes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.records import State, Translation
from harness.subtitles.document import Document
from harness.translating.budgets import Pace
from harness.translating.units import Unit, joined


@dataclass(frozen=True, slots=True)
class CueResult:
    """What became of one cue that shows words.

    ``first`` is the first pass's text, ``text`` the last; both are empty where ``state`` is not ok.
    ``before`` and ``after`` are the limits that they break; ``rewrite`` says what came of the second
    pass: ``taken``, why it was not, or nothing where it was not asked for.
    """

    place: int
    start: float
    end: float
    source: str
    first: str
    text: str
    state: State
    detail: str = ""
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    rewrite: str = ""


def by_place(units: Sequence[Unit]) -> dict[int, list[Unit]]:
    """Return the units of every cue, cues in the file's order."""
    found: dict[int, list[Unit]] = {}
    for unit in sorted(units, key=lambda unit: (unit.place, unit.turn)):
        found.setdefault(unit.place, []).append(unit)
    return found


def first_result(
    pace: Pace, document: Document, place: int, units: Sequence[Unit], made: Mapping[str, Translation]
) -> CueResult:
    """Put a cue together; it is as well as the worst of its turns."""
    entry, source = document.entries[place], document.skeletons[place].text
    start, end = float(entry.start), float(entry.end)
    for unit in units:
        translation = made[unit.id]
        if translation.state != "ok":
            return CueResult(place, start, end, source, "", "", translation.state, translation.detail)
    text = joined(units, {unit.id: made[unit.id].text for unit in units})
    over = pace.violations(entry, text)
    return CueResult(place, start, end, source, text, text, "ok", before=over, after=over)
