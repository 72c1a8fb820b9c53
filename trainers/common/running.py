"""Running a trainer of TRL or transformers: its arguments, resuming, and what it leaves behind."""

import hashlib
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.jsonl import write_atomic
from harness.llm.training_card import read_optimised_for, read_trained_on
from harness.records import dump
from trainers.common.card import Card, versions, write_card
from trainers.common.config import Training, as_json

PATIENCE = timedelta(days=30)
"""How long processes wait for the first, which may be asking models; by default they would give up after minutes."""

MODEL = "model"
"""Folder of the finished checkpoint below a run's output."""

HISTORY = "history.jsonl"
"""What a run logged, below its output; ``history.svg`` plots it."""


def processes() -> Any:
    """Join the processes of this run, on GPUs or CPUs; a lone one is the first of one.

    Returns:
        accelerate's ``PartialState``, with ``is_main_process`` and ``main_process_first()``.
    """
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)


def arguments(training: Training) -> dict[str, Any]:
    """Return the keywords of ``TrainingArguments``, and of TRL's configurations, for a run.

    On a machine without a GPU training runs on the CPU in float32; there TRL's own defaults would refuse.
    """
    import torch

    gpu = torch.cuda.is_available()
    if training.tensorboard:
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(Path(training.output) / "tensorboard")
    return {
        "output_dir": training.output,
        "per_device_train_batch_size": training.batch,
        "gradient_accumulation_steps": training.accumulation,
        "learning_rate": training.learning_rate,
        "max_steps": training.steps or -1,
        "num_train_epochs": training.epochs,
        "lr_scheduler_type": training.schedule,
        "warmup_steps": training.warmup,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm,
        "seed": training.seed,
        "data_seed": training.seed,
        "save_strategy": "steps",
        "save_steps": training.save_steps,
        "save_total_limit": 2,
        "logging_steps": training.log_steps,
        "logging_nan_inf_filter": False,  # it would log a loss of NaN as 0
        "report_to": ["tensorboard"] if training.tensorboard else [],
        "activation_checkpointing": training.gradient_checkpointing,
        "use_cpu": not gpu,
        "bf16": False,
        "disable_tqdm": None,
        "dataloader_pin_memory": gpu,
    }


def prepare(training: Training, config: Any) -> Path:
    """Set threads, and claim the output folder for this very configuration.

    Args:
        training: its ``[train]``.
        config: the whole configuration, a dataclass.

    Returns:
        The output folder, which exists.

    Raises:
        UserError: the folder holds a run of another configuration, or cannot be written.
    """
    output = Path(training.output)
    try:
        _claim(output, as_json(dump(config)).encode())
    except OSError as error:
        raise UserError(
            f"{output} cannot be written: {error.strerror}.", "Name another folder with --set train.output=FOLDER."
        ) from None
    import torch

    if training.threads:
        torch.set_num_threads(training.threads)
    return output


def _claim(output: Path, written: bytes) -> None:
    mark = output / "config.json"
    if mark.is_file():
        if mark.read_bytes() != written:
            raise UserError(
                f"{output} holds a run of another configuration.",
                "Name another folder with --set train.output=FOLDER, or remove it.",
            )
        return
    held = output.is_dir() and any(not path.name.startswith(".") for path in output.iterdir())
    if held and not mark.is_file():  # asked again: another process of this run may have claimed it meanwhile
        raise UserError(f"{output} holds other files.", "Name another folder with --set train.output=FOLDER.")
    write_atomic(mark, written)


def train(trainer: Any, training: Training, card: Card) -> Path:
    """Train, from the last checkpoint where there is one, and save the finished model with its card.

    A finished run is not trained again. The model is saved when this returns, in every process.

    Args:
        trainer: of TRL or transformers, made with ``arguments``; a ``History`` is added to it.
        training: its ``[train]``.
        card: what is written beside the weights; versions and what the base's card says are added (``with_base``).

    Returns:
        The folder of the finished checkpoint, which ``sandglass run --model hf/./FOLDER`` takes.

    Raises:
        UserError: adapters on sharded weights, too little data for a step, a loss that is no number, or the base's card
            cannot be read.
    """
    from transformers.integrations import is_deepspeed_zero3_enabled

    from trainers.common.history import History, read_history
    from trainers.common.models import has_adapters, save_model
    from trainers.common.plots import plot_history

    output = Path(training.output)
    finished = output / MODEL
    if (finished / "sandglass.json").is_file():
        return finished
    if has_adapters(trainer.model) and (trainer.is_fsdp_enabled or is_deepspeed_zero3_enabled()):
        raise UserError(
            "Adapters cannot be merged into sharded weights.", "Use multi_gpu.yaml, or leave out model.lora."
        )
    card = with_base(card, trainer.model.config.name_or_path)
    trainer.add_callback(History(output / HISTORY))
    trainer.train(resume_from_checkpoint=last_checkpoint(output))
    if not trainer.state.global_step:
        raise UserError("Nothing was trained: the data fill no step.", "Lower train.batch or train.accumulation.")
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)  # all processes: it gathers what is sharded
    if trainer.is_world_process_zero():
        plot_history(read_history(output / HISTORY), output / "history.svg")
        save_model(trainer.accelerator.unwrap_model(trainer.model), trainer.processing_class, finished, weights)
        write_card(finished, replace(card, versions=versions()))
    trainer.accelerator.wait_for_everyone()
    return finished


def with_base(card: Card, folder: str | None) -> Card:
    """Add to a card what the base's says that it was optimised for and trained on, and a commit of the hub.

    Args:
        card: the card.
        folder: what the base was loaded from; empty where it was made.

    Raises:
        UserError: the base's card cannot be read.

    Examples:
        >>> card = with_base(Card("cpo", "hf/org/name", ("ib",), {}), "models--org--name/snapshots/0a1b")
        >>> card.optimised_for, card.data
        (('ib',), {'base_commit': '0a1b'})
    """
    if not folder:
        return card
    base = Path(folder)
    used = tuple(sorted({*card.optimised_for, *read_optimised_for(base)}))
    commit = {"base_commit": base.name} if base.parent.name == "snapshots" else {}
    trained_on = tuple(dict.fromkeys([*read_trained_on(base), *card.trained_on]))
    return replace(card, optimised_for=used, trained_on=trained_on, data=card.data | commit)


def last_checkpoint(output: Path) -> str | None:
    """Return the last whole checkpoint below a folder; one that a kill left half written has no state yet.

    The trainer's state is what transformers writes last.
    """
    folders = (path for path in output.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdecimal())
    latest = sorted(folders, key=lambda path: int(path.name.removeprefix("checkpoint-")), reverse=True)
    return next((str(path) for path in latest if _is_json(path / "trainer_state.json")), None)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def hash_of(rows: Any) -> str:
    """Return the SHA-256 of training data, as written to cards.

    Examples:
        >>> hash_of([{"prompt": "a"}])[:12]
        'd936103c6917'
    """
    return hashlib.sha256(as_json(rows).encode()).hexdigest()
