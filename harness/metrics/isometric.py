"""Isometric translation: as many characters as the source has, give or take a tenth (IWSLT 2022)."""

from harness.budget import characters_without_blanks
from harness.metrics.base import Frame, Metric, Sample, mean_of
from harness.metrics.in_bounds import fits

ALWAYS_COMPLIANT = 10
"""Sources of at most this many characters comply whatever their translation: the shared task's rule."""


def complies(source: str, ratio_in_bounds: bool) -> bool:
    """Say whether a translation counts as compliant in length.

    Args:
        source: the source; blanks are not counted.
        ratio_in_bounds: whether the ratio of characters is within a tenth.

    Returns:
        True for every translation of a short source, else what the ratio says.

    Examples:
        >>> complies("Okay.", False), complies("This is my new toy.", False)
        (True, False)
    """
    return ratio_in_bounds or characters_without_blanks(source) <= ALWAYS_COMPLIANT


def _complies(sample: Sample) -> bool:
    return complies(sample.segment.text, fits(sample))


def _ratio(sample: Sample) -> float:
    assert sample.basis is not None  # every source has characters
    return sample.amount / sample.basis


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return the shared task's columns on the isometric track, none on others."""
    if frame.track != "isometric":
        return ()
    return (
        mean_of(
            "length_compliance",
            f"Share in bounds, sources of at most {ALWAYS_COMPLIANT} characters always; the shared task's column.",
            _complies,
            worst=0,
            proportion=True,
            higher_is_better=True,
        ),
        mean_of("char_ratio", "Mean of characters over characters of the source, blanks left out.", _ratio, worst=None),
    )
