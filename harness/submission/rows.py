"""Accepted rows, and what a submission has in common with them and with others.

A row is ``RESULTS/<task>/<system-id>/<run-id>/`` with ``result.json``, ``manifest.json``,
``scores.jsonl``, ``trust.json`` and ``fingerprint.json``; texts only where they may be shown.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.exports.facts import to_json
from harness.jsonl import write_atomic
from harness.records import Result, Translation
from harness.run.store import FILES, read_result, read_stage
from harness.submission.check import Checked
from harness.submission.copies import (
    COPY_SHARE,
    FINGERPRINT,
    Shared,
    fingerprint,
    reference_overlap,
    shared_hashes,
    shared_texts,
)
from harness.submission.parcel import SOURCES, Refusal, shown
from harness.submission.rules import FEWEST
from harness.submission.trust import Trust, read_trust

FEWEST_OTHERS = 3
"""Other systems, below which nobody can say that an overlap with the reference is high."""

SCORES = ("result.json", "manifest.json", "scores.jsonl")


@dataclass(frozen=True)
class Row:
    """An accepted row: its result, and what it keeps of its texts."""

    folder: Path
    result: Result
    trust: Trust
    hashes: dict[str, list[str]] = field(default_factory=dict)
    overlap: float | None = None
    texts: dict[str, list[str]] = field(default_factory=dict)


def read_rows(results: Path | None) -> list[Row]:
    """Read the accepted rows below a folder; none where there is no folder.

    Raises:
        UserError: a row is damaged.
    """
    if results is None or not results.is_dir():
        return []
    return [_read_row(path.parent) for path in sorted(results.rglob("result.json"))]


def _read_row(folder: Path) -> Row:
    kept: dict[str, Any] = {"hashes": {}, "reference_overlap": None}
    path = folder / FINGERPRINT
    if path.exists():
        try:
            kept = json.loads(path.read_bytes())
        except ValueError as error:
            raise UserError(f"{path} is damaged ({error}).", "Restore it from the repository's history.") from error
    texts = by_segment(read_stage(folder, Translation).values())
    trust = read_trust(folder)
    return Row(folder, read_result(folder), trust, kept["hashes"], kept["reference_overlap"], texts)


def by_segment(translations: Any) -> dict[str, list[str]]:
    """Return texts by segment id."""
    found: dict[str, list[str]] = {}
    for translation in translations:
        found.setdefault(translation.id, []).append(translation.text)
    return found


def against_rows(checked: Checked, rows: Sequence[Row], others: Sequence[Checked]) -> Iterator[Refusal | str]:
    """Compare a submission with accepted rows and with the other submissions given.

    Args:
        checked: the submission.
        rows: accepted rows, of any task.
        others: other submissions.

    Yields:
        Refusals for duplicates and near-copies, remarks for what a reviewer should look at.
    """
    own = checked.result
    assert own is not None  # only what could be read is compared
    same_task = [row for row in rows if row.result.task == own.task]
    for row in same_task:
        if row.result.system != own.system:
            made = checked.translations
            shared = shared_texts(made, row.texts) if row.texts else shared_hashes(made, row.hashes)
            yield from _copied(own, row.result, shared)
        elif row.result.protocol == own.protocol:
            yield Refusal("duplicate", f"this system under this protocol is accepted already: {row.result.run_id}")
    overlaps = [row.overlap for row in same_task]
    for other in others:
        if other.result is None or other.result.task != own.task:
            continue
        overlaps.append(_overlap(other))
        if other.result.system != own.system:
            yield from _copied(own, other.result, shared_texts(checked.translations, by_segment(other.translations)))
        elif other.result.protocol == own.protocol:
            yield Refusal("duplicate", f"{shown(other.path.name)} is the same system under the same protocol")
    yield from _memorised(checked, [overlap for overlap in overlaps if overlap is not None])


def _copied(own: Result, other: Result, shared: Shared) -> Iterator[Refusal | str]:
    if shared.n < FEWEST or shared.share < COPY_SHARE:
        return
    sentence = f"{shared.share:.0%} of {shared.n} outputs are those of {shown(other.system_id)} ({COPY_SHARE:.0%})"
    same = own.model == other.model
    if same and shared.share < 1:
        yield f"{sentence}: the same model, so it may be so"
    else:
        yield Refusal("duplicate" if same else "copy", sentence)


def _overlap(checked: Checked) -> float | None:
    found = reference_overlap(checked.translations, checked.segments)
    return None if found is None else found.estimate


def _memorised(checked: Checked, known: Sequence[float]) -> Iterator[str]:
    found = reference_overlap(checked.translations, checked.segments)
    if found is None or found.estimate is None:
        return
    ends = "" if found.low is None else f" [{found.low:.3f}, {found.high:.3f}]"
    sentence = f"overlap with the public reference, word 4-grams: {found.estimate:.3f}{ends}"
    if len(known) < FEWEST_OTHERS:
        yield f"{sentence}; {len(known)} other systems to compare with"
    elif found.low is not None and found.low > max(known):
        yield f"{sentence}: ABOVE ALL {len(known)} OTHER SYSTEMS ({max(known):.3f} at most): has it seen the test set?"
    else:
        yield f"{sentence}; other systems {min(known):.3f} to {max(known):.3f}"


def accept(checked: Checked, results: Path, texts: bool) -> Path:
    """Copy a submission's scores into the accepted rows.

    Args:
        checked: the submission.
        results: folder of the accepted rows.
        texts: also keep sources and what the stages left; only where the task's licence allows it.

    Returns:
        The row's folder.
    """
    assert checked.run is not None and checked.result is not None
    row = row_folder(checked.result, results)
    row.mkdir(parents=True, exist_ok=True)
    for name in (*SCORES, *((SOURCES, *FILES.values()) if texts else ())):
        if (checked.run / name).exists():
            shutil.copyfile(checked.run / name, row / name)
    kept = {"hashes": fingerprint(checked.translations), "reference_overlap": _overlap(checked)}
    write_atomic(row / FINGERPRINT, to_json(kept))
    return row


def row_folder(result: Result, results: Path) -> Path:
    """Return where a result's row stands."""
    return results / result.task / result.system_id / result.run_id
