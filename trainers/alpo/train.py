"""``sandglass train alpo``: SFT, candidates, preferences, evaluation, each done once, and continued after a stop."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import EXIT_OK
from harness.llm.door import Door
from trainers.alpo.candidates import candidates
from trainers.alpo.config import Config
from trainers.alpo.evaluate import evaluate, measures_of
from trainers.alpo.measures import read_system
from trainers.alpo.preferences import preferences
from trainers.alpo.setup import check_models, evaluation_samples, scorer_of, tokenizer_of, training_samples
from trainers.alpo.sft import model_at, sft
from trainers.common.config import find_config, read_config
from trainers.common.running import processes


def main(config_path: str, sets: Sequence[str], dry_run: bool) -> int:
    """Run the stages that are not done yet.

    Args:
        config_path: a TOML file, or ``default`` or ``toy``.
        sets: overrides such as ``train.seed=1``.
        dry_run: check the configuration and what it names, and train nothing.

    Returns:
        Exit code.

    Raises:
        UserError: something is wrong with the configuration, the data or a checkpoint.
    """
    config = read_config(find_config(config_path, Path(__file__).parent), Config, sets)
    if dry_run:
        print(checked(config))
        return EXIT_OK
    check_evaluation(config, tokenizer_of(config.model))
    state = processes()
    tuned = sft(config)
    if config.until == "sft":
        return EXIT_OK
    start = model_at(config, tuned) if tuned else config.model
    with state.main_process_first():  # the others read what it made
        rated = candidates(config, start)
    if config.until == "candidates":
        return EXIT_OK
    trained = preferences(config, start, rated)
    if config.until == "evaluation" and config.evaluation.task and state.is_main_process:
        evaluate(config, {"sft": start, config.method: model_at(config, trained)})
    return EXIT_OK


def checked(config: Config) -> str:
    """Check that checkpoint, data, scorer and judges are there, load no model, and say what would be done.

    Raises:
        UserError: something is not there, or may not be loaded.
    """
    tokenizer = tokenizer_of(config.model)
    first, second = training_samples(config, tokenizer)
    door = Door(None)
    check_models(config, scorer_of(config, door), door)
    lines = sum(len(sample.item.segments) for sample in second)
    calls = lines if config.sampling.mode == "sequential" else len(second)
    said = [
        f"SFT on {len(first)} samples" if config.sft else "no SFT",
        f"{calls * config.sampling.k} {'lines' if config.sampling.mode == 'sequential' else 'outputs'} to sample",
        f"{lines} lines to score by {config.scoring.judge or config.scoring.scorer}",
        f"{config.method} on up to {len(second)} samples",
    ]
    if config.until == "evaluation" and config.evaluation.task:
        measures_of(config, door)
        said.append(f"evaluation on {check_evaluation(config, tokenizer)} samples")
    return "; ".join(said) + "."


def check_evaluation(config: Config, tokenizer: Any) -> int:
    """Check before anything is trained that the data of the evaluation are there; return the number of samples.

    Raises:
        UserError: they are not there, are trained on, or do not fit another system's translations.
    """
    if not config.evaluation.task or config.until != "evaluation":
        return 0
    samples = evaluation_samples(config, tokenizer)
    for path in config.evaluation.systems.values():
        read_system(Path(path), samples)
    return len(samples)
