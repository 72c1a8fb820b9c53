"""What a submission is made of, and opening one: everything in it is hostile until it was read.

A submission is a folder, or a zip archive, of these files and no others::

    submission.json          task, ids, who to ask, and the SHA-256 of every other file
    manifest.json            as the run wrote it, like all below
    result.json
    translations.jsonl
    back_translations.jsonl  what the models after the system gave
    events.jsonl
    measurements.jsonl
    scores.jsonl

The sources are not in it: the task has them, and ``result.json`` holds their hash.
"""

import json
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from harness.errors import UserError
from harness.exports.facts import to_json
from harness.jsonl import to_line
from harness.run.store import FILES

FORMAT = 1
HEAD, SOURCES = "submission.json", "segments.jsonl"
NAMES = frozenset({HEAD, "manifest.json", "result.json", "scores.jsonl", *FILES.values()})
NEEDED = frozenset({HEAD, "manifest.json", "result.json", "scores.jsonl", "translations.jsonl"})

MAX_FILE = 64 << 20
MAX_TOTAL = 128 << 20
MAX_ARCHIVE = 16 << 20
MAX_JSON = 4 << 20
MAX_LINE = 1 << 20
MAX_LINES = 200_000
BLOCK = 1 << 16


@dataclass(frozen=True)
class Head:
    """What ``submission.json`` holds; ``contact`` is whom to ask, ``licence`` that of the translations."""

    format: int
    task: str
    system_id: str
    run_id: str
    sandglass: str
    contact: str = ""
    licence: str = ""
    files: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A reason for which a submission is refused.

    Args:
        kind: short name of the rule.
        reason: what is wrong and where, one sentence.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


def unpack(path: Path, into: Path) -> None:
    """Copy a submission's files to a folder of one's own, within bounds.

    Args:
        path: a folder or a zip archive.
        into: an empty folder.

    Raises:
        UserError: there is nothing at ``path``.
        Refusal: it is no submission, or holds what a submission may not.
    """
    if not os.path.lexists(path):
        raise UserError(f"There is no {path}.", "Give the folder or zip archive of a submission.")
    if path.is_symlink():
        raise Refusal("files", f"{path.name} is a symbolic link")
    files = _from_folder(path, into) if path.is_dir() else _from_zip(path, into)
    missing = sorted(NEEDED - set(files))
    if missing:
        raise Refusal("files", f"{', '.join(missing)} missing: it is not what sandglass submit makes")


def _from_folder(folder: Path, into: Path) -> list[str]:
    left = MAX_TOTAL
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            _check_name(entry.name)
            found = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                raise Refusal("files", f"{entry.name} is a link, a folder or a device, not a plain file")
            with open(os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:  # noqa: PTH123
                left -= _copy(file, into / entry.name, left)
            names.append(entry.name)
    return names


def _from_zip(path: Path, into: Path) -> list[str]:
    if path.stat().st_size > MAX_ARCHIVE:  # its table of contents is read as a whole
        raise Refusal("size", f"{path.name} has more than {MAX_ARCHIVE >> 20} MiB")
    left = MAX_TOTAL
    names: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                _check_name(entry.filename)
                if entry.filename in names:
                    raise Refusal("files", f"{entry.filename} is in the archive twice")
                kind = stat.S_IFMT(entry.external_attr >> 16)
                if kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:
                    raise Refusal("files", f"{entry.filename} is a link, encrypted, or not a plain file")
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise Refusal("files", f"{entry.filename} is neither stored nor deflated")
                with archive.open(entry) as file:
                    left -= _copy(file, into / entry.filename, left)
                names.append(entry.filename)
    except (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, OSError) as error:
        raise Refusal("files", f"{path.name} is neither a folder nor a sound zip archive ({error})") from error
    return names


def _check_name(name: str) -> None:
    if name not in NAMES:
        raise Refusal("files", f"{shown(name)} does not belong in a submission")


def _copy(file: IO[bytes], target: Path, left: int) -> int:
    """Copy in blocks, whatever size was announced, and stop at the bound."""
    bound = min(MAX_FILE, left)
    size = 0
    with target.open("xb") as out:
        while block := file.read(BLOCK):
            size += len(block)
            if size > bound:
                raise Refusal("size", f"{target.name} is too large: {MAX_FILE >> 20} MiB a file, {MAX_TOTAL >> 20} all")
            out.write(block)
    return size


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that must stand as this project writes it.

    Raises:
        Refusal: not UTF-8 JSON, a key twice, NaN, nested too deeply, or not as written.
    """
    if path.stat().st_size > MAX_JSON:
        raise Refusal("size", f"{path.name} has more than {MAX_JSON >> 20} MiB")
    content = path.read_bytes()
    data = _parse(content, path.name)
    if not isinstance(data, dict) or to_json(data) != content:
        raise Refusal("format", f"{path.name} is not as sandglass writes it")
    return data


def check_lines(path: Path) -> None:
    """Refuse a JSONL file with a line that this project would not write.

    Only the one way of writing a record passes, so that nothing hides in keys given
    twice, odd numbers, broken Unicode or a torn end.

    Raises:
        Refusal: the first such line.
    """
    for number, line in _lines(path):
        where = f"{path.name}, line {number}"
        data = _parse(line, where)
        if not isinstance(data, dict) or to_line(data) != line:
            raise Refusal("format", f"{where} is not as sandglass writes it")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE or number > MAX_LINES:
                bounds = f"{MAX_LINE >> 20} MiB a line, {MAX_LINES} lines"
                raise Refusal("size", f"{path.name}, line {number} is beyond the bounds: {bounds}")
            yield number, line


def _parse(content: bytes, where: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise Refusal("format", f"{where} has a key twice")
        return found

    def no_number(word: str) -> Any:
        raise Refusal("format", f"{where} holds {word}")

    try:
        data = json.loads(content.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
        to_line(data)  # what cannot be written back was not written by us: infinities, lone surrogates, depth
        return data
    except UnicodeDecodeError as error:
        raise Refusal("encoding", f"{where} is not UTF-8 (byte {error.start})") from error
    except (ValueError, RecursionError) as error:
        raise Refusal("format", f"{where} cannot be read as JSON ({type(error).__name__})") from error


def shown(text: str, limit: int = 80) -> str:
    r"""Make somebody's text fit for a message: printable, on one line, cut.

    Examples:
        >>> shown("../a\x1b[31m\u202ecod")
        '../a\\x1b[31m\\u202ecod'
    """
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"
