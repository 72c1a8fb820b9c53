"""Windows: ten consecutive segments of one transcript each, in the form of ``window.schema.json``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.corpus.segmentation import Piece
from harness.corpus.transcripts import Transcript

SCHEMA = 1
WINDOW = 10


@dataclass(frozen=True, slots=True)
class Placed:
    """A segment with the transcript it belongs to, in the order of the whole corpus."""

    id: str
    transcript: str
    domain: str
    window: str
    text: str
    start: float
    end: float
    interpolated: bool = False


def windows(transcript: Transcript, language: str, pieces: Sequence[Piece]) -> Iterator[dict[str, Any]]:
    """Pack a transcript's segments into consecutive windows; the last may hold fewer.

    Args:
        transcript: where they come from.
        language: code of the source language.
        pieces: the segments.

    Yields:
        Windows; times are rounded to milliseconds.

    Examples:
        >>> from pathlib import Path
        >>> pieces = [Piece(f"第{k}句", k, k + 1, False) for k in range(12)]
        >>> found = list(windows(Transcript("a", "film", Path("a.srt")), "zh", pieces))
        >>> [(window["id"], len(window["segments"])) for window in found]
        [('a#1', 10), ('a#2', 2)]
    """
    for first in range(0, len(pieces), WINDOW):
        segments = []
        for k, piece in enumerate(pieces[first : first + WINDOW], start=first + 1):
            segment: dict[str, Any] = {
                "id": f"{transcript.name}-{k:05d}",
                "start": round(piece.start, 3),
                "end": round(piece.end, 3),
                "text": piece.text,
            }
            segments.append({**segment, "interpolated": True} if piece.split else segment)
        yield {
            "schema": SCHEMA,
            "id": f"{transcript.name}#{first // WINDOW + 1}",
            "transcript": transcript.name,
            "domain": transcript.domain,
            "language": language,
            "segments": segments,
        }


def placed(window: dict[str, Any]) -> Iterator[Placed]:
    """Return the segments of a window, each with its place."""
    for segment in window["segments"]:
        yield Placed(transcript=window["transcript"], domain=window["domain"], window=window["id"], **segment)
