"""The study ``cpo``: one toy base model and one set of triplets a seed, trained on in nine ways."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainers.common.config import read_config
from trainers.common.study import Arm, Outcome, Study
from trainers.cpo import toy
from trainers.cpo.config import PACKAGE, Config, Toy
from trainers.cpo.toy_model import measure_toy, toy_base, toy_measures
from trainers.cpo.train import load_corpus, run
from trainers.cpo.triplets import select

SLOW = "train.learning_rate=1e-4"

CPO = Study(
    name="cpo",
    question="Is CPO better than SFT and DPO on the same triplets, and must rejections be natural?",
    arms=(
        Arm("SFT on preferred", "cpo-sft", {"sets": ("loss.objective=sft",)}),
        Arm("base model", "cpo-base", {"sets": ()}),
        Arm("CPO", "cpo-cpo", {"sets": ("loss.objective=cpo",)}),
        Arm("DPO, the same learning rate", "cpo-dpo", {"sets": ("loss.objective=dpo",)}),
        Arm("DPO, a fifth of it", "cpo-dpo-slow", {"sets": ("loss.objective=dpo", SLOW)}),
        Arm("CPO, noised rejections", "cpo-noised", {"sets": ("data.rejected=noised",)}),
        Arm("DPO, a fifth, noised", "cpo-dpo-noised", {"sets": ("loss.objective=dpo", SLOW, "data.rejected=noised")}),
        Arm("CPO, no likelihood term", "cpo-bare", {"sets": ("loss.cpo_alpha=0.0",)}),
        Arm("CPO, sequence sum", "cpo-sum", {"sets": ("loss.nll=sequence_sum",)}),
    ),
    measures={
        "quality": "quality (exact)",
        "words": "words (chose the triplets: no evidence)",
        "order": "order (chose nothing)",
        "length": "length over the exact one's",
    },
    run="trainers.cpo.studies:run_arm",
)


def run_arm(options: Mapping[str, Any], seed: int, folder: Path, shared: Path, quick: bool) -> Outcome:
    """Train one arm from the seed's base model and measure it on the seed's tests.

    Args:
        options: ``sets``, overrides of the toy configuration; none leaves the base model as it is.
        seed: of the language's draws, the base model and training.
        folder: the run's own.
        shared: where the fitted base model of a seed lies.
        quick: a few steps only.
    """
    config = read_config(PACKAGE / "toy.toml", Config, [f"train.seed={seed}", *options["sets"]])
    assert config.toy is not None
    if quick:
        small = replace(config.toy, references=400, sources=200, tests=40, fitting=30)
        config = replace(config, toy=small, train=replace(config.train, steps=4))
    base = shared / f"cpo-base-{seed}{'-quick' if quick else ''}"
    toy_base(config, base)
    if not options["sets"]:
        return Outcome(measure_toy(config, base))
    config = replace(config, train=replace(config.train, output=str(folder / "output")))
    return Outcome(measure_toy(config, run(config, load_corpus(config), base)))


def systems(seed: int, count: int = Toy.sources) -> dict[str, dict[str, float]]:
    """Measure the toy's own systems, and what is chosen and rejected from them, exactly.

    Examples:
        >>> found = systems(0, 200)
        >>> found["chosen"]["words"] > found["reference"]["words"] > found["rejected"]["words"]
        True
    """
    outputs = toy.outputs(count, seed)
    triplets = select(outputs).triplets
    sides = {
        name: [(c.text, one.text) for one in outputs for c in one.candidates if c.system == name]
        for name in toy.SYSTEMS
    }
    sides |= {
        "chosen": [(one.chosen, one.text) for one in triplets],
        "rejected": [(one.rejected, one.text) for one in triplets],
    }
    return {
        side: {name: found[0] for name, found in toy_measures(*zip(*pairs, strict=True)).items()}
        for side, pairs in sides.items()
    }
