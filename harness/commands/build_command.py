"""``sandglass build KIND``: a benchmark of one's own from subtitles and transcripts."""

import argparse
from typing import Any

from harness import registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the kind; the rest is the builder's own."""
    parser.add_argument("kind", choices=registry.names("builders"), help="what to build")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="…", help="KIND --help shows its arguments")


def main(args: argparse.Namespace) -> int:
    """Hand over to the builder."""
    builder = registry.get("builders", args.kind)
    parser = argparse.ArgumentParser(prog=f"sandglass build {args.kind}", description=_first_line(builder))
    builder.add_arguments(parser)
    code: int = builder.main(parser.parse_args(args.rest))
    return code


def _first_line(builder: Any) -> str:
    return str(builder.__doc__).strip().splitlines()[0].replace("``", "")
