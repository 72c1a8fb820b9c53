"""Columns measured by models: quality estimates and judges, as they were stored.

A measurement that could not be read is left out and counted beside (``…_unread``),
never scored as zero. An output whose state is not ok gets the worst value of the
scale without being measured; in the value of a chunk its lines that are not ok already
count as that (``judges.chunk``).
"""

from dataclasses import replace

from harness.metrics.base import Frame, Measure, Metric, Sample, mean_of, ratio
from harness.records import Measurement

MEASURED = frozenset({"measurements"})
CHUNKED = MEASURED | {"chunks"}
"""What a value for a whole chunk needs: at a segment of its own it says nothing about that segment."""


def measurement_of(sample: Sample, name: str) -> Measurement | None:
    """Return a sample's measurement by name, None where it was not made or failed for reasons of ours."""
    found = sample.artefacts.measurements.get(name)
    return None if found is None or found.state == "failed" else found


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return a column for every measure of the protocol, and the share that could not be read."""
    return tuple(metric for measure in frame.measures for metric in (_value(measure), _unread(measure.name)))


def _value(measure: Measure) -> Metric:
    def value(sample: Sample) -> float | None:
        found = measurement_of(sample, measure.name)
        return None if found is None else found.value

    def of_chunk(sample: Sample) -> tuple[float, float]:
        found = value(sample)
        return (0.0, 0.0) if found is None else (found, 1.0)

    metric = mean_of(
        measure.name,
        f"Mean of {measure.name}, between {measure.low:g} and {measure.high:g}.",
        value,
        worst=measure.low if measure.higher_is_better else measure.high,
        needs=MEASURED,
        higher_is_better=measure.higher_is_better,
        bounds=(measure.low, measure.high) if measure.bounded else None,
        families=frozenset({measure.family}),
    )
    return replace(metric, statistics=of_chunk, needs=CHUNKED) if measure.chunks else metric


def _unread(name: str) -> Metric:
    def statistics(sample: Sample) -> tuple[float, float]:
        found = measurement_of(sample, name)
        return (0.0, 0.0) if found is None else (float(found.value is None), 1.0)

    return Metric(
        f"{name}_unread",
        f"Share of {name} that could not be read.",
        statistics,
        ratio,
        needs=MEASURED,
        higher_is_better=False,
        bounds=(0.0, 1.0),
        proportion=True,
    )
