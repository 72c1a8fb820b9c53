"""``sandglass submission check``: hold submissions to the rules, and accept them into the board's rows."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.commands.submit_command import add_task
from harness.errors import EXIT_GATE, EXIT_OK, UserError
from harness.jsonl import write_atomic
from harness.submission.check import Checked, check, task_loader
from harness.submission.parcel import Refusal
from harness.submission.report import Verdict, markdown
from harness.submission.rows import Row, accept, against_rows, read_rows
from harness.submission.trust import sign

WAIVABLE = ("copy", "hostile")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("action", choices=("check",), help="what to do")
    parser.add_argument("submissions", nargs="+", type=Path, metavar="DIR", help="folders or zip archives")
    parser.add_argument("--results", type=Path, metavar="DIR", help="accepted rows, such as leaderboard/results")
    parser.add_argument(
        "--waive", action="append", default=[], choices=WAIVABLE, help="a rule that a reviewer found not to apply here"
    )
    parser.add_argument("--grant", action="store_true", help="add what is accepted to --results, as recomputed")
    parser.add_argument("--texts", action="store_true", help="with --grant: keep the texts too (mind the licence)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report there as well")
    add_task(parser)


def main(args: argparse.Namespace) -> int:
    """Check, print a report as Markdown; exit code 3 where one is refused."""
    if args.grant and args.results is None:
        raise UserError("--grant needs to know where the rows are.", "Give --results leaderboard/results.")
    task_of, rows = task_loader(args.task, args.data), read_rows(args.results)
    with tempfile.TemporaryDirectory(prefix="sandglass-submission-") as work:
        found = [check(path, task_of, Path(work) / str(number)) for number, path in enumerate(args.submissions)]
        verdicts = [_verdict(number, found, rows, args.waive) for number in range(len(found))]
        report = markdown(verdicts, rows)
        print(report)
        if args.out is not None:
            write_atomic(args.out, f"{report}\n".encode())
        if args.grant:
            _grant(verdicts, args)
    return EXIT_OK if all(verdict.accepted for verdict in verdicts) else EXIT_GATE


def _verdict(number: int, found: Sequence[Checked], rows: Sequence[Row], waive: Sequence[str]) -> Verdict:
    """Put together what stands against a submission, by itself and beside the others."""
    checked = found[number]
    others = [other for place, other in enumerate(found) if place != number]
    beside = list(against_rows(checked, rows, others)) if checked.result is not None else []
    refusals = [*checked.refusals, *(one for one in beside if isinstance(one, Refusal))]
    remarks = [*checked.remarks, *(one for one in beside if isinstance(one, str))]
    return Verdict(
        checked,
        tuple(refusal for refusal in refusals if refusal.kind not in waive),
        tuple(remarks),
        tuple(refusal for refusal in refusals if refusal.kind in waive),
    )


def _grant(verdicts: Sequence[Verdict], args: argparse.Namespace) -> None:
    for verdict in verdicts:
        if verdict.accepted:
            row = accept(verdict.checked, args.results, args.texts)
            waived = [str(refusal) for refusal in verdict.waived]
            sign(row, "recomputed", True, "submission check", {"waived": waived, "remarks": list(verdict.remarks)})
            print(f"\nAdded {row}")
