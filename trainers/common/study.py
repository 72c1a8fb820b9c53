"""Studies: the same training with one thing changed, over several seeds, stored so that anyone can look.

A study's runs are independent processes; a finished run is a file and is not run again, and arms
of different studies with one key are one run. What is stored in ``docs/studies`` is what came out.
"""

import json
import math
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.errors import RunError
from harness.jsonl import write_atomic
from harness.records import dump

Measured = tuple[float, float, float]
"""A value and its 95 % interval within one run."""

MISSING: Measured = (math.nan, math.nan, math.nan)
"""What a run did not measure, such as the calibration of answers of which none can be read."""


@dataclass(frozen=True)
class Outcome:
    """What one run measured: values with intervals, and curves of (step, value)."""

    measures: dict[str, Measured]
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Arm:
    """One way of training.

    Attributes:
        name: as tables show it.
        key: name of the run; equal keys are one run, whatever the study.
        options: what the study's function gets.
    """

    name: str
    key: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """Arms compared on measures.

    Attributes:
        name: of its files.
        question: what it is to answer, one sentence.
        arms: the first is what the others are compared with.
        measures: those shown, in order, with a word for people.
        run: import path ``module:function`` of ``run(options, seed, folder, shared, quick) -> Outcome``;
            ``folder`` is the run's own, ``shared`` one for what runs share, such as fitted base models.
        curve: the curve that is plotted.
    """

    name: str
    question: str
    arms: tuple[Arm, ...]
    measures: Mapping[str, str]
    run: str
    curve: str = ""


def run_study(study: Study, out: Path, seeds: Sequence[int], *, jobs: int = 1, quick: bool = False) -> dict[str, Any]:
    """Run what is missing, each run a process with one thread, and summarise.

    Args:
        study: what to run.
        out: folder of runs; results go to ``OUT/NAME.json`` and ``.md``, quick ones to ``OUT/NAME-quick.json``.
        seeds: one run of every arm each.
        jobs: seeds at a time; runs of one seed follow each other, since they share what is fitted first.
        quick: a minute's version, to see that everything works; its numbers mean nothing.

    Returns:
        The summary, as stored.

    Raises:
        RunError: a run ended in an error; the others are kept.
    """
    wanted = [(arm, seed) for seed in seeds for arm in study.arms]
    missing = [(arm, seed) for arm, seed in wanted if not _file(out, arm, seed, quick).is_file()]

    def start(seed: int) -> list[str]:
        return [_start(study, arm, seed, out, quick) for arm, own in missing if own == seed]

    with ThreadPoolExecutor(jobs) as pool:
        failed = [text for texts in pool.map(start, seeds) for text in texts if text]
    if failed:
        raise RunError(f"{len(failed)} of {len(missing)} runs of {study.name} failed: {failed[0]}")
    summary = summarise(
        study, {(arm.key, seed): _read(_file(out, arm, seed, quick)) for arm, seed in wanted}, seeds, quick
    )
    write_atomic(out / f"{summary['study']}.json", (json.dumps(summary, indent=1, ensure_ascii=False) + "\n").encode())
    write_atomic(out / f"{summary['study']}.md", table(summary).encode())
    return summary


def run_one(study: Study, arm: Arm, seed: int, out: Path, quick: bool) -> None:
    """Run one arm with one seed in this process and store its outcome."""
    folder = out / "runs" / _name(arm, seed, quick)
    folder.mkdir(parents=True, exist_ok=True)
    shared = out / "shared"
    shared.mkdir(exist_ok=True)
    module, _, function = study.run.partition(":")
    began = time.monotonic()
    outcome: Outcome = getattr(import_module(module), function)(arm.options, seed, folder, shared, quick)
    table = dump(outcome) | {"seconds": round(time.monotonic() - began, 1)}
    write_atomic(_file(out, arm, seed, quick), json.dumps(table).encode())


def summarise(
    study: Study, outcomes: Mapping[tuple[str, int], Outcome], seeds: Sequence[int], quick: bool = False
) -> dict[str, Any]:
    """Summarise outcomes: mean over seeds, and its difference to the first arm, with t-intervals over seeds.

    Seeds are what is sampled, so the interval is ``mean +- t(.975, n - 1) * sd / sqrt(n)``, and that of a
    difference pairs by seed. It is left out where there is one seed. A measure that a run lacks has no mean.
    """
    from harness import __version__

    arms: dict[str, Any] = {}
    for arm in study.arms:
        runs = [outcomes[arm.key, seed] for seed in seeds]
        first = [outcomes[study.arms[0].key, seed] for seed in seeds]
        measures = {}
        for name in study.measures:
            values = [run.measures.get(name, MISSING)[0] for run in runs]
            against = [value - run.measures.get(name, MISSING)[0] for value, run in zip(values, first, strict=True)]
            measures[name] = over_seeds(values) | {"difference": over_seeds(against)}
            measures[name]["runs"] = [list(run.measures[name]) for run in runs if name in run.measures]
        curves = {name: [run.curves.get(name, []) for run in runs] for name in ([study.curve] if study.curve else [])}
        arms[arm.name] = {"measures": measures, "curves": curves, "seconds": [run.seconds for run in runs]}
    return {
        "study": study.name + ("-quick" if quick else ""),
        "question": study.question,
        "command": f"sandglass study {study.name} --seeds {len(seeds)}" + (" --quick" if quick else ""),
        "quick": quick,
        "demonstration": "tiny models on a made-up language",
        "sandglass": __version__,
        "seeds": list(seeds),
        "shown": dict(study.measures),
        "arms": arms,
    }


def over_seeds(values: Sequence[float]) -> dict[str, Any]:
    """Compute the mean of runs and its 95 % t-interval, None for one run; no mean where a value is NaN.

    Examples:
        >>> over_seeds([1.0, 2.0, 3.0])
        {'mean': 2.0, 'low': -0.4841, 'high': 4.4841}
        >>> over_seeds([1.0])
        {'mean': 1.0, 'low': None, 'high': None}
    """
    import numpy as np
    from scipy import stats

    mean = float(np.mean(values))
    if math.isnan(mean):
        return {"mean": None, "low": None, "high": None}
    if len(values) < 2:
        return {"mean": round(mean, 4), "low": None, "high": None}
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def table(summary: Mapping[str, Any]) -> str:
    """Write a study's table in Markdown: mean over seeds with interval."""
    shown = summary["shown"]
    lines = [f"| arm | {' | '.join(shown.values())} |", "|---" * (len(shown) + 1) + "|"]
    for arm, found in summary["arms"].items():
        lines.append(f"| {arm} | {' | '.join(_cell(found['measures'][name]) for name in shown)} |")
    return "\n".join(lines) + "\n"


def _cell(found: Mapping[str, Any]) -> str:
    if found["mean"] is None:
        return "-"
    if found["low"] is None:
        return f"{found['mean']:.3f}"
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def _start(study: Study, arm: Arm, seed: int, out: Path, quick: bool) -> str:
    """Run in a process of its own; return what went wrong, empty where nothing."""
    command = [sys.executable, "-m", "trainers.common.study_run", study.name, arm.key, str(seed), str(out)]
    folder = out / "runs" / _name(arm, seed, quick)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("ab") as log:
        code = subprocess.run(
            [*command, *(["--quick"] if quick else [])], stdout=log, stderr=log, check=False
        ).returncode
    return f"{arm.name}, seed {seed}, exit code {code}; see {folder / 'log.txt'}" if code else ""


def _name(arm: Arm, seed: int, quick: bool) -> str:
    return f"{arm.key}-{seed}{'-quick' if quick else ''}"


def _file(out: Path, arm: Arm, seed: int, quick: bool) -> Path:
    return out / "runs" / _name(arm, seed, quick) / "outcome.json"


def _read(path: Path) -> Outcome:
    stored = json.loads(path.read_text(encoding="utf-8"))
    curves = {name: [(step, value) for step, value in points] for name, points in stored.get("curves", {}).items()}
    measures = {name: (value, low, high) for name, (value, low, high) in stored["measures"].items()}
    return Outcome(measures, curves, stored["seconds"])
