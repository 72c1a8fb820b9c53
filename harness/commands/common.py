"""What commands that ask models share: door, cache, protocol, executor, and the words at the end."""

import argparse
import dataclasses
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness import registry
from harness.errors import UserError
from harness.llm.backend import Backend
from harness.llm.cache import ResponseCache, default_cache_dir
from harness.llm.door import Door
from harness.llm.failures import FailureLog
from harness.protocol import Protocol
from harness.records import Result, Translation, Usage
from harness.run.engine import Executor, LocalExecutor
from harness.run.plan import Plan
from harness.task import Task, load_task

OPTIMISED = re.compile(r"\w[\w ./:@+-]{0,199}", re.ASCII)


def load_asked(name: str, data: Path | None) -> Task:
    """Load the task that a command names, and warn where another has replaced it."""
    task = load_task(name, data)
    if task.card.superseded_by:
        print(f"sandglass: {task.name} is superseded by {task.card.superseded_by}.", file=sys.stderr)
    return task


def declared(args: argparse.Namespace) -> tuple[str, ...]:
    """Return what the system's selection or training used, as declared with ``--optimised-for``.

    Raises:
        UserError: something is no name of a metric, family or model.
    """
    names = [name for name in args.optimised_for.split(",") if name]
    for name in names:
        if not OPTIMISED.fullmatch(name):
            raise UserError(f"--optimised-for {name!r} is no name.", "Give names such as ib or embedding/usem3.")
    return tuple(names)


def run_and_show(
    plans: Sequence[Plan],
    executor: Executor,
    args: argparse.Namespace,
    failures: FailureLog,
    given: Sequence[Translation] = (),
) -> int:
    """Run the plans, with translations given or made, and print their table, failures and what was spent."""
    from harness.report import render
    from harness.run.main import run_all
    from harness.run.store import read_result

    if isinstance(executor, LocalExecutor):
        for plan in plans:
            for estimator in plan.estimators:
                estimator.start()  # what is missing is said before anything is spent
    code = run_all(plans, executor, args.out, given)
    failures.close()
    folders = [plan.folder(args.out) for plan in plans]
    results = [read_result(folder) for folder in folders if (folder / "result.json").exists()]
    if results:
        print(render(results, "table", "main"))
    print(spent_line(executor.spent, results), file=sys.stderr)
    return code


def spent_line(paid: Usage, results: Sequence[Result]) -> str:
    """Say what was paid for now and what all answers in the results cost at list price.

    Examples:
        >>> spent_line(Usage(3, 10, 0, 5, 0, 0.25), ())
        'Paid now: $0.2500 for 3 calls.'
    """
    said = f"Paid now: {_dollars(paid.cost)} for {paid.calls} calls."
    if not results:
        return said
    listed = sum((usage for result in results for usage in result.usage.values()), Usage())
    return f"{said} List price of all answers in these results: {_dollars(listed.cost)}."


def _dollars(amount: float | None) -> str:
    return "an unknown amount" if amount is None else f"${amount:.4f}"


def open_cache(args: argparse.Namespace) -> ResponseCache:
    """Open the response cache asked for, or the user's."""
    return ResponseCache(args.cache or default_cache_dir())


def open_door(
    args: argparse.Namespace, cache: ResponseCache, failures: FailureLog, backends: Mapping[str, Backend] | None = None
) -> Door:
    """Open the door to the models with its response cache; failures are told to the log.

    Raises:
        UserError: a limit out of range.
    """
    if args.max_cost is not None and not (math.isfinite(args.max_cost) and args.max_cost >= 0):
        raise UserError(f"--max-cost {args.max_cost} is no amount.", "Give US dollars, 0 or more.")
    if not (math.isfinite(args.timeout) and args.timeout > 0):
        raise UserError(f"--timeout {args.timeout} is no time to wait.", "Give seconds, more than 0.")
    concurrency = at_least_one(args.concurrency, "--concurrency")
    return Door(
        cache,
        concurrency=concurrency,
        max_cost=args.max_cost,
        timeout_s=args.timeout,
        threads=args.threads,
        on_event=failures,
        backends=backends,
    )


def open_executor(args: argparse.Namespace, door: Door) -> Executor:
    """Return where items are carried through the stages.

    Raises:
        UserError: Ray is asked for and not there, or a number is out of range.
    """
    if args.executor == "local":
        return LocalExecutor(door, args.concurrency)
    from harness.run.ray_cluster import RayOptions
    from harness.run.ray_executor import RayExecutor

    workers = at_least_one(args.workers, "--workers")
    if not args.gpus_per_worker >= 0:
        raise UserError(f"--gpus-per-worker {args.gpus_per_worker} is out of range.", "Give 0 or more.")
    return RayExecutor(
        RayOptions(address=args.ray_address, workers=workers, num_gpus=args.gpus_per_worker),
        args.cache or default_cache_dir(),
        concurrency=args.concurrency,
        max_cost=args.max_cost,
        threads=args.threads,
    )


def models_of(plans: Sequence[Plan]) -> list[tuple[str, str | None]]:
    """List the models that plans call, each with its server, once."""
    return list(dict.fromkeys(model for plan in plans for model in plan.models))


def protocol_of(args: argparse.Namespace) -> Protocol:
    """Return the protocol asked for, with the parts that options replace."""
    preset: Protocol = registry.get("protocols", args.protocol)
    changes = {
        "back_translator": args.back_translator,
        "api_base": args.back_translator_api_base,
        "embedder": args.embedder,
        "extractor": args.events,
        "judges": tuple(args.judge) or None,
        "estimators": tuple(args.qe.split(",")) if args.qe else None,
    }
    return dataclasses.replace(preset, **{name: value for name, value in changes.items() if value is not None})


def at_least_one(number: int, option: str) -> int:
    """Refuse a count below 1.

    Raises:
        UserError: it is below 1.
    """
    if number < 1:
        raise UserError(f"{option} {number} is too small.", "Give at least 1.")
    return number
