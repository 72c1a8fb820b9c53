"""In-bounds (IB) and its companions: does the translation fit its budget?

IB is the share of segments within their budget (``harness.budget``); on the ratio track
L0 <= rho <= R0 (arXiv 2601.10187, section 4.2). On most Sand-Glass segments a single
syllable decides it, so the signed distance to the budget, the share within one syllable
and the shares over and under stand beside it.
"""

import math
from collections.abc import Callable

from harness.budget import BY_SYLLABLES, amounts_within, distance, in_bounds
from harness.metrics.base import Frame, Metric, Sample, mean_of, share_of_sources
from harness.metrics.rho import syllable_ratio

ALPHA_1 = 0.4
ALPHA_2 = 0.5


def relaxation(source: int, mu: float) -> float:
    """Compute gamma(x), by which short sources relax the lower bound (arXiv 2601.10187, eq. 7).

    gamma = .4 + .5 * sqrt(sigma(x) / mu) where sigma(x) < mu, else 1. Taken literally it
    jumps from .9 to 1 at mu.

    Args:
        source: syllables of the source.
        mu: mean syllables of the task's sources, above 0.

    Returns:
        Factor in [.4, 1].

    Examples:
        >>> round(relaxation(6, 12), 10), relaxation(12, 12)
        (0.7535533906, 1.0)
    """
    return ALPHA_1 + ALPHA_2 * math.sqrt(source / mu) if source < mu else 1.0


def budgeted(sample: Sample) -> bool:
    """Say whether a segment has a budget: on tracks by time, one without times has none."""
    return sample.basis is not None


def fits(sample: Sample) -> bool:
    """Say whether a translation is within its budget."""
    return sample.amount in sample.admissible


def _dynamic(sample: Sample) -> float:
    low, high = sample.frame.bounds
    low *= relaxation(sample.lengths.source, sample.frame.mu)
    return in_bounds(syllable_ratio(sample.lengths.source, sample.lengths.hypothesis), low, high)


def _error(sample: Sample) -> int | None:
    return distance(sample.amount, sample.admissible)


def _within_1(sample: Sample) -> float:
    error = _error(sample)
    return error is not None and abs(error) <= 1


def _over(sample: Sample) -> bool:
    assert sample.basis is not None  # budgeted() holds
    if sample.frame.track == "count":
        return sample.amount > sample.admissible[-1]
    return sample.amount / sample.basis > sample.frame.bounds[1]


def _under(sample: Sample) -> bool:
    return not fits(sample) and not _over(sample)


def _flips(sample: Sample) -> bool:
    low, high = sample.frame.bounds
    other = sample.other.hypothesis in amounts_within(max(1, sample.other.source), low, high)
    return fits(sample) != other


def _nothing_admissible(sample: Sample) -> bool | None:
    return not sample.admissible if budgeted(sample) else None


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return the metrics of this file; a segment whose state is not ok is out, over and under."""
    if frame.track == "none":
        return ()
    ratio = frame.track == "ratio"
    return (
        *_everywhere(frame),
        *((_on_syllables(frame)) if frame.track in BY_SYLLABLES else ()),
        *((_on_ratio(frame)) if ratio else ()),
    )


def _share(name: str, meaning: str, value: Callable[[Sample], float], *, good: bool = True) -> Metric:
    return mean_of(
        name, meaning, value, worst=0 if good else 1, applies=budgeted, proportion=True, higher_is_better=good
    )


def _everywhere(frame: Frame) -> tuple[Metric, ...]:
    unit = "syllable" if frame.track in BY_SYLLABLES else "character"
    return (
        _share("ib", f"Share in bounds: {_said(frame)}.", fits),
        _share("over", "Share over the budget.", _over, good=False),
        _share("under", "Share under the budget.", _under, good=False),
        mean_of(
            f"{unit}_error",
            f"Mean signed distance to the nearest admissible count, in {unit}s, over outputs whose state is ok.",
            _error,
            worst=None,
            applies=budgeted,
        ),
        share_of_sources(
            "no_admissible_count", f"Share of sources for which no {unit} count is in bounds.", _nothing_admissible
        ),
    )


def _on_syllables(frame: Frame) -> tuple[Metric, ...]:
    return (_share("ib_within_1", "Share at most one syllable from the budget.", _within_1),)


def _on_ratio(frame: Frame) -> tuple[Metric, ...]:
    return (
        _share(
            "ib_dynamic",
            f"Share within the bounds whose lower end short sources relax (eq. 7, mu {frame.mu:g}).",
            _dynamic,
        ),
        mean_of(
            "counter_flips",
            "Share of in-bounds verdicts that the other syllable counter would turn.",
            _flips,
            worst=None,
            proportion=True,
        ),
    )


def _said(frame: Frame) -> str:
    """Say what is in bounds."""
    if frame.track == "count":
        return f"off by one syllable or 5 % at most from seconds x {frame.rate:g} x pace"
    low, high = frame.bounds
    amount = {
        "ratio": "rho",
        "duration": f"syllables / (seconds x {frame.rate:g})",
        "isometric": "characters / characters of the source",
        "reading_speed": f"characters / (seconds x {frame.rate:g})",
    }[frame.track]
    return f"{low:g} <= {amount} <= {high:g}"
