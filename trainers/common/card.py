"""The card of a trained checkpoint: what it was trained from, on what, and what it was optimised for.

``sandglass run`` reads ``optimised_for`` from it, so that cells which measure with what the
training used are marked on the board.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.compare_reports import code
from harness.jsonl import write_atomic
from harness.llm.training_card import FILE, TrainedOn
from harness.records import dump

SCHEMA = 1


@dataclass(frozen=True)
class Card:
    """What stands beside the weights in ``sandglass.json``.

    Attributes:
        method: ``homura``, ``genrm``, ``alpo``, ``cpo`` or ``icr``.
        base: the model that was trained, as the configuration names it.
        optimised_for: metrics, families and models used in reward, selection or training data.
        config: the whole configuration.
        data: what it was trained on, by name and hash; ``base_commit`` where the base is a repository's.
        trained_on: tasks whose own segments it, or its base, was trained on.
        demonstration: whether it is a toy that says nothing about real models.
        versions: of the libraries.
    """

    method: str
    base: str
    optimised_for: tuple[str, ...]
    config: dict[str, Any]
    data: dict[str, str] = field(default_factory=dict)
    trained_on: tuple[TrainedOn, ...] = ()
    demonstration: bool = False
    versions: dict[str, str] = field(default_factory=dict)


def write_card(folder: Path, card: Card) -> None:
    """Write ``sandglass.json`` and a README.md for people."""
    table = {"schema": SCHEMA, **dump(card)}
    write_atomic(folder / FILE, json.dumps(table, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n")
    write_atomic(folder / "README.md", _told(card).encode())


def versions() -> dict[str, str]:
    """Return the versions of what trains."""
    from importlib.metadata import version

    from harness import __version__

    return {"sandglass": __version__} | {name: version(name) for name in ("torch", "transformers", "trl", "peft")}


def _told(card: Card) -> str:
    # names and values may come from the card of somebody else's base: they stand in code, so that none is markup
    lines = ["---", "tags:", "- sandglass", f"- {card.method}", "---", f"# Trained with {card.method}", ""]
    if card.demonstration:
        lines += ["A demonstration on a made-up language: it says nothing about real models.", ""]
    lines += [
        f"- base: {code(card.base)}",
        f"- optimised for: {_listed(card.optimised_for, 'nothing that is measured')}",
    ]
    lines += [f"- {name}: {code(value)}" for name, value in sorted(card.data.items())]
    lines += [f"- trained on {code(it.task)}, but for {_listed(it.held_out, 'nothing')}" for it in card.trained_on]
    return "\n".join([*lines, "", "Metrics it was optimised for are no evidence of its quality.", ""])


def _listed(names: Sequence[str], none: str) -> str:
    return ", ".join(map(code, names)) or none
