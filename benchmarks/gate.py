"""Measure how often the regression gate errs, and what it finds.

    python -m benchmarks.gate --comparisons 1000
    python -m benchmarks.gate --shapes "6 x 10" "6 uneven" "10 uneven" "12 x 10" "15 uneven" "20 x 10"

Two systems translate 1,000 segments: in 96 videos as uneven as those of Sand-Glass v1 (1 to 88 segments), or in 100
of ten. Whether a line fits its budget and whether its meaning is kept are latent normal values; both systems share
the difficulty of the video and of the segment, and each has a taste of its own for each video (its share is the
intra-video correlation of the difference) and chance. ``usable`` needs both. Each comparison draws both systems anew
and goes through ``harness.gate.decide`` with three metrics: usable, ib, bt_cerr.

* alike: both systems have the same law. The gate with the rule ``worse`` should pass; failing is a false alarm.
* loss: of the second system's usable lines a share loses its meaning, so that ``usable`` truly loses that much.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.special import ndtri

from benchmarks.interval_coverage import PUBLISHED
from benchmarks.interval_coverage import SHAPES as FEW
from harness.compare_runs import Run
from harness.gate.decide import decide
from harness.gate.rules import Gate, MetricRule
from harness.metrics.base import Metric, ratio
from harness.records import Result
from harness.stats.clusters import Floats
from harness.stats.proportions import clopper_pearson

SHAPES = FEW | {"96 uneven": PUBLISHED, "100 even": [10] * 100}
NAMES = ("usable", "ib", "bt_cerr")
FITS, KEEPS = 0.6, 0.7
MARGIN = 0.02
METRICS = {name: Metric(name, "", lambda _: (), ratio, higher_is_better=True, proportion=True) for name in NAMES}
RESULT = Result(
    schema=1, task="simulated", run_id="", system_id="", protocol="", system="", model="", strategy="", selection="",
    bounds=(), complete=True, publishable=True, states={}, segments=1000, metrics={}, usage={},
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """What two systems have in common.

    Attributes:
        name: in words.
        shared: share of a segment's latent value that both systems share.
        correlation: intra-video correlation of what they do not share.
        stated: loss that the gate must find.
    """

    name: str
    shared: float
    correlation: float
    stated: float


PAIRS = (Pair("two versions of a system", 0.8, 0.05, 0.06), Pair("two systems", 0.4, 0.2, 0.1))


@dataclass(frozen=True)
class Case:
    """One row: structure, systems, gate and planted loss."""

    shape: str
    pair: Pair
    rule: Literal["worse", "not-worse"]
    margin: float
    loss: float


def verdicts(rng: np.random.Generator, case: Case, loss: float, difficulty: Floats) -> Floats:
    """Draw one system's verdicts [n, 3] on segments of a given difficulty [2, n]."""
    sizes, pair = SHAPES[case.shape], case.pair
    taste = np.repeat(rng.normal(size=(2, len(sizes))), sizes, axis=1)
    own = np.sqrt(pair.correlation) * taste + np.sqrt(1 - pair.correlation) * rng.normal(size=difficulty.shape)
    latent = np.sqrt(pair.shared) * difficulty + np.sqrt(1 - pair.shared) * own
    fits, keeps = latent[0] < ndtri(FITS), latent[1] < ndtri(KEEPS)
    keeps &= ~(fits & keeps & (rng.random(len(fits)) < loss / (FITS * KEEPS)))
    return np.column_stack([fits & keeps, fits, keeps]).astype(float)


def run(name: str, shape: str, values: Floats) -> Run:
    """Wrap verdicts as a finished run."""
    segments = tuple(f"{number:04}" for number in range(len(values)))
    clusters = tuple(f"{number:03}" for number in np.repeat(np.arange(len(SHAPES[shape])), SHAPES[shape]))
    present = np.ones(len(values))
    statistics = {key: np.column_stack([column, present]) for key, column in zip(NAMES, values.T, strict=True)}
    return Run(name, Path(), replace(RESULT, model=name), METRICS, segments, clusters, statistics)


@dataclass(frozen=True)
class Found:
    """How many comparisons failed the gate, and means: share of segments that changed, detectable loss of usable."""

    failed: int
    flipped: float
    detectable: float


def simulate(case: Case, comparisons: int, seed: int) -> Found:
    """Draw pairs of systems and send them through the gate."""
    rng = np.random.default_rng(seed)
    rules = {name: MetricRule(case.margin) for name in NAMES}
    gate = Gate(1, rules, rule=case.rule, min_segments=1, min_clusters=2)
    sizes, failed, flipped, detectable = SHAPES[case.shape], 0, [], []
    for _ in range(comparisons):
        video = np.repeat(rng.normal(size=(2, len(sizes))), sizes, axis=1)
        difficulty = np.sqrt(0.1) * video + np.sqrt(0.9) * rng.normal(size=video.shape)
        first, second = (verdicts(rng, case, loss, difficulty) for loss in (0.0, case.loss))
        verdict = decide(gate, run("first", case.shape, first), run("second", case.shape, second))
        failed += not verdict.passed
        flipped.append(np.mean(first[:, 0] != second[:, 0]))
        detectable.append(verdict.checks[0].detectable)
    return Found(failed, float(np.mean(flipped)), float(np.mean(detectable)))


def cases(shapes: Sequence[str]) -> Iterator[Case]:
    """Cross structure, systems and gates; losses from none to the stated one, beyond the margin."""
    for shape in shapes:
        for pair in PAIRS:
            for loss in (0.0, pair.stated):
                yield Case(shape, pair, "worse", 0.0, loss)
            for loss in (0.0, MARGIN, MARGIN + pair.stated):
                yield Case(shape, pair, "worse", MARGIN, loss)
            for loss in (0.0, pair.stated):
                yield Case(shape, pair, "not-worse", pair.stated, loss)


def main() -> None:
    """Print one row a case, with 95 % intervals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=1000)
    parser.add_argument("--shapes", nargs="+", choices=tuple(SHAPES), default=("96 uneven", "100 even"))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    args = parser.parse_args()
    work = list(cases(args.shapes))
    print("| videos | systems | rule, margin | true loss | flipped | detectable | gate fails, % [95%] |")
    print("|" + "---|" * 7)
    with ProcessPoolExecutor(args.workers) as pool:
        made = pool.map(simulate, work, [args.comparisons] * len(work), range(len(work)))
        for case, found in zip(work, made, strict=True):
            low, high = (100 * end for end in clopper_pearson(found.failed, args.comparisons, 0.95))
            cells = [case.shape, case.pair.name, f"{case.rule}, {case.margin:.2f}", f"{case.loss:.2f}"]
            cells += [f"{found.flipped:.0%}", f"{found.detectable:.3f}"]
            cells.append(f"{100 * found.failed / args.comparisons:.1f} [{low:.1f}, {high:.1f}]")
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
