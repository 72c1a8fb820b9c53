"""Hit-a-count: how near a translation comes to a stated syllable count (Sandglass-Bench v2).

The stated count is round(seconds x rate x pace) for a pace of .75, 1 and 1.25.
"""

import math
from collections.abc import Sequence

import numpy as np

from harness.budget import HIT_DEVIATION, HIT_SYLLABLES
from harness.metrics.base import Frame, Measure, Metric, Sample, Values, mean_of
from harness.metrics.in_bounds import budgeted
from harness.metrics.quality import measurement_of

MISS_DEVIATION = 0.5


def hit(amount: int, stated: int) -> float:
    """Score how near an amount is to the stated one.

    1 where |n - t| <= 1 or the deviation |n - t| / t is 5 % at most, 0 from 50 %, linear between.

    Args:
        amount: syllables n of the translation.
        stated: syllables t asked for, at least 1.

    Returns:
        Score in 0..1.

    Examples:
        >>> hit(11, 10), hit(15, 10), hit(40, 41)
        (1.0, 0.0, 1.0)
        >>> round(hit(12, 10), 4)
        0.6667
    """
    off = abs(amount - stated)
    if off <= HIT_SYLLABLES or off / stated <= HIT_DEVIATION:
        return 1.0
    return max(0.0, (MISS_DEVIATION - off / stated) / (MISS_DEVIATION - HIT_DEVIATION))


def _stated(sample: Sample) -> int:
    assert sample.basis is not None  # budgeted() holds
    return round(sample.basis)


def _hit(sample: Sample) -> float:
    return hit(sample.amount, _stated(sample))


def _deviation(sample: Sample) -> float:
    return abs(sample.amount - _stated(sample)) / _stated(sample)


def _slope_statistics(sample: Sample) -> Sequence[float]:
    if not (sample.ok and budgeted(sample)):
        return (0.0,) * 5
    stated, amount = float(_stated(sample)), float(sample.amount)
    return (stated, amount, stated * stated, stated * amount, 1.0)


def slope(sums: Values, counts: Values) -> Values:
    """Aggregate to the least-squares slope of the syllables given on the syllables stated.

    Args:
        sums: [B, 5]: sums of t, n, t^2, t n, and the number of segments.
        counts: unused.

    Returns:
        [B] slopes; 1 follows the stated count, 0 ignores it; NaN where all counts are equal.

    Examples:
        >>> slope(np.array([[30.0, 60.0, 500.0, 1000.0, 2.0]]), np.ones(1)).tolist()
        [2.0]
    """
    t, n, tt, tn, size = sums.T
    spread = size * tt - t * t
    slopes: Values = np.full_like(t, np.nan)
    np.divide(size * tn - t * n, spread, out=slopes, where=spread > 1e-9 * t * t)
    return slopes


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return the columns of the hit-a-count track; none on other tracks."""
    if frame.track != "count":
        return ()
    mean = mean_of(
        "hit",
        "Mean score of the count: 1 within a syllable or 5 %, 0 from 50 %, linear between.",
        _hit,
        worst=0,
        applies=budgeted,
        higher_is_better=True,
        bounds=(0, 1),
    )
    deviation = mean_of(
        "count_deviation",
        "Mean |n - t| / t over outputs whose state is ok.",
        _deviation,
        worst=None,
        applies=budgeted,
        higher_is_better=False,
        bounds=(0, math.inf),
    )
    follows = Metric(
        "count_slope",
        "Slope of the syllables given on the syllables stated, over outputs whose state is ok; 1 follows the count.",
        _slope_statistics,
        slope,
        5,
    )
    return (mean, deviation, follows, *(_with_quality(m) for m in frame.measures if m.bounded and not m.chunks))


def _with_quality(measure: Measure) -> Metric:
    """Return the mean of the count's score and a measure brought to 0..1: v2's score, with its judge as the measure."""

    def value(sample: Sample) -> float | None:
        found = measurement_of(sample, measure.name)
        if found is None or found.value is None:
            return None
        quality = (found.value - measure.low) / (measure.high - measure.low)
        return (_hit(sample) + (quality if measure.higher_is_better else 1 - quality)) / 2

    return mean_of(
        f"hit_and_{measure.name}",
        f"Mean of hit and {measure.name} on a scale from 0 to 1.",
        value,
        worst=0,
        applies=budgeted,
        higher_is_better=True,
        bounds=(0, 1),
        families=frozenset({measure.family}),
    )
