"""``sandglass submit``: pack a finished run into a folder for review."""

import argparse
import sys
from pathlib import Path

from harness.errors import EXIT_GATE, EXIT_OK
from harness.submission.check import task_loader
from harness.submission.pack import pack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = "Pack a finished run for review, and hold it to the rules a reviewer will hold it to."
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder, or a results folder that holds one run")
    parser.add_argument("--out", type=Path, default=Path("submissions"), metavar="DIR", help="default: submissions")
    parser.add_argument("--contact", default="", metavar="WHO", help="whom to ask; made public")
    parser.add_argument("--licence", default="CC-BY-4.0", metavar="L", help="of the translations (default CC-BY-4.0)")
    add_task(parser)


def add_task(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the task is."""
    parser.add_argument("--task", metavar="PATH", help="task folder, for a task that is not built in (FOLDER:TARGET)")
    parser.add_argument("--data", type=Path, metavar="PATH", help="local copy of the task's data")


def main(args: argparse.Namespace) -> int:
    """Pack the run; exit code 3 where it is refused, and nothing is kept then."""
    checked, folder = pack(args.run, args.out, args.contact, args.licence, task_loader(args.task, args.data))
    for refusal in checked.refusals:
        print(f"refused, {refusal}", file=sys.stderr)
    if checked.refusals:
        return EXIT_GATE
    for remark in checked.remarks:
        print(f"a reviewer will see: {remark}")
    print(
        f"Made public with it: its whole manifest, with the command line, the machine and {args.contact or 'nobody'}."
    )
    print(folder)
    return EXIT_OK
