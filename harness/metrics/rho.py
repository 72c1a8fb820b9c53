"""Syllable ratios: forward, backward and round trip (arXiv 2601.10187, eq. 1 and 6)."""

import math
from collections.abc import Sequence

from harness.metrics.base import Frame, Metric, Sample, mean_of, ratio

BACK = frozenset({"back_translation"})
POSITIVE = (0.0, math.inf)


def syllable_ratio(source: int, hypothesis: int) -> float:
    """Compute rho(x, y) = sigma(y) / max(sigma(x), 1) (arXiv 2601.10187, eq. 6).

    Args:
        source: syllables of the source.
        hypothesis: syllables of the hypothesis.

    Returns:
        Ratio, 0 or more.

    Examples:
        >>> syllable_ratio(12, 9), syllable_ratio(0, 3)
        (0.75, 3.0)
    """
    return hypothesis / max(source, 1)


def _forward(sample: Sample) -> float:
    return syllable_ratio(sample.lengths.source, sample.lengths.hypothesis)


def _backward(sample: Sample) -> float | None:
    if not sample.lengths.back or not sample.lengths.hypothesis:
        return None
    return sample.lengths.back / sample.lengths.hypothesis


def _round_trip(sample: Sample) -> float | None:
    return syllable_ratio(sample.lengths.source, sample.lengths.back) if sample.lengths.back else None


def _inflated(sample: Sample) -> float | None:
    round_trip = _round_trip(sample)
    return None if round_trip is None else round_trip > 1


def _sums(sample: Sample) -> Sequence[float]:
    return (sample.lengths.hypothesis, sample.lengths.source, 1) if sample.ok else (0, 0, 0)


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return the ratios, over outputs whose state is ok (and whose back-translation is not empty)."""
    if not frame.counted:
        return ()
    return (
        mean_of(
            "rho_fwd", "Mean of sigma(y) / sigma(x), translation to source.", _forward, worst=None, bounds=POSITIVE
        ),
        Metric(
            "rho_of_sums",
            "All syllables of the translations over all of the sources.",
            _sums,
            ratio,
            3,
            bounds=POSITIVE,
        ),
        mean_of(
            "rho_bwd",
            "Mean of sigma(x^) / sigma(y), back-translation to translation.",
            _backward,
            worst=None,
            needs=BACK,
            bounds=POSITIVE,
        ),
        mean_of(
            "rho_rtp",
            "Mean of sigma(x^) / sigma(x), round trip; above 1 the model inflates.",
            _round_trip,
            worst=None,
            needs=BACK,
            bounds=POSITIVE,
        ),
        mean_of("rtp_above_1", "Share with a round trip above 1.", _inflated, worst=None, needs=BACK, proportion=True),
    )
