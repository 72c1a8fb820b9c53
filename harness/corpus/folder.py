"""Writing a task folder: ``task.toml`` and ``card.toml``, in the form that ``harness.definition`` reads."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.convert import dump
from harness.definition import Card, Definition, read_definition, read_toml


def write_folder(folder: Path, definition: Definition, card: Card) -> None:
    """Write definition and card, and read them back as any user of the task will.

    Args:
        folder: where; it exists.
        definition: what is translated under which budget.
        card: where the data comes from and what is wrong with it.

    Raises:
        UserError: a value that the task's reader refuses.
    """
    (folder / "task.toml").write_text(toml(dump(definition)), encoding="utf-8")
    (folder / "card.toml").write_text(toml(dump(card)), encoding="utf-8")
    read_definition(folder / "task.toml")
    read_toml(folder / "card.toml", Card)


def write_json(path: Path, data: Any) -> None:
    """Write data for people and programs: indented, sorted, the same bytes for the same data."""
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def toml(data: Mapping[str, Any], name: str = "") -> str:
    r"""Return plain data as TOML: values first, then tables, empty ones left out.

    Examples:
        >>> print(toml({"name": 'a "b"', "mu": {"x": 1.5}, "on": True, "both": [1, "ü"]}))
        name = "a \"b\""
        on = true
        both = [1, "ü"]
        <BLANKLINE>
        [mu]
        x = 1.5
        <BLANKLINE>
    """
    values = [f"{_key(key)} = {_value(value)}" for key, value in data.items() if not isinstance(value, Mapping)]
    tables = [(f"{name}{_key(key)}", value) for key, value in data.items() if isinstance(value, Mapping) and value]
    head = [f"[{name.rstrip('.')}]"] if name and (values or not tables) else []
    text = "".join(f"{line}\n" for line in (*head, *values))
    return "\n".join([*([text] if text else []), *(toml(value, f"{key}.") for key, value in tables)])


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")
