"""HOMURA's studies on the toy language: the paper's ablations, and what its reward hides.

Every arm is ``toy.toml`` with one thing changed. Arms that are the same run in several studies are
run once, and the fitted base model of a seed is shared by all.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from trainers.common.history import read_history
from trainers.common.study import Arm, Outcome, Study
from trainers.homura import toy
from trainers.homura.config import Config

RUN = "trainers.homura.studies:run"
CURVES = ("rho", "in_bounds", "parts/length", "entropy", "kl")

REPAIRED = Arm("repaired", "homura-repaired")
PAPER = Arm("paper", "homura-paper", {"sets": ["reward.profile=paper"]})
FEW = {"verbosity": 0.6, "deviation": 0.1}
"""A base of which hardly any translation is in bounds."""

MEASURES = {
    "in_bounds": "share in bounds",
    "kept": "share with the meaning kept",
    "usable": "share usable: both",
    "rho": "mean rho",
}

REWARDS = Study(
    name="homura-rewards",
    question="Does the distance to the nearest bound learn better than the paper's to the farther one, "
    "from a base with some and with few outputs in bounds?",
    arms=(
        REPAIRED,
        PAPER,
        Arm("repaired, few in bounds", "homura-repaired-few", FEW),
        Arm("paper, few in bounds", "homura-paper-few", {"sets": ["reward.profile=paper"]} | FEW),
    ),
    measures=MEASURES | {"without_variance": "groups without variance"},
    run=RUN,
    curve="in_bounds",
)

BOUNDS = Study(
    name="homura-bounds",
    question="Do bounds relaxed for short sources learn faster or more smoothly than static ones (Figure 5)?",
    arms=(
        replace(PAPER, name="paper, dynamic"),
        Arm("paper, static", "homura-paper-static", {"sets": ["reward.profile=paper", "reward.length=static"]}),
        replace(REPAIRED, name="repaired, dynamic"),
        Arm("repaired, static", "homura-repaired-static", {"sets": ["reward.length=static"]}),
    ),
    measures=MEASURES | {"in_relaxed_bounds": "share in relaxed bounds", "wobble": "deviation of rho, second half"},
    run=RUN,
    curve="rho",
)


VERDICT = {"quality": ["toy_meaning", "toy_verdict"]}
SIMILARITY = {"quality": ["toy_meaning", "toy_form"]}
CLIPPED = {"quality": ["toy_clipped", "toy_form"]}
TIGHT = {"sets": ["reward.bounds=[0.6, 0.7]"]}
"""Bounds that no whole translation of the base's reaches: its shortest have a mean rho of .78."""

CLIP = Study(
    name="homura-clip",
    question="Is a similarity that is clipped at .8 hacked by leaving words out: where the bounds leave room for all "
    "of them, and where they do not?",
    arms=(
        replace(REPAIRED, name="similarity and verdict"),
        Arm("similarity and form", "homura-similarity", SIMILARITY),
        Arm("similarity clipped at .8 and form", "homura-clipped", CLIPPED),
        Arm("[.6, .7]: similarity and verdict", "homura-tight-verdict", TIGHT | VERDICT),
        Arm("[.6, .7]: similarity and form", "homura-tight-similarity", TIGHT | SIMILARITY),
        Arm("[.6, .7]: similarity clipped at .8 and form", "homura-tight-clipped", TIGHT | CLIPPED),
    ),
    measures=MEASURES | {"similarity": "mean similarity", "well_formed": "share well-formed"},
    run=RUN,
    curve="rho",
)


def _auto(theta: float, profile: str, how: str) -> Arm:
    """Name an arm of the sweep by where its reward stops asking for less: rho = pi / (2 theta)."""
    sets = ["reward.length=auto", f"reward.theta={theta!r}", f"reward.profile={profile}"]
    return Arm(
        f"theta {theta:.3g}, edge {math.pi / (2 * theta):.3f}, {how}", f"homura-auto-{theta:.3g}-{how}", {"sets": sets}
    )


THETA = Study(
    name="homura-theta",
    question="Is the compression wall a property of the language, or the edge pi / (2 theta) of the reward (Table 4)?",
    arms=(
        *(_auto(theta, "repaired", "clamped") for theta in (1.5, 2.0, math.pi, 4.0)),
        *(_auto(theta, "paper", "literal") for theta in (math.pi, 4.0)),
    ),
    measures={name: MEASURES[name] for name in ("rho", "kept")} | {"similarity": "mean similarity"},
    run=RUN,
    curve="rho",
)

KL = Study(
    name="homura-kl",
    question="What does a KL term towards the verbose base cost (Table 12, Figure 7)?",
    arms=(
        replace(REPAIRED, name="beta 0"),
        *(Arm(f"beta {beta}", f"homura-beta-{beta}", {"sets": [f"grpo.beta={beta}"]}) for beta in (0.01, 0.05)),
    ),
    measures=MEASURES | {"entropy": "entropy at the end"},
    run=RUN,
    curve="entropy",
)


def run(options: Mapping[str, Any], seed: int, folder: Path, shared: Path, quick: bool) -> Outcome:
    """Train one arm with one seed and measure it on fresh sentences.

    Args:
        options: ``sets`` and ``quality`` change the configuration, ``verbosity`` and ``deviation`` the base.
        seed: of the base, of its data and of training.
        folder: the run's own.
        shared: where fitted bases are.
        quick: a few steps.
    """
    from trainers.homura.data import load_corpus
    from trainers.homura.parts import build_part
    from trainers.homura.train import run as train

    few = {name: options[name] for name in ("verbosity", "deviation") if name in options}
    base = toy.fitted(
        shared / f"homura-base{'-few' if few else ''}{'-quick' if quick else ''}-{seed}",
        seed,
        steps=20 if quick else toy.FIT_STEPS,
        **few,
    )
    config = configured(options, [f"model.path={base}", f"train.output={folder / 'training'}", f"train.seed={seed}"])
    if quick:
        config = replace(config, train=replace(config.train, steps=4, log_steps=1))
    corpus = load_corpus(config)
    checkpoint = train(config, corpus, [build_part(name, settings) for name, settings in config.quality.items()])
    found = toy.evaluated(str(checkpoint), mu=corpus.mu, bounds=corpus.bounds, number=50 if quick else toy.FRESH)
    rows = [row for row in read_history(folder / "training" / "history.jsonl") if "reward" in row]
    curves = {name: [(row["step"], row[name]) for row in rows if name in row] for name in CURVES}
    return Outcome(found | _of_training(rows), curves)


def configured(options: Mapping[str, Any], sets: Sequence[str]) -> Config:
    """Return ``toy.toml`` as an arm changes it."""
    from trainers.common.config import read_config

    config = read_config(Path(__file__).with_name("toy.toml"), Config, [*options.get("sets", ()), *sets])
    return replace(config, quality={name: {} for name in options["quality"]}) if "quality" in options else config


def _of_training(rows: Sequence[Mapping[str, float]]) -> dict[str, toy.Measured]:
    """Measure the training itself; within one run these have no interval."""
    half = [row["rho"] for row in rows[len(rows) // 2 :]]
    values = {
        "without_variance": fmean(row["groups_without_variance"] for row in rows),
        "wobble": pstdev(half),
        "entropy": rows[-1]["entropy"],
    }
    return {name: (value, value, value) for name, value in values.items()}
