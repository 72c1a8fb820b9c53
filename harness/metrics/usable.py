"""``usable``, the headline: could this line go on screen?

1 where the state is ok (which includes the right language), the output is in bounds
and no core event is lost, else 0. Its parts stand beside it. Sources without events are
left out, whatever the output.
"""

from harness.metrics.base import Frame, Metric, Sample, mean_of
from harness.metrics.bt_cerr import EVENTS, all_events_kept, has_events
from harness.metrics.in_bounds import budgeted, fits


def _usable(sample: Sample) -> bool:
    return fits(sample) and all_events_kept(sample)


def _counts(sample: Sample) -> bool:
    return budgeted(sample) and has_events(sample)


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return the headline, where there is a budget, and the share of outputs whose state is ok."""
    ok = mean_of(
        "ok", "Share of outputs whose state is ok.", lambda _: 1.0, worst=0, proportion=True, higher_is_better=True
    )
    if frame.track == "none":
        return (ok,)
    return (
        mean_of(
            "usable",
            "Share that is in the right language, in bounds, and keeps every core event: the headline.",
            _usable,
            worst=0,
            applies=_counts,
            needs=EVENTS,
            higher_is_better=True,
            proportion=True,
            families=frozenset({"embedding"}),
        ),
        ok,
    )
