"""Stage 3: training on the candidates' pairs, by ALPO or by DPO."""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import UserError
from harness.llm.door import Door
from harness.records import dump
from trainers.alpo.config import TOY, Config
from trainers.alpo.data import RatedSample
from trainers.alpo.examples import examples
from trainers.alpo.setup import encoder_of, scorer_of, training_samples
from trainers.common.card import Card
from trainers.common.config import Model
from trainers.common.running import arguments, hash_of, prepare, train


def preferences(config: Config, start: Model, rated: Sequence[RatedSample]) -> Path:
    """Train on the candidates' pairs; return the checkpoint's folder."""
    from transformers import TrainingArguments

    from trainers.alpo.trainer import ALPOTrainer
    from trainers.common.models import load_model, lora_config

    output = prepare(config.train, config)
    if (output / "model" / "sandglass.json").is_file():
        return output / "model"
    model, tokenizer = load_model(start)
    _, samples = training_samples(config, tokenizer)
    encoder = encoder_of(config, tokenizer)
    made, counts = examples(samples, rated, config.method, config.selection, config.beta, config.train.seed, encoder)
    print(f"pairs: {len(made)} samples;", ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    if not made:
        raise UserError(
            f"No sample has a pair ({', '.join(f'{n} {what}' for what, n in sorted(counts.items()))}).",
            "Raise sampling.temperature or lower selection.least_gap: the candidates are too much alike.",
        )
    lora = lora_config(config.model)
    frozen = None if lora else load_model(start)[0]
    if lora:
        from peft import get_peft_model

        model = get_peft_model(model, lora)
    alpo = config.method == "alpo"
    given = arguments(config.train) | {"remove_unused_columns": False}
    if alpo and config.mixing.stages:
        given["num_train_epochs"] *= config.mixing.stages
    trainer = ALPOTrainer(
        reference=frozen,
        encoder=encoder,
        mixing=config.mixing if alpo else None,
        reproduce_code=alpo and config.reproduce_code,
        pairs=config.pairs,
        model=model,
        args=TrainingArguments(**given),
        train_dataset=made,
        processing_class=tokenizer,
    )
    card = Card(
        config.method,
        config.model.path,
        scorer_of(config, Door(None)).optimised_for,
        dump(config),
        {"samples": str(len(made)), "hash": hash_of([dump(one) for one in rated])},
        {name: float(count) for name, count in counts.items()},
        demonstration=config.data.task == TOY,
    )
    return train(trainer, config.train, card)
