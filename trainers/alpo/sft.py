"""Stage 1: supervised fine-tuning on references, with TRL's SFTTrainer."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.records import dump
from trainers.alpo.config import TOY, Config
from trainers.alpo.data import Sample
from trainers.alpo.setup import base, encoder_of, trained_on, training_samples
from trainers.common.card import Card
from trainers.common.config import Model, Training
from trainers.common.running import arguments, hash_of, prepare, train


def sft(config: Config) -> Path | None:
    """Fine-tune on references; return the checkpoint's folder, None where the configuration has no SFT."""
    if config.sft is None:
        return None
    output = prepare(config.sft, config.sft_stage())
    if (output / "model" / "sandglass.json").is_file():
        return output / "model"
    model, tokenizer = base(config.model, config.sft.seed)
    samples, _ = training_samples(config, tokenizer)
    return tuned(config, config.sft, samples, model, tokenizer)


def tuned(config: Config, training: Training, samples: Sequence[Sample], model: Any, tokenizer: Any) -> Path:
    """Fine-tune a model on the references of samples, with TRL's SFTTrainer."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    encoder = encoder_of(config, tokenizer)
    usable = [(sample, found) for sample in samples if (found := sample.references)]
    encoded = [encoder.whole(sample, found) for sample, found in usable]
    rows = [(before, after) for before, after in encoded if len(before) + len(after) <= config.cutoff]
    if not rows:
        raise UserError(f"{config.data.task} has no references that fit.", "Give data with references.")
    without, long = len(samples) - len(usable), len(encoded) - len(rows)
    print(f"SFT: {len(rows)} samples; {without} without references, {long} too long")
    data = Dataset.from_list([{"input_ids": b + a, "labels": [-100] * len(b) + a} for b, a in rows])
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(**arguments(training), max_length=config.cutoff),
        train_dataset=data,
        processing_class=tokenizer,
    )
    card = Card(
        "sft",
        config.model.path,
        (),
        dump(config),
        {"samples": str(len(rows)), "hash": hash_of([[sample.prompt, *found] for sample, found in usable])},
        trained_on=trained_on(config),
        demonstration=config.data.task == TOY,
    )
    return train(trainer, training, card)


def model_at(config: Config, folder: Path) -> Model:
    """Return the model in a folder, as ``[model]`` would name it."""
    return replace(config.model, path=f"hf/{folder.absolute()}")
