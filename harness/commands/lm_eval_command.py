"""``sandglass lm-eval …``: lm-eval's own command line, with our tasks and the model ``sandglass``."""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harness.errors import EXIT_INCOMPLETE, EXIT_OK, UserError

WITH_TASKS = ("run", "ls", "validate")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Pass every argument on, ``--help`` too."""
    parser.add_argument("rest", nargs=argparse.REMAINDER)


def main(args: argparse.Namespace) -> int:
    """Hand over to lm-eval."""
    return hand_over(args.rest)


def hand_over(arguments: Sequence[str]) -> int:
    """Run lm-eval's command line in this process.

    Args:
        arguments: what stands behind ``sandglass lm-eval``.

    Returns:
        Exit code: 0 done, 4 where requests failed.

    Raises:
        UserError: lm-eval is not installed.
    """
    if find_spec("lm_eval") is None:
        raise UserError("lm-eval is not installed.", "pip install 'sandglass-bench[lm-eval]'")
    from lm_eval.__main__ import cli_evaluate

    from harness.bridge.model import Incomplete, register

    register()
    sys.argv = ["lm-eval", *with_tasks(arguments)]
    try:
        cli_evaluate()
    except Incomplete as error:
        print(f"sandglass: {error}", file=sys.stderr)
        return EXIT_INCOMPLETE
    return EXIT_OK


def with_tasks(arguments: Sequence[str]) -> list[str]:
    """Add our tasks' folder, where no other is named.

    Examples:
        >>> with_tasks(["run", "--tasks", "t"])[-2]
        '--include_path'
        >>> with_tasks(["run", "--include_path", "mine"])
        ['run', '--include_path', 'mine']
    """
    given = list(arguments)
    named = any(argument.partition("=")[0] == "--include_path" for argument in given)
    if not given or given[0] not in WITH_TASKS or named or {"-h", "--help"} & set(given):
        return given
    spec = find_spec("tasks")
    folders = spec.submodule_search_locations if spec is not None else None
    return [*given, "--include_path", str(Path(next(iter(folders))))] if folders else given
