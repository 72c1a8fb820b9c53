"""Samples as tokens: prompt, the lines before, and the line that counts.

An output is ``1. text`` lines, each ended by a separator, the last by the end of sequence. Every piece is tokenised
by itself, so that a line has the same tokens whatever stands before and after it, in sampling as in training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trainers.alpo.data import Sample


@dataclass(frozen=True)
class Encoder:
    """Tokens of samples.

    Attributes:
        tokenizer: the model's.
        separator: what ends a line.
        cutoff: most tokens of a row.
    """

    tokenizer: Any
    separator: str = "\n"
    cutoff: int = 8192

    def ids(self, text: str, plain: bool = True) -> list[int]:
        """Return the tokens of a piece of text; plain text holds no special token, whatever is written in it."""
        asked = {"add_special_tokens": False, "split_special_tokens": plain}
        found: list[int] = self.tokenizer(text, **asked)["input_ids"]
        return found

    def prompt(self, sample: Sample) -> list[int]:
        """Return the tokens of a sample's prompt, those of its chat template among them."""
        return self.ids(sample.prompt, plain=False)

    def head(self, number: int) -> list[int]:
        """Return the tokens of a line's number."""
        return self.ids(f"{number}.")

    def tail(self, text: str, last: bool) -> list[int]:
        """Return the tokens of a line's text with what ends it."""
        return [*self.ids(f" {text}"), self.tokenizer.eos_token_id] if last else self.ids(f" {text}{self.separator}")

    def before(self, sample: Sample, lines: Sequence[str]) -> list[int]:
        """Return prompt, the lines before, and the number of the next line."""
        ids = self.prompt(sample)
        for number, text in enumerate(lines, 1):
            ids += self.head(number) + self.tail(text, last=False)
        return ids + self.head(len(lines) + 1)

    def line(self, sample: Sample, before: Sequence[str], text: str) -> tuple[list[int], list[int]]:
        """Return the tokens before a line, and its own."""
        return self.before(sample, before), self.tail(text, last=len(before) + 1 == len(sample.item.segments))

    def whole(self, sample: Sample, lines: Sequence[str]) -> tuple[list[int], list[int]]:
        """Return the tokens of the prompt, and of a whole output."""
        ids: list[int] = []
        for number, text in enumerate(lines, 1):
            ids += self.head(number) + self.tail(text, last=number == len(lines))
        return self.prompt(sample), ids

    @cached_property
    def stops(self) -> list[int]:
        """Tokens that end a line: the end of sequence, and all that hold the separator."""
        mark = self.separator.strip() or self.separator
        texts = self.tokenizer.batch_decode([[number] for number in range(len(self.tokenizer))])
        return [self.tokenizer.eos_token_id, *(number for number, text in enumerate(texts) if mark in text)]

    def first_line(self, ids: Sequence[int]) -> str:
        """Return the text of sampled tokens up to the first separator."""
        mark = self.separator.strip() or self.separator
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text.partition(mark)[0].strip()

    def lines(self, ids: Sequence[int], count: int) -> list[str] | None:
        """Read a sampled output; None where it is not exactly the numbered lines asked for.

        Args:
            ids: sampled tokens.
            count: lines asked for.
        """
        mark = self.separator.strip() or self.separator
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        rows = [row.strip() for row in text.strip().removesuffix(mark).split(mark)]
        starts = [f"{number}." for number in range(1, count + 1)]
        if len(rows) != count or not all(row.startswith(start) for row, start in zip(rows, starts, strict=True)):
            return None
        return [row.removeprefix(start).strip() for row, start in zip(rows, starts, strict=True)]
