"""``sandglass train homura``: read the configuration, check all of it, train, save."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.convert import dump
from harness.errors import UserError
from trainers.common.config import find_config, read_config
from trainers.homura.config import Config
from trainers.homura.data import Corpus, load_corpus
from trainers.homura.parts import Part, build_part, imported

LENGTH = ("ib", "ib_dynamic", "ib_within_1", "over", "under", "syllable_error", "rho_fwd", "rho_of_sums")
"""Metrics of the very thing that the length reward rewards. ``usable`` asks for more, and is not among them."""

BASES = {"toy": "trainers.homura.toy:base"}
"""Models made for a demonstration by name: where ``base(config) -> Path``, their folder, is."""

REPORTS = {"toy": "trainers.homura.toy:report"}
"""Evaluations of demonstrations by name: where ``report(config, finished) -> str`` is."""


def main(config_path: str, sets: Sequence[str], dry_run: bool) -> int:
    """Train by a configuration.

    Args:
        config_path: a TOML file, or the name of a configuration that comes with the method.
        sets: overrides such as ``train.seed=1``.
        dry_run: check everything, say what would be trained, and stop before a model is loaded.

    Returns:
        Exit code.

    Raises:
        UserError: something in the configuration is wrong; nothing was loaded yet.
    """
    config = read_config(find_config(config_path, Path(__file__).parent), Config, sets)
    check(config)
    corpus = load_corpus(config)
    check_rows(config, corpus)
    parts = [build_part(name, settings) for name, settings in config.quality.items()]
    print(told(config, corpus, parts))
    if not dry_run:
        finished = run(config, corpus, parts)
        print(f"Finished: {finished}")
        if config.data.task in REPORTS:
            print(imported(REPORTS[config.data.task])(config, finished))
    return 0


def check(config: Config) -> None:
    """Refuse what the devices at hand cannot do, before anything is loaded.

    Raises:
        UserError: rollouts cannot be grouped, or vLLM is asked for and absent.
    """
    if rollouts_of(config) % config.grpo.generations:
        raise UserError(
            f"train.batch x train.accumulation x processes is {rollouts_of(config)} rollouts a step, which is no "
            f"multiple of grpo.generations = {config.grpo.generations}.",
            "Change one of them, so that whole groups are in a step.",
        )
    if config.grpo.vllm:
        from importlib.util import find_spec

        if find_spec("vllm") is None:
            raise UserError("grpo.vllm is set, and vLLM is not installed.", "Install trl[vllm], or leave it out.")


def check_rows(config: Config, corpus: Corpus) -> None:
    """Refuse a training set that does not fill a step: TRL would drop it, and finish without having trained.

    Raises:
        UserError: it has fewer rows than a step has prompts.
    """
    prompts = rollouts_of(config) // config.grpo.generations
    if len(corpus.rows) < prompts:
        raise UserError(
            f"{corpus.name} has {len(corpus.rows)} lines to train on, and a step takes {prompts} prompts.",
            "Lower train.batch or train.accumulation, or name more data.",
        )


def rollouts_of(config: Config) -> int:
    """Return the rollouts of a step: batch x accumulation x processes."""
    return config.train.batch * config.train.accumulation * int(os.environ.get("WORLD_SIZE", "1"))


def told(config: Config, corpus: Corpus, parts: Sequence[Part]) -> str:
    """Say what is trained, in a few lines."""
    low, high = corpus.bounds
    length = f"theta {config.reward.theta:g}" if config.reward.length == "auto" else f"[{low:g}, {high:g}]"
    return "\n".join(
        [
            f"{config.model.path} on {len(corpus.rows)} segments of {corpus.name}"
            + (f", held out: {', '.join(corpus.held_out) or 'none'}" if corpus.held_out is not None else ""),
            f"reward {config.reward.profile}: {config.reward.length} {length}, mu {corpus.mu:.4g}, "
            f"quality {', '.join(part.name for part in parts) or 'none'}",
            f"{config.grpo.generations} rollouts a prompt, loss {config.grpo.loss}, beta {config.grpo.beta:g}",
        ]
    )


def run(config: Config, corpus: Corpus, parts: Sequence[Part]) -> Path:
    """Train and save.

    Args:
        config: the run.
        corpus: training set.
        parts: quality parts.

    Returns:
        Folder of the finished checkpoint.

    Raises:
        UserError: the model may not be loaded, a quality part is dead, the loss is no number.
    """
    from harness.llm.training_card import TrainedOn
    from trainers.common.card import Card
    from trainers.common.models import load_model, lora_config
    from trainers.common.running import hash_of, prepare, train
    from trainers.homura.trainer import build_trainer

    check_model(config)
    prepare(config.train, config)
    base = config.model
    if base.path in BASES:
        base = replace(base, path=str(imported(BASES[base.path])(config)))
    model, tokenizer = load_model(base)
    trainer = build_trainer(config, corpus, parts, model, tokenizer, lora_config(base))
    card = Card(
        method="homura",
        base=config.model.path,
        optimised_for=optimised_for(config, parts),
        config=dump(config),
        data={"task": corpus.name, "sha256": hash_of(corpus.rows)},
        trained_on=() if corpus.held_out is None else (TrainedOn(corpus.name, corpus.held_out),),
        demonstration=corpus.demonstration,
    )
    return train(trainer, config.train, card)


def check_model(config: Config) -> None:
    """Refuse a checkpoint that may not be loaded, and chat prompts for one that knows no chats.

    Raises:
        UserError: it is not there, may not be loaded, or has no chat template.
    """
    if config.model.path in BASES:
        return
    from harness.llm.checkpoint import check_folder
    from trainers.common.models import checkpoint_folder

    knows_chats = check_folder(checkpoint_folder(config.model.path), trust_remote_code=False)
    if config.data.chats and not knows_chats:
        raise UserError(
            f"{config.model.path} has no chat template, and data.prompt is {config.data.prompt}.",
            "Set data.prompt = 'line' for base models, or name an instructed model.",
        )


def optimised_for(config: Config, parts: Sequence[Part]) -> tuple[str, ...]:
    """Return what the reward measures with: the metrics of length, and what the quality parts name.

    Examples:
        >>> from trainers.common.config import Model, Training
        >>> from trainers.homura.config import Data, Reward
        >>> config = Config(Model("m"), Training("out", 1e-6), Data("toy"), Reward(quality_weight=0))
        >>> optimised_for(config, []) == LENGTH
        True
    """
    length = LENGTH if config.reward.length_weight > 0 or config.reward.profile == "code" else ()
    return tuple(dict.fromkeys([*length, *(name for part in parts for name in part.optimised_for)]))
