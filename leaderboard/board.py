"""Boards: the runs of one task under one protocol, what ranks them, and who is ranked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf, isfinite
from typing import Any

from harness.budget import Budget
from harness.convert import load
from harness.errors import UserError
from harness.metrics.base import Frame
from harness.protocol import short_hash
from harness.records import Estimate
from harness.stats.clusters import ClusterSums, cluster_sums
from harness.stats.ranks import RankInterval
from leaderboard.columns import LENGTH, Column, columns_of, describe, first_columns, headline
from leaderboard.pairs import Pairs, all_pairs, flips_for, ranks
from leaderboard.runs import Run
from leaderboard.text import slug

Coverage = tuple[tuple[str, ...], tuple[str, ...]]
"""The segments of a run and their clusters."""


@dataclass(frozen=True)
class Row:
    """One run in a table.

    Attributes:
        run: the run.
        label: model and strategy, and the system's hash where that is not enough.
        rank: its rank interval and tie group, None where it is not ranked.
        why_not: why it is not ranked.
    """

    run: Run
    label: str
    rank: RankInterval | None = None
    why_not: tuple[str, ...] = ()

    def estimate(self, name: str) -> Estimate | None:
        """Return a metric's estimate, None where there is no value."""
        found = self.run.result.metrics.get(name)
        return None if found is None or found.value is None else found


@dataclass(frozen=True)
class Board:
    """The runs of one task under one protocol, ranked first and then by the headline's value.

    Attributes:
        task: its name.
        protocol_name: the preset the protocol started from.
        protocol: the line all rows share.
        rows: the runs.
        columns: every metric that a row has, by name.
        first: those that the table shows first.
        headline: the metric that ranks.
        budget: the length budget of its segments, where they have one.
        pairs: all pairs of the rows that cover the same segments, tested on the headline.
    """

    task: str
    protocol_name: str
    protocol: str
    rows: tuple[Row, ...]
    columns: Mapping[str, Column]
    first: tuple[str, ...]
    headline: str
    budget: Budget | None = None
    pairs: Pairs | None = field(default=None, compare=False)

    @cached_property
    def slug(self) -> str:
        """Name of the board's folder."""
        return slug(f"{self.task}-{self.protocol_name}", self.protocol)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the rows before reading a number."""
        return tuple(dict.fromkeys(note for row in self.rows for note in row.run.result.notes))

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """The reasons for which no row at all is ranked."""
        return tuple(words for words in self.rows[0].why_not if all(words in row.why_not for row in self.rows))

    def reasons(self, row: Row) -> tuple[str, ...]:
        """Return why a row is not ranked, but for what is so of all of them."""
        return tuple(words for words in row.why_not if words not in self.shared)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The bounds of the syllable ratio, where it is what the budget bounds."""
        if self.budget is None or self.budget.track != "ratio" or len(self.budget.bounds) != 2:
            return None
        return self.budget.bounds[0], self.budget.bounds[1]

    @property
    def reference(self) -> Row:
        """A row that covers the segments that the tests cover."""
        tested = self.pairs.systems if self.pairs is not None else ()
        return next((row for row in self.rows if row.run.slug in tested), self.rows[0])

    @property
    def clusters(self) -> int:
        """Number of clusters that its segments fall into."""
        return len(set(self.reference.run.scores.clusters))

    @property
    def ranked(self) -> int:
        """Number of ranked rows."""
        return sum(row.rank is not None for row in self.rows)


def boards(runs: Sequence[Run]) -> list[Board]:
    """Group runs by task and protocol, sorted by task and protocol."""
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        name = str(run.manifest.get("protocol_name", ""))
        groups.setdefault((run.result.task, name, run.result.protocol), []).append(run)
    return [board(groups[key]) for key in sorted(groups)]


def board(runs: Sequence[Run]) -> Board:
    """Make the board of runs that share task and protocol.

    Raises:
        UserError: two runs would have the same files.
    """
    first = runs[0]
    if len({run.slug for run in runs}) < len(runs):
        raise UserError(f"{first.folder}: its ids are also another run's.", "Leave one of the two out.")
    results = [run.result for run in runs]
    names = list(dict.fromkeys(name for result in results for name in result.metrics))
    measures = [name for result in results for name in result.measures]
    columns = columns_of(names, describe(first.manifest), measures)
    common = Counter(map(_coverage, runs)).most_common(1)[0][0]
    ranking = headline(columns, results, {name for run in runs for name in run.scores.names})
    alike = [run for run in runs if _coverage(run) == common and ranking in run.scores.names]
    tested = all_pairs({run.slug: _sums(run, ranking) for run in alike}, flips_for(len(alike))) if alike else None
    why_not = {run.slug: _why_not(run, ranking, common) for run in runs}
    ranked = [run for run in alike if not why_not[run.slug]]
    places = _ranks(tested, [run.slug for run in ranked], columns, ranking) if tested else {}
    labels = _labels(runs)
    rows = [Row(run, labels[run.slug], places.get(run.slug), why_not[run.slug]) for run in runs]
    direction = -1 if ranking and columns[ranking].higher_is_better is False else 1

    def order(row: Row) -> tuple[bool, float, str]:
        found = row.estimate(ranking)
        value = found.value if found is not None else None
        return row.rank is None, -direction * value if value is not None else inf, row.label

    return Board(
        task=first.result.task,
        protocol_name=str(first.manifest.get("protocol_name", "")),
        protocol=first.result.protocol,
        rows=tuple(sorted(rows, key=order)),
        columns=columns,
        first=tuple(first_columns(columns, results, ranking)),
        headline=ranking,
        budget=_budget(first.manifest),
        pairs=tested,
    )


def _budget(manifest: Mapping[str, Any]) -> Budget | None:
    """Return the length budget that a manifest tells of, None where it tells of none."""
    try:
        frame = load(Frame, manifest["frame"])
        counter, source = str(manifest["counter"]), str(manifest["source_language"])
    except (KeyError, TypeError, ValueError):
        return None
    if frame.track == "none" or not all(map(isfinite, (*frame.bounds, frame.rate))):
        return None
    return Budget(source, frame.target, counter, frame.bounds, frame.track, frame.rate)


def _coverage(run: Run) -> Coverage:
    return run.scores.segments, run.scores.clusters


def _sums(run: Run, name: str) -> ClusterSums:
    return cluster_sums(run.scores.of(name), run.scores.clusters)


def _why_not(run: Run, ranking: str, common: Coverage) -> tuple[str, ...]:
    """Say why a run is not ranked: nothing where it is."""
    found = run.result
    reasons = (
        (not found.complete, "incomplete"),
        (_coverage(run) != common, "other segments than the rest of the board"),
        (not ranking, "nothing that was measured here ranks"),
        (ranking in LENGTH, "length alone ranks nothing"),
        (bool(ranking) and ranking not in run.scores.names, f"{ranking} was not measured"),
        (ranking in found.marked, f"chosen by what {ranking} measures with"),
        (not found.publishable and not found.notes, "not fit for publication until repaired"),
    )
    return (*found.notes, *(words for holds, words in reasons if holds))


def _ranks(pairs: Pairs, chosen: Sequence[str], columns: Mapping[str, Column], name: str) -> dict[str, RankInterval]:
    """Rank those that may be ranked, against each other."""
    return ranks(pairs.only(chosen), columns[name].higher_is_better is not False) if chosen else {}


def _labels(runs: Sequence[Run]) -> dict[str, str]:
    def name(run: Run) -> str:
        found = run.result
        return found.model if found.strategy == "submitted" else f"{found.model} {found.strategy}"

    count = Counter(map(name, runs))
    return {
        run.slug: name(run) if count[name(run)] == 1 else f"{name(run)} {short_hash(run.result.system_id)}"
        for run in runs
    }
