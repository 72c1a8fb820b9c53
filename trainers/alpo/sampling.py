"""Candidates: what a model says for a line after the lines before, or for all lines at once.

``Local`` samples in batches from a model in memory, exactly after the prefix as it is trained. ``ByDoor`` asks any
model behind the harness's door, which is shown the lines before in its prompt; top-k is not sent, since
not every server knows it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from harness import numbered
from harness.errors import RunError
from harness.llm.types import LLM, Decode, Message, Request, Response
from harness.prompts import THINKING
from trainers.alpo.data import Sample, asking, instruction
from trainers.alpo.encoding import Encoder
from trainers.alpo.mixing import stream

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How candidates are drawn: k of them, with temperature, nucleus, most likely tokens, and longest answer."""

    k: int = 15
    temperature: float = 0.7
    top_p: float = 0.9
    top_k: int = 40
    max_tokens: int = 650


class Sampler(Protocol):
    """Where candidates come from."""

    async def next_lines(self, samples: Sequence[Sample], before: Sequence[Lines], k: int) -> list[list[str]]:
        """Sample the line that follows.

        Args:
            samples: what is translated.
            before: of each sample the lines so far.
            k: candidates a sample.

        Returns:
            Of each sample k texts, possibly blank.
        """
        ...

    async def outputs(self, samples: Sequence[Sample], k: int) -> list[list[Lines | None]]:
        """Sample whole outputs; None for one that is not exactly the lines asked for."""
        ...


@dataclass(frozen=True)
class Local:
    """A model in memory.

    Attributes:
        model: a causal language model.
        encoder: its tokens.
        decoding: how to draw.
        seed: of the draws; the same seed, samples and batch give the same texts.
        batch: sequences at a time.
    """

    model: Any
    encoder: Encoder
    decoding: Decoding
    seed: int = 0
    batch: int = 512

    async def next_lines(self, samples: Sequence[Sample], before: Sequence[Lines], k: int) -> list[list[str]]:
        """Sample the line that follows; see ``Sampler``."""
        prompts = [self.encoder.before(sample, lines) for sample, lines in zip(samples, before, strict=True)]
        drawn = self._draw(prompts, k, self.encoder.stops, len(before[0]) if before else 0)
        return [[self.encoder.first_line(ids) for ids in texts] for texts in drawn]

    async def outputs(self, samples: Sequence[Sample], k: int) -> list[list[Lines | None]]:
        """Sample whole outputs; see ``Sampler``."""
        drawn = self._draw([self.encoder.prompt(s) for s in samples], k, self.encoder.stops[:1], 0)
        return [
            [_lines(self.encoder.lines(ids, len(sample.item.segments))) for ids in group]
            for sample, group in zip(samples, drawn, strict=True)
        ]

    def _draw(self, prompts: Sequence[list[int]], k: int, stops: Sequence[int], number: int) -> list[list[list[int]]]:
        """Continue each prompt k times, with draws of their own for each line's number; what was cut off is empty."""
        import torch

        ends = frozenset(stops)

        torch.manual_seed(int(stream("draw", self.seed, number).integers(1 << 31)))
        pad = self.encoder.tokenizer.pad_token_id
        drawn: list[list[list[int]]] = []
        each = max(1, self.batch // k)
        for start in range(0, len(prompts), each):
            part = prompts[start : start + each]
            longest = max(map(len, part))
            ids = torch.tensor([[pad] * (longest - len(row)) + row for row in part], device=self.model.device)
            mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in part], device=self.model.device)
            with torch.inference_mode():
                out = self.model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    num_return_sequences=k,
                    eos_token_id=list(stops),
                    pad_token_id=pad,
                    max_new_tokens=self.decoding.max_tokens,
                    **self._how(),
                )
            rows = [row if ends.intersection(row) else [] for row in out[:, longest:].tolist()]
            drawn += [rows[i : i + k] for i in range(0, len(rows), k)]
        return drawn

    def _how(self) -> dict[str, Any]:
        chosen = self.decoding
        if not chosen.temperature:
            return {"do_sample": False}
        return {
            "do_sample": True,
            "temperature": chosen.temperature,
            "top_p": chosen.top_p,
            "top_k": chosen.top_k,
        }


def _lines(found: list[str] | None) -> Lines | None:
    return None if found is None else tuple(found)


NEXT = (
    "Below stand numbered lines and, where there are any, the translations of the first of them. Translate line "
    '{number} alone, so that it follows on. Answer with that line and nothing else: "{number}. text".'
)


@dataclass(frozen=True)
class ByDoor:
    """A model behind the door.

    Attributes:
        llm: the door.
        model: the model's name.
        source: code of the source language.
        target: code of the target language.
        decoding: how to draw, but for top-k.
        api_base: server, where it is not the provider's own.
        seed: sent to the provider.
    """

    llm: LLM
    model: str
    source: str
    target: str
    decoding: Decoding
    api_base: str | None = None
    seed: int = 1

    @property
    def _decode(self) -> Decode:
        return Decode(self.decoding.max_tokens, self.decoding.temperature, self.decoding.top_p)

    async def next_lines(self, samples: Sequence[Sample], before: Sequence[Lines], k: int) -> list[list[str]]:
        """Sample the line that follows; see ``Sampler``. What failed or cannot be read is blank."""
        asked = [self._next(sample, lines, k) for sample, lines in zip(samples, before, strict=True)]
        return list(await asyncio.gather(*asked))

    async def outputs(self, samples: Sequence[Sample], k: int) -> list[list[Lines | None]]:
        """Sample whole outputs; see ``Sampler``."""
        return list(await asyncio.gather(*(self._outputs(sample, k) for sample in samples)))

    async def _next(self, sample: Sample, before: Lines, k: int) -> list[str]:
        number = len(before) + 1
        told = f"{instruction(self.source, self.target)} {NEXT.format(number=number)}"
        user = asking(sample.item, self.source, self.target)[1].content
        done = "\n".join(f"{n}. {text}" for n, text in enumerate(before, 1))
        shown = f"{user}\n\nTranslated so far:\n{done}" if before else user
        answers = await self._answers((Message("system", told), Message("user", shown)), k)
        return [read_line(answer, number) for answer in answers]

    async def _outputs(self, sample: Sample, k: int) -> list[Lines | None]:
        count = len(sample.item.segments)
        answers = await self._answers(asking(sample.item, self.source, self.target), k)
        return [read_output(answer, count, self.target, self.decoding.max_tokens) for answer in answers]

    async def _answers(self, chat: tuple[Message, ...], k: int) -> list[Response | None]:
        """Ask k times; None for a call that failed.

        Raises:
            RunError: all of them failed.
        """
        requests = [
            Request(self.model, chat, decode=self._decode, seed=self.seed, repeat=repeat, api_base=self.api_base)
            for repeat in range(k)
        ]
        calls = (self.llm.complete(request, role="system", stage="candidates") for request in requests)
        found = await asyncio.gather(*calls, return_exceptions=True)
        other = [error for error in found if isinstance(error, BaseException) and not isinstance(error, RunError)]
        failed = [error for error in found if isinstance(error, RunError)]
        if other or len(failed) == k:
            raise (other or failed)[0]
        return [None if isinstance(answer, BaseException) else answer for answer in found]


def read_line(response: Response | None, number: int) -> str:
    """Read the answer ``number. text``, after a ``<think>`` block if there is one; blank where it is anything else.

    Examples:
        >>> from harness.records import Usage
        >>> read_line(Response("3. Off you go!", "stop", Usage()), 3), read_line(Response("Sure!", "stop", Usage()), 3)
        ('Off you go!', '')
    """
    if response is None or response.finish != "stop":
        return ""
    found = numbered.ROW.fullmatch(THINKING.sub("", response.text).strip())
    return found[3].strip() if found and found[1] == str(number) and found[2] is None else ""


def read_output(response: Response | None, count: int, target: str, max_tokens: int) -> Lines | None:
    """Read a whole output; None unless every line is there and in its language."""
    if response is None:
        return None
    parsed = numbered.read(response, count, target, max_tokens)
    return tuple(line.text for line in parsed) if all(line.state == "ok" for line in parsed) else None
