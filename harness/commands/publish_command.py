"""``sandglass publish``: results to a dataset repository of the Hub, and entries to a model's page."""

import argparse
import tempfile
from pathlib import Path

from harness.errors import EXIT_OK
from harness.exports.facts import find_runs
from harness.submission.publish import Address, publish, stage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = "Publish the finished runs below a folder. The token is taken from HF_TOKEN or hf auth login."
    parser.add_argument("folder", type=Path, metavar="DIR", help="a run, a submission, or a folder of accepted rows")
    parser.add_argument("--repo", required=True, metavar="NAMESPACE/NAME", help="dataset repository, made where absent")
    parser.add_argument("--private", action="store_true", help="make it private")
    parser.add_argument("--texts", action="store_true", help="publish the outputs, too (the sources never)")
    parser.add_argument("--licence", default="cc-by-4.0", metavar="L", help="of the dataset card (default cc-by-4.0)")
    parser.add_argument("--model-page", metavar="NAMESPACE/MODEL", help="propose .eval_results entries to this model")
    parser.add_argument("--benchmark", metavar="ID", help="dataset id in the entries (default: that of --repo)")
    parser.add_argument("--metrics", default="usable,ib", metavar="M[,M…]", help="one entry each (default usable,ib)")
    parser.add_argument("--dry-run", action="store_true", help="list what would be sent")


def main(args: argparse.Namespace) -> int:
    """Stage the files, then send them."""
    runs = find_runs(args.folder)
    with tempfile.TemporaryDirectory(prefix="sandglass-publish-") as name:
        files = stage(runs, Path(name), args.repo.rpartition("/")[2], args.licence, args.texts)
        if args.dry_run:
            for file in files:
                print(f"{file.relative_to(name)} {file.stat().st_size}")
            return EXIT_OK
        metrics = tuple(args.metrics.split(","))
        for link in publish(
            runs, Path(name), Address(args.repo, args.private, args.model_page, args.benchmark, metrics)
        ):
            print(link)
    return EXIT_OK
