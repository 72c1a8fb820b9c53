"""The paper's observations on systems, from finished runs of the harness.

    python -m trainers.alpo.empirical domains RUN…
    python -m trainers.alpo.empirical kinds --reasoning RUN… --chat RUN…

``domains``: back-translation consistency of each run by domain. ``kinds``: reasoning models against chat models, each
kind as the mean of its runs. The third one, judges against people, is ``sandglass judge validate``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.compare_runs import Run, read_run, read_runs
from harness.errors import EXIT_OK, EXIT_USER, UserError
from harness.records import Estimate
from harness.stats.clusters import Floats, cluster_sums
from harness.stats.intervals import Interval, interval

CONSISTENCY = "bt_consistency"
JUDGED = ("accuracy", "naturalness", "vividness", "vividness_gated", "error_spans")


def domains(runs: Sequence[Run]) -> str:
    """Write a table of back-translation consistency by run and domain; lower is freer, neither better nor worse.

    Raises:
        UserError: a run without it, or of one domain only.
    """
    names = sorted({name for run in runs for name in run.result.domains})
    if not names or any(CONSISTENCY not in run.result.metrics for run in runs):
        raise UserError(
            f"A run has no {CONSISTENCY} by domain.",
            "Run a task of several domains without a budget, such as one of MuSC, with --back-translator.",
        )
    lines = [f"| system | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for run in runs:
        cells = [_cell(run.result.domains.get(name, {}).get(CONSISTENCY)) for name in names]
        lines.append(f"| {run.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def kinds(reasoning: Sequence[Run], chat: Sequence[Run]) -> str:
    """Write judged metrics and consistency of two groups of runs, and their difference.

    A group's value is the mean of its runs on the same lines. Intervals are over videos: they say what other videos
    would show of these very models, and nothing about other models of the two kinds.

    Raises:
        UserError: no metric that all runs share.
    """
    runs = [*reasoning, *chat]
    shown = [name for name in runs[0].statistics if _wanted(name) and all(name in run.statistics for run in runs)]
    if not shown:
        raise UserError("The runs share no judge and no round trip.", "Run them with one --judge or --back-translator.")
    lines = ["| metric | reasoning | chat | difference |", "|---|---|---|---|"]
    for name in shown:
        cells = (_group(name, reasoning), _group(name, chat), _difference(name, reasoning, chat))
        lines.append(f"| {name} | {' | '.join(map(_cell, cells))} |")
    return "\n".join(lines)


def _wanted(name: str) -> bool:
    return name == CONSISTENCY or name.removesuffix("_chunk") in JUDGED


def _group(name: str, runs: Sequence[Run]) -> Interval:
    def mean(sums: Floats, counts: Floats) -> Floats:
        parts = np.split(sums, len(runs), axis=1)
        return np.asarray(np.mean([runs[0].metrics[name].aggregate(part, counts) for part in parts], axis=0))

    return interval(mean, cluster_sums(np.hstack([run.statistics[name] for run in runs]), runs[0].clusters))


def _difference(name: str, ours: Sequence[Run], theirs: Sequence[Run]) -> Interval:
    signs = np.array([1 / len(ours)] * len(ours) + [-1 / len(theirs)] * len(theirs))
    runs = [*ours, *theirs]

    def weighted(sums: Floats, counts: Floats) -> Floats:
        parts = np.split(sums, len(runs), axis=1)
        return np.asarray(signs @ np.array([runs[0].metrics[name].aggregate(part, counts) for part in parts]))

    return interval(weighted, cluster_sums(np.hstack([run.statistics[name] for run in runs]), runs[0].clusters))


def _cell(found: Interval | Estimate | None) -> str:
    value = None if found is None else found.value if isinstance(found, Estimate) else found.estimate
    if found is None or value is None:
        return "-"
    ends = "" if found.low is None or found.high is None else f" [{found.low:.3f}, {found.high:.3f}]"
    return f"{value:.3f}{ends}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    studies = parser.add_subparsers(dest="study", required=True)
    by_domain = studies.add_parser("domains", help="back-translation consistency by domain")
    by_domain.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    by_kind = studies.add_parser("kinds", help="reasoning models against chat models")
    by_kind.add_argument("--reasoning", nargs="+", type=Path, required=True, metavar="RUN")
    by_kind.add_argument("--chat", nargs="+", type=Path, required=True, metavar="RUN")
    args = parser.parse_args(argv)
    try:
        if args.study == "domains":
            print(domains([read_run(folder) for folder in args.runs]))
        else:
            runs = read_runs([*args.reasoning, *args.chat])
            print(kinds(runs[: len(args.reasoning)], runs[len(args.reasoning) :]))
    except UserError as error:
        print(f"sandglass: {error}", file=sys.stderr)
        return EXIT_USER
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
