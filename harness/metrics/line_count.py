"""Whether a chunk came back as exactly its lines."""

from harness.metrics.base import Frame, Metric, Sample, ratio
from harness.numbered import MISCOUNT

READ = ("ok", "empty", "wrong_language")
"""States of a line that came back, whatever it holds."""


def exact(sample: Sample) -> bool:
    """Say whether a line came back in a chunk of exactly its lines.

    A strategy whose answers are read line by line, not as numbered chunks, is judged by the line alone.
    """
    translation = sample.translation
    return translation.state in READ and not translation.detail.startswith(MISCOUNT)


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return the share of lines whose chunk came back as exactly its lines; without a budget only."""
    if frame.track != "none":
        return ()
    return (
        Metric(
            "line_count",
            "Share of lines whose chunk came back as exactly its lines.",
            lambda sample: (float(exact(sample)), 1.0),
            ratio,
            higher_is_better=True,
            bounds=(0.0, 1.0),
            proportion=True,
        ),
    )
