"""Log-probabilities of completions, without the log-softmax over the whole vocabulary of a whole batch."""

from typing import Any

import torch
from torch import Tensor

from harness.errors import UserError

ROWS = 2048
"""Tokens whose logits exist at a time."""

SCALES = ("logit_scale", "logits_scaling", "lm_head_multiplier")
"""What some families (Cohere, Granite, Falcon-H1) multiply logits by or divide them by, each in its own way."""


def summed_logprobs(model: Any, input_ids: Tensor, attention_mask: Tensor, completion_mask: Tensor) -> Tensor:
    """Compute log pi(y | x), summed over the completion's tokens.

    ``sum_t completion_mask[b, t] * log softmax(logits[b, t - 1])[input_ids[b, t]]``. Only the
    positions in the completion are projected to the vocabulary, ``ROWS`` at a time, and the
    projection is done again on the way back, so that memory holds ``ROWS x vocabulary`` and never
    ``batch x length x vocabulary``.

    Args:
        model: a causal language model with a decoder and an output layer (``get_decoder``,
            ``get_output_embeddings``), possibly wrapped by PEFT.
        input_ids: [batch, length], prompt and completion.
        attention_mask: [batch, length], 0 on padding, on either side.
        completion_mask: [batch, length], 1 on the completion's tokens, its end of sequence included.

    Returns:
        [batch], at most 0.

    Raises:
        UserError: the model does more to its logits than to cap them.
    """
    if scaled := [name for name in SCALES if getattr(model.config, name, None) not in (None, 1, 1.0)]:
        raise UserError(f"{model.config.model_type} scales its logits ({scaled[0]}).", "Train a model that does not.")
    positions = (attention_mask.cumsum(-1) - 1).clamp(min=0)
    hidden = _decoder(model)(
        input_ids=input_ids, attention_mask=attention_mask, position_ids=positions, use_cache=False
    ).last_hidden_state
    wanted = completion_mask[:, 1:].bool()
    rows = hidden[:, :-1][wanted]
    targets = input_ids[:, 1:][wanted]
    head, cap = model.get_output_embeddings(), getattr(model.config, "final_logit_softcapping", None)
    logprobs = torch.cat(
        [
            torch.utils.checkpoint.checkpoint(
                _chosen, rows[i : i + ROWS], targets[i : i + ROWS], head, cap, use_reentrant=False
            )
            for i in range(0, max(1, len(rows)), ROWS)
        ]
    )
    spread = torch.zeros(wanted.shape, dtype=logprobs.dtype, device=logprobs.device).masked_scatter(wanted, logprobs)
    return spread.sum(-1)


def _chosen(rows: Tensor, targets: Tensor, head: Any, cap: float | None) -> Tensor:
    logits = head(rows).float()
    if cap:
        logits = torch.tanh(logits / cap) * cap
    return logits.gather(-1, targets[:, None]).squeeze(-1) - logits.logsumexp(-1)


def _decoder(model: Any) -> Any:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return inner.get_decoder()
