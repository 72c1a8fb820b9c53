"""Stage 3: training on the candidates' pairs, by ALPO or by DPO."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.records import dump
from trainers.alpo.config import TOY, Config
from trainers.alpo.data import RatedSample
from trainers.alpo.encoding import Encoder
from trainers.alpo.examples import Example, examples
from trainers.alpo.setup import encoder_of, optimised_for, trained_on, training_samples
from trainers.common.card import Card
from trainers.common.config import Model
from trainers.common.running import arguments, hash_of, prepare, train


def preferences(config: Config, start: Model, rated: Sequence[RatedSample]) -> Path:
    """Train on the candidates' pairs; return the checkpoint's folder.

    Args:
        config: the run.
        start: the SFT model, which is the reference too.
        rated: the candidates.

    Raises:
        UserError: no sample has a pair, or the checkpoint may not be loaded.
    """
    from trainers.common.models import load_model

    output = prepare(config.train, config.preferences_stage())
    if (output / "model" / "sandglass.json").is_file():
        return output / "model"
    model, tokenizer = load_model(start)
    _, samples = training_samples(config, tokenizer)
    encoder = encoder_of(config, tokenizer)
    made, counts = examples(samples, rated, config.method, config.selection, config.beta, config.train.seed, encoder)
    told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    print(f"pairs: {len(made)} samples; {told}")
    if not made:
        raise UserError(
            f"No sample has a pair ({told}).",
            "Where they are alike raise sampling.temperature or lower selection.least_gap; unscored, mend the scorer.",
        )
    return train(trainer(config, start, model, made, encoder), config.train, card(config, made, rated, counts))


def trainer(config: Config, start: Model, model: Any, made: Sequence[Example], encoder: Encoder) -> Any:
    """Set up the trainer.

    Raises:
        UserError: one process would share several GPUs.
    """
    from transformers import TrainingArguments

    from trainers.alpo.trainer import ALPOTrainer
    from trainers.common.models import load_model, lora_config

    lora = lora_config(config.model)
    if lora:
        from peft import get_peft_model

        model = get_peft_model(model, lora)
    alpo = config.method == "alpo"
    asked = arguments(config.train) | {"remove_unused_columns": False}
    if alpo and config.mixing.stages:
        asked["num_train_epochs"] *= config.mixing.stages
    settings = TrainingArguments(**asked)
    if settings.n_gpu > 1:
        raise UserError("One process would share several GPUs.", "Use accelerate launch, or set CUDA_VISIBLE_DEVICES.")
    return ALPOTrainer(
        reference=None if lora else load_model(start)[0],
        encoder=encoder,
        mixing=config.mixing if alpo else None,
        reproduce_code=alpo and config.reproduce_code,
        pairs=config.pairs,
        model=model,
        args=settings,
        train_dataset=list(made),
        processing_class=encoder.tokenizer,
    )


def card(config: Config, made: Sequence[Example], rated: Sequence[RatedSample], counts: Counter[str]) -> Card:
    """Return what is told beside the weights."""
    return Card(
        config.method,
        config.model.path,
        optimised_for(config),
        dump(config),
        {"samples": str(len(made)), "hash": hash_of([dump(one) for one in rated])}
        | {name: str(count) for name, count in sorted(counts.items())},
        trained_on=trained_on(config),
        demonstration=config.data.task == TOY,
    )
