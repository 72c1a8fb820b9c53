"""``sandglass run``: from a model's name to a scored result."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence

from harness.commands.common import (
    at_least_one,
    declared,
    load_asked,
    models_of,
    open_cache,
    open_door,
    open_executor,
    protocol_of,
    run_and_show,
)
from harness.commands.options import add_measuring
from harness.errors import EXIT_INCOMPLETE, EXIT_OK, UserError
from harness.llm.backend import Backend
from harness.llm.cache import ResponseCache
from harness.llm.failures import FailureLog
from harness.llm.types import Decode
from harness.run.names import parse_seeds
from harness.run.plan import Plan
from harness.run.ready import prepare
from harness.task import Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = "Translate tasks with a model and score the result. The same command goes on where it stopped."
    parser.add_argument("tasks", nargs="+", metavar="TASK", help="name, or folder with a task.toml (FOLDER:TARGET)")
    parser.add_argument(
        "--model", required=True, metavar="M", help="LiteLLM name, local/gemma-3-270m, hf/REPOSITORY or hf/./PATH"
    )
    parser.add_argument(
        "--strategy", required=True, metavar="S[,S…]", help="name, with options as name:option=value:option=value"
    )
    add_measuring(parser)
    parser.add_argument("--seeds", default="1,2,3", metavar="N[,N…]", help="one repeat each (default 1,2,3)")
    parser.add_argument("--window", type=int, metavar="N", help="segments in one prompt (default: the task's)")
    parser.add_argument(
        "--api-base", metavar="URL", help="OpenAI-compatible server of the model; several separated by commas"
    )
    parser.add_argument("--temperature", type=float, metavar="T", help="default: the provider's own")
    parser.add_argument("--top-p", type=float, metavar="P", help="default: the provider's own")
    parser.add_argument("--max-tokens", type=int, default=4096, metavar="N", help="most output tokens of one call")
    parser.add_argument("--reasoning-effort", metavar="LEVEL", help="for reasoning models; the paper uses low")
    parser.add_argument("--trust-remote-code", action="store_true", help="hf/…: run code that comes with a checkpoint")
    parser.add_argument("--serve-timeout", type=float, default=900, metavar="S", help="hf/…: seconds until it answers")
    parser.add_argument(
        "--batch", action="store_true", help="ask by the provider's batches first: cheaper, may take a day"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked and what it would cost")


def main(args: argparse.Namespace) -> int:
    """Serve the model where it is a checkpoint, then run."""
    asked = [load_asked(name, args.data).only(args.only) for name in args.tasks]
    tasks = [task.limited(args.limit) for task in asked]
    with contextlib.ExitStack() as stack:
        # before --limit: what is refused, and all that was held out, does not hang on the sample
        return run(args, tasks, _served(args, asked, stack))


def run(args: argparse.Namespace, tasks: Sequence[Task], backends: dict[str, Backend]) -> int:
    """Plan every task with every strategy, check what they need, then run."""
    plans = plans_of(args, tasks)
    cache, failures = open_cache(args), FailureLog()
    door = open_door(args, cache, failures, backends)
    door.check(models_of(plans))
    for plan in plans:
        prepare(plan)
    if args.dry_run:
        from harness.run.dry import report

        print(report(plans, door, cache, args.concurrency))
        return EXIT_OK
    if args.batch:
        if not _prefetched(args, plans, cache):
            return EXIT_INCOMPLETE
        door = open_door(args, cache, failures, backends)
    return run_and_show(plans, open_executor(args, door), args, failures)


def _served(args: argparse.Namespace, tasks: Sequence[Task], stack: contextlib.ExitStack) -> dict[str, Backend]:
    """Start a server for a checkpoint, and give the model the name that identifies it.

    Raises:
        UserError: the checkpoint may not be loaded or served, or was trained on what it would be measured on.
    """
    from harness.llm.checkpoint import is_checkpoint, resolve
    from harness.llm.training_card import check_apart, read_optimised_for

    if not is_checkpoint(args.model):
        return {}
    if args.api_base is not None or args.executor != "local":
        raise UserError(f"{args.model} is served here.", "Leave --api-base and --executor away, or serve it yourself.")
    checkpoint = resolve(args.model, trust_remote_code=args.trust_remote_code)
    check_apart(checkpoint.folder, tasks)
    args.model = checkpoint.model
    args.optimised_for = ",".join([*read_optimised_for(checkpoint.folder), args.optimised_for])
    if args.dry_run:
        return {}
    from harness.llm.serve import serve

    return {"hf": stack.enter_context(serve(checkpoint, timeout_s=args.serve_timeout)).backend()}


def _prefetched(args: argparse.Namespace, plans: Sequence[Plan], cache: ResponseCache) -> bool:
    """Ask by batches what can be; what they cost is taken from ``--max-cost``."""
    from harness.llm.batch import prefetch_plan
    from harness.run.walk import walk

    report = asyncio.run(prefetch_plan(walk(plans), cache, max_cost=args.max_cost))
    print(report.line(), file=sys.stderr)
    if args.max_cost is not None:
        args.max_cost = max(0.0, args.max_cost - report.spent)
    return not report.pending


def plans_of(args: argparse.Namespace, tasks: Sequence[Task]) -> list[Plan]:
    """Return one plan for each task and strategy.

    Raises:
        UserError: a name unknown or a value out of range.
    """
    return [
        Plan(
            task=task,
            protocol=protocol_of(args),
            model=args.model,
            strategy=strategy,
            decode=decode_of(args),
            seeds=parse_seeds(args.seeds),
            window=task.window if args.window is None else at_least_one(args.window, "--window"),
            api_base=args.api_base,
            declared=declared(args),
        )
        for task in tasks
        for strategy in args.strategy.split(",")
    ]


def decode_of(args: argparse.Namespace) -> Decode:
    """Return the decoding parameters asked for.

    Raises:
        UserError: a value out of range.
    """
    if args.temperature is not None and not 0 <= args.temperature <= 2:
        raise UserError(f"--temperature {args.temperature} is out of range.", "Give 0 to 2.")
    if args.top_p is not None and not 0 < args.top_p <= 1:
        raise UserError(f"--top-p {args.top_p} is out of range.", "Give more than 0, at most 1.")
    return Decode(
        max_tokens=at_least_one(args.max_tokens, "--max-tokens"),
        temperature=args.temperature,
        top_p=args.top_p,
        reasoning_effort=args.reasoning_effort,
    )
