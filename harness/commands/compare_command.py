"""``sandglass compare``: two or more finished runs of one protocol, with tests."""

import argparse
from pathlib import Path

from harness.errors import EXIT_OK, UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="run folders; the first is the baseline")
    parser.add_argument("--format", choices=("table", "json", "markdown"), default="table")
    parser.add_argument("--view", choices=("main", "all", "paper"), default="main", help="which columns (default main)")
    parser.add_argument("--flips", type=int, default=10_000, metavar="N", help="sign flips of a test (default 10,000)")


def main(args: argparse.Namespace) -> int:
    """Compare the runs given and print the report."""
    from harness.compare import compare
    from harness.compare_reports import VIEWS, as_json, as_markdown, as_table

    if args.flips < 1:
        raise UserError(f"--flips {args.flips} is too small.", "Give at least 1; 10000 is the default.")
    report = compare(args.folders, VIEWS[args.view], args.flips)
    if args.format == "json":
        print(as_json(report))
    else:
        print((as_markdown if args.format == "markdown" else as_table)(report, args.view))
    return EXIT_OK
