"""From stored records to a result: per-segment statistics, aggregates, intervals.

Deterministic: the same files give the same bits, whatever order their lines came in.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.budget import Budget
from harness.metrics.base import Frame, Lengths, Metric, Sample
from harness.metrics.rho import syllable_ratio
from harness.prompts import HARNESS_LIMIT
from harness.records import (
    STATES,
    Artefacts,
    BackTranslation,
    Estimate,
    EventCheck,
    Measurement,
    Segment,
    Translation,
    Usage,
)
from harness.stats.clusters import ClusterSums, cluster_sums
from harness.stats.intervals import interval
from harness.syllables import COUNTERS, counter_for
from harness.syllables.literal import contracted_counter_for

Key = tuple[str, int]
UNCOUNTED = Lengths(0, 0)

MOST_UNREAD = 0.02
"""Share of unreadable judgements above which a result may not be published."""


@dataclass(frozen=True)
class Records:
    """What the stages of a run left, by (segment id, seed)."""

    translations: Mapping[Key, Translation]
    back_translations: Mapping[Key, BackTranslation]
    events: Mapping[Key, EventCheck]
    measurements: Mapping[Key, Mapping[str, Measurement]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """Statistics of every record: rows [n, K], their keys sorted, and each metric's columns."""

    keys: tuple[Key, ...]
    clusters: tuple[str, ...]
    rows: NDArray[np.float64]
    columns: Mapping[str, slice]
    lengths: tuple[Mapping[str, Lengths], ...]


def score(
    segments: Sequence[Segment],
    records: Records,
    metrics: Sequence[Metric],
    frame: Frame,
    source: str,
    counter: str,
) -> Scores:
    """Compute every metric's statistics for every translation that there is.

    Args:
        segments: the sources.
        records: what the stages left; a missing record leaves its segment out.
        metrics: metrics to compute.
        frame: what protocol and task fix.
        source: source language.
        counter: the counter that scores; both are stored.

    Returns:
        The statistics, sorted by segment id and seed.
    """
    by_id = {segment.id: segment for segment in segments}
    budget = Budget(source, frame.target, counter, frame.bounds, frame.track, frame.rate, frame.most)
    other = COUNTERS[1 - COUNTERS.index(counter)]
    keys = tuple(sorted(key for key in records.translations if key[0] in by_id))
    columns, width = _columns(metrics)
    rows = np.zeros((len(keys), width))
    lengths: list[Mapping[str, Lengths]] = []
    for number, key in enumerate(keys):
        translation, segment = records.translations[key], by_id[key[0]]
        artefacts = Artefacts(
            records.back_translations.get(key), records.events.get(key), records.measurements.get(key, {})
        )
        counted = {
            name: _lengths(segment, translation, artefacts, source, frame.target, name)
            for name in (COUNTERS if frame.counted else ())
        }
        basis = budget.basis(segment)
        sample = Sample(
            segment,
            translation,
            artefacts,
            counted.get(counter, UNCOUNTED),
            counted.get(other, UNCOUNTED),
            _spoken(translation.text, frame.target, counter) if frame.counted else 0,
            frame,
            budget.amount(translation.text) if basis is not None else 0,
            basis,
            budget.admissible(basis) if basis is not None else range(0),
        )
        lengths.append(counted)
        if translation.state != "failed":
            rows[number] = [value for metric in metrics for value in metric.statistics(sample)]
    return Scores(keys, tuple(by_id[key[0]].cluster for key in keys), rows, columns, tuple(lengths))


def _columns(metrics: Sequence[Metric]) -> tuple[dict[str, slice], int]:
    columns: dict[str, slice] = {}
    width = 0
    for metric in metrics:
        columns[metric.name] = slice(width, width + metric.width)
        width += metric.width
    return columns, width


def _lengths(
    segment: Segment, translation: Translation, artefacts: Artefacts, source: str, target: str, counter: str
) -> Lengths:
    count_source, count_target = counter_for(source, counter), counter_for(target, counter)
    back = artefacts.back_translation
    return Lengths(
        count_source(segment.text),
        count_target(translation.text),
        count_source(back.text) if back is not None and back.state == "ok" else None,
    )


def _spoken(text: str, target: str, counter: str) -> int:
    return contracted_counter_for(target)(text) if counter == "pyphen" else counter_for(target, counter)(text)


def estimates(scores: Scores, metrics: Sequence[Metric], seeds: Sequence[int]) -> dict[str, Estimate]:
    """Aggregate every metric, with its interval clustered by video and its spread over seeds.

    Args:
        scores: statistics of all records.
        metrics: metrics to aggregate.
        seeds: the repeats.

    Returns:
        Estimate by metric name; without a value where nothing carries one.
    """
    if not scores.keys:
        return {}
    of_seed = {seed: [row for row, key in enumerate(scores.keys) if key[1] == seed] for seed in seeds}
    return {metric.name: _estimate(scores, metric, of_seed) for metric in metrics}


def estimates_by_domain(
    scores: Scores, segments: Sequence[Segment], metrics: Sequence[Metric], seeds: Sequence[int]
) -> dict[str, dict[str, Estimate]]:
    """Aggregate every metric over each domain alone; nothing where all segments are of one.

    Args:
        scores: statistics of all records.
        segments: the sources, with their domains.
        metrics: metrics to aggregate.
        seeds: the repeats.

    Returns:
        Estimates by domain and metric.
    """
    domain = {segment.id: segment.domain for segment in segments}
    names = sorted({domain[key[0]] for key in scores.keys})
    if len(names) < 2:
        return {}
    return {
        name: estimates(_part(scores, [domain[key[0]] == name for key in scores.keys]), metrics, seeds)
        for name in names
    }


def _part(scores: Scores, chosen: Sequence[bool]) -> Scores:
    """Return the scores of some records."""
    kept = [number for number, holds in enumerate(chosen) if holds]
    return Scores(
        tuple(scores.keys[number] for number in kept),
        tuple(scores.clusters[number] for number in kept),
        scores.rows[kept],
        scores.columns,
        tuple(scores.lengths[number] for number in kept),
    )


def _estimate(scores: Scores, metric: Metric, of_seed: Mapping[int, list[int]]) -> Estimate:
    rows = scores.rows[:, scores.columns[metric.name]]
    sums = cluster_sums(rows, scores.clusters)
    repeats = max(1, sum(bool(chosen) for chosen in of_seed.values()))
    per_repeat = ClusterSums(sums.sums / repeats, sums.counts / repeats, sums.labels)  # repeats are no new segments
    found = interval(metric.aggregate, per_repeat, bounds=metric.bounds, proportion=metric.proportion)
    per_seed = tuple(_value(metric, rows[chosen]) for chosen in of_seed.values() if chosen)
    known = [value for value in per_seed if value is not None]
    return Estimate(
        value=found.estimate,
        low=found.low,
        high=found.high,
        method=found.method,
        n=round(float(rows[:, -1].sum()) / repeats),
        clusters=found.clusters,
        effective_clusters=found.effective_clusters,
        per_seed=per_seed,
        sd=stdev(known) if len(known) > 1 else None,
    )


def _value(metric: Metric, rows: NDArray[np.float64]) -> float | None:
    sums = cluster_sums(rows, [""] * len(rows))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(metric.aggregate(*sums.total())[0])
    return value if np.isfinite(value) else None


def score_lines(scores: Scores, records: Records, counter: str) -> Iterator[dict[str, Any]]:
    """Yield one line a record: state, lengths by both counters, rho and every metric's statistics."""
    for number, (id_, seed) in enumerate(scores.keys):
        counted = scores.lengths[number]
        line = {
            "id": id_,
            "seed": seed,
            "cluster": scores.clusters[number],
            "state": records.translations[id_, seed].state,
            "syllables": {name: [found.source, found.hypothesis, found.back] for name, found in counted.items()},
            "rho": syllable_ratio(counted[counter].source, counted[counter].hypothesis) if counted else None,
            "statistics": {name: scores.rows[number, part].tolist() for name, part in scores.columns.items()},
        }
        yield line


def count_states(translations: Mapping[Key, Translation]) -> dict[str, int]:
    """Count the states of all translations; every state is named."""
    counted = Counter(translation.state for translation in translations.values())
    return {state: counted[state] for state in STATES}


def usage_by_role(records: Records) -> dict[str, Usage]:
    """Add up what the run's records cost at list price, by who asked; unknown stays unknown."""
    spent: dict[str, Usage] = {}
    for role, used in (
        ("system", [t.usage for t in records.translations.values()]),
        ("back_translator", [b.usage for b in records.back_translations.values()]),
        ("judge", [m.usage for made in records.measurements.values() for m in made.values()]),
    ):
        known = [usage for usage in used if usage is not None]
        if known:
            spent[role] = sum(known, Usage())
    return spent


def blocks_publication(records: Records) -> list[str]:
    """List what must be repaired before a result may be published: our failures, not the system's."""
    failed = sum(translation.state == "failed" for translation in records.translations.values())
    limited = sum(translation.detail == HARNESS_LIMIT for translation in records.translations.values())
    back = sum(back.state == "failed" for back in records.back_translations.values())
    measured = [m for made in records.measurements.values() for m in made.values()]
    failed_measures = sum(m.state == "failed" for m in measured)
    unread = sum(m.state == "unparsable" for m in measured)
    return [
        f"{count} {what}"
        for count, what in (
            (failed, "translations failed for reasons not the system's: run the same command again"),
            (back, "back-translations failed: run the same command again"),
            (failed_measures, "judgements or estimates failed: run the same command again"),
            (
                unread if unread > MOST_UNREAD * len(measured) else 0,
                f"judgements could not be read, more than {MOST_UNREAD:.0%} of all: use another judge",
            ),
            (limited, "outputs were cut off by the harness: raise --max-tokens"),
        )
        if count
    ]
