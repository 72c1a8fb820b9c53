"""Responses of the current policy: N for each prompt, generated here in batches or by a server through the door."""

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

from harness.llm.door import Door
from harness.llm.types import Decode, Message, Request
from trainers.icr.asking import ask_all
from trainers.icr.config import Sampling


class Sampler(Protocol):
    """Whatever answers prompts: ``sampler(prompts, seed)`` gives N responses for each."""

    def __call__(self, prompts: Sequence[str], seed: int) -> Sequence[Sequence[str | None]]:
        """Sample; a response that could not be had is None."""
        ...


def seed_of(*parts: object) -> int:
    """Return a seed for a block of a round, so that what is done again comes out the same.

    Examples:
        >>> seed_of(1, 0, "de", 3) == seed_of(1, 0, "de", 3) != seed_of(1, 0, "de", 4)
        True
    """
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")


class LocalSampler:
    """Generate with a model in this process, padded on the left.

    Args:
        model: a causal language model.
        tokenizer: its own.
        how: number, temperature, length and batch.
    """

    def __init__(self, model: Any, tokenizer: Any, how: Sampling) -> None:
        self._model, self._tokenizer, self._how = model, tokenizer, how

    def __call__(self, prompts: Sequence[str], seed: int) -> list[list[str]]:
        """Sample N responses a prompt; the same seed and prompts give the same."""
        import torch

        from trainers.icr.reward import prompt_ids

        torch.manual_seed(seed)
        tokens = [prompt_ids(self._tokenizer, prompt) for prompt in prompts for _ in range(self._how.responses)]
        texts = list[str]()
        for start in range(0, len(tokens), self._how.batch):
            texts += self._generate(tokens[start : start + self._how.batch])
        return [texts[at : at + self._how.responses] for at in range(0, len(texts), self._how.responses)]

    def _generate(self, rows: Sequence[list[int]]) -> list[str]:
        import torch

        longest, pad = max(map(len, rows)), self._tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows], device=self._model.device)
        seen = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=self._model.device)
        with torch.inference_mode():
            out = self._model.generate(
                input_ids=ids,
                attention_mask=seen,
                max_new_tokens=self._how.max_tokens,
                do_sample=True,
                temperature=self._how.temperature,
                top_p=self._how.top_p,
                top_k=0,
                pad_token_id=pad,
            )
        return [str(text) for text in self._tokenizer.batch_decode(out[:, longest:], skip_special_tokens=True)]


class DoorSampler:
    """Ask a model through the door.

    Args:
        door: the way to the model.
        model: its name.
        how: number, temperature and length.
    """

    def __init__(self, door: Door, model: str, how: Sampling) -> None:
        self._door, self._model, self._how = door, model, how

    def __call__(self, prompts: Sequence[str], seed: int) -> list[list[str | None]]:
        """Sample N responses a prompt.

        Raises:
            UserError: every call failed.
        """
        decode, each = Decode(self._how.max_tokens, self._how.temperature, self._how.top_p), self._how.responses
        requests = [
            Request(self._model, (Message("user", prompt),), decode=decode, seed=seed, repeat=number)
            for prompt in prompts
            for number in range(each)
        ]
        texts = [None if answer is None else answer.text for answer in ask_all(self._door, requests, "sampling")]
        return [texts[at : at + each] for at in range(0, len(texts), each)]
