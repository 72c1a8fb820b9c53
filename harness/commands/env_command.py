"""``sandglass env``: makes the environment that a family of quality estimators runs in, and checks it."""

import argparse
import subprocess
import tempfile
from pathlib import Path

from harness.errors import EXIT_GATE, EXIT_OK, UserError
from harness.qe import Served, environments, known, load
from harness.qe.client import Worker
from harness.qe.source import Source

TINY = {
    "comet": {"unified": False, "regression": True, "xcomet": True},
    "metricx": {"metricx": False},
}
"""The tiny models of each environment that stand for published ones, and whether they are given the reference."""

BUILD_S = 600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("kind", choices=("comet", "metricx"))
    parser.add_argument("--dir", type=Path, metavar="DIR", help="where (default: the cache folder)")
    parser.add_argument("--check", metavar="Q", help="also check a published estimator; fetches its weights")


def main(args: argparse.Namespace) -> int:
    """Make an environment, and check it by tiny models with known answers.

    Args:
        args: ``kind``; ``dir``, or None for the default; ``check``, an estimator to check as well, or None.

    Returns:
        Exit code: 0, or 3 where the answers are not the known ones.

    Raises:
        UserError: it cannot be made, or weights are missing.
    """
    folder = args.dir.expanduser().absolute() if args.dir is not None else environments.folder_of(args.kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}).", "Give another --dir.") from error
    environments.create(args.kind, folder, _say)
    checks = tiny_checks(args.kind, folder)
    if all(check.status == "passed" for check in checks):
        environments.mark_whole(args.kind, folder)
        if folder != environments.folder_of(args.kind):
            _say(f"To use it: export SANDGLASS_{args.kind.upper()}_ENV={folder}")
        if args.check is not None:
            checks.append(_check_published(args.check))
    return EXIT_GATE if any(check.status == "failed" for check in checks) else EXIT_OK


def tiny_checks(kind: str, folder: Path) -> list[known.Check]:
    """Build the tiny models with an environment's Python, and compare their scores with those on record.

    Args:
        kind: comet or metricx.
        folder: the environment.

    Returns:
        One check a model.

    Raises:
        UserError: the environment cannot import or build what it must.
    """
    python = environments.python_of(folder)
    builder = Path(environments.__file__).parent / "tiny_models.py"
    checks = []
    with tempfile.TemporaryDirectory() as place:
        command = [str(python), "-I", str(builder), kind, place]
        try:
            done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=BUILD_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _broken(kind, folder, str(error)) from error
        if done.returncode != 0:
            raise _broken(kind, folder, (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
        for model, reference in TINY[kind].items():
            where = str(Path(place) / model) if kind == "comet" else place
            source = Source(kind, where, True, None, reference, False)
            worker = Worker(python, source)
            try:
                check = known.check(Served("", None, source, worker), f"tiny/{model}")
            finally:
                worker.close()
            _say(check.line())
            checks.append(check)
    return checks


def _check_published(name: str) -> known.Check:
    """Load published weights and compare with what is on record."""
    estimator = load(name)
    try:
        facts = estimator.start()
        _say(f"{estimator.name} loaded: {', '.join(f'{key} {value}' for key, value in facts.items() if value != '')}")
        check = known.check(estimator)
    finally:
        estimator.close()
    _say(check.line())
    return check


def _broken(kind: str, folder: Path, why: str) -> UserError:
    (folder / environments.STAMP).unlink(missing_ok=True)
    return UserError(
        f"The {kind} environment at {folder} does not work: {why[:500]}.", f"Remove {folder} and try again."
    )


def _say(text: str) -> None:
    print(text, flush=True)
