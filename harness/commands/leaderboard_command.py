"""``sandglass leaderboard build``: a static site of the results below some folders."""

import argparse
from importlib import import_module
from pathlib import Path

from harness.errors import EXIT_OK

BUILDER = "leaderboard.build"
"""As text: the harness imports no other room."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="build the static site: it opens from a folder or any static host")
    build.add_argument("--results", type=Path, nargs="+", default=[], metavar="DIR", help="results of runs")
    build.add_argument("--accepted", action="store_true", help="also the accepted rows that come along")
    build.add_argument("--out", type=Path, required=True, metavar="SITE", help="folder of the site")
    build.add_argument(
        "--published", type=Path, metavar="DIR", help="tables from papers, instead of those that come along"
    )


def main(args: argparse.Namespace) -> int:
    """Build the site and say where to open it."""
    builder = import_module(BUILDER)
    folders = [*args.results, *([builder.ACCEPTED] if args.accepted else [])]
    built = builder.build(folders, args.out, args.published)
    print(f"{built.runs} runs on {built.boards} boards. Open {built.page}")
    return EXIT_OK
