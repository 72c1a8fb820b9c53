"""How surely shifted and swapped lines are told from lines in place.

    python benchmarks/line_order.py [WMT22_OUTPUTS]

Batches of 20 consecutive lines of the mini set with its references, and of short lines of
WMT22 with GPT-4's translations: as they are, with two neighbours swapped, and with a run of
three or six translations one line too early, as after a merge that a split makes up for.
Shown are quantiles of the excess (``harness/translating/order.py``) and the share at or
above the threshold.
"""

import json
import random
import sys
from pathlib import Path

import numpy as np

from harness.embedders import load
from harness.translating.order import EXCESS, excess

MINI = Path(__file__).parents[1] / "tasks" / "sandglass_mini" / "segments.jsonl"
SIZE, STEP, LINES = 20, 5, 400
LONGEST = {"zh": 25, "en": 60}


def texts():
    """Yield a name, sources and translations."""
    rows = [json.loads(line) for line in MINI.read_text(encoding="utf-8").splitlines()]
    for target in ("en", "de", "es"):
        yield f"mini zh-{target}", [row["text"] for row in rows], [row["references"][target] for row in rows]
    for pair in ("zh-en", "en-de") if len(sys.argv) > 1 else ():
        source, target = pair.split("-")
        folder = Path(sys.argv[1])
        read = (folder / "wmt-testset", source), (folder / "GPT-4-1106-preview", target)
        both = [(at / pair.replace("-", "") / f"test.{pair}.{end}").read_text("utf-8").splitlines() for at, end in read]
        short = [n for n, line in enumerate(both[0]) if len(line) <= LONGEST[source]][:LINES]
        yield f"WMT22 {pair}", [both[0][n] for n in short], [both[1][n] for n in short]


def moved(lines, run, rng):
    """Return lines with a run of them one place too early, the last one split."""
    at = rng.randrange(len(lines) - run)
    head, _, tail = lines[at + run].rpartition(" ")
    return [*lines[:at], *lines[at + 1 : at + run], head, tail, *lines[at + run + 1 :]]


def swapped(lines, rng):
    at = rng.randrange(len(lines) - 1)
    return [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]


def main() -> None:
    embedder, rng = load("usem3"), random.Random(1)
    print("quantiles 0, .05, .5, .95, 1 of the excess; share that is taken for misplaced")
    for name, sources, made in texts():
        found = {"in place": [], "two swapped": [], "three moved": [], "six moved": []}
        for start in range(0, len(sources) - SIZE + 1, STEP):
            lines, right = sources[start : start + SIZE], made[start : start + SIZE]
            wrong = (right, swapped(right, rng), moved(right, 3, rng), moved(right, 6, rng))
            for kind, case in zip(found, wrong, strict=True):
                found[kind].append(excess(embedder, lines, case))
        for kind, values in found.items():
            shown = " ".join(f"{value:.2f}" for value in np.quantile(values, [0, 0.05, 0.5, 0.95, 1]))
            told = sum(value >= EXCESS for value in values)
            print(f"{name:<12} {kind:<12} {shown}  {told} of {len(values)}")


if __name__ == "__main__":
    main()
