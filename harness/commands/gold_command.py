"""``sandglass gold``: how often a quality estimator prefers systems to the reference."""

import argparse
from pathlib import Path

from harness.errors import EXIT_OK
from harness.gold import better_than_gold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="run of: sandglass score TASK --reference")
    parser.add_argument("systems", nargs="+", type=Path, metavar="RUN", help="runs of systems, same task and protocol")
    parser.add_argument(
        "--metric", required=True, metavar="M[,M…]", help="estimators whose mean is compared, such as embed_qe"
    )


def main(args: argparse.Namespace) -> int:
    """Print one line a system."""
    found = better_than_gold(args.reference, args.systems, args.metric.split(","))
    width = max(len("system"), *(len(line.system) for line in found))
    print(f"Share of segments on which {args.metric} prefers the system to the reference, 95% interval")
    print(f"{'system':<{width}}  better                 ties   segments")
    for line in found:
        share = "-" if line.better is None else f"{100 * line.better:.1f}%"
        if line.low is not None and line.high is not None:
            share += f" [{100 * line.low:.1f}, {100 * line.high:.1f}]"
        print(f"{line.system:<{width}}  {share:<22} {100 * line.ties:4.1f}%  {line.segments}")
    return EXIT_OK
