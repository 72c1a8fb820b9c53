"""Our tasks as lm-eval tasks: what the YAML files in the task folders point to.

A YAML file holds a name and metadata (``bridge.yaml_files`` writes it from the task's
definition, which is the truth). Prompts come from the strategies and values from the
metrics, so no formula stands here. lm-eval's own standard error takes segments to be
independent; the columns ``…_low`` and ``…_high`` are 95 % intervals clustered by video instead.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from harness import registry
from harness.bridge.prompts import completion_requests
from harness.definition import read_definition
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
from harness.task import Task, definition_path, load_task

METRICS = (
    *("ok", "ib", "ib_within_1", "over", "under", "hit", "length_compliance"),
    *("rho_fwd", "bleu_ref", "chrf_ref", "tokens_total"),
)
"""Model-free metrics that lm-eval reports, those of them that a task has; ``tokens_total`` where usage is told."""

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
        task: registered name or folder, from the YAML's metadata.
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
    facts = describe(plan.task)
    wrong = [name for name in facts.keys() & metadata.keys() if metadata[name] != facts[name]]
    if wrong:
        raise UserError(
            f"The lm-eval YAML of {task} says {wrong[0]} is {metadata[wrong[0]]!r}, the task says {facts[wrong[0]]!r}.",
            "Write it anew: python -m harness.bridge.yaml_files [DEFINITION].",
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


def describe(task: Task) -> dict[str, Any]:
    """Return what a YAML says of its task, as its metadata has it."""
    return {
        "version": task.version,
        "source": task.source,
        "target": task.target,
        "track": task.track,
        "bounds": list(task.bounds),
        "data_sha256": task.data_hash,
    }


@cache
def plan_of(task: str, protocol: str) -> Plan:
    """Load a task under the model-free part of a protocol, once."""
    preset: Protocol = registry.get("protocols", protocol)
    loaded = replace(load_task(task, given_data(task)), selection=SELECTION)
    return Plan(loaded, preset.without_models(), BASE_MODEL, "submitted", Decode(), (SEED,), submitted=BASE_MODEL)


def plan_for(plan: Plan, model: str, strategy: str, decode: Decode, seed: int, api_base: str | None = None) -> Plan:
    """Return the plan of a model and a strategy on the same task under the same protocol."""
    return Plan(plan.task, plan.protocol, model, strategy, decode, (seed,), api_base=api_base)


def given_data(task: str) -> Path | None:
    """Return the task's data file that SANDGLASS_DATA names; None without one.

    The variable holds files and folders, separated as in PATH; one counts where it holds
    every file that the task's definition names.

    Raises:
        UserError: the task holds no data and none is named.
    """
    if task not in registry.names("tasks"):
        return None
    path = definition_path(task)
    definition, target = read_definition(path), task.rsplit("_", 1)[1]
    name = Path(definition.data.file.replace("{target}", target)).name
    for given in filter(None, os.environ.get(DATA_VARIABLE, "").split(os.pathsep)):
        file = Path(given) / name if Path(given).is_dir() else Path(given)
        if file.name == name and all(
            file.with_name(Path(n).name).is_file() for n in (name, *definition.targets[target].also)
        ):
            return file
    if not (definition.data.url or (path.parent / name).is_file()):
        raise UserError(f"{task} comes without data.", f"Name its {name}, or the folder of it, in {DATA_VARIABLE}.")
    return None


def process_results(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Value]:
    """Score one response; lm-eval's ``process_results``.

    Args:
        doc: a row of ``load``.
        results: the response, an ``Answer`` where our model gave it.

    Returns:
        Values by metric, each also as ``…_low`` and ``…_high`` for the ends of the interval;
        a metric that the task does not have, or that leaves the segment out, is not there.
    """
    plan = plan_of(doc["task"], doc["protocol"])
    segment = plan.task.by_id[doc["id"]]
    translation = getattr(results[0], "translation", None) or _read(segment.id, results[0], plan.task)
    records = Records({(segment.id, translation.seed): translation}, {}, {})
    scores = score([segment], records, plan.metrics, plan.frame, plan.task.source, plan.protocol.counter)
    values: dict[str, Value] = {}
    for name in METRICS:
        if name not in scores.columns:
            continue
        row = scores.rows[0, scores.columns[name]]
        if row[-1] == 0:
            continue
        value = Value(_metric(plan, name).aggregate(row[np.newaxis], np.ones(1))[0])
        value.metric, value.plan = name, (doc["task"], doc["protocol"])
        value.cluster, value.row = segment.cluster, tuple(row.tolist())
        values |= {name: value, f"{name}_low": value, f"{name}_high": value}
    return values


def _read(id_: str, text: str, task: Task) -> Translation:
    """Read a plain response, of one line where it translates; lm-eval does not say whether it was cut off."""
    if task.kind == "instructions":
        return Translation(id_, SEED, text.strip(), "ok" if text.strip() else "empty")
    parsed = parse_line(Response(str(text), "stop", Usage()), task.target)[0]
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
