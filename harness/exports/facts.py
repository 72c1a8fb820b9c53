"""What every format says of a run, taken from its result and manifest and nothing else."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from harness import registry
from harness.errors import UserError
from harness.metrics.base import Frame, Metric
from harness.records import Estimate, Result, load
from harness.run.store import read_manifest, read_result
from harness.task import definition_path

LEVEL = 0.95
INCOMPLETE = "INCOMPLETE: segments are missing or failed"
UNPUBLISHABLE = "NOT FOR PUBLICATION: it ranks nothing"


@dataclass(frozen=True)
class Run:
    """One finished run: its folder and its result."""

    folder: Path
    result: Result

    @property
    def finished(self) -> datetime:
        """When the result was written."""
        return datetime.fromtimestamp((self.folder / "result.json").stat().st_mtime, UTC)

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader must know before using a number, the gravest first."""
        result = self.result
        return (
            *([] if result.complete else [INCOMPLETE]),
            *([] if result.publishable else [UNPUBLISHABLE]),
            *result.notes,
            *(f"{name}: selection or training used it or its family, no evidence" for name in result.marked),
            *(f"{name}: no value ({e.method})" for name, e in result.metrics.items() if e.value is None),
        )

    @property
    def values(self) -> dict[str, Estimate]:
        """The metrics that have a value."""
        return {name: estimate for name, estimate in self.result.metrics.items() if estimate.value is not None}

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics as the registry describes them, by name."""
        frame = load(Frame, read_manifest(self.folder)["frame"])
        made = (metric for name in registry.names("metrics") for metric in registry.get("metrics", name)(frame))
        return {metric.name: metric for metric in made}

    @property
    def version(self) -> str:
        """The task's version, from the protocol line."""
        return protocol_part(self.result.protocol, "task").partition("@")[2].partition("#")[0]

    @property
    def data_hash(self) -> str:
        """The hash of the task's data, from the protocol line."""
        return protocol_part(self.result.protocol, "task").partition("#")[2]

    @property
    def data_url(self) -> str | None:
        """Where the task's data is public, None where it is not or the task is not registered."""
        try:
            path = definition_path(self.result.task)
        except UserError:
            return None
        url = tomllib.loads(path.read_text(encoding="utf-8"))["data"].get("url")
        return str(url) if url else None


def find_runs(folder: Path) -> list[Run]:
    """Find the finished runs below a folder, sorted by path.

    Raises:
        UserError: no folder, no result, or a damaged one.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.", "Give the folder that was given with --out.")
    runs = [Run(path.parent, read_result(path.parent)) for path in sorted(folder.rglob("result.json"))]
    if not runs:
        raise UserError(f"{folder} holds no result.", "Give the folder that was given with --out.")
    return runs


def protocol_part(line: str, name: str) -> str:
    """Return one part of a protocol line, empty where it is not there.

    Examples:
        >>> protocol_part("task=t@1#ab|mu=13.1", "mu"), protocol_part("task=t@1#ab", "tau")
        ('13.1', '')
    """
    return dict(part.partition("=")[::2] for part in line.split("|")).get(name, "")


def in_words(name: str, estimate: Estimate) -> str:
    """Write an estimate in words.

    Examples:
        >>> in_words("ib", Estimate(0.5, 0.25, 0.75, "t", 12, 6, 5.5))
        'ib 0.5, 95% interval 0.25 to 0.75 (t; n 12, 6 clusters)'
    """
    size = f"n {estimate.n}, {estimate.clusters} clusters"
    if estimate.low is None or estimate.high is None:
        return f"{name} {estimate.value:.6g}, {estimate.method} ({size})"
    ends = f"{estimate.low:.6g} to {estimate.high:.6g}"
    return f"{name} {estimate.value:.6g}, 95% interval {ends} ({estimate.method}; {size})"


def developer_and_name(model: str) -> tuple[str, str]:
    """Split a model name into developer and name, as far as it tells.

    Examples:
        >>> developer_and_name("openrouter/qwen/qwen3-8b"), developer_and_name("local/gemma-3-270m")
        (('qwen', 'qwen3-8b'), ('google', 'gemma-3-270m'))
        >>> developer_and_name("my file")
        ('unknown', 'my-file')
    """
    *rest, name = (re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-.") or "unknown" for part in model.split("/"))
    developer = rest[-1] if rest else "unknown"
    return ("google" if developer == "local" else developer), name


def to_json(data: object) -> bytes:
    """Write JSON as all exports do: readable, sorted, without NaN."""
    return (json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
