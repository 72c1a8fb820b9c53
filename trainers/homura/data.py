"""Prompts and training set of a built task: which videos are trained on, what is asked, how answers are read."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.budget import Budget
from harness.budget_prompts import budget_prompt, instruction, middle, plain_instruction, stated
from harness.errors import UserError
from harness.llm.types import Response
from harness.prompts import Parsed, chat, parse_chat, parse_line
from harness.readers import read_jsonl
from harness.records import Item, Segment, Usage
from harness.syllables import counter_for
from harness.task import load_task
from trainers.homura.config import Config, Data, Form
from trainers.homura.parts import imported
from trainers.homura.profiles import PROFILES
from trainers.homura.rewards import Bounds

Reader = Callable[[str, bool], Parsed]
"""Reads an answer, given whether it was cut off at the limit on tokens."""

TRAINING = "train.jsonl"
"""What ``sandglass build … --split train=S`` sets aside in the task's folder."""
CONTEXT = 3
"""Lines of context on each side, as tasks have unless they say otherwise."""

CORPORA = {"toy": "trainers.homura.toy:corpus"}
"""Made-up languages by name: where ``corpus(config) -> Corpus`` is."""


@dataclass(frozen=True)
class Corpus:
    """What a run trains on.

    Attributes:
        name: task, version and data hash.
        source: source language.
        target: target language.
        bounds: L0 and R0.
        mu: mean syllables of the training sources.
        rows: training set; ``prompt`` and the columns of ``trainers.homura.parts.Batch``, ``source`` the text.
        held_out: clusters of the task that are not trained on; None where it has a training part of its own.
        read: reads answers.
        count: counts a translation's syllables.
        line: whether an answer ends with its line.
        demonstration: whether it is a made-up language.
    """

    name: str
    source: str
    target: str
    bounds: Bounds
    mu: float
    rows: tuple[dict[str, Any], ...]
    held_out: tuple[str, ...] | None
    read: Reader
    count: Callable[[str], int]
    line: bool = False
    demonstration: bool = False


def load_corpus(config: Config) -> Corpus:
    """Load the training set of a configuration.

    Raises:
        UserError: no such task or file, not a task on the ratio track, nothing is left to train on, or it is what the
            task measures.
    """
    data = config.data
    if data.task in CORPORA:
        corpus: Corpus = imported(CORPORA[data.task])(config)
        return corpus
    task = load_task(data.task)
    if task.track != "ratio":
        raise UserError(
            f"{task.name} is on the track {task.track}, and HOMURA's budget is a syllable ratio.",
            "Name a task on the ratio track in data.task.",
        )
    counter = PROFILES[config.reward.profile].counter
    low, high = config.reward.own_bounds or task.bounds
    file = training_file(data)
    if file is None:
        training, held_out = split(task.segments, data.held_out, data.split_seed)
    else:
        training, held_out = list(read_jsonl(file, task.target, CONTEXT)), None
        check_apart(file, training, task.segments)
    training = spread(training, data.limit)
    if not training:
        raise UserError(f"{task.name} leaves nothing to train on.", "Lower data.held_out.")
    budget = Budget(task.source, task.target, counter, (low, high))
    count_source = counter_for(task.source, counter)
    rows = tuple(row(segment, budget, data.prompt, count_source(segment.text)) for segment in training)
    return Corpus(
        name=task.line(),
        source=task.source,
        target=task.target,
        bounds=(low, high),
        mu=sum(r["source_syllables"] for r in rows) / len(rows),
        rows=rows,
        held_out=held_out,
        read=reader(data.prompt, task.target, config.grpo.max_tokens),
        count=counter_for(task.target, counter),
        line=data.prompt == "line",
        demonstration=task.synthetic,
    )


def training_file(data: Data) -> Path | None:
    """Return the file of lines to train on: the one named, or what a built task's folder set aside; None without.

    Raises:
        UserError: the file named is not there.
    """
    if data.file:
        if not Path(data.file).is_file():
            raise UserError(f"There is no training file {data.file!r}.", "Check data.file, or leave it out.")
        return Path(data.file)
    beside = Path(data.task.partition(":")[0]) / TRAINING
    return beside if beside.is_file() else None


def check_apart(file: Path, training: Sequence[Segment], measured: Sequence[Segment]) -> None:
    """Refuse to train on what the task measures.

    Raises:
        UserError: a video is in both.
    """
    if both := {segment.cluster for segment in training} & {segment.cluster for segment in measured}:
        raise UserError(
            f"{file} has lines of {len(both)} videos that the task measures, such as {min(both)!r}.",
            "Take them out, or build the task with --split train=SHARE.",
        )


def split(segments: Sequence[Segment], held_out: float, seed: int) -> tuple[list[Segment], tuple[str, ...]]:
    """Split segments by cluster: whole videos are trained on or held out.

    Args:
        segments: of a task.
        held_out: share of the clusters, rounded up, that are held out.
        seed: of the draw.

    Returns:
        What is trained on, in the task's order, and the clusters held out.

    Examples:
        >>> segments = [Segment(str(n), "好", f"video {n // 2}") for n in range(8)]
        >>> training, held = split(segments, 0.25, seed=0)
        >>> held, [segment.id for segment in training]
        (('video 3',), ['0', '1', '2', '3', '4', '5'])
    """
    clusters = sorted({segment.cluster for segment in segments})
    out = random.Random(seed).sample(clusters, math.ceil(held_out * len(clusters)))
    return [segment for segment in segments if segment.cluster not in out], tuple(sorted(out))


def spread(segments: list[Segment], limit: int) -> list[Segment]:
    """Return at most ``limit`` segments, evenly spaced; all of them for 0."""
    if not 0 < limit < len(segments):
        return segments
    return [segments[number * len(segments) // limit] for number in range(limit)]


def row(segment: Segment, budget: Budget, form: Form, syllables: int) -> dict[str, Any]:
    """Return one row of the training set: the prompt, and what rewards look at.

    Examples:
        >>> budget = Budget("zh", "en", "pyphen", (0.8, 0.9))
        >>> row(Segment("1", "你好", "v"), budget, "plain", 2)["prompt"]
        '你好'
    """
    return {
        "prompt": prompt(segment, budget, form),
        "id": segment.id,
        "source": segment.text,
        "cluster": segment.cluster,
        "before": list(segment.before),
        "after": list(segment.after),
        "reference": segment.reference,
        "source_syllables": syllables,
        "source_language": budget.source,
        "target_language": budget.target,
    }


def prompt(segment: Segment, budget: Budget, form: Form) -> Any:
    """Return what the model is asked: as the strategies ``prompted`` and ``unconstrained`` ask, or the text alone."""
    if form == "plain":
        return segment.text
    wanted, item = budget.wanted(segment), Item(segment.id, (segment,))
    if form == "line":
        return budget_prompt(budget, segment.text, middle(wanted))
    if form == "unconstrained":
        messages = chat(plain_instruction(budget), item)
    else:
        messages = chat(instruction(budget), item, {budget.unit: [stated(wanted)]})
    return [{"role": message.role, "content": message.content} for message in messages]


def reader(form: Form, target: str, max_tokens: int) -> Reader:
    r"""Return the function that reads answers to a form of prompt strictly, as a run of the harness does.

    Examples:
        >>> reader("chat", "en", 99)('{"translation": "Hello"}', False).state
        'ok'
        >>> [reader("line", "en", 99)(text, True) for text in (" Hello\nChinese:", " Hello")]
        [Parsed(text='Hello', state='ok', detail=''), Parsed(text='Hello', state='truncated', detail='no end of line')]
    """
    if form == "line":
        return partial(_read_line, target)
    return partial(_read_plain, target) if form == "plain" else partial(_read_chat, target, max_tokens)


def _read_chat(target: str, max_tokens: int, text: str, cut: bool) -> Parsed:
    return parse_chat(_response(text, cut), 1, target, max_tokens)[0]


def _read_line(target: str, text: str, cut: bool) -> Parsed:
    first, ended, _ = text.partition("\n")
    return parse_line(_response(first, cut and not ended), target)[0]


def _read_plain(target: str, text: str, cut: bool) -> Parsed:
    return parse_line(_response(text, cut), target)[0]


def _response(text: str, cut: bool) -> Response:
    return Response(text, "length" if cut else "stop", Usage())
