"""Every Eval Ever records: github.com/evaleval/every_eval_ever, schema 0.3.0.

One file a run, at the path that its datastore wants:
``data/<benchmark>/<developer>/<model>/<uuid>.json``.
"""

import hashlib
import time
import uuid
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any

from harness.exports.facts import LEVEL, Run, developer_and_name, to_json
from harness.jsonl import write_atomic
from harness.records import Estimate

SCHEMA_VERSION = "0.3.0"
RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")


@dataclass(frozen=True)
class Evaluator:
    """Who ran the evaluation, and what they are to the model."""

    name: str = "unknown"
    relationship: str = "other"


def convert(run: Run, evaluator: Evaluator, now: float) -> dict[str, Any]:
    """Return a run as one record.

    Args:
        run: the run.
        evaluator: who ran it.
        now: when the record is made, seconds since 1970.

    Returns:
        Data that the schema accepts.
    """
    result = run.result
    model = _model(result.model)
    common = {
        "protocol": result.protocol,
        "system": result.system,
        "selection": result.selection,
        "complete": str(result.complete).lower(),
        "publishable": str(result.publishable).lower(),
        "notes": "; ".join(run.flags) or "none",
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{result.task}/{model['id']}/{result.system_id}/{result.run_id}/{now:.3f}",
        "evaluation_timestamp": f"{run.finished.timestamp():.3f}",
        "retrieved_timestamp": f"{now:.3f}",
        "source_metadata": {
            "source_name": "sandglass",
            "source_type": "evaluation_run",
            "source_organization_name": evaluator.name,
            "evaluator_relationship": evaluator.relationship,
            "additional_details": common,
        },
        "eval_library": {"name": "sandglass", "version": str(result.provenance.get("sandglass", "unknown"))},
        "model_info": model,
        "evaluation_results": [_metric(run, name, estimate, common) for name, estimate in run.values.items()],
    }


def _model(model: str) -> dict[str, Any]:
    developer, name = developer_and_name(model)
    local = model.startswith("local/")
    info: dict[str, Any] = {
        "name": model,
        "id": f"{developer}/{name}",
        "developer": developer,
        "additional_details": {
            "deployment_type": "self_deployed" if local else "unknown",
            "model_availability": "open_weights" if local else "unknown",
        },
    }
    return info | ({"inference_engine": {"name": "llama.cpp"}} if local else {})


def _metric(run: Run, name: str, estimate: Estimate, common: dict[str, str]) -> dict[str, Any]:
    result, metric = run.result, run.metrics.get(name)
    direction = metric.higher_is_better if metric is not None else None
    low, high = (metric.bounds if metric is not None else None) or (-inf, inf)
    details = common | {"clusters": str(estimate.clusters), "effective_clusters": f"{estimate.effective_clusters:g}"}
    if name in result.marked:
        details["optimised_for"] = "selection or training used this metric or its family: no evidence"
    uncertainty: dict[str, Any] = {"num_samples": estimate.n}
    if estimate.low is not None and estimate.high is not None:
        uncertainty["confidence_interval"] = {
            "lower": estimate.low,
            "upper": estimate.high,
            "confidence_level": LEVEL,
            "method": f"{estimate.method}, clustered by video",
        }
    else:
        details["interval"] = estimate.method
    return {
        "evaluation_result_id": f"{result.run_id}:{name}",
        "evaluation_name": result.task,
        "source_data": _source(run),
        "evaluation_timestamp": f"{run.finished.timestamp():.3f}",
        "metric_config": {
            "evaluation_description": metric.meaning if metric is not None else name,
            "metric_id": f"sandglass.{name}",
            "metric_name": name,
            "metric_unit": "proportion" if metric is not None and metric.proportion else "see description",
            "lower_is_better": direction is False,
            "score_type": "continuous",
            "min_score": _end(low),
            "max_score": _end(high),
            "additional_details": {"direction": "none: a description" if direction is None else "as lower_is_better"},
        },
        "score_details": {"score": estimate.value, "details": details, "uncertainty": uncertainty},
        "generation_config": {
            "additional_details": {"system": result.system, "strategy": result.strategy, "model": result.model}
        },
    }


def _end(number: float) -> float | str:
    """Write the end of a range; JSON has no infinity, the schema a word for it."""
    return number if isfinite(number) else ("Infinity" if number > 0 else "-Infinity")


def _source(run: Run) -> dict[str, Any]:
    details = {"version": run.version, "sha256": run.data_hash, "selection": run.result.selection}
    named = {"dataset_name": run.result.task, "additional_details": details}
    return named | ({"source_type": "url", "url": [run.data_url]} if run.data_url else {"source_type": "other"})


def write(runs: list[Run], out: Path, evaluator: Evaluator) -> list[Path]:
    """Write one record a run; the same run always under the same name.

    Args:
        runs: the runs.
        out: folder; ``data/`` goes into it.
        evaluator: who ran the evaluations.

    Returns:
        The files.
    """
    files = []
    for run in runs:
        digest = hashlib.sha256(f"{run.result.task} {run.result.system_id} {run.result.run_id}".encode()).digest()
        name = uuid.UUID(bytes=digest[:16], version=4)
        files.append(out.joinpath("data", run.result.task, *developer_and_name(run.result.model), f"{name}.json"))
        write_atomic(files[-1], to_json(convert(run, evaluator, time.time())))
    return files
