"""HOMURA on the embedded 270M model, before and after, scored on the videos it was not trained on.

    sandglass train homura --config embedded
    python benchmarks/homura_embedded.py runs/homura-embedded --out docs/studies

Both models answer the few-shot prompt of the strategy ``prompted`` greedily; the harness scores the answers with
its offline protocol, and the embedded model, untrained, translates back for both. It succeeded where ``usable`` is up
(the 95 % interval of the paired difference above 0) and chrF to the references, which no part of the reward measures,
is not worse by ``MARGIN`` (the interval above -MARGIN). Writes homura-embedded.json and .svg. About ten minutes.
"""

import argparse
import json
import sys
from pathlib import Path

from harness.budget import Budget
from harness.cli import main as sandglass
from harness.compare import compare
from harness.jsonl import to_line, write_atomic
from harness.llm.training_card import read_optimised_for
from harness.records import dump
from harness.run.store import read_result
from harness.task import Task, load_task
from trainers.common.config import Model, find_config, read_config
from trainers.common.history import read_history
from trainers.common.models import load_model
from trainers.common.plots import plot_history
from trainers.common.toy import sample
from trainers.homura import train as homura
from trainers.homura.config import Config
from trainers.homura.data import load_corpus, prompt
from trainers.homura.trainer import end_at_lines

MARGIN = 0.03
"""Loss of chrF, in 0..1, that is accepted: 3 points of 100."""
MAX_TOKENS = 64
COUNTER = "pyphen"
"""Of the offline protocol; the reward counts by the phonetic one."""
BACK_TRANSLATOR = "local/gemma-3-270m"
SHOWN = (
    "usable",
    "ib",
    "ib_within_1",
    "syllable_error",
    "rho_fwd",
    "over",
    "bt_cerr",
    "chrf_ref",
    "bleu_ref",
    "embed_qe",
)
CURVES = ("reward", "parts/length", "parts/embed_qe", "rho", "in_bounds", "entropy", "completions/mean_length")


def answers(model: Model, task: Task, path: Path) -> None:
    """Write a model's greedy answers to a file that ``sandglass score`` reads."""
    weights, tokenizer = load_model(model)
    end_at_lines(weights, tokenizer)
    budget = Budget(task.source, task.target, COUNTER, task.bounds)
    prompts = [prompt(segment, budget, "line") for segment in task.segments]
    texts = sample(weights, tokenizer, prompts, max_new_tokens=MAX_TOKENS, temperature=0, batch=20)
    lines = [
        {"id": s.id, "text": text[0].partition("\n")[0].strip()} for s, text in zip(task.segments, texts, strict=True)
    ]
    write_atomic(path, b"".join(map(to_line, lines)))


def scored(
    name: str, task: str, held_out: tuple[str, ...], answered: Path, optimised_for: tuple[str, ...], out: Path
) -> Path:
    """Score answers with the harness; returns the folder of the result."""
    more = ["--optimised-for", ",".join(optimised_for)] if optimised_for else []
    command = ["score", task, "--translations", str(answered), "--name", name, "--protocol", "offline"]
    command += [word for video in held_out for word in ("--only", video)]
    command += ["--back-translator", BACK_TRANSLATOR, "--qe", "embed_qe", "--threads", "1", "--out", str(out), *more]
    if sandglass(command):
        raise SystemExit(f"{name} could not be scored.")
    return next(out.rglob("result.json")).parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the finished training run")
    parser.add_argument("--out", type=Path, default=Path("docs/studies"))
    args = parser.parse_args()
    config = read_config(find_config("embedded", Path(homura.__file__).parent), Config)
    work, trained = args.run / "evaluation", args.run / "model"
    held_out = load_corpus(config).held_out
    assert held_out is not None  # the mini set has no training part of its own
    task = load_task(config.data.task).only(held_out)
    models = {"before": config.model, "after": Model(f"hf/{trained.resolve()}")}
    folders = []
    for when, model in models.items():
        path = work / f"{when}.jsonl"
        if not path.is_file():
            answers(model, task, path)
        marked = read_optimised_for(trained) if when == "after" else ()
        folders.append(scored(f"gemma-3-270m-{when}", config.data.task, held_out, path, marked, work / when))
    write(args, config, folders)
    return 0


def write(args: argparse.Namespace, config: Config, folders: list[Path]) -> None:
    """Write what came out, and say whether it succeeded."""
    report = compare(folders, lambda names: [n for n in names if n.partition("/")[0] in SHOWN])
    differences = {d.metric: d for d in report.comparisons[0].differences}
    usable, chrf = differences["usable"], differences["chrf_ref"]
    success = {
        "usable is up": usable.low is not None and usable.low > 0,
        f"chrF is not worse by {MARGIN}": chrf.low is not None and chrf.low > -MARGIN,
    }
    history = [row for row in read_history(args.run / "history.jsonl") if "reward" in row]
    results = {when: read_result(folder) for when, folder in zip(("before", "after"), folders, strict=True)}
    table = {
        "what": "HOMURA on the embedded 270M model: LoRA, one short run on a CPU, one seed. A demonstration.",
        "command": "python benchmarks/homura_embedded.py runs/homura-embedded",
        "config": dump(config),
        "held_out": {"segments": report.segments, "videos": report.clusters},
        "protocol": report.protocol,
        "optimised_for": list(results["after"].optimised_for),
        "marked": list(results["after"].marked),
        **{when: {name: dump(result.metrics[name]) for name in differences} for when, result in results.items()},
        "differences": {name: dump(d) for name, d in differences.items()},
        "success": success,
        "seconds_a_step": [round(row["step_time"], 1) for row in history],
        "history": [{k: round(row[k], 4) for k in ("step", *CURVES) if k in row} for row in history],
    }
    write_atomic(args.out / "homura-embedded.json", (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode())
    plot_history(history, CURVES, args.out / "homura-embedded.svg", "HOMURA on the embedded model, training rollouts")
    for metric, d in differences.items():
        name = f"{metric} †" if d.marked else metric
        print(f"| {name} | {d.first} | {d.value} | {d.difference} [{d.low}, {d.high}] | {d.p} |")
    print(success)


if __name__ == "__main__":
    sys.exit(main())
