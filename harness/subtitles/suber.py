"""SubER, the subtitle edit rate, through the package subtitle-edit-rate.

Words and breaks edited, and shifted, per word and break of the reference, where words
match only if their cues overlap in time (arXiv 2303.10119). Lower is better: under 20 is
very good, above 40 to 50 bad. Case and punctuation do not count.
"""

from importlib import import_module
from typing import Any

from harness.errors import UserError
from harness.subtitles.document import Document


def suber(document: Document, reference: Document, language: str) -> float:
    """Compute the SubER of a file against a reference file, of any two formats.

    It is one number of one file, not an estimate of others: it has no interval.

    Args:
        document: the file.
        reference: the reference.
        language: of both; Chinese, Japanese and Korean are cut into words first.

    Returns:
        Percent, 0 for the same words and breaks; may pass 100.

    Raises:
        UserError: the package is not installed.
    """
    try:
        calculate = import_module("suber.metrics.suber").calculate_SubER
        types = import_module("suber.data_types")
    except ImportError as error:
        install = "pip install 'sandglass-bench[suber]' && pip install --no-deps subtitle-edit-rate==0.4.0"
        raise UserError(f"SubER needs the package subtitle-edit-rate ({error}).", f"Install it: {install}") from error
    score: float = calculate(_subtitles(document, types), _subtitles(reference, types), language=language)
    return score


def _subtitles(document: Document, types: Any) -> list[Any]:
    """Return a document as the package holds one: words, each with the break after it."""
    breaks = types.LineBreak
    subtitles = []
    ordered = sorted(zip(document.entries, document.skeletons, strict=True), key=lambda cue: cue[0].start)
    for index, (entry, skeleton) in enumerate(ordered, start=1):
        times = float(entry.start), float(entry.end)
        words: list[Any] = []
        for line in skeleton.text.split("\n"):
            words += [types.TimedWord(word, breaks.NONE, *times) for word in line.split()]
            if words:
                words[-1].line_break = breaks.END_OF_LINE
        if words:
            words[-1].line_break = breaks.END_OF_BLOCK
        subtitles.append(types.Subtitle(words, index, *times))
    return subtitles
