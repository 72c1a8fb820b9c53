"""``sandglass push-dataset``: publish a task with its data on the Hub, in the format of ``datasets``."""

import argparse
import tempfile
from pathlib import Path

from harness.errors import EXIT_OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = "Publish a task with its data. The token is taken from HF_TOKEN or hf auth login."
    parser.add_argument("task", metavar="TASK", help="a task folder, a definition in one, or a name")
    parser.add_argument("--repo", required=True, metavar="NAMESPACE/NAME", help="dataset repository, made where absent")
    parser.add_argument("--private", action="store_true", help="make it private")
    parser.add_argument("--revision", metavar="BRANCH", help="branch, made where absent (default main)")
    parser.add_argument("--dry-run", action="store_true", help="list what would be sent")


def main(args: argparse.Namespace) -> int:
    """Stage the files, then send them."""
    from harness.exports.dataset import stage

    with tempfile.TemporaryDirectory(prefix="sandglass-dataset-") as name:
        out = Path(name)
        files = stage(args.task, out, args.repo)
        if args.dry_run:
            for file in files:
                print(f"{file.relative_to(out)} {file.stat().st_size}")
            return EXIT_OK
        from harness.exports.hub_client import push_folder

        sent = push_folder(out, args.repo, f"Add {args.task}", private=args.private, branch=args.revision)
    folder = args.repo.rpartition("/")[2]
    print(sent.url)
    print(f"hf download {args.repo} --repo-type dataset --revision {sent.commit} --local-dir {folder}")
    return EXIT_OK
