"""Inputs: which files, of which domain, under which name; and the units of each."""

import csv
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from harness.corpus.asr import read_asr
from harness.corpus.units import Problem, Unit
from harness.errors import UserError
from harness.subtitles import Problem as CueProblem
from harness.subtitles import document, read_cues

ASR = (".json",)
FORMATS = (*document.FORMATS, *ASR)


@dataclass(frozen=True, slots=True, order=True)
class Transcript:
    """One input file: the name of its cluster, its domain and its path."""

    name: str
    domain: str
    path: Path


def from_arguments(inputs: Iterable[Sequence[str]]) -> list[Transcript]:
    """Return the transcripts of ``--input DOMAIN=PATH…``, each path a file or a folder.

    Args:
        inputs: one sequence a use of the option; the first word begins with ``DOMAIN=``.

    Returns:
        The transcripts, sorted by name.

    Raises:
        UserError: no domain, no such path, a format that is not read, or two of one name.

    Examples:
        >>> from_arguments([["knowledge=/nowhere"]])
        Traceback (most recent call last):
            ...
        harness.errors.UserError: There is no file or folder /nowhere. Check the path given with --input.
    """
    found: list[Transcript] = []
    for words in inputs:
        domain, equals, first = words[0].partition("=")
        if not equals or not domain or not first:
            raise UserError(f"--input {words[0]} names no domain.", "Write --input DOMAIN=PATH.")
        for path in (first, *words[1:]):
            found += _below(Path(path), domain)
    return _checked(found)


def from_manifest(path: Path) -> list[Transcript]:
    """Return the transcripts that a manifest lists: a TSV with a header, or a TOML with tables ``[[input]]``.

    Columns or keys: ``domain`` and ``path`` (relative to the manifest), and if wanted ``name``.

    Args:
        path: the manifest.

    Returns:
        The transcripts, sorted by name.

    Raises:
        UserError: unreadable, or a line without domain or path.
    """
    rows = _toml_rows(path) if path.suffix == ".toml" else tsv_rows(path, ("domain", "path"))
    found: list[Transcript] = []
    for place, row in rows:
        values = [row.get(key) for key in ("domain", "path")]
        if not all(isinstance(value, str) and value for value in values):
            raise UserError(f"{path}, {place} has no domain or path.", "Give both, and a name if you like.")
        below = _below(path.parent / str(row["path"]), str(row["domain"]))
        if row.get("name") and len(below) != 1:
            raise UserError(f"{path}, {place} gives one name to {len(below)} files.", "Leave the name out.")
        found += [Transcript(str(row.get("name") or t.name), t.domain, t.path) for t in below]
    return _checked(found)


def read_units(transcript: Transcript, problems: list[Problem], encoding: str | None = None) -> list[Unit]:
    """Read a transcript: words or cues with their times, in order of time.

    Args:
        transcript: what to read.
        problems: takes the cues and records that cannot be used.
        encoding: of subtitles, where it is known.

    Returns:
        The units.

    Raises:
        UserError: the file cannot be read at all.
    """
    found: list[Problem] = []
    units = _units(transcript.path, found, encoding)
    file = f"{transcript.name}{transcript.path.suffix}"  # not the path: the list goes out with the task
    problems += [replace(problem, file=file) for problem in found]
    return units


def _units(path: Path, problems: list[Problem], encoding: str | None) -> list[Unit]:
    if path.suffix.lower() in ASR:
        return read_asr(path, problems)
    bad: list[CueProblem] = []
    cues = read_cues(path, encoding=encoding, problems=bad)
    problems += [Problem(str(path), f"line {problem.line}", problem.what, problem.fix) for problem in bad]
    units = [Unit(cue.text.strip(), cue.start, cue.end) for cue in cues if cue.text.strip()]
    return sorted(units, key=lambda unit: (unit.start, unit.end))


def _below(path: Path, domain: str) -> list[Transcript]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in FORMATS and file.is_file())
        if not files:
            raise UserError(f"{path} holds no transcripts.", f"They end in {', '.join(FORMATS)}.")
        return [Transcript(file.relative_to(path).with_suffix("").as_posix(), domain, file) for file in files]
    if not path.is_file():
        raise UserError(f"There is no file or folder {path}.", "Check the path given with --input.")
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path} is of no known format.", f"Transcripts end in {', '.join(FORMATS)}.")
    return [Transcript(path.stem, domain, path)]


def _checked(found: list[Transcript]) -> list[Transcript]:
    found = sorted(found)
    if not found:
        raise UserError("There is nothing to build from.", "Give transcripts with --input or --manifest.")
    for one, two in pairwise(found):
        if one.name == two.name:
            raise UserError(
                f"{one.path} and {two.path} would both be the transcript {one.name!r}.",
                "Rename one, or give names in a manifest.",
            )
    return found


def _toml_rows(path: Path) -> list[tuple[str, dict[str, object]]]:
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("input")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}).", "Give TOML in UTF-8.") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path} has no tables [[input]].", "Write one for each file or folder.")
    return [(f"input {number}", row) for number, row in enumerate(rows, start=1)]


def tsv_rows(path: Path, columns: Iterable[str]) -> list[tuple[str, dict[str, object]]]:
    """Read a manifest of tab-separated columns with a header.

    Args:
        path: the manifest, in UTF-8.
        columns: those it must have.

    Returns:
        The place of each row, such as ``line 2``, and its cells by column.

    Raises:
        UserError: unreadable, or a column is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if not set(columns) <= set(reader.fieldnames or ()):
                fix = f"Write {', '.join(columns)}, with a tab between."
                raise UserError(f"{path}, line 1 does not name the columns.", fix)
            return [(f"line {reader.line_num}", dict(row)) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read ({error}).", "Give a TSV in UTF-8.") from error
