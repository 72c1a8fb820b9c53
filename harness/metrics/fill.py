"""Fill: how much of its slot on screen a translation takes when spoken.

fill = (sigma(y) / rate) / (slot + min(gap, tolerance)). The verdict hangs on the
rate, so it is always reported at two (``validity.md``): Table 1 of arXiv 2601.10187
and 4.44 syllables a second, a dubbing tool's .225 s a syllable. Dubbing tools accept
1.2, warn at 1.4 and dislike slots left empty.
"""

from collections.abc import Callable

from harness.budget import plausible_times
from harness.metrics.base import Frame, Metric, Sample, mean_of, share_of_sources

SPEECH_RATES = {"zh": 5.18, "en": 6.19, "de": 5.97, "es": 7.82}
"""Syllables a second of each language: Table 1 of arXiv 2601.10187."""

DUBBING_RATE = 4.44
"""A dubbing tool's: .225 s a syllable."""


def fill_ratio(syllables: int, slot: float, rate: float, gap: float = 0.0, tolerance: float = 0.0) -> float:
    """Compute the estimated seconds of speech over the seconds available.

    Args:
        syllables: syllables of the hypothesis.
        slot: seconds of the segment, above 0.
        rate: syllables a second.
        gap: seconds of silence to the next segment.
        tolerance: how much of the gap speech may take, in seconds.

    Returns:
        Ratio; 1 fills the slot exactly.

    Examples:
        >>> fill_ratio(12, slot=2.0, rate=6.0)
        1.0
        >>> fill_ratio(12, slot=1.5, rate=6.0, gap=2.0, tolerance=0.5)
        1.0
    """
    return syllables / rate / (slot + min(gap, tolerance))


def timed(sample: Sample) -> bool:
    """Say whether a segment has times that can belong to its text."""
    return plausible_times(sample.segment)


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return the shares of fill at each rate; a state that is not ok is a slot not served."""
    if not (frame.counted and frame.speech_rates):
        return ()
    made: list[Metric] = []
    for rate in frame.speech_rates:
        made += [
            _share(rate, "<=1", "fits the slot", lambda fill: fill <= 1, True),
            _share(rate, "<=1.2", "fits at a speed-up of 1.2", lambda fill: fill <= 1.2, True),
            _share(rate, ">1.4", "needs a speed-up above 1.4", lambda fill: fill > 1.4, False),
            _share(rate, "<.67", "leaves a third of the slot silent", lambda fill: fill < 0.67, False),
        ]
    left_out = share_of_sources(
        "fill_left_out", "Share of segments without times that can be theirs.", lambda sample: not timed(sample)
    )
    return (*made, left_out)


def _share(rate: float, sign: str, words: str, test: Callable[[float], bool], good: bool) -> Metric:
    def value(sample: Sample) -> float:
        segment = sample.segment
        assert segment.start is not None and segment.end is not None  # timed() holds
        slot = segment.end - segment.start
        return test(fill_ratio(sample.spoken, slot, rate, segment.gap or 0.0, sample.frame.tolerance))

    return mean_of(
        f"fill{sign}@{rate:g}",
        f"Share that {words} at {rate:g} syllables a second.",
        value,
        worst=not good,
        applies=timed,
        proportion=True,
        higher_is_better=good,
        families=frozenset({"fill"}),
    )
