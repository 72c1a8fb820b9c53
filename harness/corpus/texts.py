"""Many short texts as flat arrays, so that n-grams are counted by numpy and not one by one."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

LETTERS = re.compile(r"[^\W_]+")
CODE_BITS = 21
"""Bits of a Unicode code point: three of them fit an integer of 64 bits exactly."""

Codes = NDArray[np.uint64]
Places = NDArray[np.int64]


def normalised(text: str) -> str:
    """Return the letters and digits of a text alone, NFKC, case folded: what near-duplicates are told by.

    Examples:
        >>> normalised("Ｈello, 世界 42!")
        'hello世界42'
    """
    return "".join(LETTERS.findall(unicodedata.normalize("NFKC", text).casefold()))


def characters(text: str) -> int:
    """Count the letters and digits of a text, the characters of every length here.

    Examples:
        >>> characters("好的，OK 12！")
        6
    """
    return sum(map(len, LETTERS.findall(text)))


T = TypeVar("T")


def batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Return things in lists of a size; the last may hold fewer.

    Examples:
        >>> list(batches("abcde", 2))
        [['a', 'b'], ['c', 'd'], ['e']]
    """
    left = iter(things)
    while batch := list(islice(left, size)):
        yield batch


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of unequal length in one array: row k is ``values[offsets[k]:offsets[k + 1]]``."""

    values: Codes
    offsets: Places

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, k: int) -> Codes:
        """Return one row."""
        return self.values[self.offsets[k] : self.offsets[k + 1]]

    def sizes(self) -> Places:
        """Return the length of every row."""
        return np.diff(self.offsets)


def code_points(texts: Sequence[str]) -> Ragged:
    """Return the code points of texts, a row each.

    Examples:
        >>> code_points(["ab", "", "字"]).offsets.tolist()
        [0, 2, 2, 3]
    """
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    return Ragged(np.frombuffer(joined, dtype="<u4").astype(np.uint64), offsets)


def shingles(texts: Sequence[str], n: int) -> Ragged:
    """Return the set of character n-grams of each text, sorted; a shorter text is one n-gram itself.

    Args:
        texts: normalised texts.
        n: 1 to 3; an n-gram is packed into 64 bits without loss.

    Returns:
        A row of distinct n-grams for each text.

    Examples:
        >>> [len(shingles(["abcabc", "ab", ""], 3).row(k)) for k in range(3)]
        [3, 1, 0]
    """
    codes = code_points(texts)
    sizes = codes.sizes()
    counts = np.where(sizes >= n, sizes - n + 1, np.minimum(sizes, 1))
    rows = np.repeat(np.arange(len(texts)), counts)
    first = codes.offsets[rows] + np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    packed = np.zeros(len(rows), dtype=np.uint64)
    padded = np.append(codes.values, np.zeros(n, dtype=np.uint64))
    for k in range(n):
        inside = first + k < codes.offsets[rows + 1]
        packed = (packed << np.uint64(CODE_BITS)) | np.where(inside, padded[first + k], np.uint64(0))
    return distinct(packed, rows, len(texts))


def distinct(values: Codes, rows: Places, size: int) -> Ragged:
    """Return each row's distinct values, sorted.

    Args:
        values: any order.
        rows: the row of each value.
        size: number of rows.

    Returns:
        The rows.
    """
    order = np.lexsort((values, rows))
    values, rows = values[order], rows[order]
    fresh = np.ones(len(values), dtype=bool)
    fresh[1:] = (values[1:] != values[:-1]) | (rows[1:] != rows[:-1])
    offsets = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows[fresh], minlength=size), out=offsets[1:])
    return Ragged(values[fresh], offsets)


def concatenated(parts: Sequence[Ragged]) -> Ragged:
    """Join batches of rows.

    Examples:
        >>> len(concatenated([code_points(["a"]), code_points(["b", "c"])]))
        3
    """
    values = np.concatenate([part.values for part in parts]) if parts else np.zeros(0, dtype=np.uint64)
    sizes = np.concatenate([part.sizes() for part in parts]) if parts else np.zeros(0, dtype=np.int64)
    return Ragged(values, np.append(np.int64(0), np.cumsum(sizes, dtype=np.int64)))
