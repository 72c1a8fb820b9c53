"""The interval methods for any metric, one function each, so that simulation can compare them.

``harness.stats.intervals`` chooses among them; ``benchmarks/interval_coverage.py`` prints
what each one covers.
"""

from math import sqrt

import numpy as np
from scipy.special import stdtrit

from harness.stats.clusters import Aggregate, ClusterSums, Floats, Weights

Bounds = tuple[float, float]


def jackknife_error(estimate: float, left_out: Floats) -> float:
    r"""Return the leave-one-cluster-out standard error.

    ``SE^2 = (C - 1) / C * sum_c (theta_(c) - theta)^2``, centred at the estimate. With clusters
    of unequal weight it errs on the wide side where linearised errors are too small, as a
    heavy cluster pulls the estimate towards itself (the CR3 estimator: MacKinnon, Nielsen and
    Webb 2023, "Fast and reliable jackknife and bootstrap methods for cluster-robust inference").

    Args:
        estimate: theta, the value on all clusters.
        left_out: [C], theta with each cluster left out; C >= 2.

    Returns:
        >= 0; NaN when a left-out value is not defined.

    Examples:
        >>> round(jackknife_error(2.0, np.array([2.5, 2.0, 1.5])), 4)
        0.5774
    """
    return sqrt((1 - 1 / len(left_out)) * float(np.sum((left_out - estimate) ** 2)))


def t_interval(estimate: float, error: float, df: float, level: float) -> Bounds:
    """Return ``estimate -+ t(df) * error``.

    Args:
        estimate: centre.
        error: standard error, >= 0.
        df: degrees of freedom, > 0.
        level: in (0, 1).

    Returns:
        Low and high.

    Examples:
        >>> low, high = t_interval(0.0, 1.0, 5.0, 0.95)
        >>> round(high, 4), low == -high
        (2.5706, True)
    """
    half = float(stdtrit(df, 0.5 + level / 2)) * error
    return estimate - half, estimate + half


def percentile_interval(values: Floats, level: float) -> Bounds:
    """Return the quantiles of the resampled values (Efron's percentile bootstrap).

    Args:
        values: [B]; undefined ones (NaN) are left out.
        level: in (0, 1).

    Returns:
        Low and high.

    Examples:
        >>> percentile_interval(np.arange(9.0), 0.5)
        (2.0, 6.0)
    """
    low, high = np.quantile(values[~np.isnan(values)], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def linear_errors(aggregate: Aggregate, clusters: ClusterSums, weights: Weights | Floats) -> Floats:
    """Return the linearised standard error of the metric on each resample.

    With ``g`` the gradient of the aggregate at a resample's sums (numerical, relative steps)
    and ``z_c = g . (S_c, N_c)``, ``SE^2 = C / (C - 1) * sum_c w_c (z_c - zbar)^2``. Source: Davison
    and Hinkley (1997), *Bootstrap Methods and their Application*, sections 2.7 and 3.

    Args:
        aggregate: the metric.
        clusters: C >= 2 clusters.
        weights: [B, C], how often each cluster enters; rows of ones give the sample itself.

    Returns:
        [B], >= 0, NaN where not defined.

    Examples:
        >>> from harness.stats.clusters import cluster_sums
        >>> three = cluster_sums([[1.0], [2.0], [3.0]], ["a", "b", "c"])
        >>> linear_errors(lambda s, n: s[:, 0] / n, three, np.ones((1, 3))).round(4)
        array([0.5774])
    """
    rows = np.column_stack([clusters.sums, clusters.counts])
    point = weights @ rows
    scale = np.abs(rows).sum(axis=0)
    gradient = np.zeros_like(point)
    with np.errstate(divide="ignore", invalid="ignore"):
        for column in range(rows.shape[1]):
            low, high = point.copy(), point.copy()
            low[:, column] *= 1 - 1e-5
            high[:, column] = np.where(high[:, column] == 0, 1e-5 * scale[column], high[:, column] * (1 + 1e-5))
            change = aggregate(high[:, :-1], high[:, -1]) - aggregate(low[:, :-1], low[:, -1])
            width = high[:, column] - low[:, column]
            gradient[:, column] = np.where(width == 0, 0, change / np.where(width == 0, 1, width))
        influence = gradient @ rows.T
        size = weights.sum(axis=1)
        mean = (weights * influence).sum(axis=1) / size
        square = (weights * (influence - mean[:, None]) ** 2).sum(axis=1)
    return np.asarray(np.sqrt(square * size / (size - 1)), dtype=np.float64)


def bootstrap_t_interval(estimate: float, error: float, values: Floats, errors: Floats, level: float) -> Bounds:
    """Return the studentised bootstrap interval, ``theta - t*_q * SE``.

    ``t* = (theta* - theta) / SE*``; resamples with ``SE* = 0`` count as infinitely far. Source:
    Efron (1981); Hall (1988), "Theoretical comparison of bootstrap confidence intervals".

    Args:
        estimate: theta.
        error: its linearised standard error.
        values: [B], theta on each resample.
        errors: [B], the linearised standard error of each resample.
        level: in (0, 1).

    Returns:
        Low and high, possibly infinite.

    Examples:
        >>> grid = np.arange(-4.0, 5.0)
        >>> bootstrap_t_interval(0.0, 0.5, grid, np.ones(9), 0.5)
        (-1.0, 1.0)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (values - estimate) / errors
    ratio = np.sort(np.where(values == estimate, 0.0, ratio)[~np.isnan(values)])
    tail = (1 - level) / 2 * (len(ratio) - 1)
    first, last = ratio[int(np.floor(tail))], ratio[int(np.ceil(len(ratio) - 1 - tail))]
    # An error so small that it rounds to 0 takes nothing from a quantile that is infinitely far.
    above, below = (quantile * error if np.isfinite(quantile) else quantile for quantile in (last, first))
    return float(estimate - above), float(estimate - below)
