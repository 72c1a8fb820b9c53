"""``sandglass list``: what there is, by name."""

import argparse
import tomllib
from functools import partial
from importlib import import_module

from harness import registry
from harness.errors import EXIT_OK
from harness.task import definition_path

KINDS = ("tasks", "strategies", "metrics", "judges", "counters")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("kind", choices=KINDS)


def main(args: argparse.Namespace) -> int:
    """List the names of one kind, with a word on each."""
    names = registry.names(args.kind)
    if not names:
        print(f"No {args.kind} yet.")
    describe = _task if args.kind == "tasks" else partial(_module, args.kind)
    width = max(map(len, names), default=0)
    for name in names:
        print(f"{name:<{width}}  {describe(name)}".rstrip())
        if args.kind == "metrics":
            _print_columns(name)
    return EXIT_OK


def _print_columns(name: str) -> None:
    """Print a metric's columns and what each means, with English bounds as the example."""
    from harness.metrics.base import Frame

    example = Frame("en", (0.8, 0.9), 13.1, (6.19, 4.44))
    for metric in registry.get("metrics", name)(example):
        print(f"    {metric.name:<20}  {metric.meaning}")


def _task(name: str) -> str:
    path = definition_path(name)
    card, definition = (tomllib.loads(file.read_text(encoding="utf-8")) for file in (path.with_name("card.toml"), path))
    note = f": {definition['note']}" if "note" in definition else ""
    by = f" (superseded by {card['superseded_by']})" if card.get("superseded_by") else ""
    return f"{card['title']}{note}{by}"


def _module(kind: registry.Kind, name: str) -> str:
    """Return the first line of what a module says of itself."""
    module = import_module(registry.find(kind, name).partition(":")[0])
    return (module.__doc__ or "").strip().splitlines()[0].replace("``", "")
