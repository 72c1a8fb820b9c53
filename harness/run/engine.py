"""The engine: every item goes through all stages as soon as it can, in this process or on a cluster.

Stages overlap: one item is translated while another is being checked. What is already
in the stage files is not done again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.errors import CostLimit
from harness.llm.door import Door
from harness.llm.types import LLM
from harness.qe import Row
from harness.records import BackTranslation, EventCheck, Measurement, Translation, Usage
from harness.run.carry import Keep, carry, estimate
from harness.run.done import BACK, EVENTS, MEASURE, TRANSLATE, Done, todo
from harness.run.plan import Plan
from harness.run.progress import Progress
from harness.run.store import Record, Store


class Executor(Protocol):
    """Where items are carried through the stages: in this process or on a cluster."""

    @property
    def spent(self) -> Usage:
        """What was paid for so far."""
        ...

    async def run(self, plan: Plan, store: Store, done: Done, progress: Progress) -> bool:
        """Bring every item through all stages; see ``execute``."""
        ...

    async def estimate(self, plan: Plan, done: Done, keep: Keep) -> None:
        """Let every quality estimator score what is translated; see ``carry.estimate``."""
        ...

    async def close(self) -> None:
        """Let go of doors and workers."""
        ...


@dataclass(frozen=True)
class LocalExecutor:
    """Everything in this process, ``workers`` items at once."""

    door: Door
    workers: int

    @property
    def spent(self) -> Usage:
        """What was paid for so far."""
        return sum(self.door.spent.values(), Usage())

    async def run(self, plan: Plan, store: Store, done: Done, progress: Progress) -> bool:
        """Bring every item through all stages; see ``execute``."""
        return await execute(plan, self.door, store, done, progress, self.workers)

    async def estimate(self, plan: Plan, done: Done, keep: Keep) -> None:
        """Score in this process, batch by batch; an estimator's worker stays warm."""

        async def score(number: int, rows: Sequence[Row]) -> Sequence[float]:
            return await asyncio.to_thread(plan.estimators[number].score, rows)

        await estimate(plan, done, keep, score)

    async def close(self) -> None:
        """Close the door."""
        await self.door.close()


def keeper(plan: Plan, store: Store, progress: Progress) -> Keep:
    """Return what stores a record and steps the progress."""

    def keep(record: Record) -> None:
        store.append(record)
        match record:
            case Translation():
                progress.step(TRANSLATE)
                if record.state not in ("ok", "failed"):  # it needs no further model
                    if plan.protocol.with_models:
                        progress.step(BACK)
                    for _ in range(len(plan.measures) - len(plan.chunk_judges)):
                        progress.step(MEASURE)
            case BackTranslation():
                progress.step(BACK)
            case EventCheck():
                progress.step(EVENTS)
            case Measurement():
                progress.step(MEASURE)

    return keep


async def execute(plan: Plan, llm: LLM, store: Store, done: Done, progress: Progress, workers: int) -> bool:
    """Bring every item through all stages.

    Args:
        plan: what to run.
        llm: the door.
        store: where records go.
        done: what is already there; filled up in place.
        progress: told of every record.
        workers: items in flight at once.

    Returns:
        True where everything is done, False where the cost limit stopped the run.
    """
    left = todo(plan, done)
    keep = keeper(plan, store, progress)
    within_limit = True

    async def work() -> None:
        nonlocal within_limit
        for seed, item in left:
            if not within_limit:
                return
            try:
                await carry(plan, llm, seed, item, done, keep)
            except CostLimit:
                within_limit = False

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    return within_limit
