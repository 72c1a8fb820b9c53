"""``sandglass export``: results in the formats of others."""

import argparse
from pathlib import Path

from harness.errors import EXIT_OK
from harness.exports.facts import find_runs

EXPORTS = ("lm-eval", "every-eval-ever", "hub", "csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--format", choices=EXPORTS, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="a folder; for csv a file")
    parser.add_argument("--dataset", metavar="ID", help="hub: id of the benchmark's dataset")
    parser.add_argument("--metrics", default="usable,ib", metavar="M[,M…]", help="hub: one entry each")
    parser.add_argument("--source-url", metavar="URL", help="hub: link to the run's files")
    parser.add_argument("--evaluator", default="unknown", metavar="NAME", help="every-eval-ever: who ran it")
    parser.add_argument(
        "--relationship",
        default="other",
        choices=("first_party", "third_party", "collaborative", "other"),
        help="every-eval-ever: to the model's maker",
    )


def main(args: argparse.Namespace) -> int:
    """Write every finished run below a folder in one format, and list the files."""
    from harness.exports import every_eval_ever, hub, lm_eval_results, table

    runs = find_runs(args.folder)
    if args.format == "lm-eval":
        files = lm_eval_results.write(runs, args.out)
    elif args.format == "every-eval-ever":
        files = every_eval_ever.write(runs, args.out, every_eval_ever.Evaluator(args.evaluator, args.relationship))
    elif args.format == "hub":
        files = hub.write(runs, args.out, args.dataset, args.metrics.split(","), args.source_url)
    else:
        files = table.write(runs, args.out)
    for file in files:
        print(file)
    for run in runs:
        if run.flags:
            print(f"note: {run.result.task} {run.result.system_id}: {'; '.join(run.flags)}")
    return EXIT_OK
