"""``sandglass align``: two subtitle files side by side, cue by cue."""

import argparse
import math
from pathlib import Path

from harness.errors import EXIT_OK, UserError
from harness.subtitles.pairing import TOLERANCE

FORMATS = ("table", "tsv", "json", "html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("first", type=Path, metavar="A", help="a subtitle file")
    parser.add_argument("second", type=Path, metavar="B", help="another of the same film, of any format")
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, metavar="S", help="seconds two starts may lie apart (default 0.7)"
    )
    parser.add_argument("--offset", type=float, default=0.0, metavar="S", help="seconds that B is late (default 0)")
    parser.add_argument("--encoding", metavar="NAME", help="encoding of both files (default: found, or refused)")
    parser.add_argument("--format", choices=FORMATS, default="table", help="what is printed (default table)")


def main(args: argparse.Namespace) -> int:
    """Pair the cues of two files by their start and print all of them."""
    from harness.subtitles import align_report, read_cues
    from harness.subtitles.align import align

    if not 0 <= args.tolerance < 60:
        raise UserError(f"--tolerance {args.tolerance:g} is no distance.", "Give seconds, such as 0.7.")
    if not math.isfinite(args.offset):
        raise UserError(f"--offset {args.offset:g} is no time.", "Give seconds, such as 2.5.")
    first, second = (read_cues(path, encoding=args.encoding) for path in (args.first, args.second))
    alignment = align(first, second, args.tolerance, args.offset)
    render = {
        "table": align_report.as_table,
        "tsv": align_report.as_tsv,
        "json": align_report.as_json,
        "html": align_report.as_html,
    }[args.format]
    print(render(alignment))
    return EXIT_OK
