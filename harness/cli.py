"""``sandglass …``: the command line. Only the command that is asked for is imported."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from harness import __version__
from harness.errors import EXIT_INTERRUPTED, EXIT_USER, UserError

COMMANDS = {
    "list": "list tasks, strategies, metrics, judges or counters",
    "run": "translate tasks with a model and score the result",
    "score": "score translations from a file",
    "show": "show the results below a folder",
    "compare": "compare finished runs of one protocol, with tests; a gate for CI",
    "gold": "count how often a quality estimator prefers systems to the reference",
    "win-rate": "win rates over a stored baseline, plain and length-controlled",
    "verify": "recompute stored runs and name every difference (exit code 3)",
    "judge": "hold judges against people, and have people judge",
    "env": "make the environment of a family of quality estimators, and check it",
    "export": "write the results below a folder in another format",
    "lm-eval": "lm-eval's own command line, with our tasks and the model 'sandglass'",
    "build": "build a benchmark of your own from subtitles and transcripts",
    "task": "start a task of your own",
    "push-dataset": "publish a built task in the format of datasets",
    "leaderboard": "build the static leaderboard",
    "submit": "pack a finished run for review",
    "submission": "check submissions",
    "rejudge": "ask the judges of a submission again",
    "regenerate": "run the system of a submission again",
    "publish": "publish results on the Hub",
    "translate": "translate a subtitle file in time",
    "lint": "check subtitle files against the limits of a locale",
    "align": "show two subtitle files side by side",
    "train": "train a model: homura, genrm, alpo, cpo, icr",
    "study": "run one of the trainers' studies over several seeds",
    "demo": "run the four strategies with the embedded model and build a board: no key, no network, a few minutes",
}
"""Every command; its module in ``harness.commands`` has ``add_arguments`` and ``main``."""

PASSED_ON: dict[str, dict[str, Any]] = {"lm-eval": {"add_help": False, "prefix_chars": "\0"}}
"""Commands whose every argument, ``--help`` too, is another program's."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments, those of the process where None.

    Returns:
        Exit code: 0 done, 2 user error, 3 gate, 4 incomplete, 130 interrupted.
    """
    given = sys.argv[1:] if argv is None else argv
    args = _parser(given).parse_args(given)
    try:
        code: int = _module(args.command).main(args)
        sys.stdout.flush()
        return code
    except UserError as error:
        return _refuse(error)
    except ExceptionGroup as group:  # raised among concurrent tasks
        first = _first_user_error(group)
        if first is None:
            raise
        return _refuse(first)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _refuse(error: UserError) -> int:
    from harness.report import CONTROL  # names of files and tasks are somebody else's

    told = "\n".join(line.translate(CONTROL) for line in str(error).split("\n"))
    print(f"sandglass: {told}", file=sys.stderr)
    return EXIT_USER


def _first_user_error(group: BaseExceptionGroup[Exception]) -> UserError | None:
    for error in group.exceptions:
        found = _first_user_error(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, UserError):
            return found
    return None


def _module(command: str) -> Any:
    return import_module(f"harness.commands.{command.replace('-', '_')}_command")


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser, with the arguments of the command asked for alone."""
    parser = argparse.ArgumentParser(
        prog="sandglass",
        description="Measure translation under a time budget: how much of it fits, and what of the meaning survives.",
    )
    parser.add_argument("--version", action="version", version=f"sandglass {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = next((word for word in argv if not word.startswith("-")), "")
    for name, words in COMMANDS.items():
        command = commands.add_parser(name, help=words, **PASSED_ON.get(name, {}))
        if name == asked:
            _module(name).add_arguments(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
