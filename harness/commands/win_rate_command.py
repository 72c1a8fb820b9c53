"""``sandglass win-rate``: win rates over a stored baseline, plain and length-controlled."""

import argparse
from pathlib import Path

from harness.errors import EXIT_OK
from harness.preferred import WinRate, win_rates
from harness.stats.intervals import Interval


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN", help="finished runs of one protocol")


def main(args: argparse.Namespace) -> int:
    """Print one line a run."""
    found = win_rates(args.folders)
    rows = [("system", "win rate", "length-controlled", "length / baseline's", "instructions"), *map(_row, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print("In percent, with 95% intervals by instruction. One run alone: difficulties taken as equal.")
    return EXIT_OK


def _row(line: WinRate) -> tuple[str, str, str, str, str]:
    rates = _shown(line.win_rate), _shown(line.length_controlled)
    return line.system, *rates, f"{line.length_ratio:.2f}", str(line.instructions)


def _shown(found: Interval) -> str:
    if found.estimate is None:
        return "-"
    ends = f" [{found.low:.1f}, {found.high:.1f}]" if found.low is not None and found.high is not None else ""
    return f"{found.estimate:.1f}{ends}"
