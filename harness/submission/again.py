"""Plans to ask again: the models that measured a submission, or the system itself.

What the manifest and the two lines of a submission name is built here and has to come
to the very same lines; only servers may be others.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from harness.errors import UserError
from harness.llm.types import Decode
from harness.protocol import Protocol
from harness.records import Result
from harness.run.names import parse_seeds
from harness.run.plan import Plan
from harness.submission.check import Checked
from harness.task import Task

SYSTEM = re.compile(r"\|decode=(?P<decode>[^|]*)\|window=(?P<window>\d+)\|seeds=(?P<seeds>[\d,]+)$")


def sampled(task: Task, size: int | None, seed: int, window: int = 1) -> Task:
    """Return the task with a random sample of about ``size`` segments, whole prompts of ``window`` at a time.

    Args:
        task: the whole task.
        size: segments, at least; None for all.
        seed: of the draw; must not be known to the author beforehand.
        window: segments in one prompt.

    Raises:
        UserError: a size below 1.
    """
    if size is None or size >= len(task.segments):
        return task
    if size < 1:
        raise UserError(f"--sample {size} leaves nothing to do.", "Give at least 1.")
    items = list(task.items(window))
    Random(seed).shuffle(items)
    chosen: set[str] = set()
    for item in items:
        if len(chosen) >= size:
            break
        chosen.update(segment.id for segment in item.segments)
    segments = tuple(segment for segment in task.segments if segment.id in chosen)
    return replace(task, segments=segments, selection=f"{len(chosen)} of {len(task.segments)}, drawn with seed {seed}")


def protocol_of(manifest: dict[str, Any], result: Result, back_server: str | None, judges: Sequence[str]) -> Protocol:
    """Build the protocol that a manifest names.

    Args:
        manifest: the submission's.
        result: the submission's.
        back_server: the back-translator's server here.
        judges: the same judges as written here, with servers of one's own; those of the manifest where empty.
    """
    part = dict(part.partition("=")[::2] for part in result.protocol.split("|"))

    def name(key: str, end: str) -> str | None:
        return part[key].partition(end)[0] if key in part else None

    extractor = name("events", ",")
    estimators = [measure["name"] for measure in manifest["frame"].get("measures", [])[len(manifest["judges"]) :]]
    return Protocol(
        manifest["protocol_name"],
        manifest["counter"],
        name("back_translator", ",prompt="),
        extractor.partition("@")[0] if extractor else None,
        name("embedder", "@"),
        back_server,
        tuple(judges or manifest["judges"]),
        tuple(estimators),
    )


def measuring_plan(checked: Checked, task: Task, protocol: Protocol) -> Plan:
    """Plan to measure a submission's translations again.

    Raises:
        UserError: what measures here is not what the protocol line names.
    """
    result = _result(checked)
    seeds = tuple(sorted({translation.seed for translation in checked.translations}))
    plan = Plan(task, protocol, result.model, result.strategy, Decode(), seeds, submitted=result.run_id)
    expected = result.protocol.replace(f"|selection={result.selection}|", f"|selection={task.selection}|")
    if plan.protocol_line != expected:
        pairs = zip(plan.protocol_line.split("|"), expected.split("|"), strict=False)
        here, there = next(((a, b) for a, b in pairs if a != b), (plan.protocol_line, expected))
        raise UserError(f"Here {here} would measure, in the submission {there} did.", "Ask the same parts again.")
    return plan


def system_plan(
    checked: Checked, task_whole: Task, protocol: Protocol, server: str | None, sample: tuple[int | None, int]
) -> Plan:
    """Plan to run a submission's system again.

    Args:
        checked: the submission.
        task_whole: its task.
        protocol: how the new outputs are measured.
        server: the system's server here.
        sample: segments, and the seed of their draw.

    Raises:
        UserError: a file of translations, or a system that cannot be built from its line.
    """
    result = _result(checked)
    found = SYSTEM.search(result.system)
    if found is None:
        raise UserError("A file of translations names no system that could be run.", "Its trust ends at re-judged.")
    window = int(found["window"])
    task = sampled(task_whole, *sample, window)
    decode = _decode(found["decode"])
    plan = Plan(task, protocol, result.model, result.strategy, decode, parse_seeds(found["seeds"]), window, server)
    if plan.system_line != result.system:
        raise UserError(f"The system line here would be {plan.system_line}.", "Use the version that made the run.")
    return plan


def _decode(text: str) -> Decode:
    """Read decoding parameters back; an unknown one shows in the system line, which then differs."""
    given = dict(part.partition("=")[::2] for part in text.split(","))
    try:
        return Decode(
            max_tokens=int(given["max_tokens"]),
            temperature=float(given["temperature"]) if "temperature" in given else None,
            top_p=float(given["top_p"]) if "top_p" in given else None,
            reasoning_effort=given.get("reasoning_effort"),
        )
    except (KeyError, ValueError) as error:
        raise UserError(f"The decoding {text!r} cannot be read.", "Use the version that made the run.") from error


def _result(checked: Checked) -> Result:
    assert checked.result is not None  # nothing that was refused is asked again
    return checked.result
