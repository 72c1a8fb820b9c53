"""The inputs: films with two subtitle tracks each."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError

COLUMNS = ("domain", "source", "target")


@dataclass(frozen=True, slots=True, order=True)
class Film:
    """The two tracks of one film, episode or video, and the name of its cluster."""

    name: str
    domain: str
    source: Path
    target: Path


def from_arguments(pairs: Iterable[Sequence[str]]) -> list[Film]:
    """Return the films of ``--pair DOMAIN SOURCE TARGET``, named after the source files.

    Raises:
        UserError: no such file, or two films of one name.
    """
    return _checked([Film(Path(source).stem, domain, Path(source), Path(target)) for domain, source, target in pairs])


def from_manifest(path: Path) -> list[Film]:
    """Return the films of a TSV with the columns domain, source and target, and if wanted name.

    Paths are relative to the manifest.

    Raises:
        UserError: unreadable, a cell missing, no such file, or two films of one name.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                raise UserError(f"{path}, line 1 does not name the columns.", f"Write {', '.join(COLUMNS)}, with tabs.")
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read ({error}).", "Give a TSV in UTF-8.") from error
    films = []
    for number, row in rows:
        if not all(row[column] for column in COLUMNS):
            raise UserError(f"{path}, line {number} has an empty cell.", f"Give {', '.join(COLUMNS)}.")
        source, target = path.parent / row["source"], path.parent / row["target"]
        films.append(Film(row.get("name") or source.stem, row["domain"], source, target))
    return _checked(films)


def _checked(films: list[Film]) -> list[Film]:
    if not films:
        raise UserError("There is nothing to build from.", "Give tracks with --pair or --manifest.")
    for film in films:
        for path in (film.source, film.target):
            if not path.is_file():
                raise UserError(f"There is no file {path}.", "Check the path of the track.")
    for name, number in Counter(film.name for film in films).items():
        if number > 1:
            raise UserError(f"{number} films would be named {name!r}.", "Give names in a manifest.")
    return sorted(films)
