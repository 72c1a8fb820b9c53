"""What a checkpoint of our trainers says of itself: ``sandglass.json`` beside the weights."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.task import Task

FILE = "sandglass.json"
MAX_CARD = 4 << 20


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


def check_apart(folder: Path, tasks: Sequence[Task]) -> None:
    """Refuse to measure a checkpoint on segments it was trained on, as far as its card tells.

    A training that took a task's own segments names the task's data and the clusters (videos) it left out.

    Args:
        folder: the checkpoint.
        tasks: with the segments that would be measured.

    Raises:
        UserError: some of them were trained on, or there is a card that cannot be read.
    """
    data = _card(folder).get("data", {})
    if not isinstance(data, dict):
        raise _unreadable(folder)
    if "held_out" not in data:
        return
    try:
        held_out = _texts(json.loads(data["held_out"]))
    except (ValueError, TypeError, RecursionError):
        held_out = None
    if held_out is None or not isinstance(data.get("task"), str):
        raise _unreadable(folder)
    for task in tasks:
        same_data = data["task"].endswith(f"#{task.data_hash[:12]}")  # whatever the track or budget
        seen = sum(segment.cluster not in held_out for segment in task.segments)
        if same_data and seen:
            # the card is not ours: only names that the task has are repeated, and quoted for a shell
            left = sorted({segment.cluster for segment in task.segments} & set(held_out))
            only = " ".join(f"--only {shlex.quote(cluster)}" for cluster in left)
            raise UserError(
                f"{folder} was trained on {seen} of the {len(task.segments)} segments of {task.name}.",
                f"Measure on what was held out: {only}." if left else "Measure on other data.",
            )


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
        f"{folder / FILE} does not say what the checkpoint was optimised for.", "Restore the trainer's card."
    )
