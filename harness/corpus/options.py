"""What every builder asks besides its inputs: where to build, the labels of the task, split, encoding and seed."""

import argparse
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from harness.definition import NAME
from harness.errors import UserError


@dataclass(frozen=True)
class Labels:
    """What the definition and the card say that no text decides."""

    name: str
    version: str
    title: str
    licence: str
    source: str
    citation: str
    date: str
    synthetic: bool

    def plan(self) -> dict[str, Any]:
        """Return them for a build's plan: the same build tomorrow is the same build."""
        return {key: value for key, value in asdict(self).items() if key != "date"}


def add_arguments(parser: argparse.ArgumentParser, inputs: str, clusters: str) -> None:
    """Add the options that all builders have.

    Args:
        parser: the builder's.
        inputs: what the data is made of, such as subtitles.
        clusters: what a split takes whole, such as films.
    """
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="the task folder; the same command goes on after a kill")
    add("--name", required=True, metavar="N", help="name of the task, without the target language")
    add("--version", default="1.0", metavar="V", help="version of the task (1.0)")
    add("--split", default="train=0", metavar="train=S", help=f"share of {clusters} set aside in train.jsonl (0)")
    add("--encoding", metavar="E", help="of the subtitle files, where it is known")
    add("--seed", type=int, default=1, metavar="N", help="of every choice (1)")
    add("--title", default="", metavar="T", help="for the card")
    add("--licence", default="not stated: not to be passed on", metavar="T", help=f"of the {inputs}, for the card")
    add("--source", default="not stated", metavar="T", help=f"where the {inputs} come from, for the card")
    add("--citation", default="not stated", metavar="T", help="for the card")
    add("--date", default="", metavar="YYYY-MM-DD", help="for the card (today)")
    add("--synthetic", action="store_true", help=f"the {inputs} were written by a model: the task ranks nothing")


def labels_of(args: argparse.Namespace) -> Labels:
    """Return the labels given.

    Raises:
        UserError: a name, version or date that cannot be.
    """
    for word in (args.name, args.version):
        if not NAME.fullmatch(word):
            raise UserError(f"{word!r} is no name or version.", "Use letters, digits, . - and _.")
    try:
        written = date.fromisoformat(args.date) if args.date else date.today()
    except ValueError as error:
        raise UserError(f"--date {args.date} is no date.", "Write YYYY-MM-DD.") from error
    return Labels(
        name=args.name,
        version=args.version,
        title=args.title,
        licence=args.licence,
        source=args.source,
        citation=args.citation,
        date=written.isoformat(),
        synthetic=args.synthetic,
    )


def train_of(args: argparse.Namespace) -> float:
    """Return the share of ``--split train=S``, in [0, 1).

    Raises:
        UserError: no such share.

    Examples:
        >>> train_of(argparse.Namespace(split="train=.8"))
        0.8
    """
    name, _, word = args.split.partition("=")
    try:
        share = float(word)
    except ValueError:
        share = -1.0
    if name != "train" or not 0 <= share < 1:
        raise UserError(f"--split {args.split} is no share.", "Write train=S with S from 0 and below 1.")
    return share


def seed_of(args: argparse.Namespace) -> int:
    """Return the seed.

    Raises:
        UserError: below 0.
    """
    if args.seed < 0:
        raise UserError(f"--seed {args.seed} is below 0.", "Give a whole number from 0.")
    return int(args.seed)
