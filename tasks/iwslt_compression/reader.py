"""Reading a subtitle file for compression: the cues above 21 characters a second, the others as context."""

from pathlib import Path

from harness.budget import characters
from harness.errors import UserError
from harness.prompts import one_line
from harness.records import Segment
from harness.subtitles import read_cues

FASTEST = 21
"""Characters a second that viewers are asked to read at most (IWSLT subtitling track)."""


def read(path: Path, target: str, context: int) -> tuple[Segment, ...]:
    """Read the cues that are too fast to read.

    Args:
        path: a subtitle file in any format that ``harness.subtitles`` reads.
        target: unused; the language stays.
        context: cues of context on each side.

    Returns:
        One segment for every cue above 21 characters a second, numbered as in the file.

    Raises:
        UserError: unreadable, or no cue is too fast.
    """
    cues = [cue for cue in read_cues(path) if cue.text.strip()]
    texts = [one_line(cue.text) for cue in cues]
    segments = tuple(
        Segment(
            id=str(cue.index),
            text=texts[number],
            cluster=path.stem,
            before=tuple(texts[max(0, number - context) : number]),
            after=tuple(texts[number + 1 : number + 1 + context]),
            start=cue.start,
            end=cue.end,
        )
        for number, cue in enumerate(cues)
        if characters(texts[number]) > FASTEST * (cue.end - cue.start)
    )
    if not segments:
        raise UserError(f"{path} has no cue above {FASTEST} characters a second.", "There is nothing to compress.")
    return segments
