"""The inputs: films with two subtitle tracks each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.corpus.transcripts import tsv_rows
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
    films = []
    for place, row in tsv_rows(path, COLUMNS):
        domain, source, target = (str(row[column] or "") for column in COLUMNS)
        if not (domain and source and target):
            raise UserError(f"{path}, {place} has an empty cell.", f"Give {', '.join(COLUMNS)}.")
        name = str(row.get("name") or Path(source).stem)
        films.append(Film(name, domain, path.parent / source, path.parent / target))
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
