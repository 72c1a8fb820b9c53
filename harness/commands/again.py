"""What ``rejudge`` and ``regenerate`` share: options, the check beforehand, and the signature afterwards."""

import argparse
import contextlib
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.commands.common import models_of, open_door
from harness.commands.submit_command import add_task
from harness.errors import EXIT_GATE, EXIT_OK, UserError
from harness.llm.backend import Backend
from harness.llm.cache import ResponseCache
from harness.llm.failures import FailureLog
from harness.records import Result, Translation
from harness.run.engine import LocalExecutor
from harness.run.main import run_all
from harness.run.plan import Plan
from harness.run.ready import prepare
from harness.run.store import read_manifest
from harness.submission.agreement import MARGIN, Agreement
from harness.submission.check import Checked, check, task_loader
from harness.submission.rows import row_folder
from harness.submission.trust import Level, result_hash, sign
from harness.task import Task


def add_again(parser: argparse.ArgumentParser) -> None:
    """Add the options of asking again."""
    parser.add_argument("submission", type=Path, metavar="DIR", help="folder or zip archive of a submission")
    parser.add_argument("--sample", type=int, metavar="N", help="N random segments only (default: all)")
    parser.add_argument("--sample-seed", type=int, metavar="N", help="of the draw (default: one nobody knows before)")
    parser.add_argument(
        "--margin", type=float, default=MARGIN, metavar="M", help=f"of a metric's scale, allowed (default {MARGIN:g})"
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="accepted rows: sign the outcome there")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the answers there, and go on from them")
    parser.add_argument("--concurrency", type=int, default=8, metavar="N", help="calls at once, at most (default 8)")
    parser.add_argument("--timeout", type=float, default=600, metavar="S", help="seconds to wait for an answer (600)")
    parser.add_argument("--max-cost", type=float, metavar="USD", help="stop before the spend passes this")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of the embedded model")
    add_task(parser)


@dataclass(frozen=True)
class Case:
    """A sound submission, its task and manifest, where answers go, and the row that is signed, where there is one."""

    checked: Checked
    task: Task
    manifest: dict[str, Any]
    out: Path
    seed: int
    row: Path | None

    @property
    def run(self) -> Path:
        """The submission as a run directory."""
        assert self.checked.run is not None  # only sound ones are opened
        return self.checked.run


@contextlib.contextmanager
def opened(args: argparse.Namespace) -> Iterator[Case]:
    """Check the submission; only what recomputes is worth asking for again.

    Raises:
        UserError: it is refused, it has no row to be signed, or the margin is out of range.
    """
    if not 0 < args.margin < 1:
        raise UserError(f"--margin {args.margin} is out of range.", "Give a share above 0 and below 1.")
    seed = args.sample_seed if args.sample_seed is not None else secrets.randbelow(2**32)
    task_of = task_loader(args.task, args.data)
    with tempfile.TemporaryDirectory(prefix="sandglass-again-") as work:
        checked = check(args.submission, task_of, Path(work) / "submission")
        standing = [refusal for refusal in checked.refusals if refusal.kind not in ("copy", "hostile")]
        if standing or checked.result is None or checked.run is None:
            raise UserError(f"{args.submission} is refused ({checked.refusals[0]}).", "See sandglass submission check.")
        row = None if args.results is None else _row(checked.result, checked.run, args.results)
        out = args.out or Path(work) / "again"
        yield Case(checked, task_of(checked.result.task), read_manifest(checked.run), out, seed, row)


def _row(result: Result, run: Path, results: Path) -> Path:
    row = row_folder(result, results)
    if not (row / "result.json").exists() or result_hash(row) != result_hash(run):
        raise UserError(f"{row} is not the row of this submission.", "Accept it first: submission check --grant.")
    return row


def ask(
    plan: Plan,
    case: Case,
    args: argparse.Namespace,
    given: tuple[Translation, ...] = (),
    backends: Mapping[str, Backend] | None = None,
) -> Path:
    """Run a plan with a cache of its own, so that nothing is answered from before.

    Returns:
        The run's folder.

    Raises:
        UserError: it could not be finished.
    """
    prepare(plan)
    failures = FailureLog()
    door = open_door(args, ResponseCache(case.out / "cache"), failures, backends)
    door.check(models_of([plan]))
    for estimator in plan.estimators:
        estimator.start()  # what is missing is said before anything is spent
    code = run_all([plan], LocalExecutor(door, args.concurrency), case.out / "runs", given)
    failures.close()
    if code != EXIT_OK:
        raise UserError(
            "Not everything was answered again.", "Give the same command with --out and --sample-seed again."
        )
    return plan.folder(case.out / "runs")


def concluded(found: Agreement, level: Level, command: str, case: Case, args: argparse.Namespace) -> int:
    """Print the agreement, sign the row where there is one, and return the exit code."""
    print("\n".join(found.lines()))
    print(f"{level}: {'granted' if found.passed else 'not granted'}")
    if case.row is not None:
        outcome = {**found.outcome(), "sample_seed": case.seed if args.sample is not None else None}
        print(f"Signed in {case.row}: {sign(case.row, level, found.passed, command, outcome).level}")
    return EXIT_OK if found.passed else EXIT_GATE
