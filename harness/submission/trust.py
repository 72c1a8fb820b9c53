"""How far a row can be trusted, and who found that out: ``trust.json`` beside ``result.json``.

======================  ==========================================================================
level                   granted by
======================  ==========================================================================
from-paper              nobody: a number copied from a paper, with its source
self-reported           ``sandglass submit``: the author's word; a row without ``trust.json``
recomputed              ``sandglass submission check --grant``: every deterministic score again
re-judged               ``sandglass rejudge --grant``: the models that measure, asked again
re-generated            ``sandglass regenerate --grant``: the system itself, run again
======================  ==========================================================================

Signatures of checks that failed are kept beside the others. A signature holds the hash
of the result it is for and counts for no other.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from harness import __version__
from harness.errors import UserError
from harness.exports.facts import to_json
from harness.jsonl import write_atomic
from harness.records import dump, load
from harness.submission.parcel import Refusal, read_json

NAME = "trust.json"
FORMAT = 1
Level = Literal["from-paper", "self-reported", "recomputed", "re-judged", "re-generated"]
LEVELS: tuple[Level, ...] = ("from-paper", "self-reported", "recomputed", "re-judged", "re-generated")


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
    """The highest level reached, and every signature in the order they were given."""

    format: int
    level: Level
    signatures: tuple[Signature, ...] = ()


def read_trust(row: Path) -> Trust:
    """Read the trust in a row; self-reported where nobody signed anything for its result.

    Args:
        row: folder with ``result.json``.

    Returns:
        The trust; the level is worked out from the signatures, never believed.

    Raises:
        UserError: ``trust.json`` is damaged.
    """
    path = row / NAME
    signatures: tuple[Signature, ...] = ()
    if path.exists():
        try:
            signatures = load(Trust, read_json(path)).signatures
        except (Refusal, ValueError) as error:
            raise UserError(f"{path} is damaged ({error}).", "Restore it from the repository's history.") from error
    return Trust(FORMAT, _level(signatures, result_hash(row)), signatures)


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
        UserError: ``trust.json`` is damaged.
    """
    date = datetime.now(UTC).isoformat(timespec="seconds")
    made = Signature(level, passed, command, date, __version__, result_hash(row), outcome)
    before = read_trust(row)
    signatures = (*before.signatures, made)
    after = replace(before, level=_level(signatures, made.result), signatures=signatures)
    write_atomic(row / NAME, to_json(dump(after)))
    return after


def result_hash(row: Path) -> str:
    """Return the SHA-256 of a row's result."""
    return sha256((row / "result.json").read_bytes()).hexdigest()


def _level(signatures: tuple[Signature, ...], result: str) -> Level:
    """The last verdict on each level counts, for this result alone."""
    verdicts = {signature.level: signature.passed for signature in signatures if signature.result == result}
    return max((level for level, passed in verdicts.items() if passed), key=LEVELS.index, default="self-reported")
