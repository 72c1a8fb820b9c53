"""Supervised fine-tuning of a GenRM on judgements, with TRL's SFTTrainer: the loss is on the judgement alone."""

from collections.abc import Sequence
from typing import Any

from harness.errors import UserError
from trainers.common.config import Training
from trainers.homura.genrm.data import Judged, question
from trainers.homura.genrm.generating import TEMPLATE_OPTIONS, as_messages, rendered


def rows(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Write judgements as TRL's prompts and completions: the judge's very chat, and the answer it asks for."""
    return [
        {
            "prompt": as_messages(question(one.pair)),
            "completion": [{"role": "assistant", "content": one.answer()}],
            "chat_template_kwargs": TEMPLATE_OPTIONS,
        }
        for one in judged
    ]


def fitting(tokenizer: Any, judged: Sequence[Judged], max_length: int) -> list[Judged]:
    """Return the judgements that fit, since one that is cut off teaches never to end.

    Raises:
        UserError: none does.
    """
    found = [
        one
        for one in judged
        if len(tokenizer(rendered(tokenizer, question(one.pair), one.answer()), add_special_tokens=False)["input_ids"])
        <= max_length
    ]
    if not found:
        raise UserError(f"No judgement has up to {max_length} tokens.", "Raise data.max_length.")
    return found


def build(model: Any, tokenizer: Any, judged: Sequence[Judged], training: Training, max_length: int, lora: Any) -> Any:
    """Build the trainer.

    Args:
        model: a causal language model.
        tokenizer: its own, with a chat template.
        judged: what is learned, ``fitting`` the length.
        training: ``[train]``.
        max_length: most tokens of question and judgement.
        lora: PEFT's configuration, or None.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from trainers.common.running import arguments

    config = SFTConfig(**arguments(training), max_length=max_length, completion_only_loss=True, packing=False)
    data = Dataset.from_list(rows(judged))
    return SFTTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer, peft_config=lora)
