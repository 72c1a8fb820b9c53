"""All metrics of a comparison resampled together: one matrix product a chunk, whatever the metrics.

10,000 exchanges or resamples of 1,000 segments take less than a second for all metrics (``benchmarks/resampling.py``).
The streams are those of ``sign_flip`` and ``resample_weights``, so the values are the same as one by one.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from harness.stats.clusters import Aggregate, ClusterSums, Floats, exact_sum
from harness.stats.paired import ROUNDING, PairedTest, _check_pairing, all_exchanges, random_exchanges

CHUNK = 1 << 19


def sign_flips(
    metrics: Mapping[str, tuple[Aggregate, ClusterSums, ClusterSums]], flips: int = 10_000, seed: int = 0
) -> dict[str, PairedTest]:
    """Test several metrics of two systems with the same exchanges of clusters.

    The statistics of all metrics stand side by side, so each chunk of exchanges is one matrix
    product. The p-values are those of ``sign_flip`` on each metric by itself.

    Args:
        metrics: by name, the aggregate and both systems' sums; all of the same clusters.
        flips: number of exchanges, >= 1.
        seed: of the frozen stream, >= 0.

    Returns:
        Test by name, without intervals.

    Raises:
        ValueError: no metric, or the clusters differ.

    Examples:
        >>> from harness.stats.clusters import cluster_sums
        >>> from harness.stats.tests import mean_aggregate
        >>> a, b = (cluster_sums([[x], [x + 1], [x + 2]], "uvw") for x in (5.0, 3.0))
        >>> sign_flips({"mean": (mean_aggregate, a, b)})["mean"].p
        0.25
    """
    if not metrics:
        raise ValueError("there is no metric to test")
    first = next(iter(metrics.values()))[1]
    for _, a, b in metrics.values():
        _check_pairing(a, b)
        if a.labels != first.labels:
            raise ValueError("the metrics do not cover the same clusters")
    units, edges = len(first.labels), np.cumsum([0, *(a.sums.shape[1] for _, a, _ in metrics.values())])
    x, y = (np.hstack([pair[side].sums for _, *pair in metrics.values()]) for side in (0, 1))
    counts = np.column_stack([a.counts for _, a, _ in metrics.values()])
    totals, exact = counts.sum(axis=0), units < 63 and 1 << units <= flips
    parts = [slice(int(low), int(high)) for low, high in pairwise(edges)]
    resamples = 1 << units if exact else flips
    values = [[_value(m[0], s[p], n) for m, p, n in zip(metrics.values(), parts, totals, strict=True)]
              for s in (exact_sum(x), exact_sum(y))]  # fmt: skip
    observed = np.array(values[0]) - np.array(values[1])
    least = np.abs(observed) - ROUNDING * np.maximum(*np.abs(np.array(values)))
    larger = np.zeros(len(parts), dtype=np.int64)
    straight, crossed = np.hstack([x, y]), np.hstack([y, x])
    with np.errstate(divide="ignore", invalid="ignore"):
        for block in all_exchanges(units) if exact else random_exchanges(units, flips, seed):
            for swapped in np.array_split(block, max(1, block.size // CHUNK)):
                sums = swapped @ crossed + (1 - swapped) @ straight
                for number, ((aggregate, _, _), part) in enumerate(zip(metrics.values(), parts, strict=True)):
                    many = np.full(len(swapped), totals[number])
                    other = slice(part.start + x.shape[1], part.stop + x.shape[1])
                    change = np.abs(aggregate(sums[:, part], many) - aggregate(sums[:, other], many))
                    larger[number] += int(np.count_nonzero(~(change < least[number])))
    method = "cluster sign flip, exact" if exact else "cluster sign flip"
    shares = larger / resamples if exact else (1 + larger) / (1 + resamples)
    return {
        name: PairedTest(float(d), float(p), method, resamples, units)
        if np.isfinite(d)
        else PairedTest(None, None, method, resamples, units)
        for name, d, p in zip(metrics, observed, shares, strict=True)
    }


def _value(aggregate: Aggregate, sums: Floats, count: float) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(aggregate(sums[None, :], np.array([count]))[0])


def resampled_together(
    metrics: Mapping[str, tuple[Aggregate, ClusterSums]], resamples: int = 10_000, seed: int = 0
) -> dict[str, Floats]:
    """Evaluate several metrics on the same bootstrap resamples of their clusters.

    Args:
        metrics: by name, the aggregate and the sums; all of the same clusters.
        resamples: B >= 1.
        seed: of ``resample_weights``, whose rows these are.

    Returns:
        [B] by name.

    Raises:
        ValueError: no metric, or the clusters differ.

    Examples:
        >>> from harness.stats.clusters import cluster_sums
        >>> from harness.stats.tests import mean_aggregate
        >>> two = cluster_sums([[1.0], [3.0]], ["a", "b"])
        >>> resampled_together({"mean": (mean_aggregate, two)}, 4, seed=1)["mean"]
        array([3., 2., 1., 2.])
    """
    if not metrics:
        raise ValueError("there is no metric to resample")
    labels = next(iter(metrics.values()))[1].labels
    if any(sums.labels != labels for _, sums in metrics.values()):
        raise ValueError("the metrics do not cover the same clusters")
    units = len(labels)
    rows = np.hstack([np.column_stack([found.sums, found.counts]) for _, found in metrics.values()])
    edges = np.cumsum([0, *(found.sums.shape[1] + 1 for _, found in metrics.values())])
    values = {name: np.empty(resamples) for name in metrics}
    stream, step = np.random.PCG64(seed), max(1, CHUNK // units)
    with np.errstate(divide="ignore", invalid="ignore"):
        for start in range(0, resamples, step):
            size = min(step, resamples - start)
            drawn = ((stream.random_raw(size * units) >> np.uint64(32)) * np.uint64(units)) >> np.uint64(32)
            cells = drawn.astype(np.int64) + np.repeat(np.arange(size, dtype=np.int64) * units, units)
            weights = np.bincount(cells, minlength=size * units).reshape(size, units).astype(np.float64)
            sums = weights @ rows
            for (name, (aggregate, _)), (low, high) in zip(metrics.items(), pairwise(edges), strict=True):
                values[name][start : start + size] = aggregate(sums[:, low : high - 1], sums[:, high - 1])
    return values
