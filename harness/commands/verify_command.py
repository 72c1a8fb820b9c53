"""``sandglass verify``: recompute stored runs, name every difference."""

import argparse
from pathlib import Path

from harness.errors import EXIT_GATE, EXIT_OK, UserError
from harness.verify import verify_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR")


def main(args: argparse.Namespace) -> int:
    """Verify every finished run below a folder; exit code 3 where one differs."""
    if not args.folder.is_dir():
        raise UserError(f"There is no folder {args.folder}.", "Give the folder that was given with --out.")
    folders = sorted(path.parent for path in args.folder.rglob("result.json"))
    if not folders:
        raise UserError(f"{args.folder} holds no result.", "Give the folder that was given with --out.")
    differing = 0
    for folder in folders:
        try:
            found = verify_run(folder)
        except UserError as error:  # the other runs are still worth a look
            found = [str(error)]
        differing += bool(found)
        print(f"{folder.relative_to(args.folder)}: {'differs' if found else 'recomputes exactly'}")
        for sentence in found:
            print(f"  {sentence}")
    return EXIT_GATE if differing else EXIT_OK
