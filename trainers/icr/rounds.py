"""The rounds: sample, reward, pair, train; every step leaves a file, and a finished step is not done again."""

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import UserError
from harness.jsonl import Appender, read_own, to_line, write_atomic
from harness.records import dump
from trainers.common.card import Card
from trainers.common.config import Model
from trainers.common.models import load_model, lora_config
from trainers.common.running import MODEL, hash_of, processes, train
from trainers.icr.config import Config
from trainers.icr.data import Prompt
from trainers.icr.pairs import Built, Candidates, Pair, build_pairs
from trainers.icr.requests import ENGLISH, rewarded_prompt
from trainers.icr.sampling import DoorSampler, LocalSampler, Sampler, seed_of
from trainers.icr.translating import Translator

Block = tuple[str, list[Prompt]]
"""A language and some prompts: what is sampled and rewarded at a time."""


def run_rounds(
    config: Config, prompts: Sequence[Prompt], policy: str, sft: str, translate: Translator | None = None
) -> Path:
    """Run all rounds, from where an earlier run was stopped.

    Args:
        config: the run's.
        prompts: parallel instructions.
        policy: pi_0.
        sft: the reward's reference.
        translate: to English, for R_t.

    Returns:
        The folder of the last policy.

    Raises:
        UserError: the output holds a run on other instructions, a model answers nothing, or a round gives no pair.
    """
    _claim(Path(config.train.output) / "instructions.jsonl", prompts)
    before = sft
    for number in range(config.rounds):
        folder = Path(config.train.output) / f"round_{number}"
        reference = sft if config.rewarding.reference == "sft" else before
        before, policy = policy, str(_round(config, prompts, policy, reference, folder, number, translate))
    return Path(policy)


def _claim(path: Path, prompts: Sequence[Prompt]) -> None:
    """Keep the instructions with the run: what is stored of a round goes by their places."""
    written = b"".join(to_line(dump(prompt)) for prompt in prompts)
    if path.is_file() and path.read_bytes() != written:
        raise UserError(
            f"{path.parent} holds a run on other instructions.",
            "Restore them, or name another folder with --set train.output=FOLDER.",
        )
    write_atomic(path, written)


def _round(
    config: Config,
    prompts: Sequence[Prompt],
    policy: str,
    reference: str,
    folder: Path,
    number: int,
    translate: Translator | None,
) -> Path:
    """Run one round; its DPO reference is the policy that it starts from."""
    finished = folder / "train" / MODEL
    if (finished / "sandglass.json").is_file():
        return finished
    with processes().main_process_first():  # the others find the files when their turn comes
        blocks = list(_blocks(config, prompts))
        samples = _stage(folder / "samples.jsonl", blocks, lambda todo: _sample(config, policy, number, todo))
        rewards = _stage(
            folder / "rewards.jsonl",
            list(zip(blocks, samples, strict=True)),
            lambda todo: _reward(config, policy, reference, todo, translate),
        )
        built = build_pairs(_candidates(blocks, samples, rewards), config.rewarding.length_control)
        skipped = _write(folder, built, samples)
    if not built.pairs:
        told = ", ".join(f"{reason}: {count}" for reason, count in skipped.items())
        raise UserError(f"Round {number} gives no pair ({told}).", "See samples.jsonl of the round.")
    return _train(config, built.pairs, policy, reference, folder)


def _blocks(config: Config, prompts: Sequence[Prompt]) -> Iterator[Block]:
    size = max(1, config.sampling.batch // config.sampling.responses)
    for language in config.data.languages:
        there = [prompt for prompt in prompts if language in prompt.texts]
        yield from ((language, there[start : start + size]) for start in range(0, len(there), size))


def _stage(path: Path, blocks: Sequence[Any], work: Callable[[Sequence[tuple[int, Any]]], Iterator[Any]]) -> list[Any]:
    """Do the blocks that a file has no line of, one line a block, and return all."""
    done = list(read_own(path))
    if len(done) < len(blocks):
        with closing(Appender(path)) as file:
            for result in work(list(enumerate(blocks))[len(done) :]):
                file.append(result)
                done.append(result)
    return done


def _sample(
    config: Config, policy: str, number: int, todo: Sequence[tuple[int, Block]]
) -> Iterator[Sequence[Sequence[str | None]]]:
    with _sampler(config, policy) as sampler:
        for place, (language, prompts) in todo:
            seed = seed_of(config.train.seed, number, place)
            yield sampler([prompt.texts[language] for prompt in prompts], seed)


@contextmanager
def _sampler(config: Config, policy: str) -> Iterator[Sampler]:
    import torch

    gc.collect()
    torch.cuda.empty_cache()  # a server wants the memory of what was trained here before
    if config.sampling.through == "local":
        model, tokenizer = _loaded(config, policy)
        yield LocalSampler(model, tokenizer, config.sampling)
        return
    from harness.llm.cache import ResponseCache, default_cache_dir
    from harness.llm.checkpoint import is_checkpoint
    from harness.llm.door import Door
    from harness.llm.serve import serve

    with serve(policy if is_checkpoint(policy) else f"hf/{Path(policy).absolute()}") as served:
        cache, backends = ResponseCache(default_cache_dir()), {"hf": served.backend()}
        door = Door(cache, concurrency=config.sampling.concurrency, timeout_s=3600, backends=backends)
        yield DoorSampler(door, served.model, config.sampling)


def _reward(
    config: Config,
    policy: str,
    reference: str,
    todo: Sequence[tuple[int, tuple[Block, list[list[str | None]]]]],
    translate: Translator | None,
) -> Iterator[list[list[float | None]]]:
    from trainers.icr.reward import implicit_rewards

    (own, tokenizer), (other, _) = _loaded(config, policy), _loaded(config, reference)
    how = config.rewarding
    for _, ((language, prompts), responses) in todo:
        flat: list[str | None] = [text for texts in responses for text in texts]
        if how.kind == "translated" and language != ENGLISH and translate is not None:
            flat = translate([text or "" for text in flat], language)
        under = [rewarded_prompt(how.kind, prompt.texts, language, how.request) for prompt in prompts]
        asked = [prompt for prompt, texts in zip(under, responses, strict=True) for _ in texts]
        there = [place for place, text in enumerate(flat) if text]
        found: list[float | None] = [None] * len(flat)
        values = implicit_rewards(own, other, tokenizer, [(asked[i], flat[i] or "") for i in there], batch=how.batch)
        for place, value in zip(there, values.tolist(), strict=True):
            found[place] = value if np.isfinite(value) else None
        ends = np.cumsum([len(texts) for texts in responses]).tolist()
        yield [found[end - len(texts) : end] for end, texts in zip(ends, responses, strict=True)]


def _candidates(blocks: Sequence[Block], samples: Sequence[Any], rewards: Sequence[Any]) -> Iterator[Candidates]:
    for (language, prompts), texts, values in zip(blocks, samples, rewards, strict=True):
        for prompt, responses, found in zip(prompts, texts, values, strict=True):
            there = [(text, value) for text, value in zip(responses, found, strict=True) if text is not None]
            asked = prompt.id, language, prompt.texts[language]
            yield Candidates(*asked, tuple(text for text, _ in there), tuple(value for _, value in there))


def _write(folder: Path, built: Built, samples: Sequence[Any]) -> dict[str, int]:
    """Write the pairs and how they came about, and return what was left out by reason."""
    responses = [text for block in samples for texts in block for text in texts]
    failed = responses.count(None)
    skipped = built.skipped | ({"failed call": failed} if failed else {})
    write_atomic(folder / "pairs.jsonl", b"".join(to_line(dump(pair)) for pair in built.pairs))
    summary = {
        "pairs": len(built.pairs),
        "skipped": skipped,
        "length_control": {language: dump(penalty) for language, penalty in built.penalties.items()},
        "responses": len(responses),
    }
    write_atomic(folder / "pairs.json", (json.dumps(summary, indent=1, sort_keys=True) + "\n").encode())
    return skipped


def _train(config: Config, pairs: Sequence[Pair], policy: str, reference: str, folder: Path) -> Path:
    from trainers.icr.pair_trainer import pair_trainer

    model, tokenizer = load_model(replace(config.model, path=policy))
    training = replace(config.train, output=str(folder / "train"))
    trainer = pair_trainer(
        model,
        tokenizer,
        [(pair.prompt, pair.chosen, pair.rejected) for pair in pairs],
        training,
        beta=config.loss.beta,
        alpha=config.loss.alpha,
        peft_config=lora_config(config.model),
    )
    card = Card(
        method="icr",
        base=policy,
        optimised_for=(f"implicit reward over {Path(reference).name}",),
        config=dump(config),
        data={"pairs": hash_of(dump(list(pairs)))},
        demonstration=config.toy is not None,
    )
    return train(trainer, training, card)


def _loaded(config: Config, path: str) -> tuple[Any, Any]:
    import torch

    model, tokenizer = load_model(Model(path, dtype=config.model.dtype))
    return model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer
