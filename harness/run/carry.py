"""What happens to one item: translated, translated back, its events matched, judged.

``carry`` hands out records and writes nothing, so that it runs in this process
(``engine.execute``) or in the workers of a cluster (``ray_executor``); the process that
holds the store writes them. A failure becomes a record, and the run goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from harness.errors import RunError
from harness.llm.types import LLM
from harness.qe import Row
from harness.records import BackTranslation, EventCheck, Item, Measurement, Segment, State, Translation
from harness.run.back_translate import back_translate
from harness.run.done import Done
from harness.run.names import column
from harness.run.plan import Plan
from harness.run.store import Record
from harness.task import windows

if TYPE_CHECKING:
    from harness.judges import Judge, Judgement

ESTIMATE_BATCH = 256
"""Rows given to a quality estimator at once; what is scored is stored batch by batch."""

Keep = Callable[[Record], None]
"""Takes every record as soon as it exists."""

Score = Callable[[int, Sequence[Row]], Awaitable[Sequence[float]]]
"""Scores a batch with the plan's estimator of a number."""


async def carry(plan: Plan, llm: LLM, seed: int, item: Item, known: Done, keep: Keep) -> None:
    """Bring one item through all stages; only what is missing is done.

    Args:
        plan: what it belongs to; its own segments are not looked at.
        llm: the door.
        seed: the repeat.
        item: one of the plan's units.
        known: what there is of it; filled up in place.
        keep: given every record as soon as it exists.

    Raises:
        CostLimit: the next call could pass the cost limit; what was kept stays.
    """

    def made(record: Record) -> None:
        keep(record)
        known.add(record)

    async def translate(prompt: Item) -> None:
        if any((segment.id, seed) not in known.translations for segment in prompt.segments):
            for translation in await _translate(plan, llm, seed, prompt):
                made(translation)

    await asyncio.gather(*map(translate, windows(item.segments, plan.window)))
    further = [_judge(plan, llm, seed, segment, known, made) for segment in item.segments]
    further.append(_judge_chunk(plan, llm, seed, item, known, made))
    if plan.protocol.with_models:
        further += [_check(plan, llm, seed, segment, known, made) for segment in item.segments]
    await asyncio.gather(*further)


async def _translate(plan: Plan, llm: LLM, seed: int, item: Item) -> list[Translation]:
    try:
        return list(await plan.strategies[seed].translate(item, llm))
    except RunError as error:
        return [Translation(segment.id, seed, "", "failed", str(error)) for segment in item.segments]


async def _check(plan: Plan, llm: LLM, seed: int, segment: Segment, known: Done, made: Keep) -> None:
    """Back-translate one hypothesis and match its events; a failed translation goes no further."""
    key = (segment.id, seed)
    translation = known.translations[key]
    if key in known.events or translation.state == "failed":
        return
    if translation.state == "ok" and key not in known.back_translations:
        made(await _back_translate(plan, llm, translation))
    if not plan.with_events:
        return
    back = known.back_translations[key] if translation.state == "ok" else None
    if back is not None and back.state == "failed":
        return
    text = back.text if back is not None and back.state == "ok" else ""
    made(await asyncio.to_thread(_match, plan, segment, seed, text))


async def _judge(plan: Plan, llm: LLM, seed: int, segment: Segment, known: Done, made: Keep) -> None:
    """Let every judge that has not yet judge one hypothesis; what is not ok is not judged."""
    translation = known.translations[segment.id, seed]
    if translation.state != "ok":
        return
    judged = known.measurements.get((segment.id, seed), {})

    async def ask(judge: "Judge") -> None:
        made(await _measured(segment.id, seed, judge.name, judge.judge(segment, translation.text, llm)))

    await asyncio.gather(*(ask(judge) for judge in plan.line_judges if judge.name not in judged))


async def _judge_chunk(plan: Plan, llm: LLM, seed: int, item: Item, known: Done, made: Keep) -> None:
    """Let every judge of chunks judge the item as a whole, once no translation is missing for reasons of ours."""
    translations = [known.translations[segment.id, seed] for segment in item.segments]
    if any(translation.state == "failed" for translation in translations):
        return
    judged = known.measurements.get((item.id, seed), {})
    for judge in plan.chunk_judges:
        if judge.name not in judged:
            made(await _measured(item.id, seed, judge.name, judge.judge_item(item, translations, llm)))


async def _measured(id_: str, seed: int, name: str, verdict: "Awaitable[Judgement]") -> Measurement:
    try:
        found = await verdict
    except RunError as error:
        return Measurement(id_, seed, name, None, "failed", str(error))
    return Measurement(id_, seed, name, found.value, found.state, found.reason, found.usage, found.answers)


async def estimate(plan: Plan, done: Done, keep: Keep, score: Score, at_once: int = 1) -> None:
    """Let every quality estimator score what is translated, in batches, once all items are carried.

    Args:
        plan: what was run.
        done: what there is; filled up in place.
        keep: given every record as soon as it exists.
        score: scores a batch with the estimator of a number; here or on a cluster.
        at_once: batches under way at a time.
    """
    slots = asyncio.Semaphore(at_once)

    async def measure(number: int, name: str, batch: Sequence[Translation]) -> None:
        by_id = plan.task.by_id
        rows = [Row(by_id[t.id].text, t.text, by_id[t.id].reference) for t in batch]
        async with slots:
            try:
                values: Sequence[float | None] = await score(number, rows)
                why = ""
            except RunError as error:
                values, why = [None] * len(batch), str(error)
        for translation, value in zip(batch, values, strict=True):
            state: State = "ok" if value is not None else "failed"
            record = Measurement(translation.id, translation.seed, name, value, state, why)
            keep(record)
            done.add(record)

    await asyncio.gather(*(measure(*job) for job in _batches(plan, done)))


def _batches(plan: Plan, done: Done) -> Iterator[tuple[int, str, Sequence[Translation]]]:
    """Yield what each estimator has not scored, with the estimator's number and column."""
    for number, name in enumerate(map(column, plan.protocol.estimators)):
        left = [
            translation
            for key, translation in sorted(done.translations.items())
            if translation.state == "ok" and name not in done.measurements.get(key, {})
        ]
        for start in range(0, len(left), ESTIMATE_BATCH):
            yield number, name, left[start : start + ESTIMATE_BATCH]


async def _back_translate(plan: Plan, llm: LLM, translation: Translation) -> BackTranslation:
    assert plan.back_translator is not None  # with_models holds
    model, api_base = plan.back_translator
    try:
        return await back_translate(translation, plan.task.target, plan.task.source, model, api_base, llm)
    except RunError as error:
        return BackTranslation(translation.id, translation.seed, "", "failed", str(error))


def _match(plan: Plan, segment: Segment, seed: int, text: str) -> EventCheck:
    from harness.events.match import match

    extractor, embedder, _ = plan.parts
    return EventCheck(segment.id, seed, match(extractor.events(segment.text), text, extractor, embedder))
