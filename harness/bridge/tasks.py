"""Our tasks as lm-eval tasks: what the YAML files in the task folders point to.

A YAML file holds a name and metadata; a test keeps it equal to ``task.toml``, which is
the truth. Prompts come from the strategies and values from the metrics, so no formula
stands here. lm-eval's own standard error takes segments to be independent; the columns
``…_low`` and ``…_high`` are 95 % intervals clustered by video instead.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from harness import registry
from harness.bridge.prompts import completion_requests
from harness.errors import UserError
from harness.llm.types import Decode, Response
from harness.metrics.base import Metric
from harness.prompts import parse_line
from harness.protocol import Protocol
from harness.records import Translation, Usage
from harness.run.plan import Plan
from harness.score import Records, score
from harness.stats.clusters import cluster_sums
from harness.stats.intervals import Interval, interval
from harness.task import definition_path, load_task

METRICS = ("ok", "ib", "ib_within_1", "over", "under", "rho_fwd", "tokens_total")
"""Model-free metrics that lm-eval reports; ``tokens_total`` where the model tells its usage."""

DATA_VARIABLE = "SANDGLASS_DATA"
BASE_MODEL = "lm-eval"
SELECTION = "by lm-eval"
"""lm-eval chooses documents after the task is loaded: its results say how many, under ``n-samples``."""

SEED = 1


class Answer(str):
    """A response to lm-eval that carries what our model knows of it: state and usage."""

    translation: Translation


class Value(float):
    """One segment's value of a metric, with the statistics that its interval needs."""

    metric: str
    plan: tuple[str, str]
    cluster: str
    row: tuple[float, ...]


def load(task: str, protocol: str = "paper", prompt: str = "prompted", **metadata: Any) -> dict[str, Any]:
    """Load a task for lm-eval; its ``custom_dataset``.

    Args:
        task: registered name, from the YAML's metadata.
        protocol: whose syllable counter scores.
        prompt: strategy whose prompt for base models is shown.
        metadata: the rest; what the YAML says of the task must be true.

    Returns:
        The split ``test``, one row a segment.

    Raises:
        UserError: the YAML contradicts the task, or the data is missing.
    """
    from datasets import Dataset

    plan = plan_of(task, protocol)
    facts = describe(task, protocol)
    wrong = [name for name in facts.keys() & metadata.keys() if metadata[name] != facts[name]]
    if wrong:
        raise UserError(
            f"The lm-eval YAML of {task} says {wrong[0]} is {metadata[wrong[0]]!r}, the task says {facts[wrong[0]]!r}.",
            "Reinstall sandglass-bench, or write the YAML anew.",
        )
    prompting = plan_for(plan, BASE_MODEL, prompt, Decode(), SEED)
    requests = completion_requests(prompting.strategies[SEED], plan.task.segments)
    rows = [
        {
            "task": task,
            "protocol": protocol,
            "protocol_line": plan.protocol_line,
            "id": segment.id,
            "cluster": segment.cluster,
            "domain": segment.domain,
            "text": segment.text,
            "reference": segment.reference or "",
            "prompt": request.prompt,
        }
        for segment, request in zip(plan.task.segments, requests, strict=True)
    ]
    return {"test": Dataset.from_list(rows)}


def describe(task: str, protocol: str = "paper") -> dict[str, Any]:
    """Return what a YAML must say of its task, as its metadata has it."""
    loaded = plan_of(task, protocol).task
    return {
        "version": loaded.version,
        "source": loaded.source,
        "target": loaded.target,
        "bounds": list(loaded.bounds),
        "segments": len(loaded.segments),
        "data_sha256": loaded.data_hash,
    }


@cache
def plan_of(task: str, protocol: str) -> Plan:
    """Load a task under the model-free part of a protocol, once."""
    preset: Protocol = registry.get("protocols", protocol)
    loaded = replace(load_task(task, _given_data(task)), selection=SELECTION)
    return Plan(loaded, preset.without_models(), BASE_MODEL, "submitted", Decode(), (SEED,), submitted=BASE_MODEL)


def plan_for(plan: Plan, model: str, strategy: str, decode: Decode, seed: int, api_base: str | None = None) -> Plan:
    """Return the plan of a model and a strategy on the same task under the same protocol."""
    return Plan(plan.task, plan.protocol, model, strategy, decode, (seed,), api_base=api_base)


def _given_data(task: str) -> Path | None:
    """Return the task's data file that SANDGLASS_DATA names, itself or by its folder; None without one."""
    given = os.environ.get(DATA_VARIABLE)
    if not given:
        return None
    definition = tomllib.loads(definition_path(task).read_text(encoding="utf-8"))
    name = Path(definition["data"]["file"]).name
    path = Path(given) / name if Path(given).is_dir() else Path(given)
    return path if path.name == name and path.is_file() else None


def process_results(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Value]:
    """Score one response; lm-eval's ``process_results``.

    Args:
        doc: a row of ``load``.
        results: the response, an ``Answer`` where our model gave it.

    Returns:
        Values by metric, each also as ``…_low`` and ``…_high`` for the ends of the interval;
        a metric that leaves the segment out is not there.
    """
    plan = plan_of(doc["task"], doc["protocol"])
    segment = plan.task.by_id[doc["id"]]
    translation = getattr(results[0], "translation", None) or _read(segment.id, results[0], plan.task.target)
    records = Records({(segment.id, translation.seed): translation}, {}, {})
    scores = score([segment], records, plan.metrics, plan.frame, plan.task.source, plan.protocol.counter)
    values: dict[str, Value] = {}
    for name in METRICS:
        row = scores.rows[0, scores.columns[name]]
        if row[-1] == 0:
            continue
        value = Value(_metric(plan, name).aggregate(row[np.newaxis], np.ones(1))[0])
        value.metric, value.plan = name, (doc["task"], doc["protocol"])
        value.cluster, value.row = segment.cluster, tuple(row.tolist())
        values |= {name: value, f"{name}_low": value, f"{name}_high": value}
    return values


def _read(id_: str, text: str, target: str) -> Translation:
    """Read a plain response: one line; lm-eval does not say whether it was cut off."""
    parsed = parse_line(Response(str(text), "stop", Usage()), target)[0]
    return Translation(id_, SEED, parsed.text, parsed.state, parsed.detail)


def _metric(plan: Plan, name: str) -> Metric:
    return next(metric for metric in plan.metrics if metric.name == name)


def value(values: Sequence[Value]) -> float | str:
    """Aggregate a metric over segments."""
    return _shown(_interval(values).estimate)


def low(values: Sequence[Value]) -> float | str:
    """Return the lower end of its 95 % interval, clustered by video."""
    return _shown(_interval(values).low)


def high(values: Sequence[Value]) -> float | str:
    """Return the upper end of its 95 % interval, clustered by video."""
    return _shown(_interval(values).high)


def _shown(number: float | None) -> float | str:
    return "N/A" if number is None else float(number)


def _interval(values: Sequence[Value]) -> Interval:
    metric = _metric(plan_of(*values[0].plan), values[0].metric)
    sums = cluster_sums(np.array([value.row for value in values]), [value.cluster for value in values])
    return interval(metric.aggregate, sums, bounds=metric.bounds, proportion=metric.proportion)
