"""What ALPO is trained on: samples of consecutive lines, their rated candidates, and both on disk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.convert import load
from harness.errors import UserError
from harness.jsonl import read_own
from harness.llm.types import Message
from harness.numbered import chat
from harness.prompts import one_line
from harness.records import Item
from harness.task import Task
from trainers.alpo.selection import Rated

INSTRUCTION = (
    "You translate the subtitles of a film or series from {source} into {target}: what is said, in natural, vivid "
    "{target} speech. Use the terms as given; lines before and after are only for understanding."
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Consecutive lines that are translated together.

    Attributes:
        item: the lines, with references where there are any.
        prompt: the text that the model continues with ``1. …``.
    """

    item: Item
    prompt: str

    @property
    def id(self) -> str:
        """The item's."""
        return self.item.id

    @property
    def references(self) -> tuple[str, ...] | None:
        """The reference of each line; None unless all have one."""
        found = tuple(one_line(segment.reference or "") for segment in self.item.segments)
        return found if all(found) else None


@dataclass(frozen=True, slots=True)
class RatedSample:
    """The rated candidates of a sample.

    Attributes:
        id: the sample's.
        lines: of each line, or one of the whole output, whose lines are joined by newlines; empty where there was no
            candidate for some line, and the sample is left out.
        misread: outputs that were not exactly the lines asked for.
    """

    id: str
    lines: tuple[Rated, ...] = ()
    misread: int = 0


def instruction(source: str, target: str) -> str:
    """Return what a model is told to do.

    Args:
        source: code of the source language.
        target: code of the target language.
    """
    from harness.languages import language

    return INSTRUCTION.format(source=language(source), target=language(target))


def asking(item: Item, source: str, target: str) -> tuple[Message, ...]:
    """Return the chat that asks for an item's lines: with their context, and with the terms of all of them."""
    terms = tuple(dict.fromkeys(term for segment in item.segments for term in segment.terms))
    return chat(instruction(source, target), item, terms)


def from_task(task: Task, tokenizer: Any) -> list[Sample]:
    """Turn a task's chunks into samples, with the tokenizer's chat template.

    Raises:
        UserError: the tokenizer has no chat template, or one without a system message.
    """
    from jinja2 import TemplateError

    if not tokenizer.chat_template:
        raise UserError("The model's tokenizer has no chat template.", "Train an instruction model.")
    samples = []
    for item in task.items(task.window):
        messages = [{"role": m.role, "content": m.content} for m in asking(item, task.source, task.target)]
        try:
            prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            raise UserError(
                f"The model's chat template refuses a chat: {error}.", "Train a model that takes a system message."
            ) from None
        samples.append(Sample(item, prompt))
    return samples


def split(samples: Sequence[Sample], share: float) -> tuple[list[Sample], list[Sample]]:
    """Split samples by cluster: the first part has ``share`` of them, so far as whole clusters go.

    Clusters are ordered by the hash of their names, so the split hangs on nothing else.

    Examples:
        >>> from harness.records import Segment
        >>> made = [Sample(Item(str(n), (Segment(str(n), "a", f"v{n // 2}"),)), "") for n in range(10)]
        >>> [sample.id for sample in split(made, 0.8)[1]]
        ['4', '5']
    """
    from hashlib import sha256

    clusters: dict[str, list[Sample]] = {}
    for sample in samples:
        clusters.setdefault(sample.item.segments[0].cluster, []).append(sample)
    first: list[Sample] = []
    second: list[Sample] = []
    for name in sorted(clusters, key=lambda cluster: sha256(cluster.encode()).digest()):
        (first if len(first) < share * len(samples) - 1e-9 else second).extend(clusters[name])
    return first, second


def read_rated(path: Path) -> list[RatedSample]:
    """Read ``rated.jsonl``.

    Raises:
        UserError: a line that does not hold rated candidates.
    """
    return list(_rows(path, read_own(path)))


def _rows(path: Path, rows: Iterable[Any]) -> Iterable[RatedSample]:
    for number, row in enumerate(rows, 1):
        try:
            yield load(RatedSample, row)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}.", "Remove the file; it is made again.") from None
