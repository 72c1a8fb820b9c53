"""Win rates over a stored baseline, plain and length-controlled, of finished runs.

A run whose protocol has the judge ``preference`` carries, for each instruction, the preference for its
answer over the baseline's. The win rate is 100 times their mean; the length-controlled one predicts it at
equal length (``harness.stats.length_control``), with the difficulties of the instructions estimated from
all runs together where there are two or more. Both with 95 % intervals clustered by instruction.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.compare_runs import Run, check_comparable, read_run
from harness.errors import UserError
from harness.records import Translation
from harness.run.store import read_segments, read_stage
from harness.stats.intervals import Interval
from harness.stats.length_control import LEAST_MODELS, Row
from harness.stats.win_rates import length_controlled_intervals, win_rate_interval

COLUMN = "preference"


@dataclass(frozen=True)
class WinRate:
    """One run: its win rates in percent, and the mean length of its answers over the baseline's, in characters."""

    system: str
    win_rate: Interval
    length_controlled: Interval
    length_ratio: float
    instructions: int


def win_rates(folders: Sequence[Path]) -> list[WinRate]:
    """Compute the win rates of finished runs of one protocol.

    Args:
        folders: run directories.

    Returns:
        One line a run, the highest length-controlled rate first.

    Raises:
        UserError: runs that do not compare, or whose protocol has no judge ``preference``.
    """
    runs = [read_run(folder) for folder in folders]
    if len(runs) > 1:
        check_comparable(runs)
    for run in runs:
        if COLUMN not in run.statistics:
            raise UserError(f"{run.label} has no judge of preference.", "Score it with --judge preference:model=M.")
    tables = [_rows(folder, run) for folder, run in zip(folders, runs, strict=True)]
    together = [row for table in tables for row in table]
    # One run alone cannot tell hard instructions from a weak model.
    known: dict[Hashable, float] | None = None if len(runs) >= LEAST_MODELS else {}
    controlled = length_controlled_intervals(together, known)
    found = [_win_rate(run, table, controlled[run.label]) for run, table in zip(runs, tables, strict=True)]
    return sorted(found, key=lambda line: -(line.length_controlled.estimate or 0.0))


def _rows(folder: Path, run: Run) -> list[Row]:
    """Return a run's rows: its preferences averaged over the repeats, and the lengths of both answers."""
    baseline = {segment.id: segment.reference or "" for segment in read_segments(folder)}
    lengths: dict[str, list[int]] = {}
    for (id_, _), translation in read_stage(folder, Translation).items():
        lengths.setdefault(id_, []).append(len(translation.text))
    return [
        (run.label, id_, float(row[0] / row[-1]), len(baseline[id_]), sum(lengths[id_]) / len(lengths[id_]))
        for id_, row in zip(run.segments, run.statistics[COLUMN], strict=True)
        if row[-1]
    ]


def _win_rate(run: Run, table: Sequence[Row], controlled: Interval) -> WinRate:
    plain = win_rate_interval([row[2] for row in table], [str(row[1]) for row in table])
    own, theirs = sum(row[4] for row in table), sum(row[3] for row in table)
    return WinRate(run.label, plain, controlled, own / theirs if theirs else float("nan"), len(table))
