"""What the files of a task folder hold: ``task.toml``, the definition, and ``card.toml``.

The definition says what is translated under which budget and enters the protocol; the
card says where the data comes from and what is wrong with it. Unknown fields are errors.
"""

import math
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.budget import BY_TIME, Track
from harness.errors import UserError
from harness.records import load

TASK_SCHEMA = 2
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""Names become folders below the results, so they may not lead out of them."""


@dataclass(frozen=True)
class Data:
    """Where the segments are: a file in the task's folder, or a pinned public one.

    ``{target}`` in ``file`` and ``url`` stands for the target language.
    """

    file: str
    sha256: str = ""
    url: str = ""


@dataclass(frozen=True)
class Target:
    """One target language: its bounds, the syllable rates of ``fill``, and the rate and most of tracks by time.

    ``also`` names files beside the data that belong to it (references), with their SHA-256,
    empty where it is not pinned.
    """

    bounds: tuple[float, ...] = ()
    speech_rates: tuple[float, ...] = ()
    rate: float = 0.0
    most: int = 0
    also: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Definition:
    """What ``task.toml`` holds.

    Attributes:
        schema: version of this file's form.
        name: name without the target language.
        version: raised whenever the data, the track or a prompt changes.
        source_language: code, or ``{target}`` where the language stays.
        reader: name of what reads the data.
        synthetic: written by a model or by this project: ranks nothing.
        data: where the segments are.
        targets: target languages.
        kind: ``translation``, or ``instructions`` to be answered.
        track: what is measured against what (``harness.budget``).
        note: what sets it apart from other definitions of the same data.
        mu: mean source length by counter, frozen; on the ratio track.
        paces: factors of the stated count, each segment once with each; on the count track.
        window: segments in one prompt unless asked otherwise.
        context: lines of context on each side.
        round_trip: whether translations are translated back.
    """

    schema: int
    name: str
    version: str
    source_language: str
    reader: str
    synthetic: bool
    data: Data
    targets: dict[str, Target]
    kind: Literal["translation", "instructions"] = "translation"
    track: Track = "ratio"
    note: str = ""
    mu: dict[str, float] = field(default_factory=dict)
    paces: tuple[float, ...] = ()
    window: int = 1
    context: int = 3
    round_trip: bool = True


@dataclass(frozen=True)
class Card:
    """What ``card.toml`` holds: provenance, licence and caveats, for the reader.

    ``date`` is when the data was made, ``statistics`` are numbers measured on it,
    ``caveats`` its known flaws, ``superseded_by`` the task that replaces it.
    """

    title: str
    description: str
    licence: str
    source: str
    citation: str
    annotators: str
    size: str
    caveats: tuple[str, ...]
    date: str
    languages: tuple[str, ...] = ()
    bibtex: str = ""
    statistics: dict[str, float] = field(default_factory=dict)
    superseded_by: str = ""


def read_definition(path: Path) -> Definition:
    """Read and check a definition.

    Raises:
        UserError: it is not one of this version, or holds values that cannot be.
    """
    definition = read_toml(path, Definition)
    if definition.schema != TASK_SCHEMA:
        raise UserError(
            f"{path} has schema {definition.schema}, this version reads {TASK_SCHEMA}.",
            "Use the sandglass version that made it, or rewrite the file.",
        )
    for word in (definition.name, definition.version, *definition.targets):
        if not NAME.fullmatch(word):
            raise UserError(f"{path}: {word!r} is no name.", "Use letters, digits, dots, hyphens and underscores.")
    bounded = definition.track not in ("none", "count")
    for target, spec in definition.targets.items():
        low, high = spec.bounds if len(spec.bounds) == 2 else (-1.0, -1.0)
        if bounded != bool(spec.bounds) or (bounded and not 0 <= low <= high < math.inf):
            fix = "Give [low, high]." if bounded else f"The track {definition.track} has none."
            raise UserError(f"{path}: bounds of {target} are {list(spec.bounds)}.", fix)
        if (definition.track in BY_TIME) != (0 < spec.rate < math.inf):
            raise UserError(
                f"{path}: the rate of {target} is {spec.rate:g}.",
                f"Tracks by time ({', '.join(sorted(BY_TIME))}) need one above 0, others none.",
            )
    if definition.window < 1 or definition.context < 0 or not all(0 < pace < math.inf for pace in definition.paces):
        raise UserError(f"{path}: window, context or paces are out of range.", "Give 1, 0, and above 0, or more.")
    return definition


R = TypeVar("R")


def read_toml(path: Path, kind: type[R]) -> R:
    """Read a definition or a card strictly.

    Raises:
        UserError: missing, not TOML, or with unknown or missing fields.
    """
    if not path.is_file():
        raise UserError(f"There is no {path}.", "A task folder holds task.toml, card.toml and its data.")
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return load(kind, content)
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error}.", "Mend the file; the shipped tasks show every field.") from error
