"""The columns of a table: what each metric is called, how it is written, and what it can and cannot say."""

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness import registry
from harness.convert import load
from harness.metrics.base import Frame, Metric
from harness.records import Estimate, Result
from harness.report import PERCENT

GROUPS = ("Headline", "Fit", "Meaning", "Estimates", "Judges", "Time", "Cost", "Sources", "Other")
FIRST = ("usable", "hit", "ok", "ib", "length_compliance", "bt_cerr", "rho_fwd", "line_count")
LAST = ("bleu_rho", "bleu_ref", "chrf_ref", "tokens_total", "cost")
MOST_FIRST = 12
"""Columns of a table that are in its page, at most; all others come when they are asked for."""

ENOUGH = 6
"""Columns up to which a table is filled with metrics that this version does not know of."""

LENGTH = ("hit", "ib", "length_compliance")
"""What a table without anything better is sorted by. It ranks nothing: gibberish of the right length would lead."""


@dataclass(frozen=True)
class Column:
    """One metric as a column.

    Attributes:
        name: the metric.
        label: its heading.
        group: where the column picker lists it.
        unit: behind the heading.
        factor: what a value is multiplied with to be shown.
        digits: decimals shown.
        higher_is_better: direction, None where there is none.
        meaning: what it is on this board, in a sentence of the harness.
        text: what it is.
        formula: how it is computed.
        cannot: what it cannot say.
    """

    name: str
    label: str
    group: str
    unit: str
    factor: float
    digits: int
    higher_is_better: bool | None
    meaning: str
    text: str
    formula: str
    cannot: str

    def number(self, value: float) -> str:
        """Write a value as the table shows it.

        Examples:
            >>> columns_of(["usable", "rho_fwd", "cost"], {})["cost"].number(0.00015)
            '0.15'
            >>> columns_of(["usable"], {})["usable"].number(0.5)
            '50.0'
        """
        return f"{value * self.factor:.{self.digits}f}"

    def interval(self, estimate: Estimate) -> str:
        """Write an interval as the table shows it, and why there is none where there is none."""
        if estimate.low is None or estimate.high is None:
            return "no interval"
        return f"{self.number(estimate.low)}–{self.number(estimate.high)}"


def columns_of(names: Iterable[str], metrics: Mapping[str, Metric], measures: Sequence[str] = ()) -> dict[str, Column]:
    """Describe the columns of a table.

    Args:
        names: metrics.
        metrics: the same as the harness describes them, where it knows them.
        measures: those that judges or estimators measured.

    Returns:
        By name, in the order of the groups.
    """
    made = [_column(name, metrics.get(name), name in measures) for name in names]
    return {column.name: column for column in sorted(made, key=lambda column: GROUPS.index(column.group))}


def _column(name: str, metric: Metric | None, measured: bool) -> Column:
    about = _about(name)
    group = about.get("group") or _group(name, metric, measured)
    percent = name in PERCENT or "fill" in name or (metric is not None and metric.proportion)
    factor, unit, digits = (100.0, "%", 1) if percent else (1.0, "", 3)
    if name == "cost":
        factor, unit, digits = 1000.0, "$ per 1,000", 2
    elif name in ("tokens", "tokens_total", "latency", "calls") or _wide(metric):
        digits = 1
    meaning = metric.meaning if metric is not None else ""
    better = metric.higher_is_better if metric is not None else None
    label = about.get("label") or name.replace("_", " ")
    text = about.get("text") or meaning or "A metric that this version of the board does not know."
    parts = (about.get("formula", ""), about.get("cannot", ""))
    return Column(name, label, group, unit, factor, digits, better, meaning, text, *parts)


def _wide(metric: Metric | None) -> bool:
    return metric is not None and metric.bounds is not None and 10 < metric.bounds[1] < 1e9


def _group(name: str, metric: Metric | None, measured: bool) -> str:
    if measured:
        judged = metric is not None and any(family.startswith("judge/") for family in metric.families)
        return "Judges" if judged else "Estimates"
    source = "no_admissible_count", "events_none", "events_shown", "fill_left_out"
    return "Sources" if name in source else "Cost" if name == "calls" else "Other"


@cache
def methods() -> dict[str, dict[str, str]]:
    """Return what the methods page says of each metric, by name."""
    found: dict[str, dict[str, str]] = tomllib.loads(
        (Path(__file__).parent / "methods.toml").read_text(encoding="utf-8")
    )
    return found


def _about(name: str) -> Mapping[str, str]:
    known = methods()
    if name in known:
        return known[name]
    return next((known[key] for key in known if key.endswith("*") and name.startswith(key[:-1])), {})


def describe(manifest: Mapping[str, Any]) -> dict[str, Metric]:
    """Return the metrics of a run as the harness describes them; none where its manifest does not tell."""
    try:
        frame = load(Frame, manifest["frame"])
        made = [metric for name in registry.names("metrics") for metric in registry.get("metrics", name)(frame)]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return {}
    return {metric.name: metric for metric in made}


def first_columns(columns: Mapping[str, Column], results: Sequence[Result], ranking: str) -> list[str]:
    """Choose the columns that a table shows first, by name; what ranks stands before all."""
    known = [name for name in columns if any(_value(result, name) is not None for result in results)]
    measures = [name for result in results for name in result.measures]
    chosen = [name for name in dict.fromkeys([ranking, *FIRST, *measures, *LAST]) if name in known]
    more = [name for name in known if columns[name].higher_is_better and name not in chosen]
    return (chosen + more[: max(0, ENOUGH - len(chosen))])[:MOST_FIRST]


def headline(columns: Mapping[str, Column], results: Sequence[Result], rankable: Collection[str]) -> str:
    """Choose the metric that ranks a table, or sorts it where none can rank; empty where there is neither.

    ``usable`` first, then a hit with its quality, judges and estimators, events; length only to sort by.

    Args:
        columns: the table's.
        results: its rows.
        rankable: metrics that are means over segments, so that clusters can be exchanged.
    """
    both = [name for name in columns if name.startswith("hit_and_")]
    measures = [name for result in results for name in result.measures if _directed(columns, name)]
    for name in ("usable", *both, *measures, "bt_cerr", *LENGTH):
        if name in columns and name in rankable and any(_value(result, name) is not None for result in results):
            return name
    return ""


def _directed(columns: Mapping[str, Column], name: str) -> bool:
    return name in columns and columns[name].higher_is_better is not None


def _value(result: Result, name: str) -> float | None:
    estimate = result.metrics.get(name)
    return None if estimate is None else estimate.value
