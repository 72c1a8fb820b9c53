"""The history of a training run: ``OUTPUT/history.jsonl``, one line a logged step."""

import json
import math
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from harness.errors import UserError
from harness.jsonl import to_line


class History(TrainerCallback):
    """Append what a trainer logs; lines of steps that a resumed run does again are taken back first.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Cut off the lines after the step that training continues from."""
        if not state.is_world_process_zero:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = [row for row in read_history(self.path) if row["step"] <= state.global_step] if state.global_step else []
        self.path.write_bytes(b"".join(map(to_line, kept)))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Log before every checkpoint, so that none is written of weights that are no numbers."""
        control.should_log |= control.should_save

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Append a line; stop where the loss or the gradient's norm is no number.

        Raises:
            UserError: it is NaN or infinite.
        """
        numbers = {name: value for name, value in (logs or {}).items() if isinstance(value, int | float)}
        for name in ("loss", "grad_norm"):
            if not math.isfinite(numbers.get(name, 0.0)):
                raise UserError(
                    f"The {name} is {numbers[name]} at step {state.global_step}.",
                    "Lower train.learning_rate, and train anew with another train.output.",
                )
        if state.is_world_process_zero:
            finite = {name: value for name, value in numbers.items() if math.isfinite(value)}
            with self.path.open("ab") as file:
                file.write(to_line({"step": state.global_step} | finite))


def read_history(path: Path) -> list[dict[str, float]]:
    """Read a history; a line torn by a kill is left out."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
