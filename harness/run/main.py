"""One run from plan to result: open the store, execute, score, write the finished mark."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.errors import EXIT_INCOMPLETE, EXIT_INTERRUPTED, EXIT_OK
from harness.records import SCHEMA, Result, Translation
from harness.run.done import Done, counts, load_done, totals, wholly_done
from harness.run.engine import Executor, keeper
from harness.run.plan import Plan
from harness.run.progress import Progress
from harness.run.store import Store
from harness.score import (
    blocks_publication,
    count_states,
    estimates,
    estimates_by_domain,
    score,
    score_lines,
    usage_by_role,
)


def run_all(plans: Sequence[Plan], executor: Executor, out: Path, given: Sequence[Translation] = ()) -> int:
    """Run several plans one after the other, each to its own result.

    Args:
        plans: what to run.
        executor: where items are carried through the stages, shared by all.
        out: results folder.
        given: translations of a submitted file, where there is one.

    Returns:
        Exit code: 0 all done, 4 stopped at the cost limit or with failures left, 130 interrupted.
    """

    async def run() -> list[bool]:
        try:
            return [await run_plan(plan, executor, out, given) for plan in plans]
        finally:
            await executor.close()
            for plan in plans:
                for estimator in plan.estimators:
                    estimator.close()

    try:
        complete = asyncio.run(run())
    except KeyboardInterrupt:
        print("\nStopped. What is done is kept: the same command goes on from here.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_OK if all(complete) else EXIT_INCOMPLETE


async def run_plan(plan: Plan, executor: Executor, out: Path, given: Sequence[Translation] = ()) -> bool:
    """Run one plan to its result.

    Args:
        plan: what to run.
        executor: where items are carried through the stages.
        out: results folder.
        given: translations of a submitted file, where there is one.

    Returns:
        True where every record is there and none failed.
    """
    store = Store(plan.folder(out), plan.manifest(), plan.task.segments)
    try:
        done = load_done(store)
        for translation in given:
            if (translation.id, translation.seed) not in done.translations:
                store.append(translation)
                done.translations[translation.id, translation.seed] = translation
        progress = Progress(
            f"{plan.task.name} {plan.strategy}", totals(plan), counts(done, plan), lambda: executor.spent.cost
        )
        try:
            within_limit = await executor.run(plan, store, done, progress)
            if within_limit:
                await executor.estimate(plan, done, keeper(plan, store, progress))
        finally:
            progress.close()
        return finish(plan, store, done, within_limit)
    finally:
        store.close()


def finish(plan: Plan, store: Store, done: Done, within_limit: bool = True) -> bool:
    """Score what there is and write the result, which says whether it is complete.

    Returns:
        True where every record is there and none failed.
    """
    records = done.records()
    blocked = blocks_publication(records)
    expected = len(plan.task.segments) * len(plan.seeds)
    complete = len(records.translations) == expected and all(
        wholly_done(plan, done, key) for key in records.translations
    )
    missing = expected - len(records.translations)
    if missing:
        blocked.append(f"{missing} translations are missing: run the same command again")
    scores = score(plan.task.segments, records, plan.metrics, plan.frame, plan.task.source, plan.protocol.counter)
    result = Result(
        schema=SCHEMA,
        task=plan.task.name,
        run_id=plan.run_id,
        system_id=plan.system_id,
        protocol=plan.protocol_line,
        system=plan.system_line,
        model=plan.model,
        strategy=plan.strategy,
        selection=plan.task.selection,
        bounds=plan.task.bounds,
        complete=complete,
        publishable=complete and not blocked and not plan.demonstration,
        states=count_states(records.translations),
        segments=len(plan.task.segments),
        metrics=estimates(scores, plan.metrics, plan.seeds),
        usage=usage_by_role(records),
        optimised_for=plan.optimised_for,
        measures=tuple(measure.name for measure in plan.measures),
        marked=plan.marked,
        notes=(*plan.notes, *blocked, *([] if within_limit else ["stopped at --max-cost"])),
        provenance=plan.manifest()["provenance"],
        domains=estimates_by_domain(scores, plan.task.segments, plan.metrics, plan.seeds),
    )
    store.finish(score_lines(scores, records, plan.protocol.counter), result)
    return complete
