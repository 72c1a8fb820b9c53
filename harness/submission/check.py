"""Checking a submission: is it whole, is it what it says, do its scores follow from its files?

What models gave (back-translations, cosines, judgements) is taken as stored here;
``rejudge`` and ``regenerate`` ask again.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness import registry
from harness.errors import UserError
from harness.jsonl import to_line, write_atomic
from harness.records import (
    BackTranslation,
    EventCheck,
    Result,
    Segment,
    Translation,
    dump,
    load,
)
from harness.run.store import FILES, file_hashes, read_manifest, read_measurements, read_stage
from harness.score import Records
from harness.submission import rules
from harness.submission.parcel import FORMAT, HEAD, SOURCES, Head, Refusal, check_lines, read_json, unpack
from harness.task import Task, load_task
from harness.verify import verify_run

TaskOf = Callable[[str], Task]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}")
"""Ids become folders, so they may not lead out of theirs."""


@dataclass(frozen=True)
class Checked:
    """A submission that was looked at.

    Attributes:
        path: as given.
        refusals: why it is refused; none where it may be accepted.
        remarks: what a reviewer should look at.
        run: the run directory put together from it, with the task's own sources.
        result: its result, None where it could not be read.
        segments: the task's sources by id.
        records: what its stages left.
        head: what it says of itself.
    """

    path: Path
    refusals: tuple[Refusal, ...]
    remarks: tuple[str, ...] = ()
    run: Path | None = None
    result: Result | None = None
    segments: dict[str, Segment] = field(default_factory=dict)
    records: Records | None = None
    head: Head | None = None

    @property
    def translations(self) -> list[Translation]:
        """The translations of the task's segments, sorted by segment and seed."""
        made = {} if self.records is None else self.records.translations
        return [translation for key, translation in sorted(made.items()) if key[0] in self.segments]


def task_loader(given: str | None, data: Path | None) -> TaskOf:
    """Return what loads the task that a submission names.

    Args:
        given: a task folder, for tasks that are not registered.
        data: local copy of the data file.

    Returns:
        A function from a task's name to the task; it refuses names that are neither.
    """

    @cache
    def load_named(name: str) -> Task:
        if given is not None and (task := load_task(given, data)).name == name:
            return task
        if name not in registry.names("tasks"):
            raise Refusal("task", f"there is no task {name!r}")
        return load_task(name, data)

    return load_named


def check(path: Path, task_of: TaskOf, work: Path) -> Checked:
    """Check one submission by itself.

    Args:
        path: folder or zip archive.
        task_of: loads the task it names.
        work: an empty folder of one's own, which has to outlive the result.

    Returns:
        What was found; a submission that cannot be read has one refusal and nothing else.

    Raises:
        UserError: nothing is at ``path``, or the task's data is missing here.
    """
    try:
        return _checked(path, task_of, work)
    except Refusal as refusal:
        return Checked(path, (refusal,))


def _checked(path: Path, task_of: TaskOf, work: Path) -> Checked:
    parcel = work / "parcel"
    parcel.mkdir(parents=True)
    unpack(path, parcel)
    head = _record(Head, read_json(parcel / HEAD), HEAD)
    if head.format != FORMAT:
        raise Refusal("format", f"{HEAD} has format {head.format}, this version reads {FORMAT}")
    (parcel / HEAD).rename(work / HEAD)
    _check_hashes(parcel, head)
    for name in sorted(path.name for path in parcel.glob("*.jsonl")):
        check_lines(parcel / name)
    manifest = read_json(parcel / "manifest.json")
    result = _record(Result, read_json(parcel / "result.json"), "result.json")
    for name in ("task", "system_id", "run_id"):
        value = getattr(result, name)
        if value != getattr(head, name) or not NAME.fullmatch(value):
            raise Refusal("format", f"{name} of {HEAD} and result.json differ, or is no name")
    task = task_of(result.task)
    if result.selection != task.selection:
        raise Refusal("coverage", f"it covers {result.selection!r}; a submission covers the whole task")
    run = work / result.task / result.system_id / result.run_id
    run.parent.mkdir(parents=True)
    parcel.rename(run)
    write_atomic(run / SOURCES, b"".join(to_line(dump(segment)) for segment in task.segments))
    if file_hashes(run)[SOURCES] != result.files.get(SOURCES):
        raise Refusal("task", f"its sources are not those of {task.line()}")
    return _against_rules(path, head, manifest, result, task, run)


def _record(kind: type[Any], data: dict[str, Any], name: str) -> Any:
    try:
        return load(kind, data)
    except (OverflowError, ValueError) as error:
        raise Refusal("format", f"{name}: {error}") from error


def _check_hashes(parcel: Path, head: Head) -> None:
    present = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in parcel.iterdir()}
    for name in sorted({*present, *head.files}):
        if present.get(name) != head.files.get(name):
            raise Refusal("hashes", f"{name} is not the file that {HEAD} names")


def _against_rules(path: Path, head: Head, manifest: dict[str, Any], result: Result, task: Task, run: Path) -> Checked:
    refusals: list[Refusal] = []
    remarks: list[str] = []
    try:
        read_manifest(run)
        records = Records(
            read_stage(run, Translation),
            read_stage(run, BackTranslation),
            read_stage(run, EventCheck),
            read_measurements(run),
        )
        case = rules.Case(manifest, result, task, records, head)
        for found in (*_lines_replaced(run), *rules.apply(case)):
            if isinstance(found, Refusal):
                refusals.append(found)
            else:
                remarks.append(found)
        if not any(refusal.kind == "coverage" for refusal in refusals):
            refusals += [Refusal("scores", sentence) for sentence in verify_run(run)]
    except UserError as error:
        raise Refusal("scores", error.message.replace(str(run), "it")) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Refusal("format", f"its records do not fit together ({type(error).__name__}: {error})") from error
    return Checked(path, tuple(refusals), tuple(remarks), run, result, task.by_id, records, head)


def _lines_replaced(run: Path) -> Iterator[Refusal]:
    """A later line replaces an earlier one only where that one failed, as on resuming."""
    for kind, name in FILES.items():
        seen: dict[tuple[Any, ...], str] = {}
        for line in (run / name).read_bytes().splitlines() if (run / name).exists() else ():
            record = _record(kind, json.loads(line), name)
            key = (record.id, record.seed, getattr(record, "name", ""))
            if seen.get(key, "failed") != "failed":
                yield Refusal("coverage", f"{name} has {record.id!r} seed {record.seed} twice")
                break
            seen[key] = getattr(record, "state", "ok")
