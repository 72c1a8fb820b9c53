"""``sandglass train icr``: read the configuration, make or take the start policy, run the rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import EXIT_OK, UserError
from trainers.common.config import find_config, read_config
from trainers.icr.config import Config
from trainers.icr.data import read_preferences, read_prompts
from trainers.icr.translating import Translator


def main(config_path: str, sets: Sequence[str], dry_run: bool) -> int:
    """Train by a configuration.

    Args:
        config_path: a TOML file, or ``toy`` or ``default``.
        sets: overrides such as ``rewarding.kind=multilingual``.
        dry_run: check configuration and data, say what would be done, and stop.

    Returns:
        Exit code.

    Raises:
        UserError: something in configuration or data is wrong.
    """
    config = read_config(find_config(config_path, Path(__file__).parent), Config, sets)
    if config.toy is not None and config.model.path != "toy":
        raise UserError(
            f"[toy] makes its own model, and model.path is {config.model.path!r}.", "Leave out one of them."
        )
    print(_told(config))
    if config.toy is None:
        prompts, skipped = read_prompts(config.data)
        print(_counted(len(prompts), "instructions", skipped))
        if config.start is not None:
            preferences, skipped = read_preferences(Path(config.start.preferences))
            print(_counted(len(preferences), "preferences", skipped))
    if not dry_run:
        print(f"Finished: {run(config)}")
    return EXIT_OK


def run(config: Config) -> Path:
    """Run everything that a configuration asks for; what an earlier run finished is not done again.

    Args:
        config: the configuration.

    Returns:
        The folder of the last policy.
    """
    from trainers.common.running import prepare, processes
    from trainers.icr.rounds import run_rounds

    processes()
    output, toy = prepare(config.train, config), config.toy
    translate = _translator(config)
    if toy is not None:
        from trainers.icr.toy import prepare_toy, translate

        config = prepare_toy(config, toy, output / "toy")
    config = with_start(config)
    prompts, _ = read_prompts(config.data)
    finished = run_rounds(config, prompts, config.model.path, config.sft, translate)
    if toy is not None:
        from trainers.icr.toy import compare, told, write_scores

        scores = compare(config, toy)
        write_scores(output / "scores.json", scores)
        print(told(scores))
    return finished


def with_start(config: Config) -> Config:
    """Make the start policy where none is given, and return the configuration that starts from it."""
    if config.start is None:
        return config
    from trainers.icr.start import start_policy

    aligned = start_policy(config, config.start)
    return replace(config, model=replace(config.model, path=str(aligned)), sft=config.model.path, start=None)


def _translator(config: Config) -> Translator | None:
    if config.rewarding.kind != "translated" or config.toy is not None:
        return None
    from harness.llm.cache import ResponseCache, default_cache_dir
    from harness.llm.door import Door
    from trainers.icr.translating import door_translator

    how = config.rewarding
    door = Door(ResponseCache(default_cache_dir()), concurrency=config.sampling.concurrency)
    door.check([(how.translator, how.api_base)])
    return door_translator(door, how.translator, how.api_base, config.sampling.max_tokens)


def _counted(number: int, what: str, skipped: Mapping[str, int]) -> str:
    return f"{number} {what}." + "".join(f" Left out, {why}: {n}." for why, n in skipped.items())


def _told(config: Config) -> str:
    how = config.rewarding
    control = "length control" if how.length_control else "no length control"
    return (
        f"{config.rounds} rounds in {', '.join(config.data.languages)}: "
        f"{config.sampling.responses} responses a prompt, "
        f"{how.kind} reward over the {how.reference} model, {control}, DPO + {config.loss.alpha:g} NLL."
    )
