"""Packing a finished run into a folder that a reviewer can read."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from harness import __version__
from harness.errors import UserError
from harness.exports.facts import Run, find_runs, to_json
from harness.jsonl import write_atomic
from harness.llm.redact import redact
from harness.records import dump
from harness.run.store import FILES, read_manifest
from harness.submission.check import Checked, TaskOf, check
from harness.submission.parcel import FORMAT, HEAD, Head
from harness.submission.rows import SCORES, row_folder


def pack(folder: Path, out: Path, contact: str, licence: str, task_of: TaskOf) -> tuple[Checked, Path]:
    """Pack a run, then check what was packed as a reviewer will; a refused submission is not kept.

    Args:
        folder: the run directory, or a folder with nothing but one run below.
        out: where submissions are collected.
        contact: whom to ask, made public.
        licence: licence of the translations.
        task_of: loads the task.

    Returns:
        What the check found, and the submission's folder.

    Raises:
        UserError: not one finished run, a secret in its manifest, or packed already.
    """
    run = _only_run(folder)
    target = row_folder(run.result, out)
    if target.exists():
        raise UserError(f"{target} is there already.", "Delete it, or give another --out.")
    _refuse_secrets(run)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".packing-") as name:
        parcel = Path(name) / "submission"
        parcel.mkdir()
        hashes = {}
        for file in (*SCORES, *FILES.values()):
            if (run.folder / file).exists():
                shutil.copyfile(run.folder / file, parcel / file)
                hashes[file] = hashlib.sha256((parcel / file).read_bytes()).hexdigest()
        result = run.result
        head = Head(FORMAT, result.task, result.system_id, result.run_id, __version__, contact, licence, hashes)
        write_atomic(parcel / HEAD, to_json(dump(head)))
        checked = check(parcel, task_of, Path(name) / "check")
        if not checked.refusals:
            target.parent.mkdir(parents=True, exist_ok=True)
            parcel.rename(target)
    return checked, target


def _only_run(folder: Path) -> Run:
    runs = find_runs(folder)
    if len(runs) > 1:
        raise UserError(f"{folder} holds {len(runs)} runs.", f"Give one, such as {runs[0].folder}.")
    return runs[0]


def _refuse_secrets(run: Run) -> None:
    """Refuse provenance that holds what looks like a key: all of it is made public.

    Raises:
        UserError: it does.
    """
    provenance = read_manifest(run.folder).get("provenance", {})
    for name, value in provenance.items():
        for word in str(value).split():
            if redact(word) != word and len(word) < 300:
                raise UserError(
                    f"The {name} in {run.folder / 'manifest.json'} seems to hold a secret, and would be made public.",
                    "Run again with the key in an environment variable.",
                )
