"""``sandglass compare``: two or more finished runs of one protocol, with tests; two of them at a gate."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import EXIT_GATE, EXIT_OK, UserError
from harness.jsonl import write_atomic

if TYPE_CHECKING:
    from harness.compare import Report
    from harness.gate.decide import Verdict
    from harness.gate.rules import Gate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="run folders; the first is the baseline")
    parser.add_argument("--format", choices=("table", "json", "markdown"), default="table")
    parser.add_argument("--view", choices=("main", "all", "paper"), default="main", help="which columns (default main)")
    parser.add_argument("--flips", type=int, default=10_000, metavar="N", help="sign flips of a test (default 10,000)")
    parser.add_argument("--gate", type=Path, metavar="FILE", help="gate.toml; exit code 3 where the gate stays shut")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the gate's verdict as JUnit XML")
    parser.add_argument("--annotations", action="store_true", help="print the gate's verdict as GitHub annotations")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="append everything as Markdown (a step summary)")


def main(args: argparse.Namespace) -> int:
    """Compare the runs given, print the report, and say what the gate says."""
    from harness.compare import compare_runs
    from harness.compare_reports import VIEWS
    from harness.compare_runs import IncompleteRun, read_runs
    from harness.gate.decide import decide, refuse

    gate = _gate(args)
    report = verdict = None
    try:
        runs = read_runs(args.folders)
    except IncompleteRun as error:
        if gate is None or gate.incomplete == "refuse":
            raise
        verdict = refuse(gate, str(error))
    else:
        measured = runs[0].result.measures if args.view == "main" else ()
        also = [*measured, *(gate.metrics if gate else ())]
        report = compare_runs(runs, lambda names: list(dict.fromkeys([*VIEWS[args.view](names), *also])), args.flips)
        verdict = decide(gate, *runs) if gate else None
    _write(args, report, verdict)
    return EXIT_OK if verdict is None or verdict.passed else EXIT_GATE


def _gate(args: argparse.Namespace) -> "Gate | None":
    """Read the gate and check that the options fit it.

    Raises:
        UserError: they do not.
    """
    from harness.gate.rules import read_gate

    if args.flips < 1:
        raise UserError(f"--flips {args.flips} is too small.", "Give at least 1; 10000 is the default.")
    if args.gate is None:
        if args.junit or args.annotations:
            raise UserError("--junit and --annotations tell what a gate says.", "Give --gate gate.toml, too.")
        return None
    if len(args.folders) != 2:
        raise UserError(f"A gate takes two runs, not {len(args.folders)}.", "Give the baseline and the run to test.")
    return read_gate(args.gate)


def _write(args: argparse.Namespace, report: "Report | None", verdict: "Verdict | None") -> None:
    """Print the report and the verdict, and write the files asked for."""
    from harness import compare_reports
    from harness.gate import reports

    flips = report.comparisons[0].flips if report else ()
    markdown = [reports.as_markdown(verdict, flips)] if verdict else []
    if report:
        all_metrics = compare_reports.as_markdown(report, args.view)
        folded = f"<details><summary>All metrics</summary>\n\n{all_metrics}\n\n</details>"
        markdown.append(folded if verdict else all_metrics)
    if args.format == "json":
        told = (asdict(report) if report else {}) | ({"gate": asdict(verdict)} if verdict else {})
        shown = [compare_reports.as_json(told)]
    elif args.format == "markdown":
        shown = markdown
    else:
        shown = [reports.as_table(verdict)] if verdict else []
        shown += [compare_reports.as_table(report, args.view)] if report else []
    print("\n".join(shown))
    try:
        if args.summary:
            with args.summary.open("a", encoding="utf-8") as file:
                file.write("\n".join(markdown) + "\n")
        if args.junit and verdict:
            write_atomic(args.junit, reports.junit(verdict, flips))
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written ({error.strerror}).", "Give another file.") from error
    if args.annotations and verdict:
        print("\n".join(reports.annotations(verdict)), file=sys.stderr)  # runners read them there, too
