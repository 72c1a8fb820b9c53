"""The implicit reward of an aligned model: how much likelier it makes a response than its reference does.

``r(y) = sum_t log pi(y_t | x, y_<t) - sum_t log pi_ref(y_t | x, y_<t)``, t over the response and its end of sequence.

Source: Yang et al. (2025), arXiv 2503.04647. DPO's reward is ``beta`` times that (Rafailov et al. 2023,
arXiv 2305.18290); a constant ranks nothing, so it is left out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import UserError
from trainers.common.logprobs import summed_logprobs

Floats = NDArray[np.float64]


def prompt_ids(tokenizer: Any, prompt: str) -> list[int]:
    """Return the tokens of a prompt as the model sees it: in its chat template where it has one."""
    if tokenizer.chat_template is None:
        return list(tokenizer(prompt)["input_ids"])
    messages = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def response_ids(tokenizer: Any, response: str) -> list[int]:
    """Return the tokens of a response, its end of sequence last."""
    return [*tokenizer(response, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


def collate(
    pairs: Sequence[tuple[list[int], list[int]]], pad: int, side: str = "right"
) -> tuple[Tensor, Tensor, Tensor]:
    """Pad prompts and responses to one batch.

    The mask belongs to the labels: it is 1 where the token itself is the response's, so that the log-probability
    of its first token, predicted at the prompt's last, counts.

    Args:
        pairs: tokens of prompt and response.
        pad: token to pad with; it may be the end of sequence, since masks go by position.
        side: ``right`` or ``left``.

    Returns:
        input_ids, attention_mask and completion_mask, [batch, length].

    Examples:
        >>> ids, seen, mask = collate([([5, 6], [7, 2]), ([8], [2])], pad=0)
        >>> ids.tolist(), seen.tolist(), mask.tolist()
        ([[5, 6, 7, 2], [8, 2, 0, 0]], [[1, 1, 1, 1], [1, 1, 0, 0]], [[0, 0, 1, 1], [0, 1, 0, 0]])
    """
    longest = max(len(prompt) + len(response) for prompt, response in pairs)

    def padded(row: list[int], filler: int) -> list[int]:
        rest = [filler] * (longest - len(row))
        return rest + row if side == "left" else row + rest

    ids = [padded(prompt + response, pad) for prompt, response in pairs]
    seen = [padded([1] * (len(prompt) + len(response)), 0) for prompt, response in pairs]
    mask = [padded([0] * len(prompt) + [1] * len(response), 0) for prompt, response in pairs]
    return torch.tensor(ids), torch.tensor(seen), torch.tensor(mask)


def response_logprobs(
    model: Any, tokenizer: Any, pairs: Sequence[tuple[str, str]], *, batch: int = 64, side: str = "right"
) -> Floats:
    """Return ``sum_t log pi(y_t | x, y_<t)`` of responses, in nats.

    Args:
        model: a causal language model.
        tokenizer: its own.
        pairs: prompt and response.
        batch: sequences at a time; the longest first, which wastes the least padding.
        side: of the padding.

    Returns:
        [n], at most 0.

    Raises:
        UserError: a sequence is longer than the model can read.
    """
    tokens = [(prompt_ids(tokenizer, prompt), response_ids(tokenizer, response)) for prompt, response in pairs]
    limit = getattr(model.config, "max_position_embeddings", None)
    lengths = [len(prompt) + len(response) for prompt, response in tokens]
    if limit is not None and lengths and max(lengths) > limit:
        raise UserError(
            f"A prompt and its response have {max(lengths)} tokens, and the model reads {limit}.",
            "Lower sampling.max_tokens, or leave long prompts out.",
        )
    found = np.zeros(len(tokens))
    order = sorted(range(len(tokens)), key=lambda i: -lengths[i])
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        tensors = collate([tokens[i] for i in chosen], tokenizer.pad_token_id, side)
        with torch.inference_mode():
            found[chosen] = summed_logprobs(model, *(each.to(model.device) for each in tensors)).double().cpu().numpy()
    return found


def implicit_rewards(
    policy: Any, reference: Any, tokenizer: Any, pairs: Sequence[tuple[str, str]], *, batch: int = 64
) -> Floats:
    """Return the implicit reward of responses: the policy's log-probability less the reference's, in nats.

    Args:
        policy: pi_t.
        reference: pi_ref, with the same tokenizer.
        tokenizer: of both.
        pairs: the prompt each response is rewarded under, and the response.
        batch: sequences at a time.

    Returns:
        [n]; 0 where both models are the same.
    """
    own = response_logprobs(policy, tokenizer, pairs, batch=batch)
    return own - response_logprobs(reference, tokenizer, pairs, batch=batch)
