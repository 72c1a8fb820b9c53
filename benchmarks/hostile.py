"""What hostile baselines get from the published columns: ``python benchmarks/hostile.py [Sandglass.json]``.

Scores every kind of ``hostile`` on Sand-Glass with the model-free metrics and prints a
Markdown table. With ``--round-trip`` it also runs them on part of the mini set with the
embedded model as back-translator, beside its own honest strategies.
"""

import argparse
import json
import tempfile
from pathlib import Path

from baselines.hostile import MAKERS
from harness.budget import Budget
from harness.cli import main
from harness.strategy import Setting
from harness.task import load_task

FREE = ("ib", "ib_within_1", "over", "under", "rho_fwd")
TRIP = ("usable", "ok", "ib", "events_kept", "bleu_rho")


def model_free(data: Path) -> None:
    task = load_task("sandglass_zh_en", data)
    setting = Setting("none", Budget("zh", "en", "pyphen", task.bounds))
    print("| kind | ib | within 1 | over | under | mean rho | check mark |\n|---|---|---|---|---|---|---|")
    for kind, make in MAKERS.items():
        with tempfile.TemporaryDirectory() as name:
            file = Path(name) / f"{kind}.txt"
            file.write_text("\n".join(make(setting, s) for s in task.segments) + "\n", encoding="utf-8")
            score = ["score", "sandglass_zh_en", "--data", str(data), "--translations", str(file), "--no-model"]
            print_row(kind, [*score, "--out", f"{name}/out"], FREE, task.bounds)


def round_trip() -> None:
    print("| strategy | usable | ok | ib | events kept | bleu_rho |\n|---|---|---|---|---|---|")
    kinds = [f"hostile:kind={kind}" for kind in MAKERS]
    for strategy in ("unconstrained", "prompted", "best_of_n", *kinds):
        with tempfile.TemporaryDirectory() as name:
            run = ["run", "sandglass_mini_zh_en", "--model", "local/gemma-3-270m", "--strategy", strategy]
            limits = ["--protocol", "offline", "--seeds", "1", "--limit", "18", "--out", name]
            print_row(strategy, [*run, *limits], TRIP, None)


def print_row(name: str, command: list[str], columns: tuple[str, ...], bounds: tuple[float, float] | None) -> None:
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        main(command)
    out = Path(command[-1])
    metrics = json.loads(next(out.rglob("result.json")).read_bytes())["metrics"]
    cells = [f"{m['value']:.3f} [{m['low']:.3f}, {m['high']:.3f}]" if m["value"] is not None else "-"
             for m in (metrics[column] for column in columns)]  # fmt: skip
    if bounds is not None:
        rho = metrics["rho_fwd"]["value"]
        cells.append("-" if rho is None else "passed" if bounds[0] <= rho <= bounds[1] else "failed")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, help="the published Sandglass.json")
    parser.add_argument("--round-trip", action="store_true")
    arguments = parser.parse_args()
    if arguments.data is not None:
        model_free(arguments.data)
    if arguments.round_trip:
        round_trip()
