"""Perplexity of short texts under a character n-gram model that has not seen their transcript.

A model of order 4, interpolated Witten-Bell (Witten and Bell 1991; Chen and Goodman 1999):

    p(w | h) = (c(hw) + T(h) p(w | h')) / (c(h) + T(h))

T(h) is the number of different characters seen after h, h' is h without its first
character, and below the unigrams lies 1/V over the V symbols of the corpus. Characters
beyond the commonest ``VOCABULARY`` are one symbol. A text has three marks in front and
one at its end.

Out of fold: transcripts are dealt into folds, and a text is scored with the counts of all
folds but its own; every count is kept by fold, so no model is trained twice. A large
corpus is counted on a sample, which bounds the memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.corpus.texts import Places, Ragged, code_points

ORDER = 4
BITS = 16  # ORDER symbols fit 64 bits
VOCABULARY = 2**BITS - 4
PAD, END, OTHER = 1, 2, 3
"""Symbols that are no character; characters count from 4."""

Symbols = NDArray[np.uint64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Level:
    """The n-grams of one length and the histories they begin with, both sorted.

    ``counts`` [folds, n-grams] leaves each fold out in turn; ``followed`` [folds,
    histories] is c(h) and ``kinds`` T(h), likewise.
    """

    ngrams: Symbols
    counts: NDArray[np.uint32]
    histories: Symbols
    followed: NDArray[np.uint32]
    kinds: NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Model:
    """``alphabet`` holds the known code points, sorted."""

    alphabet: Symbols
    levels: tuple[Level, ...]

    @property
    def symbols(self) -> int:
        """V: the known characters, the end, and all others."""
        return len(self.alphabet) + 2


def train(texts: Sequence[str], folds: Sequence[int], number: int) -> Model:
    """Count the n-grams of texts by fold.

    Args:
        texts: the sample to count.
        folds: fold of each text, from 0.
        number: number of folds, at least 2.

    Returns:
        The model, to be used out of fold.

    Examples:
        >>> model = train(["abab", "abba"], [0, 1], 2)
        >>> [len(level.ngrams) for level in model.levels], model.symbols
        ([3, 6, 8, 8], 4)
    """
    codes = code_points(texts)
    letters, counts = np.unique(codes.values, return_counts=True)
    alphabet = np.sort(letters[np.lexsort((letters, -counts))[:VOCABULARY]])
    grams, rows = _ngrams(alphabet, codes)
    fold = np.asarray(folds, dtype=np.int64)[rows]
    return Model(alphabet, tuple(_level(_last(grams, n), fold, number) for n in range(1, ORDER + 1)))


def log_perplexity(model: Model, texts: Sequence[str], folds: Sequence[int]) -> Floats:
    """Return the mean negative log probability of a text's symbols, its end included, in nats.

    Args:
        model: the counts.
        texts: any texts.
        folds: fold of each text, which is left out.

    Returns:
        One number a text, >= 0; its exponential is the perplexity.

    Examples:
        >>> model = train(["abab", "abab", "baba"], [0, 1, 1], 2)
        >>> usual, odd = log_perplexity(model, ["abab", "zzzz"], [0, 0])
        >>> bool(usual < odd)
        True
    """
    grams, rows = _ngrams(model.alphabet, code_points(texts))
    fold = np.asarray(folds, dtype=np.int64)[rows]
    p = np.full(len(grams), 1 / model.symbols)
    for n, level in enumerate(model.levels, start=1):
        wanted = _last(grams, n)
        count = _look_up(level.ngrams, level.counts, wanted, fold)
        followed = _look_up(level.histories, level.followed, wanted >> np.uint64(BITS), fold)
        kinds = _look_up(level.histories, level.kinds, wanted >> np.uint64(BITS), fold)
        seen = followed > 0
        p[seen] = (count[seen] + kinds[seen] * p[seen]) / (followed[seen] + kinds[seen])
    return np.asarray(np.bincount(rows, -np.log(p), len(texts)) / np.bincount(rows, minlength=len(texts)))


def _last(grams: Symbols, n: int) -> Symbols:
    """Keep the last n symbols of each n-gram."""
    return grams & np.uint64(2 ** (BITS * n) - 1)


def _ngrams(alphabet: Symbols, codes: Ragged) -> tuple[Symbols, Places]:
    """Return the n-gram that ends at each symbol of each text, and the text it belongs to."""
    lengths = codes.sizes()
    padded = lengths + ORDER  # ORDER - 1 marks in front, one at the end
    starts = np.cumsum(padded) - padded
    symbols = np.full(int(padded.sum()), PAD, dtype=np.uint64)
    inside = np.arange(len(codes.values)) + np.repeat(starts + ORDER - 1 - codes.offsets[:-1], lengths)
    symbols[inside] = _symbols(alphabet, codes.values)
    symbols[starts + padded - 1] = END
    rows = np.repeat(np.arange(len(codes)), lengths + 1)
    ends = np.arange(len(rows)) + (ORDER - 1) * (rows + 1)
    grams = np.zeros(len(rows), dtype=np.uint64)
    for k in range(ORDER):
        grams = (grams << np.uint64(BITS)) | symbols[ends - (ORDER - 1) + k]
    return grams, rows


def _symbols(alphabet: Symbols, codes: Symbols) -> Symbols:
    if not len(alphabet):
        return np.full(len(codes), OTHER, dtype=np.uint64)
    place = np.minimum(np.searchsorted(alphabet, codes), len(alphabet) - 1)
    return np.where(alphabet[place] == codes, place + OTHER + 1, OTHER).astype(np.uint64)


def _level(grams: Symbols, fold: Places, folds: int) -> Level:
    ngrams, place = np.unique(grams, return_inverse=True)
    inside = np.bincount(place * folds + fold, minlength=len(ngrams) * folds).reshape(-1, folds).T
    counts = (inside.sum(axis=0) - inside).astype(np.uint32)
    histories, starts = np.unique(ngrams >> np.uint64(BITS), return_index=True)
    followed = np.add.reduceat(counts, starts, axis=1, dtype=np.uint32)
    kinds = np.add.reduceat(counts > 0, starts, axis=1, dtype=np.uint32)
    return Level(ngrams, counts, histories, followed, kinds)


def _look_up(keys: Symbols, table: NDArray[np.uint32], wanted: Symbols, fold: Places) -> Floats:
    """Return each wanted key's number with its fold left out, 0 where the key is not there."""
    asked, back = np.unique(wanted, return_inverse=True)  # sorted questions are answered several times faster
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    found = (keys[place] == asked)[back]
    return np.where(found, table[fold, place[back]], 0).astype(np.float64)
