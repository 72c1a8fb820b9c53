"""What a checkpoint of our trainers says of itself: ``sandglass.json`` beside the weights."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.task import Task

FILE = "sandglass.json"
MAX_CARD = 4 << 20


@dataclass(frozen=True)
class TrainedOn:
    """A task whose own segments were trained on.

    Attributes:
        task: its line, which ends with the hash of its data.
        held_out: the clusters (videos) that were left out.
    """

    task: str
    held_out: tuple[str, ...]


def read_optimised_for(folder: Path) -> tuple[str, ...]:
    """Read which metrics, families and models a checkpoint's training used; empty where it has no card.

    Args:
        folder: the checkpoint.

    Raises:
        UserError: there is a card that cannot be read; what it was optimised for would be lost.
    """
    names = _texts(_card(folder).get("optimised_for"))
    if names is None:
        raise _unreadable(folder)
    return tuple(sorted(set(names)))


def read_trained_on(folder: Path) -> tuple[TrainedOn, ...]:
    """Read which tasks' own segments a checkpoint, or a base of it, was trained on; empty where it has no card.

    Args:
        folder: the checkpoint.

    Raises:
        UserError: there is a card that cannot be read.
    """
    given = _card(folder).get("trained_on", [])
    if not isinstance(given, list):
        raise _unreadable(folder)
    return tuple(_trained_on(folder, entry) for entry in given)


def check_apart(folder: Path, tasks: Sequence[Task]) -> None:
    """Refuse to measure a checkpoint on segments it was trained on, as far as its card tells.

    Args:
        folder: the checkpoint.
        tasks: with the segments that would be measured.

    Raises:
        UserError: some of them were trained on, or there is a card that cannot be read.
    """
    trained_on = read_trained_on(folder)
    for task in tasks:
        clusters = {segment.cluster for segment in task.segments}
        left = clusters.copy()
        for entry in trained_on:
            if entry.task.endswith(f"#{task.data_hash[:12]}"):  # whatever the track or budget
                left.intersection_update(entry.held_out)
        if left != clusters:
            seen = sum(segment.cluster not in left for segment in task.segments)
            # the card is not ours: only names that the task has are repeated, and quoted for a shell
            only = " ".join(f"--only {shlex.quote(cluster)}" for cluster in sorted(left))
            raise UserError(
                f"{folder} was trained on {seen} of the {len(task.segments)} segments of {task.name}.",
                f"Measure on what was held out: {only}." if left else "Measure on other data.",
            )


def _trained_on(folder: Path, entry: object) -> TrainedOn:
    if isinstance(entry, dict) and isinstance(task := entry.get("task"), str):
        held_out = _texts(entry.get("held_out"))
        if held_out is not None:
            return TrainedOn(task, held_out)
    raise _unreadable(folder)


def _card(folder: Path) -> dict[str, Any]:
    """Return the table of a card; one that says nothing where there is none."""
    path = folder / FILE
    if not path.is_file():
        return {"optimised_for": []}
    try:
        if path.stat().st_size > MAX_CARD:
            raise ValueError("too large")
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        card = None
    if not isinstance(card, dict):
        raise _unreadable(folder)
    return card


def _texts(names: object) -> tuple[str, ...] | None:
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _unreadable(folder: Path) -> UserError:
    return UserError(
        f"{folder / FILE} does not say what the checkpoint was trained for.", "Restore the trainer's card."
    )
