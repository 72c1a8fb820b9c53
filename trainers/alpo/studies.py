"""The study of ALPO on the toy: against its SFT model, a longer SFT, and DPO on outputs and on segments.

All arms start from one SFT model a seed and take as many steps; a step of each sees about as many tokens. ALPO's and
DPO's are 16 scenes of up to four pairs, or 64 pairs of outputs: 128 rows, seen by the policy and the reference. A step
of the longer SFT has 170 rows, since a forward pass costs a third of a step.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainers.alpo.candidates import candidates
from trainers.alpo.config import Config
from trainers.alpo.evaluate import translated
from trainers.alpo.measures import DIMENSIONS, Score, against, by_count, by_counting, score
from trainers.alpo.preferences import preferences
from trainers.alpo.setup import evaluation_samples, sampling_model, training_samples
from trainers.alpo.sft import model_at, sft, tuned
from trainers.common.config import read_config
from trainers.common.history import read_history
from trainers.common.models import load_model
from trainers.common.study import Arm, Outcome, Study

LONGER_BATCH = 170

QUICK = ("data.scenes=200", "sft.steps=20", "train.steps=3", "sampling.k=6", "evaluation.limit=20")

DPO = ("method=segment_dpo", "beta=0.1")
OUTCOME = ("method=outcome_dpo", "beta=0.1", "sampling.mode=whole", "train.batch=64")

ALPO = Study(
    "alpo",
    "Does ALPO make translations more vivid than SFT without making them less accurate, and more than DPO does?",
    (
        Arm("SFT", "alpo-sft", {"train": False}),
        Arm("longer SFT", "alpo-longer", {"train": False, "longer": True}),
        Arm("outcome-level DPO", "alpo-outcome", {"sets": OUTCOME}),
        Arm("outcome-level DPO, beta 1", "alpo-outcome-1", {"sets": (*OUTCOME, "beta=1.0")}),
        Arm("segment-level DPO", "alpo-segment", {"sets": DPO}),
        Arm("segment-level DPO, beta 1", "alpo-segment-1", {"sets": (*DPO, "beta=1.0")}),
        Arm("ALPO", "alpo-alpo"),
    ),
    {
        "accuracy": "accuracy, %",
        "naturalness": "naturalness, %",
        "vividness": "vividness, %",
        "win_rate": "comprehensive win rate over SFT, %",
    },
    "trainers.alpo.studies:run",
    "margin",
)


def run(options: Mapping[str, Any], seed: int, folder: Path, shared: Path, quick: bool) -> Outcome:
    """Run one arm; SFT and candidates are shared by the arms of a seed."""
    config = configured(options.get("sets", ()), seed, folder, shared, quick)
    start = sft(config)
    assert start is not None  # the toy has SFT
    base = model_at(config, start)
    if options.get("longer"):
        trained = longer(config, start)
    elif options.get("train", True):
        trained = preferences(config, base, candidates(config, base))
    else:
        trained = start
    measures = asyncio.run(_measured(config, start, trained))
    curve = [] if trained == start else read_history(Path(config.train.output) / "history.jsonl")
    points = [(row["step"], row["margin"]) for row in curve if "margin" in row]
    return Outcome({name: _ends(found) for name, found in measures.items()}, {"margin": points})


def configured(sets: tuple[str, ...], seed: int, folder: Path, shared: Path, quick: bool) -> Config:
    """Return the toy's configuration with an arm's changes."""
    path = Path(__file__).with_name("toy.toml")
    config = read_config(path, Config, (*sets, *(QUICK if quick else ()), f"train.seed={seed}", f"sft.seed={seed}"))
    name = f"alpo-{seed}{'-quick' if quick else ''}"
    assert config.sft is not None
    return replace(
        config,
        sft=replace(config.sft, output=str(shared / f"{name}-sft")),
        sampling=replace(config.sampling, output=str(shared / f"{name}-{config.sampling.mode}")),
        train=replace(config.train, output=str(folder / "run")),
    )


def longer(config: Config, start: Path) -> Path:
    """Go on with SFT on all references, for as many steps, at a tenth of SFT's learning rate."""
    assert config.sft is not None
    model, tokenizer = load_model(model_at(config, start))
    first, second = training_samples(config, tokenizer)
    rate = config.sft.learning_rate / 10
    training = replace(config.train, batch=LONGER_BATCH, learning_rate=rate, weight_decay=config.sft.weight_decay)
    return tuned(config, training, first + second, model, tokenizer)


async def _measured(config: Config, start: Path, trained: Path) -> dict[str, Score]:
    outputs = {}
    for folder in {start, trained}:
        model, tokenizer = sampling_model(model_at(config, folder))
        samples = evaluation_samples(config, tokenizer)
        outputs[folder] = await translated(config, samples, model, tokenizer)
    found = {name: await score(samples, outputs[trained], by_counting(name)) for name in DIMENSIONS}
    compared = await against(samples, outputs[trained], outputs[start], by_count("comprehensive"))
    return found | {"win_rate": compared.rate}


def _ends(found: Score) -> tuple[float, float, float]:
    assert found.value is not None and found.low is not None and found.high is not None  # many scenes, all counted
    return found.value, found.low, found.high
