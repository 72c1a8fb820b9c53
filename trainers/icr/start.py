"""The start policy, where none is given: the SFT model aligned on English preferences by DPO or KTO."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.records import dump
from trainers.common.card import Card
from trainers.common.models import load_model, lora_config
from trainers.common.running import arguments, hash_of, train
from trainers.icr.config import Config, Start
from trainers.icr.data import read_preferences


def start_policy(config: Config, start: Start) -> Path:
    """Align the SFT model on English preferences; a finished one is not aligned again.

    Args:
        config: the run's.
        start: its ``[start]``.

    Returns:
        The folder of pi_0.

    Raises:
        UserError: the preferences or the model cannot be read.
    """
    training = replace(
        config.train,
        output=str(Path(config.train.output) / "start"),
        learning_rate=start.learning_rate,
        steps=start.steps,
    )
    rows, skipped = read_preferences(Path(start.preferences))
    model, tokenizer = load_model(config.model)
    if start.method == "dpo":
        from trainers.icr.pair_trainer import pair_trainer

        pairs = [(row["prompt"], row["chosen"], row["rejected"]) for row in rows]
        trainer: Any = pair_trainer(
            model, tokenizer, pairs, training, beta=start.beta, alpha=0.0, peft_config=lora_config(config.model)
        )
    else:
        trainer = kto_trainer(model, tokenizer, rows, training, start, lora_config(config.model))
    card = Card(
        method=f"icr start, {start.method}",
        base=config.model.path,
        optimised_for=("English preferences",),
        config=dump(start),
        data={"preferences": hash_of(rows), "left out": str(sum(skipped.values()))},
        demonstration=config.toy is not None,
    )
    return train(trainer, training, card)


def kto_trainer(model: Any, tokenizer: Any, rows: Any, training: Any, start: Start, peft_config: Any) -> Any:
    """Make TRL's KTO trainer: each preference is a desirable and an undesirable response."""
    from trl import KTOConfig, KTOTrainer

    from trainers.icr.pair_trainer import on_disk

    labelled = [(row["prompt"], row[name], name == "chosen") for row in rows for name in ("chosen", "rejected")]
    # TRL keeps the order, and pairs each prompt with the response before it as one that is not its own.
    random.Random(training.seed).shuffle(labelled)
    talking = tokenizer.chat_template is not None
    examples = [
        {
            "prompt": [{"role": "user", "content": prompt}] if talking else prompt,
            "completion": [{"role": "assistant", "content": response}] if talking else response,
            "label": label,
        }
        for prompt, response, label in labelled
    ]
    return KTOTrainer(
        model=model,
        args=KTOConfig(**arguments(training), beta=start.beta, precompute_ref_log_probs=True, max_length=None),
        train_dataset=on_disk(examples, Path(training.output) / "data"),
        processing_class=tokenizer,
        peft_config=peft_config,
    )
