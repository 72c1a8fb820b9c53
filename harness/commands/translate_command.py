"""``sandglass translate``: subtitle files translated in time."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.common import at_least_one, open_cache, open_door, spent_line
from harness.commands.run_command import decode_of
from harness.errors import EXIT_INCOMPLETE, EXIT_INTERRUPTED, EXIT_OK, CostLimit, UserError
from harness.records import Usage

if TYPE_CHECKING:
    from harness.embedders import Embedder
    from harness.llm.door import Door
    from harness.translating.budgets import Pace
    from harness.translating.film import Film, Plan
    from harness.translating.run import Job
    from harness.translating.second_pass import Guard

STRATEGIES = ("unconstrained", "prompted", "best_of_n", "translate_modify")
ON_FAILURE = ("keep", "empty", "fail")
DEFAULT_TOKENS = 4096
"""Most tokens of a synopsis that is asked for, and of what else has no lines."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = "Translate subtitle files in time. The same command goes on where it stopped."
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help=".srt, .vtt, .ass, .ssa, .ttml, .dfxp, .stl"
    )
    parser.add_argument("--source", required=True, metavar="LANG", help="language of the files, such as zh")
    parser.add_argument("--target", required=True, metavar="LANG", help="language to translate into, such as en")
    parser.add_argument("--model", required=True, metavar="M", help="LiteLLM name, or local/gemma-3-270m")
    parser.add_argument("--api-base", metavar="URL", help="OpenAI-compatible server of the model")
    parser.add_argument(
        "--strategy", default="prompted", metavar="S", help=f"{', '.join(STRATEGIES)}, with options (default prompted)"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("-o", "--out", type=Path, metavar="OUT", help="the translated file, of the same format")
    where.add_argument("--out-dir", type=Path, metavar="DIR", help="folder of the translated files, names kept")
    _add_text(parser)
    _add_asking(parser)


def _add_text(parser: argparse.ArgumentParser) -> None:
    """Add the options of what the texts must be."""
    parser.add_argument(
        "--budget", default="characters", metavar="B", help="characters (default), syllables:RATE a second, or none"
    )
    parser.add_argument("--children", action="store_true", help="limits of children's programmes")
    parser.add_argument("--sdh", action="store_true", help="limits for the deaf and hard of hearing")
    parser.add_argument("--no-rewrite", action="store_true", help="leave cues that do not fit as they are")
    parser.add_argument("--keep-shorter", action="store_true", help="take every shorter rewrite, whatever it means")
    parser.add_argument("--synopsis", default="", metavar="FILE|TEXT", help="what it is about; auto asks the model")
    parser.add_argument("--glossary", type=Path, metavar="TSV", help="lines of source<TAB>target[<TAB>note]")
    parser.add_argument("--export-terms", type=Path, metavar="TSV", help="write names and terms that were learned")
    parser.add_argument(
        "--on-failure", choices=ON_FAILURE, default="keep", help="what becomes of a cue that is not translated"
    )
    parser.add_argument("--encoding", metavar="NAME", help="encoding of the files (default: found, or refused)")
    parser.add_argument("--report", type=Path, metavar="HTML", help="write what became of every cue")


def _add_asking(parser: argparse.ArgumentParser) -> None:
    """Add the options of how the model is asked."""
    parser.add_argument("--batch-lines", type=int, default=20, metavar="N", help="lines in one question (default 20)")
    parser.add_argument("--history", type=int, default=8, metavar="N", help="translated lines told with it (default 8)")
    parser.add_argument("--trust-ids", action="store_true", help="do not check by meaning that lines keep their places")
    parser.add_argument("--temperature", type=float, metavar="T", help="default: the provider's own")
    parser.add_argument("--top-p", type=float, metavar="P", help="default: the provider's own")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="most output tokens of a call (default: by length)")
    parser.add_argument("--reasoning-effort", metavar="LEVEL", help="for reasoning models")
    parser.add_argument("--concurrency", type=int, default=8, metavar="N", help="calls at once, at most (default 8)")
    parser.add_argument("--timeout", type=float, default=600, metavar="S", help="seconds to wait for an answer (600)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of the embedded model")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder of the response cache")
    parser.add_argument("--max-cost", type=float, metavar="USD", help="stop before the spend passes this")
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked and what it would cost")


def main(args: argparse.Namespace) -> int:
    """Translate the files; exit code 4 where a cue is left, or the cost limit stopped it."""
    from harness.llm.failures import FailureLog
    from harness.translating.run import dry_run

    jobs, plan = _jobs(args), _plan(args)
    cache, failures = open_cache(args), FailureLog()
    door = open_door(args, cache, failures)
    door.check([(args.model, args.api_base)])
    if args.dry_run:
        print(dry_run(plan, door, cache, jobs))
        return EXIT_OK
    try:
        return _run(args, plan, door, jobs)
    except CostLimit as error:
        print(f"sandglass: {error} The same command with more goes on from here.", file=sys.stderr)
        return EXIT_INCOMPLETE
    except KeyboardInterrupt:
        print("\nStopped. What is done is kept: the same command goes on from here.", file=sys.stderr)
        return EXIT_INTERRUPTED
    finally:
        failures.close()
        print(spent_line(sum(door.spent.values(), Usage()), ()), file=sys.stderr)


def _run(args: argparse.Namespace, plan: "Plan", door: "Door", jobs: "Sequence[Job]") -> int:
    """Translate the files and report what became of them, also of those before an end too early."""
    from harness.translating import report
    from harness.translating.glossary import Learned, write_terms
    from harness.translating.run import run, written

    films: list[Film] = []
    learned = Learned(plan.glossary)

    def done(film: "Film", where: str) -> None:
        films.append(film)
        print(report.summary(film, where), flush=True)

    try:
        asyncio.run(run(plan, door, jobs, learned, args.on_failure, done))
    finally:
        schema = report.schema_line(door.schemas)
        if schema:
            print(schema)
        if args.report and films:
            written(args.report, report.as_html(films, schema).encode())
        if args.export_terms and films:
            written(args.export_terms, write_terms(learned.terms))
    return EXIT_INCOMPLETE if any(film.missing or film.problems for film in films) else EXIT_OK


def _jobs(args: argparse.Namespace) -> "list[Job]":
    """Read the files.

    Raises:
        UserError: one cannot be read, or its translation cannot go where it shall.
    """
    from harness.translating.run import job

    if args.out and len(args.files) > 1:
        raise UserError("-o names one file.", "Give --out-dir DIR for several.")
    outs = [args.out or args.out_dir / path.name for path in args.files]
    if len(set(outs)) < len(outs):
        raise UserError("Two of the files have the same name.", "Translate them into different folders.")
    return [job(path, out, args.encoding) for path, out in zip(args.files, outs, strict=True)]


def _plan(args: argparse.Namespace) -> "Plan":
    """Return how the files are translated.

    Raises:
        UserError: a name unknown, a value out of range, or a part not installed.
    """
    from harness.strategy import Setting, build, parse_spec
    from harness.subtitles.limits import limits_for
    from harness.translating.budgets import pace_of
    from harness.translating.film import Plan
    from harness.translating.first_pass import Batching
    from harness.translating.glossary import read_glossary
    from harness.translating.synopsis import read_synopsis

    if parse_spec(args.strategy)[0] not in STRATEGIES:
        raise UserError(f"{args.strategy!r} does not translate files.", f"Use one of {', '.join(STRATEGIES)}.")
    if args.history < 0:
        raise UserError(f"--history {args.history} is too small.", "Give 0 or more.")
    limits_for(args.source)  # refuses what is no language code
    pace = pace_of(args.budget, limits_for(args.target, children=args.children, sdh=args.sdh))
    decode = decode_of(argparse.Namespace(**{**vars(args), "max_tokens": args.max_tokens or DEFAULT_TOKENS}))
    setting = Setting(args.model, pace.budget(args.source, args.target), decode, api_base=args.api_base)
    return Plan(
        setting,
        build(args.strategy, setting),
        pace,
        Batching(at_least_one(args.batch_lines, "--batch-lines"), args.history),
        _guard(args, pace),
        read_glossary(args.glossary) if args.glossary else (),
        None if args.synopsis == "auto" else read_synopsis(args.synopsis),
        args.export_terms is not None or len(args.files) > 1,
        0 if args.max_tokens is None else at_least_one(args.max_tokens, "--max-tokens"),
        None if args.trust_ids or args.model.startswith("local/") else _embedder(args, "--trust-ids"),
    )


def _guard(args: argparse.Namespace, pace: "Pace") -> "Guard | None":
    """Return what rewrites must keep; None where there are none."""
    from harness.translating.second_pass import Guard

    if args.no_rewrite or not pace.timed or args.model.startswith("local/"):  # which takes no instructions
        return None
    return Guard(pace, None if args.keep_shorter else _embedder(args, "--keep-shorter"))


def _embedder(args: argparse.Namespace, without: str) -> "Embedder | None":
    """Return what compares meanings across the two languages; None for a dry run.

    Raises:
        UserError: it is not installed, or does not know a language; names the option that does without.
    """
    from harness.embedders import load
    from harness.translating.order import LANGUAGES
    from harness.translating.second_pass import EMBEDDER

    if args.dry_run:
        return None
    unknown = [code for code in (args.source, args.target) if code.replace("_", "-").split("-")[0] not in LANGUAGES]
    if unknown:
        raise UserError(f"Meaning cannot be compared in {unknown[0]}.", f"Give {without}.")
    try:
        return load(EMBEDDER)
    except UserError as error:
        raise UserError(error.message, f"{error.fix}, or give {without}.") from error
