"""Calibration of a judge that gives probabilities: how often what it gives probability p is right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """A row of the reliability table: probabilities in [low, high), the last one closed."""

    low: float
    high: float
    n: int
    probability: float
    share: float


def reliability(probabilities: Sequence[float], labels: Sequence[int], bins: int = BINS) -> tuple[Bin, ...]:
    """Tabulate, by probability, the mean probability of label 1 and the share of label 1; empty bins are left out.

    Args:
        probabilities: of label 1, in [0, 1].
        labels: 0 or 1.
        bins: of equal width.

    Examples:
        >>> [(row.low, row.n, row.probability, row.share) for row in reliability([0.0, 0.5, 0.5, 1.0], [0, 0, 1, 1], 2)]
        [(0.0, 1, 0.0, 0.0), (0.5, 3, 0.6667, 0.6667)]
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(labels, dtype=float)
    place = np.minimum((p * bins).astype(int), bins - 1)
    return tuple(
        Bin(
            b / bins,
            (b + 1) / bins,
            int((place == b).sum()),
            round(float(p[place == b].mean()), 4),
            round(float(y[place == b].mean()), 4),
        )
        for b in range(bins)
        if (place == b).any()
    )


def expected_calibration_error(probabilities: Sequence[float], labels: Sequence[int], bins: int = BINS) -> float:
    """Compute the expected calibration error (Naeini et al., AAAI 2015).

    ``ECE = sum_b n_b / n * |mean probability in b - share of label 1 in b|``, in [0, 1].

    Examples:
        >>> expected_calibration_error([0.0, 1.0], [0, 1]), expected_calibration_error([1.0, 1.0], [0, 1])
        (0.0, 0.5)
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(labels, dtype=float)
    if not len(p):
        raise ValueError("there are no probabilities")
    place = np.minimum((p * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=p - y, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))


def resampled(
    probabilities: Sequence[float], labels: Sequence[int], clusters: Sequence[str], draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the calibration error over resampled clusters.

    The error of a sample is above 0 also where the truth is 0, and that of resamples more so: the
    interval says how uncertain the number is, it is no test of perfect calibration.
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(labels, dtype=float)
    names, owner = np.unique(np.asarray(clusters), return_inverse=True)
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = np.zeros((len(names), BINS))
    np.add.at(gaps, (owner, place), p - y)
    sizes = np.bincount(owner, minlength=len(names))
    weights = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    errors = np.abs(weights @ gaps).sum(1) / (weights @ sizes)
    low, high = np.quantile(errors, [0.025, 0.975])
    return float(low), float(high)
