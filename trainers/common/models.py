"""Causal language models to be trained, loaded safely: safetensors alone, no code from a checkpoint."""

from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.llm.checkpoint import is_checkpoint, resolve
from trainers.common.config import Model

EMBEDDED = "local/"


def checkpoint_folder(path: str) -> Path:
    """Return the folder of a checkpoint, checked: safetensors, no pickles, no code of its own.

    Args:
        path: as in ``Model.path``.

    Raises:
        UserError: it is not there, or may not be loaded.
    """
    if path.startswith(EMBEDDED):
        from trainers.common import embedded

        return embedded.checkpoint()
    return resolve(path if is_checkpoint(path) else f"hf/{Path(path).absolute()}").folder


def load_model(model: Model) -> tuple[Any, Any]:
    """Load a model and its tokenizer.

    A tokenizer without a padding token pads with its end of sequence.

    Args:
        model: what to load; its adapters are not applied here (``lora_config``).

    Returns:
        The model in evaluation mode and its tokenizer.

    Raises:
        UserError: it is not there, may not be loaded, or lacks modules that get adapters.
    """
    folder = checkpoint_folder(model.path)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    weights = AutoModelForCausalLM.from_pretrained(
        folder, dtype=getattr(torch, model.dtype), use_safetensors=True, attn_implementation="sdpa"
    )
    if model.lora is not None and model.lora.targets != ("all-linear",):
        modules = {name.rpartition(".")[2] for name, _ in weights.named_modules()}
        if missing := [name for name in model.lora.targets if name not in modules]:
            raise UserError(f"{model.path} has no modules named {missing[0]!r}.", "Mend model.lora.targets.")
    return weights.eval(), tokenizer


def lora_config(model: Model) -> Any:
    """Return PEFT's configuration of the adapters, None where all weights are trained."""
    if model.lora is None:
        return None
    from peft import LoraConfig

    lora = model.lora
    targets = lora.targets[0] if lora.targets == ("all-linear",) else list(lora.targets)
    return LoraConfig(
        r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets, task_type="CAUSAL_LM"
    )


def has_adapters(model: Any) -> bool:
    """Return whether a model is one of PEFT's."""
    return hasattr(model, "merge_and_unload")


def save_model(model: Any, tokenizer: Any, folder: Path, weights: Any = None) -> None:
    """Save weights as safetensors with their tokenizer; adapters are merged, so that any server can load them.

    Args:
        model: what was trained.
        tokenizer: its own.
        folder: where to.
        weights: the model's, gathered, where it holds only a part of them.
    """
    if has_adapters(model):
        model.merge_and_unload().save_pretrained(folder)
    else:
        model.save_pretrained(folder, state_dict=weights)
    tokenizer.save_pretrained(folder)
