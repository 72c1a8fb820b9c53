"""What a checkpoint of our trainers says it was optimised for: ``sandglass.json`` beside the weights."""

import json
from pathlib import Path

from harness.errors import UserError

FILE = "sandglass.json"
MAX_CARD = 4 << 20


def read_optimised_for(folder: Path) -> tuple[str, ...]:
    """Read which metrics, families and models a checkpoint's training used; empty where it has no card.

    Args:
        folder: the checkpoint.

    Raises:
        UserError: there is a card that cannot be read; what it was optimised for would be lost.
    """
    path = folder / FILE
    if not path.is_file():
        return ()
    try:
        if path.stat().st_size > MAX_CARD:
            raise ValueError("too large")
        names = json.loads(path.read_text(encoding="utf-8"))["optimised_for"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path} does not say what the checkpoint was optimised for.", "Restore the trainer's card.")
    return tuple(sorted(set(names)))
