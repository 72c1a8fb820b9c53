"""The study of implicit cross-lingual rewarding: two rounds in full, and with one thing changed."""

import fcntl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainers.common.config import read_config
from trainers.common.study import Arm, Measured, Outcome, Study
from trainers.icr.config import Config
from trainers.icr.requests import ENGLISH

TOY = Path(__file__).with_name("toy.toml")
QUICK = ("toy.steps=300", "toy.pairs=500", "toy.train=40", "start.steps=20", "rounds=1", "train.steps=10")

ICR = Study(
    name="icr",
    question="Do two rounds raise the win rate in languages without preferences, and what does each part add?",
    arms=(
        Arm("full (R_c, DPO + NLL, length control)", "icr-full"),
        Arm("without NLL", "icr-no-nll", {"sets": ("loss.alpha=0.0",)}),
        Arm("without length control", "icr-no-length-control", {"sets": ("rewarding.length_control=false",)}),
        Arm("R_m: target-language prompt", "icr-multilingual", {"sets": ('rewarding.kind="multilingual"',)}),
        Arm("R_t: translated without fault", "icr-translated", {"sets": ('rewarding.kind="translated"',)}),
        Arm("KTO start", "icr-kto", {"start": "kto", "sets": ('start.method="kto"',)}),
    ),
    measures={
        "pairs": "first round's pairs that are right, %",
        "round_0": "win rate after one round, %",
        "win_rate": "after two rounds, %",
        "second": "added by the second, points",
        "length_controlled": "length-controlled, %",
        "english": "in English, %",
        "quality": "quality, the start's taken off",
        "length": "length over the start's",
    },
    run="trainers.icr.studies:run_arm",
)
"""Win rates are against each arm's own start policy, means over the three languages without preferences."""


def run_arm(options: Mapping[str, Any], seed: int, folder: Path, shared: Path, quick: bool) -> Outcome:
    """Run one arm with one seed; SFT model and start policy are made once for all arms that share them.

    Args:
        options: ``sets`` of the arm.
        seed: of everything.
        folder: the run's.
        shared: of all runs.
        quick: a minute's version.
    """
    from trainers.common.running import prepare
    from trainers.icr.data import read_prompts
    from trainers.icr.rounds import run_rounds
    from trainers.icr.toy import agreement, compare, prepare_toy, told, translate, write_scores
    from trainers.icr.train import with_start

    sets = (*options.get("sets", ()), *(QUICK if quick else ()), f"toy.seed={seed}", f"train.seed={seed}")
    config = read_config(TOY, Config, (*sets, f"train.output={str(folder / 'out')!r}"))
    toy = config.toy
    assert toy is not None
    prepare(config.train, config)
    base = shared / f"icr-{seed}{'-quick' if quick else ''}"
    base.mkdir(exist_ok=True)
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        config = prepare_toy(config, toy, base)
        method = options.get("start", "dpo")
        start = replace(config, train=replace(config.train, output=str(base / method)))
        started = with_start(start)
    config = replace(started, train=config.train)
    prompts, _ = read_prompts(config.data)
    run_rounds(config, prompts, config.model.path, config.sft, translate)
    scores = compare(config, toy)
    write_scores(folder / "scores.json", scores)
    print(told(scores))
    return _outcome(scores, config.rounds, agreement(folder / "out" / "round_0"))


def _outcome(scores: Mapping[str, Any], rounds: int, agreed: float) -> Outcome:
    from trainers.icr.evaluate import mean_interval

    def mean(model: str, name: str) -> Measured:
        found = mean_interval([getattr(part, name) for language, part in scores[model].items() if language != ENGLISH])
        return float(found.estimate or 0.0), float(found.low or 0.0), float(found.high or 0.0)

    def plain(name: str, model: str) -> float:
        values = [getattr(part, name) for language, part in scores[model].items() if language != ENGLISH]
        return float(sum(values) / len(values))

    last = f"round {rounds - 1}"
    first, final = mean("round 0", "win_rate"), mean(last, "win_rate")
    second = final[0] - first[0]
    english = scores[last][ENGLISH].win_rate
    gained, length = plain("quality", last) - plain("quality", "start"), plain("length_ratio", last)
    return Outcome({
        "pairs": (100 * agreed, 100 * agreed, 100 * agreed),
        "round_0": first,
        "win_rate": final,
        "second": (second, second, second),
        "length_controlled": mean(last, "length_controlled"),
        "english": (english.estimate, english.low, english.high),
        "quality": (gained, gained, gained),
        "length": (length, length, length),
    })  # fmt: skip
