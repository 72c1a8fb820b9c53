"""Responses of the current policy: N for each prompt, generated here in batches or by a server through the door."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

from harness.errors import RunError
from trainers.icr.config import Sampling


class Sampler(Protocol):
    """Whatever answers prompts: ``sampler(prompts, seed)`` gives N responses for each."""

    def __call__(self, prompts: Sequence[str], seed: int) -> list[list[str]]:
        """Sample; a response that could not be had is empty."""
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
    """Ask a model through the door, ``concurrency`` at a time; answers are cached.

    Args:
        door: the way to the model.
        model: its name.
        api_base: its server, where it is not the provider's own.
        how: number, temperature and length.
    """

    def __init__(self, door: Any, model: str, api_base: str | None, how: Sampling) -> None:
        self._door, self._model, self._api_base, self._how = door, model, api_base, how

    def __call__(self, prompts: Sequence[str], seed: int) -> list[list[str]]:
        """Sample N responses a prompt; one whose call failed is empty, and so counted and left out of the pairs."""
        return asyncio.run(self._all(prompts, seed))

    async def _all(self, prompts: Sequence[str], seed: int) -> list[list[str]]:
        gathered = [asyncio.gather(*(self._ask(p, seed, n) for n in range(self._how.responses))) for p in prompts]
        return [list(responses) for responses in await asyncio.gather(*gathered)]

    async def _ask(self, prompt: str, seed: int, number: int) -> str:
        from harness.llm.types import Decode, Message, Request

        decode = Decode(self._how.max_tokens, self._how.temperature, self._how.top_p)
        messages = (Message("user", prompt),)
        request = Request(self._model, messages, decode=decode, seed=seed, repeat=number, api_base=self._api_base)
        try:
            return str((await self._door.complete(request, role="system", stage="sampling")).text)
        except RunError:
            return ""
