"""Near-duplicates among many short texts, by banded MinHash with an exact check.

Two texts are near when the Jaccard similarity of their sets of character n-grams is at
least a threshold: J(A, B) = |A ∩ B| / |A ∪ B|, over ``texts.normalised``. Candidates come
from MinHash in bands (Broder 1997; Indyk and Motwani 1998) and each is then verified by
the exact J (after a bound that spares most of them), so that no pair below it is ever taken. A pair at the threshold
itself is missed with probability (1 - t^r)^b, below ``MISS``; nearer pairs less often, and
texts with the very same set never.

Greedy, keep first: texts are taken by rank, and one is removed where it is near a text
that was kept. So no two kept texts are near (among the pairs found) and each removed one
is near a kept one. Connected components would also remove C where A~B~C but not A~C.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from harness.corpus.texts import Places, Ragged

ROWS = 5
"""Hashes in a band: more make fewer useless candidates and more bands."""

MISS = 0.01
LARGEST_BUCKET = 500
"""In a larger bucket each text meets the first this many alone, which bounds the work; counted."""

PAIRS_AT_ONCE = 100_000
TEXTS_AT_ONCE = 20_000

WORDS = 4
"""Words of 64 bits that stand for a set in a first comparison."""

U64 = np.uint64


@dataclass(frozen=True, eq=False)
class Near:
    """What was found.

    Attributes:
        removed: for each text the index of the kept text it is near, -1 where it is kept.
        similarity: their Jaccard similarity, 0 where it is kept.
        candidates: pairs compared.
        large_buckets: buckets that were too large to compare all pairs.
    """

    removed: Places
    similarity: NDArray[np.float64]
    candidates: int
    large_buckets: int


def bands_for(threshold: float, rows: int = ROWS) -> int:
    """Return the least number of bands that misses a pair at the threshold with probability below ``MISS``.

    Args:
        threshold: Jaccard similarity in (0, 1].
        rows: hashes in a band.

    Returns:
        b with (1 - t^r)^b < .01.

    Examples:
        >>> bands_for(0.6)
        57
        >>> round((1 - 0.6**5) ** 57, 4)
        0.0099
    """
    return 1 if threshold == 1 else ceil(log(MISS) / log(1 - threshold**rows) + 1e-9)


def near_duplicates(sets: Ragged, rank: Places, threshold: float, seed: int = 0, rows: int = ROWS) -> Near:
    """Find the near-duplicates, greedily.

    Args:
        sets: the set of n-grams of each text, sorted (``texts.shingles``).
        rank: a permutation; of two near texts the one of lower rank stays.
        threshold: Jaccard similarity from which on two texts are near, in (0, 1].
        seed: of the hash functions.
        rows: hashes in a band.

    Returns:
        What is removed, and for which text.

    Examples:
        >>> from harness.corpus.texts import shingles
        >>> texts = shingles(["今天天气真的很不错", "今天天气真的很不错啊", "他说明天再去那里看看"], 2)
        >>> found = near_duplicates(texts, np.arange(3), 0.6)
        >>> found.removed.tolist(), found.similarity.round(3).tolist()
        ([-1, 0, -1], [0.0, 0.889, 0.0])
    """
    originals = _originals(sets, rank)
    sizes, bitmaps = sets.sizes(), parities(sets)
    filled = np.flatnonzero((originals == np.arange(len(sets))) & (sizes > 0))
    edges, weights = np.zeros(0, dtype=np.int64), np.zeros(0)  # an edge is first * number of texts + second
    candidates = large = 0
    random = np.random.default_rng(seed)
    for _ in range(bands_for(threshold, rows)):
        hashes = random.integers(0, 2**63, size=(rows, 2), dtype=np.uint64)
        portions = [_band(sets, filled[k : k + TEXTS_AT_ONCE], hashes) for k in range(0, len(filled), TEXTS_AT_ONCE)]
        keys = np.concatenate(portions) if portions else np.zeros(0, dtype=np.uint64)
        found, too_large = _bucket_pairs(keys, filled, rank)
        large += too_large
        for pairs in found:
            candidates += len(pairs)
            pairs = pairs[possible(sizes, bitmaps, pairs, threshold)]
            similarity = jaccard(sets, pairs)
            near = similarity >= threshold
            edges = np.concatenate([edges, pairs[near, 0] * len(sets) + pairs[near, 1]])
            weights = np.concatenate([weights, similarity[near]])
        edges, first = np.unique(edges, return_index=True)
        weights = weights[first]
    removed, similarity = _greedy(np.stack(np.divmod(edges, max(1, len(sets)))), weights, rank)
    copies = np.flatnonzero(originals != np.arange(len(sets)))
    first = originals[copies]
    kept = removed[first] < 0
    removed[copies], similarity[copies] = np.where(kept, first, removed[first]), np.where(kept, 1.0, similarity[first])
    return Near(removed, similarity, candidates, large)


def jaccard(sets: Ragged, pairs: Places) -> NDArray[np.float64]:
    """Return the exact Jaccard similarity of pairs of sets.

    Args:
        sets: sorted sets without repetitions.
        pairs: [n, 2].

    Returns:
        [n], 0 for two empty sets.

    Examples:
        >>> from harness.corpus.texts import shingles
        >>> jaccard(shingles(["abc", "bcd"], 1), np.array([[0, 1]])).tolist()
        [0.5]
    """
    sizes = sets.sizes()
    left, right = _gather(sets, pairs[:, 0]), _gather(sets, pairs[:, 1])
    values, owners = (np.concatenate(both) for both in zip(left, right, strict=True))
    order = np.lexsort((values, owners))
    values, owners = values[order], owners[order]
    shared = (values[1:] == values[:-1]) & (owners[1:] == owners[:-1])
    common = np.bincount(owners[1:][shared], minlength=len(pairs))
    union = sizes[pairs].sum(axis=1) - common
    return np.asarray(common / np.maximum(union, 1), dtype=np.float64)


def parities(sets: Ragged) -> NDArray[np.uint64]:
    """Return for each set 256 bits: bit k is the parity of how many n-grams hash to k.

    Args:
        sets: the sets.

    Returns:
        [sets, 4].
    """
    bitmaps = np.zeros((len(sets), WORDS), dtype=np.uint64)
    filled = np.flatnonzero(sets.sizes() > 0)
    for k in range(0, len(filled), TEXTS_AT_ONCE):
        rows = filled[k : k + TEXTS_AT_ONCE]
        values, owners = _gather(sets, rows)
        starts = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
        mixed = _mix(values)
        bits = U64(1) << ((mixed >> U64(8)) & U64(63))
        for word in range(WORDS):
            bitmaps[rows, word] = np.bitwise_xor.reduceat(np.where(mixed % U64(WORDS) == word, bits, U64(0)), starts)
    return bitmaps


def possible(sizes: Places, bitmaps: NDArray[np.uint64], pairs: Places, threshold: float) -> NDArray[np.bool_]:
    """Say which pairs may reach the threshold: a bound that never errs, and spares most pairs the exact count.

    Each n-gram that only one of two sets has changes one parity, so the sets differ in at least
    as many n-grams as their bits do (the bitmap filter of set joins, Sandes et al. 2020).

    Args:
        sizes: size of each set.
        bitmaps: ``parities`` of the sets.
        pairs: [n, 2].
        threshold: Jaccard similarity.

    Returns:
        [n], False where the similarity is surely below.
    """
    first, second = pairs[:, 0], pairs[:, 1]
    total = sizes[first] + sizes[second]
    differ = np.bitwise_count(bitmaps[first] ^ bitmaps[second]).sum(axis=1, dtype=np.int64)
    shared = (total - differ) / 2
    return np.asarray(shared >= threshold * (total - shared) - 1e-9)


def _gather(sets: Ragged, rows: Places) -> tuple[NDArray[np.uint64], Places]:
    """Return the values of some rows and, for each, which of them it belongs to."""
    sizes = sets.sizes()[rows]
    owners = np.repeat(np.arange(len(rows)), sizes)
    places = np.arange(len(owners)) - (np.cumsum(sizes) - sizes)[owners] + sets.offsets[rows][owners]
    return sets.values[places], owners


def _originals(sets: Ragged, rank: Places) -> Places:
    """Return for each text the one of lowest rank that has the very same set, often itself; empty sets have none."""
    originals = np.arange(len(sets))
    filled = np.flatnonzero(sets.sizes() > 0)
    if not len(filled):
        return originals
    keys = np.zeros(len(filled), dtype=np.uint64)
    for k in range(0, len(filled), TEXTS_AT_ONCE):
        values, owners = _gather(sets, filled[k : k + TEXTS_AT_ONCE])
        starts = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
        keys[k : k + TEXTS_AT_ONCE] = np.add.reduceat(_mix(values), starts)
    order = np.lexsort((rank[filled], keys))
    members, keys = filled[order], keys[order]
    starts = np.append(True, keys[1:] != keys[:-1])
    first = members[np.flatnonzero(starts)[np.cumsum(starts) - 1]]
    for k in range(0, len(members), PAIRS_AT_ONCE):
        pairs = np.stack([first[k : k + PAIRS_AT_ONCE], members[k : k + PAIRS_AT_ONCE]], axis=1)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        same = pairs[jaccard(sets, pairs) == 1]
        originals[same[:, 1]] = same[:, 0]
    return originals


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread packed n-grams over all 64 bits (splitmix64's finaliser, a bijection)."""
    mixed = values + U64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> U64(30))) * U64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> U64(27))) * U64(0x94D049BB133111EB)
    return mixed ^ (mixed >> U64(31))


def _band(sets: Ragged, rows: Places, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return one key for each of some texts: equal keys mean that all the band's minima are equal."""
    values, owners = _gather(sets, rows)
    starts = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
    mixed, keys = _mix(values), np.zeros(len(rows), dtype=np.uint64)
    for offset, factor in hashes:
        hashed = (mixed ^ offset) * (factor | U64(1))
        hashed ^= hashed >> U64(32)
        keys = _mix(keys ^ np.minimum.reduceat(hashed, starts))
    return keys


def _bucket_pairs(keys: NDArray[np.uint64], filled: Places, rank: Places) -> tuple[Iterator[Places], int]:
    """Return the pairs of texts with one key, in portions, the lower rank first; and the number of large buckets."""
    order = np.lexsort((rank[filled], keys))
    members, keys = filled[order], keys[order]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.zeros(0, dtype=np.int64)
    sizes = np.diff(np.append(starts, len(keys)))
    inside = np.arange(len(keys)) - np.repeat(starts, sizes)
    earlier = np.minimum(inside, LARGEST_BUCKET)
    return _portions(members, np.repeat(starts, sizes), earlier), int(np.count_nonzero(sizes > LARGEST_BUCKET))


def _portions(members: Places, starts: Places, earlier: Places) -> Iterator[Places]:
    """Pair each member with the first ``earlier`` members of its bucket, ``PAIRS_AT_ONCE`` pairs or so at a time."""
    totals = np.cumsum(earlier)
    begin = 0
    while begin < len(members):
        before = totals[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(totals, before + PAIRS_AT_ONCE, side="right")))
        counts = earlier[begin:end]
        later = np.repeat(np.arange(begin, end), counts)
        if len(later):
            nth = np.arange(len(later)) - np.repeat(np.cumsum(counts) - counts, counts)
            yield np.stack([members[starts[later] + nth], members[later]], axis=1)
        begin = end


def _greedy(edges: Places, weights: NDArray[np.float64], rank: Places) -> tuple[Places, NDArray[np.float64]]:
    """Go through the pairs by rank: the second goes where the first is still there."""
    removed, similarity = np.full(len(rank), -1, dtype=np.int64), np.zeros(len(rank))
    order = np.lexsort((rank[edges[0]], rank[edges[1]]))
    for first, second, weight in zip(*edges[:, order].tolist(), weights[order].tolist(), strict=True):
        if removed[first] < 0 and removed[second] < 0:
            removed[second], similarity[second] = first, weight
    return removed, similarity
