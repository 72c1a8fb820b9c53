"""``sandglass demo``: the four strategies with the embedded model on part of the mini set, and a board of them."""

import argparse
from importlib import import_module
from pathlib import Path

from harness.commands.common import models_of, open_cache, open_door, open_executor, run_and_show
from harness.commands.leaderboard_command import BUILDER
from harness.llm.failures import FailureLog
from harness.llm.types import Decode
from harness.protocol import OFFLINE
from harness.run.plan import Plan
from harness.task import load_task

MODEL = "local/gemma-3-270m"
STRATEGIES = ("unconstrained", "prompted", "best_of_n", "translate_modify")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--out", type=Path, default=Path("sandglass-demo"), metavar="DIR", help="results folder")
    parser.add_argument("--target", choices=("en", "de", "es"), default="en")
    parser.add_argument("--limit", type=int, default=12, metavar="N", help="segments (default 12)")
    parser.set_defaults(concurrency=2, max_cost=None, executor="local", timeout=600)
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads of the embedded model (default: half the cores)"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder of the response cache")


def main(args: argparse.Namespace) -> int:
    """Run the demonstration, and build a board that shows it beside the accepted rows."""
    task = load_task(f"sandglass_mini_zh_{args.target}").limited(args.limit)
    plans = [Plan(task, OFFLINE, MODEL, strategy, Decode(), (1,)) for strategy in STRATEGIES]
    failures = FailureLog()
    door = open_door(args, open_cache(args), failures)
    door.check(models_of(plans))
    code = run_and_show(plans, open_executor(args, door), args, failures)
    builder = import_module(BUILDER)
    built = builder.build([args.out, builder.ACCEPTED], args.out / "board")
    print(f"A board of these runs beside the accepted rows: open {built.page.resolve()}")
    return code
