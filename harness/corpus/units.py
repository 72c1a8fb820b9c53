"""What every input becomes: units of text with times, words or cues."""

from dataclasses import dataclass

from harness.corpus.languages import UNSPACED


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest timed piece of a transcript: an ASR word, or a cue.

    Attributes:
        text: what is said, without outer spaces.
        start: seconds.
        end: seconds, >= start; a word may have no length.
        glue: what joins it to the unit before: a space, or nothing.
        closes: a cue or ASR segment ends here.
        start_known: its start is the file's own, not interpolated within a cue.
        end_known: likewise its end.
    """

    text: str
    start: float
    end: float
    glue: str = " "
    closes: bool = True
    start_known: bool = True
    end_known: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """A cue, segment or word that cannot be used: where it is, what is wrong, how to mend it."""

    file: str
    place: str
    what: str
    fix: str


def glue(before: str, after: str) -> str:
    """Return what stands between two words: nothing beside a letter of a script without spaces, or before a mark.

    Examples:
        >>> glue("天气", "很好"), glue("the", "end"), glue("end", ".")
        ('', ' ', '')
    """
    if not before or not after or not (after[0].isalnum() or after[0] in "\"'([{“‘（【《"):
        return ""
    unspaced = UNSPACED.match(before[-1]) or UNSPACED.match(after[0]) or before[-1] in "，。！？；：、…”’）】》"
    return "" if unspaced else " "
