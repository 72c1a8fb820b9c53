"""``sandglass task new``: start a task of one's own."""

import argparse
from pathlib import Path

from harness.budget import TRACKS
from harness.errors import EXIT_OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("action", choices=("new",), help="what to do")
    parser.add_argument("name", metavar="NAME", help="small letters, digits and _: the folder, and the task's name")
    parser.add_argument("--source", required=True, metavar="LANG", help="source language, such as zh")
    parser.add_argument("--target", required=True, metavar="LANG[,LANG…]", help="target languages")
    parser.add_argument("--track", choices=TRACKS, default="ratio", help="what the budget is made of (default ratio)")
    parser.add_argument("--dir", type=Path, default=Path(), metavar="DIR", help="where the folder goes (default here)")


def main(args: argparse.Namespace) -> int:
    """Make the folder and print what to do next."""
    from harness.bridge.yaml_files import prompt_of
    from harness.definition import read_definition
    from harness.scaffold import scaffold

    targets = args.target.split(",")
    folder = scaffold(args.dir, args.name, args.source, targets, args.track)
    strategy = prompt_of(read_definition(folder / "task.toml"))
    asked = folder if len(targets) == 1 else f"{folder}:{targets[0]}"
    print(f"Made {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    print(
        f"""
Replace the lines of {folder / "segments.jsonl"}, then write the card. After each change:

  python -m pytest {folder}
  python -m harness.bridge.yaml_files {folder / "task.toml"}
  sandglass run {asked} --model local/gemma-3-270m --strategy {strategy} --protocol offline --limit 2 --out results
  sandglass lm-eval run --include_path {folder} --tasks {args.name}_{args.source}_{targets[0]} --model …
  sandglass push-dataset {folder} --repo NAMESPACE/{args.name}"""
    )
    return EXIT_OK
