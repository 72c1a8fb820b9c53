"""The study ``genrm``: what the steps of the reasoning and the filter are worth, on the made-up language."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainers.common.config import read_config
from trainers.common.study import Arm, Outcome, Study
from trainers.homura.genrm.config import PACKAGE, Config
from trainers.homura.genrm.toy import ERRORS

GENRM = Study(
    name="genrm",
    question="What are reading back, comparing and filtering worth, where the teacher is often wrong?",
    arms=(
        Arm("all steps", "genrm-all", {"sets": ()}),
        Arm("no reasoning", "genrm-none", {"sets": ("toy.steps=none",)}),
        Arm("no filter", "genrm-unfiltered", {"sets": ("rubric.filter=none",)}),
    ),
    measures={
        "accuracy": "accuracy, held out",
        "parsable": "parsable answers",
        "ece": "calibration error",
        "accuracy_intact": "right: faithful",
        **{f"accuracy_{kind}": f"right: {kind}" for kind in ERRORS},
        "right_data": "right labels in the data",
        "kept_data": "judgements kept",
    },
    run="trainers.homura.genrm.studies:run_arm",
)


def run_arm(options: Mapping[str, Any], seed: int, folder: Path, shared: Path, quick: bool) -> Outcome:
    """Train one arm with one seed and evaluate it on sentences it has not seen.

    Args:
        options: ``sets``, overrides of the toy configuration.
        seed: of pairs, the teacher's faults, weights and training.
        folder: the run's own.
        shared: unused.
        quick: a few steps only.
    """
    from trainers.common.history import read_history
    from trainers.homura.genrm.data import read_judged
    from trainers.homura.genrm.evaluate import share_of
    from trainers.homura.genrm.train import JUDGEMENTS, evaluated, load_corpus, rubric_parts, run, teacher_door

    config = read_config(PACKAGE / "toy.toml", Config, [f"train.seed={seed}", *options["sets"]])
    assert config.toy is not None
    if quick:
        small = replace(config.toy, pairs=200, held_out=60)
        config = replace(config, toy=small, train=replace(config.train, steps=10))
    config = replace(config, train=replace(config.train, output=str(folder / "output")))
    corpus = load_corpus(config)
    finished = run(config, corpus, teacher_door(config), rubric_parts(config))
    found = evaluated(config, finished, corpus.held_out)
    learned = read_judged(folder / "output" / JUDGEMENTS)
    measures = dict(found.measures)
    measures["right_data"] = share_of([one.score == one.pair.label for one in learned])
    measures["kept_data"] = share_of([True] * len(learned) + [False] * (len(corpus.pairs) - len(learned)))
    curve = [(row["step"], row["loss"]) for row in read_history(folder / "output/history.jsonl") if "loss" in row]
    return Outcome(measures, {"loss": curve})
