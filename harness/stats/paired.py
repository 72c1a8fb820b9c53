"""Paired tests of two systems on the same segments, clustered by video or document.

``sign_flip`` is the test to report: whole clusters are exchanged, so segments of one video may
resemble each other as much as they like. ``approximate_randomisation`` exchanges single
segments (Riezler and Maxwell 2005, the habit of sacreBLEU) and is too bold where they do.
Two systems alike, 96 clusters of 1 to 88 segments, intra-cluster correlation .2, rejections at
p <= .05: sign flip 5 %, bootstrap 7 %, single segments 41 %; with 6 clusters of 10 segments 3 %,
16 % and 27 % (``benchmarks/interval_coverage.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.stats.clusters import Aggregate, ClusterSums, Floats, Weights, exact_sum, resampled_values
from harness.stats.intervals import Interval, interval
from harness.stats.methods import Bounds

CHUNK_CELLS = 1 << 22
ROUNDING = 1e-12


@dataclass(frozen=True)
class PairedTest:
    """Outcome of a paired test.

    Attributes:
        difference: value of the first system less that of the second; None where not defined.
        p: two-sided p-value; None where the difference is not defined.
        method: name of the test.
        resamples: number of exchanges or resamples behind p.
        clusters: number of units exchanged or resampled.
        interval: of the difference, where the test gives one.
    """

    difference: float | None
    p: float | None
    method: str
    resamples: int
    clusters: int
    interval: Interval | None = None


def sign_flip(aggregate: Aggregate, a: ClusterSums, b: ClusterSums, flips: int = 10_000, seed: int = 0) -> PairedTest:
    """Test whether two systems are alike by exchanging whole clusters between them.

    If they are, each cluster's statistics could have come from either. All ``2^C`` exchanges
    are tried where they are at most ``flips``: ``p`` is then the share with a difference at
    least as large as the one observed, never below ``2 / 2^C`` (six clusters: .031). Else
    ``flips`` of them are drawn and ``p = (1 + larger) / (1 + flips)`` (Phipson and Smyth 2010).

    Args:
        aggregate: the metric.
        a: first system, C clusters.
        b: second system, the same clusters with the same counts.
        flips: number of exchanges, >= 1.
        seed: of the frozen stream, >= 0.

    Returns:
        The test.

    Raises:
        ValueError: the systems do not cover the same clusters.

    Examples:
        >>> from harness.stats.clusters import cluster_sums
        >>> a, b = (cluster_sums([[x], [x + 1], [x + 2]], "uvw") for x in (5.0, 3.0))
        >>> test = sign_flip(lambda s, n: s[:, 0] / n, a, b)
        >>> test.difference, test.p, test.resamples
        (2.0, 0.25, 8)
    """
    _check_pairing(a, b)
    return _exchange(aggregate, a.sums, b.sums, a.counts, flips, seed, "cluster sign flip")


def approximate_randomisation(
    aggregate: Aggregate, first: Floats, second: Floats, flips: int = 10_000, seed: int = 0
) -> PairedTest:
    """Test whether two systems are alike by exchanging single segments between them.

    It takes segments as independent: with clustered segments its p-values are too small.

    Args:
        aggregate: the metric.
        first: [n, k], statistics of the first system, in an order fixed by the caller.
        second: [n, k], of the second system, the same segments.
        flips: number of exchanges, >= 1.
        seed: of the frozen stream, >= 0.

    Returns:
        The test; its clusters are the n segments.

    Raises:
        ValueError: shapes differ.

    Examples:
        >>> same = np.ones((20, 1))
        >>> approximate_randomisation(lambda s, n: s[:, 0] / n, same, same, flips=99).p
        1.0
    """
    if first.shape != second.shape or first.ndim != 2 or not len(first):
        raise ValueError(f"statistics must be [n, k] of the same segments, not {first.shape} and {second.shape}")
    return _exchange(aggregate, first, second, np.ones(len(first)), flips, seed, "approximate randomisation")


def paired_interval(
    aggregate: Aggregate,
    a: ClusterSums,
    b: ClusterSums,
    weights: Weights | None = None,
    *,
    level: float = 0.95,
    bounds: Bounds | None = None,
    method: str = "t",
) -> Interval:
    """Return the difference of two systems with its interval, both resampled together.

    Args:
        aggregate: the metric.
        a: first system, C clusters.
        b: second system, the same clusters with the same counts.
        weights: [B, C] from ``resample_weights``; the bootstrap methods need it.
        level: nominal coverage, in (0, 1).
        bounds: of the difference.
        method: as of ``harness.stats.intervals.interval``.

    Returns:
        The interval of the first less the second; of width zero where no cluster differs.

    Raises:
        ValueError: the systems do not cover the same clusters, or an argument is out of range.

    Examples:
        >>> from harness.stats.clusters import cluster_sums
        >>> a, b = cluster_sums([[1.0], [2.0], [6.0]], "uvw"), cluster_sums([[0.0], [0.0], [3.0]], "uvw")
        >>> found = paired_interval(lambda s, n: s[:, 0] / n, a, b)
        >>> found.estimate, round(found.low, 3), round(found.high, 3)
        (2.0, -0.484, 4.484)
    """
    both, difference = _together(aggregate, a, b)
    return interval(difference, both, weights, level=level, bounds=bounds, method=method)


def paired_bootstrap(
    aggregate: Aggregate, a: ClusterSums, b: ClusterSums, weights: Weights, *, level: float = 0.95
) -> PairedTest:
    """Test whether two systems are alike by resampling clusters, with the percentile interval.

    ``p = (1 + #{|d* - d| >= |d|}) / (1 + B)``: the resampled differences, centred, stand for the
    null, two-sided (Koehn 2004; Graham, Mathur and Baldwin 2014; sacreBLEU centres the absolute
    differences instead, see ``harness.stats.tests.paired_test``). With few clusters it is too bold;
    ``sign_flip`` and ``paired_interval`` are not.

    Args:
        aggregate: the metric.
        a: first system, C clusters.
        b: second system, the same clusters with the same counts.
        weights: [B, C] from ``resample_weights``.
        level: nominal coverage of the interval, in (0, 1).

    Returns:
        The test; a resample that leaves the difference undefined counts as larger.

    Raises:
        ValueError: the systems do not cover the same clusters.

    Examples:
        >>> from harness.stats.clusters import cluster_sums, resample_weights
        >>> same = cluster_sums([[1.0], [2.0], [6.0]], "uvw")
        >>> paired_bootstrap(lambda s, n: s[:, 0] / n, same, same, resample_weights(3, 99, seed=0)).p
        1.0
    """
    both, difference = _together(aggregate, a, b)
    found = interval(difference, both, weights, level=level, method="percentile")
    name, size = "paired bootstrap", len(a.labels)
    if found.estimate is None:
        return PairedTest(None, None, name, len(weights), size, found)
    values = resampled_values(difference, both, weights)
    scale = abs(float(resampled_values(aggregate, a, np.ones((1, size), dtype=np.int64))[0])) + abs(found.estimate)
    larger = int(np.count_nonzero(~(np.abs(values - found.estimate) < abs(found.estimate) - ROUNDING * scale)))
    return PairedTest(found.estimate, (1 + larger) / (1 + len(weights)), name, len(weights), size, found)


def _check_pairing(a: ClusterSums, b: ClusterSums) -> None:
    if a.labels != b.labels or not np.array_equal(a.counts, b.counts) or a.sums.shape != b.sums.shape:
        raise ValueError("the two systems do not cover the same clusters with the same segments")


def _together(aggregate: Aggregate, a: ClusterSums, b: ClusterSums) -> tuple[ClusterSums, Aggregate]:
    """Set both systems' statistics side by side, and make their difference an aggregate."""
    _check_pairing(a, b)
    width = a.sums.shape[1]

    def difference(sums: Floats, counts: Floats) -> Floats:
        return aggregate(sums[:, :width], counts) - aggregate(sums[:, width:], counts)

    return ClusterSums(np.hstack([a.sums, b.sums]), a.counts, a.labels), difference


def _exchange(
    aggregate: Aggregate, first: Floats, second: Floats, counts: Floats, flips: int, seed: int, name: str
) -> PairedTest:
    """Exchange units (rows) between two systems, all ways or ``flips`` random ways."""
    units = len(counts)
    exact = units < 63 and 1 << units <= flips
    resamples = 1 << units if exact else flips
    total = np.array([float(counts.sum())])
    with np.errstate(divide="ignore", invalid="ignore"):
        values = [float(aggregate(exact_sum(rows)[None, :], total)[0]) for rows in (first, second)]
        observed = values[0] - values[1]
        if not np.isfinite(observed):
            return PairedTest(None, None, name, resamples, units)
        least = abs(observed) - ROUNDING * max(abs(values[0]), abs(values[1]))
        larger = 0
        for swapped in all_exchanges(units) if exact else random_exchanges(units, flips, seed):
            sums = [swapped @ y + (1 - swapped) @ x for x, y in ((first, second), (second, first))]
            many = np.full(len(swapped), total[0])
            larger += int(np.count_nonzero(~(np.abs(aggregate(sums[0], many) - aggregate(sums[1], many)) < least)))
    p = larger / resamples if exact else (1 + larger) / (1 + resamples)
    return PairedTest(observed, p, f"{name}, exact" if exact else name, resamples, units)


def all_exchanges(units: int) -> Iterator[Floats]:
    """Yield every way of exchanging units, in chunks of rows of 0 and 1.

    Examples:
        >>> next(all_exchanges(2)).tolist()
        [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    """
    step = max(1, CHUNK_CELLS // units)
    for start in range(0, 1 << units, step):
        codes = np.arange(start, min(start + step, 1 << units), dtype=np.int64)
        yield ((codes[:, None] >> np.arange(units)) & 1).astype(np.float64)


def random_exchanges(units: int, flips: int, seed: int) -> Iterator[Floats]:
    """Draw fair coins from the raw words, whose stream NumPy promises never to change."""
    words = -(-units // 64)
    stream = np.random.PCG64(seed)
    step = max(1, CHUNK_CELLS // units)
    for start in range(0, flips, step):
        rows = min(step, flips - start)
        raw: NDArray[np.uint64] = stream.random_raw(rows * words).astype("<u8").reshape(rows, words)
        yield np.unpackbits(raw.view(np.uint8), axis=1, count=units, bitorder="little").astype(np.float64)
