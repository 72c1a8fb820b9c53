"""Triplets from six systems' outputs on WMT22: how often a system beats the reference, is chosen, is rejected.

    python benchmarks/wmt_triplets.py FOLDER [--qe embed_qe] [--out triplets.jsonl]

FOLDER is ``outputs/wmt22_outputs`` of github.com/fe1ixxu/ALMA. It prints the table of docs/cpo.md (about two
minutes with embed_qe on one core). The files mark no documents, so every sentence is its own cluster.
"""

import argparse
import sys
from pathlib import Path

from harness import qe
from trainers.cpo.outputs import REFERENCE, parallel, scored
from trainers.cpo.report import markdown
from trainers.cpo.triplets import select, write_triplets

DIRECTIONS = ("zh-en", "en-de")
TESTSET = "wmt-testset"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--qe", default="embed_qe")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    systems = sorted(path.name for path in args.folder.iterdir() if path.name != TESTSET)
    names = args.qe.split(",")
    outputs = []
    for direction in DIRECTIONS:
        source, _, target = direction.partition("-")
        inner = Path(source + target, f"test.{direction}.{target}")
        files = {REFERENCE: args.folder / TESTSET / inner, **{name: args.folder / name / inner for name in systems}}
        outputs += parallel(direction, files[REFERENCE].with_suffix(f".{source}"), files)
    outputs = scored(outputs, [qe.load(name) for name in names])
    selection = select(outputs, selected_by=names)
    if args.out:
        write_triplets(args.out, selection.triplets)
    print(f"Ranked by {args.qe}.\n")
    print(markdown(outputs, selection))
    return 0


if __name__ == "__main__":
    sys.exit(main())
