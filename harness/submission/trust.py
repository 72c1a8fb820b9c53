"""How far a row can be trusted, and who found that out: ``trust.json`` beside ``result.json``.

======================  ==========================================================================
level                   granted by
======================  ==========================================================================
from-paper              nobody: a number copied from a paper, with its source
self-reported           ``sandglass submit``: the author's word; a row without ``trust.json``
recomputed              ``sandglass submission check --grant``: every deterministic score again
re-judged               ``sandglass rejudge --results``: the models that measure, asked again
re-generated            ``sandglass regenerate --results``: the system itself, run again
======================  ==========================================================================

A level needs those before it, so that outputs that were made again do not vouch for
judgements that were not; only where no model measured there is nothing to judge again.
Signatures of checks that failed are kept beside the others. A signature holds the hash
of the result it is for and counts for no other.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from harness import __version__
from harness.errors import UserError
from harness.exports.facts import to_json
from harness.jsonl import write_atomic
from harness.records import dump, load
from harness.run.store import read_result
from harness.submission.parcel import Refusal, read_json

NAME = "trust.json"
FORMAT = 1
Level = Literal["from-paper", "self-reported", "recomputed", "re-judged", "re-generated"]
GRANTED: tuple[Level, ...] = ("recomputed", "re-judged", "re-generated")


@dataclass(frozen=True)
class Signature:
    """One check of one result: what was done again, when, by which version, with what outcome."""

    level: Level
    passed: bool
    command: str
    date: str
    sandglass: str
    result: str
    outcome: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trust:
    """The highest level reached, which command granted it and when, and every signature in order."""

    format: int
    level: Level
    command: str = ""
    date: str = ""
    signatures: tuple[Signature, ...] = ()


def read_trust(row: Path) -> Trust:
    """Read the trust in a row; self-reported where nobody signed anything for its result.

    Args:
        row: folder with ``result.json``.

    Returns:
        The trust; the level is worked out from the signatures, never believed.

    Raises:
        UserError: ``trust.json`` or ``result.json`` is damaged.
    """
    path = row / NAME
    if not path.exists():
        return _trust(row, ())
    try:
        return _trust(row, load(Trust, read_json(path)).signatures)
    except (Refusal, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}).", "Restore it from the repository's history.") from error


def sign(row: Path, level: Level, passed: bool, command: str, outcome: dict[str, Any]) -> Trust:
    """Add a signature to a row.

    Args:
        row: folder with ``result.json``.
        level: what was checked.
        passed: whether it held.
        command: the command that checked.
        outcome: numbers behind the verdict.

    Returns:
        The trust with the signature.

    Raises:
        UserError: ``trust.json`` or ``result.json`` is damaged.
    """
    date = datetime.now(UTC).isoformat(timespec="seconds")
    made = Signature(level, passed, command, date, __version__, result_hash(row), outcome)
    after = _trust(row, (*read_trust(row).signatures, made))
    write_atomic(row / NAME, to_json(dump(after)))
    return after


def result_hash(row: Path) -> str:
    """Return the SHA-256 of a row's result."""
    return sha256((row / "result.json").read_bytes()).hexdigest()


def _trust(row: Path, signatures: tuple[Signature, ...]) -> Trust:
    """Climb the levels as far as the last signature on each, for this very result, holds."""
    own = result_hash(row)
    last = {signature.level: signature for signature in signatures if signature.result == own}
    result = read_result(row)
    measured = bool(result.measures) or "|back_translator=" in result.protocol
    reached = Trust(FORMAT, "self-reported", signatures=signatures)
    for level in GRANTED:
        found = last.get(level)
        if found is not None and found.passed:
            reached = Trust(FORMAT, level, found.command, found.date, signatures)
        elif level != "re-judged" or measured:
            break
    return reached
