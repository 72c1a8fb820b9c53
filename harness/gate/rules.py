"""``gate.toml``: which metrics may lose how much, and how often the gate may err."""

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import UserError
from harness.records import load

GATE_SCHEMA = 1
FIX = "docs/gate.md shows every field."


@dataclass(frozen=True)
class MetricRule:
    """What one metric may lose.

    Attributes:
        margin: loss that is accepted, in the metric's own unit (a share of .02 is two points), >= 0.
        better: ``higher`` or ``lower``; needed where the metric itself is neither good nor bad.
    """

    margin: float
    better: Literal["higher", "lower"] | None = None


@dataclass(frozen=True)
class Gate:
    """What ``gate.toml`` holds.

    Attributes:
        schema: 1.
        metrics: rule by metric name.
        alpha: chance that the gate errs, one-sided, in (0, .5): with the rule ``worse`` that it fails though no
            metric lost more than its margin, with ``not-worse`` that it passes though one did.
        power: chance with which the loss that is shown as detectable would be found, in [.5, 1).
        rule: ``worse`` fails where a loss beyond the margin is shown; ``not-worse`` passes only where a smaller
            loss is shown of every metric.
        correction: ``holm`` over the metrics, or ``none``: alpha is then each metric's; for the rule ``worse``.
        min_segments: segments that must carry a metric.
        min_clusters: videos that must carry it.
        missing: what becomes of a metric that a run has no value of.
        marked: what becomes of a metric that a strategy selected by; it is never evidence.
        incomplete: whether a run that is not complete fails the gate or is refused as bad input (exit code 2).
    """

    schema: int
    metrics: dict[str, MetricRule]
    alpha: float = 0.025
    power: float = 0.8
    rule: Literal["worse", "not-worse"] = "worse"
    correction: Literal["holm", "none"] = "holm"
    min_segments: int = 100
    min_clusters: int = 10
    missing: Literal["fail", "skip"] = "fail"
    marked: Literal["fail", "skip"] = "fail"
    incomplete: Literal["fail", "refuse"] = "fail"


def read_gate(path: Path) -> Gate:
    """Read ``gate.toml``, strictly.

    Args:
        path: the file.

    Returns:
        The gate.

    Raises:
        UserError: not readable, an unknown field, or a value out of range.
    """
    try:
        gate = load(Gate, tomllib.loads(path.read_text(encoding="utf-8")))
        _check(gate)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).", "Give the gate's file with --gate.") from error
    except ValueError as error:  # of TOML and of UTF-8, too
        raise UserError(f"{path}: {error}.", FIX) from error
    return gate


def _check(gate: Gate) -> None:
    if gate.schema != GATE_SCHEMA:
        raise ValueError(f"schema {gate.schema} is not {GATE_SCHEMA}, the one this version reads")
    if not 0 < gate.alpha < 0.5:
        raise ValueError(f"alpha {gate.alpha} is not between 0 and .5")
    if not 0.5 <= gate.power < 1:
        raise ValueError(f"power {gate.power} is not in [.5, 1)")
    if gate.min_segments < 1 or gate.min_clusters < 2:
        raise ValueError("min_segments must be 1 or more and min_clusters 2 or more")
    if not gate.metrics:
        raise ValueError("no metric is named: a gate needs a table [metrics.NAME]")
    for name, rule in gate.metrics.items():
        if not (math.isfinite(rule.margin) and rule.margin >= 0):
            raise ValueError(f"metrics.{name}: margin {rule.margin} is not 0 or more")
        if gate.rule == "not-worse" and rule.margin == 0:
            raise ValueError(f"metrics.{name}: no test can show a loss of less than 0; not-worse needs a margin")
