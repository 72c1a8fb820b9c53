"""Numbers on a built task: means and shares with intervals clustered by transcript, mu, and the budgets' room."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from harness import registry
from harness.corpus.probe import PUBLIC
from harness.corpus.reader import Line
from harness.corpus.texts import characters
from harness.stats.clusters import cluster_sums, effective_clusters
from harness.stats.intervals import interval
from harness.syllables import counter_for
from tasks.sandglass.building.settings import Settings


def statistics(
    settings: Settings, lines: Sequence[Line], events: Sequence[int] | None, report: dict[str, Any]
) -> dict[str, Any]:
    """Return the statistics of a task's segments.

    Args:
        settings: of the build.
        lines: the segments.
        events: number of core events of each, None without an extractor.
        report: of the fifth stage, with the quotas and what was taken.

    Returns:
        Plain data: counts, ``mu`` by counter, and estimates with intervals.
    """
    clusters = [line.video for line in lines]
    sizes = list(Counter(clusters).values())
    lengths = [characters(line.text) for line in lines]
    syllables = {
        name: [counter_for(settings.code, name)(line.text) for line in lines] for name in registry.names("counters")
    }
    numbers: dict[str, Any] = {
        "segments": len(lines),
        "transcripts": len(sizes),
        "effective_transcripts": float(effective_clusters(sizes)),
        "domains": dict(sorted(Counter(line.domain for line in lines).items())),
        "quotas": report["quotas"],
        "unmet_quotas": report["unmet"],
        "training_segments": report["train"],
        "unusable_cues": report["problems"],
        "doubts": dict(sorted(Counter(doubt for line in lines for doubt in line.doubts).items())),
        "mu": {name: sum(counts) / len(counts) for name, counts in syllables.items()},
    }
    means: dict[str, Sequence[float]] = {
        "characters": lengths,
        "seconds": [line.end - line.start for line in lines],
        "characters_per_second": [n / (line.end - line.start) for n, line in zip(lengths, lines, strict=True)],
        "weight": [line.weight for line in lines],
        **{f"syllables_{name}": counts for name, counts in syllables.items()},
    }
    shares: dict[str, Sequence[float]] = {
        "doubtful": [line.weight < 1 for line in lines],
        "interpolated_times": [line.interpolated for line in lines],
    }
    if events is not None:
        means["core_events"] = events
        shares["without_core_events"] = [number == 0 for number in events]
    numbers["means"] = {name: _estimate(values, clusters) for name, values in means.items()}
    numbers["shares"] = {name: _estimate(values, clusters, share=True) for name, values in shares.items()}
    if settings.public:
        numbers["public"] = _public(settings, lines)
    return numbers


def _public(settings: Settings, lines: Sequence[Line]) -> dict[str, Any]:
    """Return what the memorisation probe found, over the segments long enough for it."""
    tested = [line for line in lines if line.overlap is not None]
    found: dict[str, Any] = {"ngram": settings.language.probe, "tested": len(tested), "files": len(settings.public)}
    if tested:
        clusters = [line.video for line in tested]
        overlaps = [line.overlap or 0.0 for line in tested]
        found["mean_overlap"] = _estimate(overlaps, clusters, most=1.0)
        found["public_share"] = _estimate([overlap >= PUBLIC for overlap in overlaps], clusters, share=True)
    return found


def _estimate(
    values: Sequence[float], clusters: Sequence[str], *, most: float = math.inf, share: bool = False
) -> dict[str, Any]:
    sums = cluster_sums([[float(value)] for value in values], clusters)
    found = interval(lambda s, n: s[:, 0] / n, sums, bounds=(0.0, most), proportion=share)
    return {"value": found.estimate, "low": found.low, "high": found.high, "method": found.method, "n": len(values)}
