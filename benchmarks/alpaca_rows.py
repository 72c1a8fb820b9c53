"""Make the board's rows of AlpacaEval 2 from published judgements: win rates, plain and length-controlled.

    python -m benchmarks.alpaca_rows FOLDER [--results leaderboard/results]

FOLDER holds ``annotations_dev.csv.gz`` (model, instruction, preference, len_baseline, len_model), reduced from
tatsu-lab/alpaca_eval. The preferences are the published ones of weighted_alpaca_eval_gpt4_turbo over
gpt4_1106_preview; the win rates and all intervals are computed here, the length-controlled ones with
difficulties estimated from all models together. No text is at hand, so nothing can be judged again.
"""

import argparse
import hashlib
from pathlib import Path

from benchmarks.length_controlled import BASELINE, read
from harness import __version__
from harness.jsonl import to_line, write_atomic
from harness.metrics.base import Frame, Measure
from harness.protocol import short_hash
from harness.records import SCHEMA, Estimate, Result, dump
from harness.run.names import run_id, system_id
from harness.run.store import file_hashes
from harness.stats import length_controlled_intervals, win_rate_interval
from harness.stats.intervals import Interval
from harness.submission.trust import sign

TASK = "alpaca_eval_2_en"
ANNOTATOR = "weighted_alpaca_eval_gpt4_turbo"


def estimate(found: Interval, n: int, factor: float = 1.0) -> Estimate:
    """Return an interval as a result has it."""
    ends = [None if end is None else end * factor for end in (found.estimate, found.low, found.high)]
    return Estimate(*ends, found.method, n, found.clusters, found.effective_clusters)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--results", type=Path, default=Path("leaderboard/results"))
    args = parser.parse_args()
    table, _, _ = read(args.folder)
    digest = hashlib.sha256((args.folder / "annotations_dev.csv.gz").read_bytes()).hexdigest()
    measure = Measure("preference", 0.0, 1.0, "judge/preference")
    frame = Frame("en", (), 0.0, (), bleu_tokenizer="13a", measures=(measure,), track="none", counted=False)
    protocol = f"task={TASK}@2#{digest[:12]}|selection=all|baseline={BASELINE}|measure={ANNOTATOR}"
    controlled = length_controlled_intervals(table)
    for model in sorted({row[0] for row in table}):
        rows = sorted((row for row in table if row[0] == model), key=lambda row: row[1])
        plain = win_rate_interval([row[2] for row in rows], [str(row[1]) for row in rows])
        metrics = {
            "preference": estimate(plain, len(rows), 0.01),
            "win_rate": estimate(plain, len(rows)),
            "win_rate_lc": estimate(controlled[model], len(rows)),
        }
        system = f"model={model}|published judgements"
        names = {"run_id": run_id("published", protocol, system), "system_id": system_id(model, "submitted", system)}
        folder = args.results / TASK / names["system_id"] / names["run_id"]
        provenance = {"sandglass": __version__, "data": "tatsu-lab/alpaca_eval", "sha256": digest}
        manifest = {"schema": SCHEMA, "task": TASK, "protocol_name": "published", "protocol": protocol}
        manifest |= {"system": system, "selection": "all", "optimised_for": [], "source_language": "en"}
        manifest |= {"counter": "pyphen", "judges": [], "frame": dump(frame), "prompts": {}, "provenance": provenance}
        lines = [
            {
                "id": f"{row[1]:04}",
                "seed": 1,
                "cluster": f"{row[1]:04}",
                "state": "ok",
                "syllables": {},
                "rho": None,
                "statistics": {"ok": [1.0, 1.0], "preference": [row[2], 1.0], "preference_unread": [0.0, 1.0]},
            }
            for row in rows
        ]
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / "manifest.json", to_line(manifest))
        write_atomic(folder / "scores.jsonl", b"".join(to_line(line) for line in lines))
        result = Result(
            schema=SCHEMA,
            task=TASK,
            **names,
            protocol=protocol,
            system=system,
            model=model,
            strategy="submitted",
            selection="all",
            bounds=(),
            complete=True,
            publishable=True,
            states={"ok": len(rows)},
            segments=len(rows),
            metrics=metrics,
            usage={},
            measures=("preference",),
            notes=("published judgements: the outputs themselves are not at hand",),
            files=file_hashes(folder),
            provenance=provenance,
        )
        write_atomic(folder / "result.json", to_line(dump(result)))
        sign(folder, "recomputed", True, "benchmarks.alpaca_rows", {"annotations": short_hash(digest)})
    print(f"{len({row[0] for row in table})} rows in {args.results / TASK}")


if __name__ == "__main__":
    main()
