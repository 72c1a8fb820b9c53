"""``sandglass show``: the results below a folder, as a table or for another program."""

import argparse
import sys
from pathlib import Path

from harness.errors import EXIT_OK, UserError
from harness.report import render
from harness.run.store import read_result

FORMATS = ("table", "json", "csv", "markdown", "latex")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser.add_argument("--view", choices=("main", "all", "paper"), default="main", help="which columns (default main)")


def main(args: argparse.Namespace) -> int:
    """Print every finished run below a folder."""
    if not args.folder.is_dir():
        raise UserError(f"There is no folder {args.folder}.", "Give the folder that was given with --out.")
    results = [read_result(path.parent) for path in sorted(args.folder.rglob("result.json"))]
    if not results:
        raise UserError(f"{args.folder} holds no result.", "Give the folder that was given with --out.")
    print(render(results, args.format, args.view))
    unfinished = sum(not (path.parent / "result.json").exists() for path in args.folder.rglob("manifest.json"))
    if unfinished:
        print(f"{unfinished} runs below {args.folder} are not finished: run their commands again.", file=sys.stderr)
    return EXIT_OK
