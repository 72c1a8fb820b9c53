"""Walking through what a run would ask, without keeping anything: for dry runs and for batches."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.errors import RunError
from harness.llm.types import LLM
from harness.records import Item, Segment, Translation
from harness.run.back_translate import back_translate
from harness.run.plan import Plan
from harness.task import windows

if TYPE_CHECKING:
    from harness.judges import ChunkJudge


def walk(plans: Sequence[Plan]) -> Callable[[LLM], Iterable[Any]]:
    """Return what asks a door everything that the plans would ask, one coroutine an item.

    Args:
        plans: what would run.

    Returns:
        Function from a door to coroutines, each to be awaited for itself.
    """
    return lambda llm: (ask(plan, seed, item, llm) for plan in plans for seed in plan.seeds for item in plan.units)


async def ask(plan: Plan, seed: int, item: Item, llm: LLM) -> None:
    """Ask what one item asks: its translation, then back-translations and judges."""
    if plan.submitted:
        return
    prompts = windows(item.segments, plan.window)
    made = await asyncio.gather(*(plan.strategies[seed].translate(prompt, llm) for prompt in prompts))
    translations = [translation for part in made for translation in part]
    further = [
        _check(plan, llm, segment, translation)
        for segment, translation in zip(item.segments, translations, strict=True)
        if translation.state == "ok"
    ]
    further += [_judge_chunk(judge, item, translations, llm) for judge in plan.chunk_judges]
    await asyncio.gather(*further)


async def _judge_chunk(judge: "ChunkJudge", item: Item, translations: Sequence[Translation], llm: LLM) -> None:
    with suppress(RunError):
        await judge.judge_item(item, translations, llm)


async def _check(plan: Plan, llm: LLM, segment: Segment, translation: Translation) -> None:
    if plan.back_translator is not None:
        await back_translate(translation, plan.task.target, plan.task.source, *plan.back_translator, llm)
    for judge in plan.line_judges:
        with suppress(RunError):
            await judge.judge(segment, translation.text, llm)
