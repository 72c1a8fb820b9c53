"""Greedy answers of a GenRM in this process, many at a time, and the probability of its score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.judges.reading import Unreadable, read_object
from harness.llm.types import Message, Response
from harness.records import Usage
from trainers.homura.genrm.data import answer

TEMPLATE_OPTIONS = {"enable_thinking": False}
"""Given to every chat template, in training as in use; the reasoning stands in the answer."""


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer, and whether it came to its end within the limit."""

    text: str
    finished: bool

    def response(self) -> Response:
        """Return it as a model's response."""
        return Response(self.text, "stop" if self.finished else "length", Usage(calls=1))


def rendered(tokenizer: Any, chat: Sequence[Message], answered: str | None = None) -> str:
    """Write a chat as the model reads it, without a thinking block where the template has a say.

    Args:
        tokenizer: with a chat template.
        chat: the question.
        answered: the answer; without one the text ends where the model's begins.
    """
    messages = [*as_messages(chat), *([{"role": "assistant", "content": answered}] if answered is not None else [])]
    text: str = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=answered is None, **TEMPLATE_OPTIONS
    )
    return text


def as_messages(chat: Sequence[Message]) -> list[dict[str, str]]:
    """Write a chat as plain data."""
    return [{"role": message.role, "content": message.content} for message in chat]


def generate(
    model: Any, tokenizer: Any, chats: Sequence[Sequence[Message]], *, max_tokens: int, batch: int = 64
) -> list[Generated]:
    """Answer chats greedily.

    Args:
        model: a causal language model.
        tokenizer: its own, with a chat template.
        chats: questions.
        max_tokens: most tokens of an answer; fewer where the model's context ends.
        batch: answers at a time.
    """
    import torch

    texts = [rendered(tokenizer, chat) for chat in chats]
    tokenizer.padding_side = "left"
    found = []
    for start in range(0, len(texts), batch):
        inputs = tokenizer(
            texts[start : start + batch], return_tensors="pt", padding=True, add_special_tokens=False
        ).to(model.device)
        width = inputs["input_ids"].shape[1]
        room = min(max_tokens, getattr(model.config, "max_position_embeddings", width + max_tokens) - width)
        if room < 1:
            found += [Generated("", False)] * len(inputs["input_ids"])
            continue
        with torch.inference_mode():
            out = model.generate(**inputs, max_new_tokens=room, do_sample=False, pad_token_id=tokenizer.pad_token_id)[
                :, width:
            ]
        ends = model.generation_config.eos_token_id or tokenizer.eos_token_id
        ended = torch.isin(out, torch.tensor(ends, device=out.device)).any(-1).tolist()
        decoded = tokenizer.batch_decode(out, skip_special_tokens=True)
        found += [Generated(text.strip(), end) for text, end in zip(decoded, ended, strict=True)]
    return found


def score_probabilities(
    model: Any, tokenizer: Any, chats: Sequence[Sequence[Message]], texts: Sequence[str], *, batch: int = 32
) -> list[float | None]:
    """Compute the probability of score 1 after each answer's own reasoning.

    ``p = pi(a_1 | x) / (pi(a_0 | x) + pi(a_1 | x))``, where ``a_s`` is the answer with score s: the same
    tokens but for the score's, whatever the tokenizer.

    Args:
        model: a causal language model.
        tokenizer: its own, with a chat template.
        chats: questions.
        texts: the model's answers to them.
        batch: answers at a time.

    Returns:
        One probability an answer, None where it has no reasoning that can be read.
    """
    import torch

    from trainers.common.logprobs import summed_logprobs

    reasonings = [_reasoning(text) for text in texts]
    readable = [i for i, reasoning in enumerate(reasonings) if reasoning is not None]
    found: list[float | None] = [None] * len(texts)
    for start in range(0, len(readable), batch):
        chosen = readable[start : start + batch]
        rows = [_encoded(tokenizer, chats[i], answer(reasonings[i] or "", score)) for i in chosen for score in (0, 1)]
        ids, mask, completion = (tensor.to(model.device) for tensor in _padded(rows, tokenizer.pad_token_id))
        with torch.no_grad():
            logs = summed_logprobs(model, ids, mask, completion).view(-1, 2)
        for i, p in zip(chosen, torch.sigmoid(logs[:, 1] - logs[:, 0]).tolist(), strict=True):
            found[i] = p
    return found


def _reasoning(text: str) -> str | None:
    try:
        reasoning = read_object(text, ("COT", "score"))["COT"]
    except Unreadable:
        return None
    return reasoning if isinstance(reasoning, str) else None


def _encoded(tokenizer: Any, chat: Sequence[Message], answered: str) -> tuple[list[int], int]:
    before = tokenizer(rendered(tokenizer, chat), add_special_tokens=False)["input_ids"]
    whole = tokenizer(rendered(tokenizer, chat, answered), add_special_tokens=False)["input_ids"]
    return whole, len(before)


def _padded(rows: Sequence[tuple[list[int], int]], pad: int) -> tuple[Any, Any, Any]:
    import torch

    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row, _ in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row, _ in rows])
    completion = torch.tensor(
        [[0] * start + [1] * (len(row) - start) + [0] * (longest - len(row)) for row, start in rows]
    )
    return ids, mask, completion
