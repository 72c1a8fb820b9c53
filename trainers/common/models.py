"""Causal language models to be trained, loaded safely: safetensors alone, no code from a checkpoint."""

from pathlib import Path
from typing import Any

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
        UserError: it is not there, or may not be loaded.
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


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save weights as safetensors with their tokenizer; adapters are merged, so that any server can load them."""
    merged = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    merged.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
