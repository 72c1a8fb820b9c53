"""``sandglass build musc``: a MuSC-style benchmark of one's own from pairs of subtitle tracks.

Tracks are cleaned, aligned by start time, perhaps merged into sentences, and cut into
chunks with context; ``docs/building.md`` states every rule.
"""

import argparse
import asyncio
from pathlib import Path
from typing import Any

from harness.corpus import options
from harness.corpus.stages import Stages
from harness.definition import NAME
from harness.errors import EXIT_INCOMPLETE, EXIT_OK, CostLimit, RunError, UserError
from harness.llm.door import Door
from harness.subtitles.pairing import TOLERANCE
from tasks.musc import writing
from tasks.musc.merging import MOST_LINES
from tasks.musc.settings import MERGES, Settings
from tasks.musc.terms import read_terms
from tasks.musc.tracks import from_arguments, from_manifest

STAGE = "task"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the builder's arguments."""
    add = parser.add_argument
    add("--pair", action="append", nargs=3, default=[], metavar=("DOMAIN", "SOURCE", "TARGET"), help="a film's tracks")
    add("--manifest", type=Path, metavar="FILE", help="TSV with domain, source, target and perhaps name of each film")
    options.add_arguments(parser, "subtitles", "films")
    add("--source-language", required=True, metavar="L", help="language of the source tracks")
    add("--target-language", required=True, metavar="L", help="language of the target tracks")
    add(
        "--tolerance",
        type=float,
        default=TOLERANCE,
        metavar="S",
        help="seconds that a line's starts may lie apart (.7)",
    )
    add("--least-aligned", type=float, default=0.5, metavar="P", help="share of the shorter track that must align (.5)")
    add("--chunk", type=int, default=25, metavar="N", help="segments of a chunk (25)")
    add("--context", type=int, default=5, metavar="N", help="segments of context on each side (5)")
    add("--least-lines", type=int, default=10, metavar="N", help="fewest segments of a chunk (10)")
    add("--terms", type=Path, metavar="FILE", help="TSV of source terms and their translations")
    add("--merge", choices=MERGES, default="none", help=f"join up to {MOST_LINES} lines of a sentence (none)")
    add("--model", default="", metavar="M", help="--merge llm: the model, as for sandglass run")
    add("--api-base", metavar="URL", help="--merge llm: its OpenAI-compatible server")
    add("--concurrency", type=int, default=8, metavar="N", help="--merge llm: calls at once (8)")
    add("--cache", type=Path, metavar="DIR", help="--merge llm: folder of the response cache")
    add("--max-cost", type=float, metavar="USD", help="--merge llm: stop before the spend passes this")


def main(args: argparse.Namespace) -> int:
    """Build, or go on with a build that was stopped."""
    settings = settings_of(args)
    door = _door(args) if settings.merge == "llm" else None
    with Stages(args.out, settings.plan()) as stages:
        if not stages.finished:
            try:
                written = stages.run(STAGE, lambda folder: asyncio.run(_write(settings, folder, door)))
            except CostLimit as error:
                print(f"Stopped at the cost limit: {error}")
                return EXIT_INCOMPLETE
            except RunError as error:
                print(f"Stopped, a call failed: {error} The same command goes on from here.")
                return EXIT_INCOMPLETE
            stages.finish(STAGE, written["files"], keep=False)
    print((args.out / "funnel.md").read_text(encoding="utf-8"))
    print(f"Built {args.out}. Run it as: sandglass run {args.out} --strategy musc …")
    return EXIT_OK


async def _write(settings: Settings, folder: Path, door: Door | None) -> dict[str, Any]:
    try:
        return await writing.write(settings, folder, door)
    finally:
        if door is not None:
            await door.close()


def _door(args: argparse.Namespace) -> Door:
    from harness.commands.common import at_least_one
    from harness.llm.cache import ResponseCache, default_cache_dir

    cache = ResponseCache(args.cache or default_cache_dir())
    door = Door(cache, concurrency=at_least_one(args.concurrency, "--concurrency"), max_cost=args.max_cost)
    door.check([(args.model, args.api_base)])
    return door


def settings_of(args: argparse.Namespace) -> Settings:
    """Check the arguments and return what they set.

    Raises:
        UserError: one of them cannot be.
    """
    languages = (args.source_language, args.target_language)
    labels = options.labels_of(args)
    for code in languages:
        if not NAME.fullmatch(code):
            raise UserError(f"{code!r} is no language.", "Give a code such as zh or en.")
    if languages[0] == languages[1]:
        raise UserError(f"Both tracks are in {languages[0]!r}.", "Give two languages.")
    if args.manifest and args.pair:
        raise UserError("Both --pair and --manifest are given.", "Give one of them.")
    if (args.merge == "llm") != bool(args.model) or args.model.startswith("local/"):
        raise UserError("--merge llm and --model belong together.", "Give both, with a chat model, or neither.")
    if not (args.tolerance >= 0 and 0 <= args.least_aligned <= 1):
        raise UserError(
            "--tolerance or --least-aligned is out of range.", "Give seconds from 0, and a share from 0 to 1."
        )
    if not (1 <= args.least_lines <= args.chunk and args.context >= 0):
        raise UserError(
            f"--chunk {args.chunk}, --context {args.context} and --least-lines {args.least_lines} do not fit.",
            "Give 1 <= least-lines <= chunk, and a context from 0.",
        )
    if args.terms:
        read_terms(args.terms)  # what is wrong with it is said before anything is spent
    return Settings(
        films=tuple(from_manifest(args.manifest) if args.manifest else from_arguments(args.pair)),
        languages=languages,
        tolerance=args.tolerance,
        least_aligned=args.least_aligned,
        chunk=args.chunk,
        context=args.context,
        least_lines=args.least_lines,
        terms=args.terms,
        merge=args.merge,
        model=args.model,
        api_base=args.api_base,
        train=options.train_of(args),
        encoding=args.encoding,
        seed=options.seed_of(args),
        labels=labels,
    )
