"""Stages of a build: each a folder that is there whole or not at all, so that a kill loses at most one."""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from harness.errors import UserError
from harness.jsonl import to_line, write_atomic

PLAN, REPORT, DONE = "plan.json", "report.json", "build.json"


class Stages:
    """The stages below ``OUT/stages``, bound to one plan; to be used with ``with``.

    A stage writes into a folder under another name, which is renamed when the stage is
    done. What is there is not done again; another plan is refused where a stage is done.

    Args:
        out: the build's folder, made where absent.
        plan: all that decides the bytes of the result: settings, seed, hashes of the inputs.

    Raises:
        UserError: on entering; the folder holds another build or other files, cannot be
            written, or a build is at work there.
    """

    def __init__(self, out: Path, plan: dict[str, Any]) -> None:
        self._out, self._plan, self._folder = out, plan, out / "stages"
        self._lock: TextIO | None = None

    def __enter__(self) -> "Stages":
        if self.finished:
            if not self._checked(self._out / DONE)["stages_kept"]:
                shutil.rmtree(self._folder, ignore_errors=True)  # a kill may have left some
            return self
        others = self._out.is_dir() and any(path != self._folder for path in self._out.iterdir())
        if others and not self._begun:
            raise UserError(f"{self._out} is not empty and holds no build.", "Give another --out.")
        self._lock = self._locked()
        try:
            if self._begun:
                self._checked(self._folder / PLAN)
            else:
                write_atomic(self._folder / PLAN, to_line({"plan": self._plan}))
        except UserError:
            self._lock.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._lock is not None:
            self._lock.close()

    @property
    def finished(self) -> bool:
        """Whether the result is there already."""
        return (self._out / DONE).is_file()

    @property
    def _begun(self) -> bool:
        """Whether a stage is done; before that nothing is lost by another plan."""
        return any(self._folder.glob(f"[!.]*/{REPORT}"))

    def _checked(self, path: Path) -> dict[str, Any]:
        """Return what stands about a build in a file, if it is this one."""
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["plan"] != self._plan:
            fix = "Give another --out, or remove that folder."
            raise UserError(f"{self._out} holds a build of other inputs or settings.", fix)
        return found

    def _locked(self) -> TextIO:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = (self._folder / "lock").open("w")
        except OSError as error:
            raise UserError(f"{self._out} cannot be written ({error.strerror}).", "Give another --out.") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise UserError(
                f"Another build is at work in {self._out}.", "Wait for it, or give another --out."
            ) from error
        return lock

    def path(self, stage: str, name: str) -> Path:
        """Return a file of a stage that is done."""
        return self._folder / stage / name

    def run(self, stage: str, work: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        """Run a stage unless it is done.

        Args:
            stage: its name.
            work: writes files into the folder it is given and returns a report.

        Returns:
            The report, from this run or an earlier one.
        """
        folder = self._folder / stage
        if not folder.is_dir():
            partial = self._folder / f".{stage}"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            write_atomic(partial / REPORT, to_line(work(partial)))
            for path in partial.iterdir():
                _sync(path)
            partial.rename(folder)
        report: dict[str, Any] = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        return report

    def finish(self, stage: str, hashes: dict[str, str], *, keep: bool) -> None:
        """Put the files of the last stage into the build's folder and mark it finished.

        Args:
            stage: the stage that holds them.
            hashes: SHA-256 of each file.
            keep: keep the stages, else they are removed.
        """
        write_atomic(self._folder / DONE, to_line({"plan": self._plan, "files": hashes, "stages_kept": keep}))
        for path in (*(self.path(stage, name) for name in hashes), self._folder / DONE):
            copy = self._out / f".{path.name}"  # of the same name after a kill, and then written over
            shutil.copyfile(path, copy)
            _sync(copy)
            copy.replace(self._out / path.name)
        if not keep:
            shutil.rmtree(self._folder)


class Ticker:
    """Progress on stderr: a line that rewrites itself on a terminal, and a line every half minute elsewhere.

    Args:
        title: what runs.
        stream: where to write, stderr where None.
    """

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title, self._stream = title, stream or sys.stderr
        self._interval = 0.2 if self._stream.isatty() else 30.0
        self._start = self._last = time.monotonic()
        self._done = 0

    def step(self, number: int = 1) -> None:
        """Count things done."""
        self._done += number
        now = time.monotonic()
        if now - self._last >= self._interval:
            self._last = now
            self._write(now)

    def over(self, things: Iterable[Any]) -> Iterator[Any]:
        """Count things as they pass, and say at the end how many there were."""
        for thing in things:
            yield thing
            self.step()
        self._write(time.monotonic())
        if self._stream.isatty():
            self._stream.write("\n")

    def _write(self, now: float) -> None:
        seconds = now - self._start
        line = f"{self._title}: {self._done:,} · {self._done / seconds if seconds else 0:,.0f}/s · {seconds:.0f} s"
        self._stream.write(f"\r\x1b[K{line}" if self._stream.isatty() else f"{line}\n")
        self._stream.flush()


def write_lines(path: Path, records: Iterable[Any]) -> int:
    """Write records as JSON lines and return how many there were."""
    number = 0
    with path.open("wb") as file:
        for record in records:
            file.write(to_line(record))
            number += 1
    return number


def read_lines(path: Path) -> Iterator[Any]:
    """Read back what ``write_lines`` wrote."""
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def sha256(path: Path) -> str:
    """Return the hash of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
