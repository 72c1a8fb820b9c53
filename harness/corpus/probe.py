"""Memorisation probe: how much of a segment stands in public texts that a model may have seen.

The share of a segment's character n-grams (letters and digits, ``texts.normalised``) that
stand anywhere in the given public files, with n from the language's configuration: long
enough that strangers rarely share one. A high share marks a segment as public, and a
model's score on it as perhaps remembered.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.corpus.texts import Ragged, code_points, normalised
from harness.errors import UserError
from harness.subtitles import read_cues
from harness.subtitles.document import FORMATS

MAX_BYTES = 512 << 20
PUBLIC = 0.5
"""Share of n-grams from which on a segment counts as public."""

BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Probe:
    """Hashes of all n-grams of public texts, sorted."""

    n: int
    known: NDArray[np.uint64]

    def overlap(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of each text's n-grams that are public, NaN for a text shorter than n.

        Examples:
            >>> probe("abcdefgh".split(), 4).overlap(["xabcdefgx", "abc"]).tolist()
            [0.6666666666666666, nan]
        """
        hashes, rows = _hashes(code_points([normalised(text) for text in texts]), self.n)
        found = np.zeros(len(hashes), dtype=bool)
        if len(self.known):
            place = np.minimum(np.searchsorted(self.known, hashes), len(self.known) - 1)
            found = self.known[place] == hashes
        total = np.bincount(rows, minlength=len(texts)).astype(np.float64)
        return np.where(total > 0, np.bincount(rows, found, len(texts)) / np.maximum(total, 1), np.nan)


def probe(texts: Iterable[str], n: int) -> Probe:
    """Collect the n-grams of public texts.

    Args:
        texts: the texts; no n-gram crosses from one to the next.
        n: characters of an n-gram.

    Returns:
        The probe.
    """
    portions: list[NDArray[np.uint64]] = []
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(normalised(text))
        size += len(batch[-1])
        if size > 1_000_000:
            portions.append(np.unique(_hashes(code_points(batch), n)[0]))
            batch, size = [], 0
    portions.append(np.unique(_hashes(code_points(batch), n)[0]))
    return Probe(n, np.unique(np.concatenate(portions)))


def public_texts(path: Path) -> Iterator[str]:
    """Read the texts of a public file: every string of a JSON or JSONL, the cues of subtitles, the lines of the rest.

    Raises:
        UserError: unreadable or too large.
    """
    if path.suffix.lower() in FORMATS:
        yield from (cue.text for cue in read_cues(path, problems=[]))
        return
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} is larger than {MAX_BYTES >> 20} MB.", "Give it in parts, or a sample of it.")
        if path.suffix.lower() == ".json":
            yield from _strings(json.loads(path.read_text(encoding="utf-8-sig")))
            return
        with path.open(encoding="utf-8-sig") as file:
            for line in file:
                yield from _strings(json.loads(line)) if path.suffix.lower() == ".jsonl" and line.strip() else (line,)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}).", "Give text, JSON, JSONL or subtitles in UTF-8.") from error


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for part in data.values() if isinstance(data, dict) else data:
            yield from _strings(part)


def _hashes(codes: Ragged, n: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return a 64-bit hash of each n-gram and the text it belongs to."""
    counts = np.maximum(codes.sizes() - n + 1, 0)
    rows = np.repeat(np.arange(len(codes)), counts)
    first = codes.offsets[rows] + np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    hashes = np.zeros(len(rows), dtype=np.uint64)
    for k in range(n):
        hashes = (hashes ^ (hashes >> np.uint64(29)) ^ codes.values[first + k]) * BASE
    return hashes, rows
