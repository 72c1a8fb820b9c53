"""``sandglass study``: run one of the trainers' studies over several seeds."""

import argparse
from importlib import import_module
from pathlib import Path

from harness.commands.train_command import require_extra
from harness.errors import EXIT_INCOMPLETE, EXIT_OK, RunError, UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", nargs="?", help="the study; without it they are listed")
    parser.add_argument("--seeds", type=int, default=3, help="runs of every arm (%(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="seeds at a time, one thread each (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a minute's version; its numbers mean nothing")
    parser.add_argument("--out", type=Path, default=Path("sandglass-studies"), help="folder of runs (%(default)s)")


def main(args: argparse.Namespace) -> int:
    """Run what is missing of a study, print its table and plot it."""
    require_extra()
    studies = import_module("trainers.common.studies")
    if args.name is None:
        for name in sorted(studies.STUDIES):
            print(f"{name:<24} {studies.find_study(name).question}")
        return EXIT_OK
    if args.seeds < 1 or args.jobs < 1:
        raise UserError("--seeds and --jobs are less than 1.", "Give 1 or more.")
    study = import_module("trainers.common.study")
    try:
        summary = study.run_study(
            studies.find_study(args.name), args.out, range(args.seeds), jobs=args.jobs, quick=args.quick
        )
    except RunError as error:
        print(error)
        return EXIT_INCOMPLETE
    import_module("trainers.common.plots").plot_study(summary, args.out / f"{summary['study']}.svg")
    print(summary["question"], study.table(summary), sep="\n\n")
    return EXIT_OK
