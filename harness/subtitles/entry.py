"""What every format's parser yields: entries that know where in the file they stand."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from harness.errors import UserError

MAX_BYTES = 32 << 20
"""Largest file that is read: over a hundred times a long film."""
MAX_LINES = 2_000_000
"""Most lines of a file; a file of 100,000 cues has 400,000."""
MAX_BODY = 1_000_000
"""Longest text of one entry with its tags; drawings in ASS are long."""
MAX_TEXT = 10_000
"""Longest text of one cue without its tags: minutes of speech."""
MAX_SECONDS = 100 * 3600
"""Latest time: a recording of over 100 hours is a mistake."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that cannot be used: its line number, what it is, and how to mend it."""

    line: int
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A cue as it stands in its file.

    ``start`` and ``end`` are exact seconds; ``body`` is the text with its markup, at
    offset ``at`` of the file's text; ``start_at`` and ``end_at`` are the spans of the
    written times (empty where there is none to change).
    """

    line: int
    start: Fraction
    end: Fraction
    body: str
    at: int
    start_at: tuple[int, int] = (0, 0)
    end_at: tuple[int, int] = (0, 0)
    style: str = ""
    actor: str = ""


class Problems:
    """Where parsers report: refuses at the first problem, or collects all of them.

    Args:
        path: the file, for messages.
        collected: list that takes the problems; None refuses.
    """

    def __init__(self, path: Path, collected: list[Problem] | None = None) -> None:
        self.path = path
        self._place = "block" if path.suffix.lower() == ".stl" else "line"
        self._collected = collected

    def add(self, line: int, what: str, fix: str) -> None:
        """Report one problem.

        Raises:
            UserError: problems are not collected.
        """
        if self._collected is None:
            raise UserError(f"{self.path}, {self._place} {line}: {what}.", fix)
        self._collected.append(Problem(line, what, fix))

    def allow(self, line: int, start: Fraction, end: Fraction, body: str) -> bool:
        """Say whether an entry can be used; report it where not."""
        if end < start:
            self.add(line, f"the cue ends {float(start - end):.3f} s before it starts", "Swap or mend its times.")
        elif end == start:
            self.add(line, "the cue lasts no time", "Give it an end after its start.")
        elif end > MAX_SECONDS:
            self.add(line, f"the cue ends after {MAX_SECONDS // 3600} hours", "Mend its times.")
        elif len(body) > MAX_BODY:
            self.add(line, f"the cue has {len(body):,} characters", f"Keep it under {MAX_BODY:,}.")
        else:
            return True
        return False
