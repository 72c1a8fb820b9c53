"""Rows from papers: data with their source, never mixed with what was measured here."""

import csv
import io
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from harness.errors import UserError

PACKAGED = ("baselines", "published")
"""Package and folder of the tables that come along; named as text, as the board imports no other room."""


@dataclass(frozen=True)
class Table:
    """One table from a paper.

    Attributes:
        title: what it holds.
        cite: where it was published.
        place: where in there.
        header: its columns.
        rows: its cells.
        board: task beside whose boards it stands, empty where beside none.
    """

    title: str
    cite: str
    place: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    board: str = ""

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Whether each column holds numbers."""
        return tuple(all(_is_number(row[n]) for row in self.rows if row[n]) for n in range(len(self.header)))


def tables(folder: Path | None = None) -> list[Table]:
    """Read the published tables.

    Args:
        folder: holds the CSV files; those that come along where None.

    Returns:
        Every table whole, without a board, and what of it stands beside which board, in the order of
        ``published.toml``; a file that is not there is left out.

    Raises:
        UserError: there is no such folder.
    """
    if folder is not None and not folder.is_dir():
        raise UserError(f"There is no folder {folder}.", "Give a folder of CSV files, or leave --published out.")
    plan = tomllib.loads((Path(__file__).parent / "published.toml").read_text(encoding="utf-8"))
    place = folder if folder is not None else files(PACKAGED[0]).joinpath(*PACKAGED[1:])
    found: list[Table] = []
    for entry in plan["table"]:
        file = place.joinpath(entry["file"])
        if not file.is_file():
            continue
        header, *rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
        table = Table(
            entry["title"], plan[entry["source"]]["cite"], entry["place"], tuple(header), tuple(map(tuple, rows))
        )
        table = _without(table, entry.get("hide", ()))
        found.append(table)
        if "board" in entry:
            parts = _by(table, entry["rows"]) if "rows" in entry else {"": table}
            found += [
                replace(part, board=entry["board"].replace("{target}", value.replace("-", "_")))
                for value, part in parts.items()
            ]
    return found


def _by(table: Table, column: str) -> dict[str, Table]:
    """Split a table by the values of a column."""
    index = table.header.index(column)
    values = list(dict.fromkeys(row[index] for row in table.rows))
    split = {value: tuple(row for row in table.rows if row[index] == value) for value in values}
    return {
        value: _without(replace(table, title=f"{table.title}, {value}", rows=rows), (column,))
        for value, rows in split.items()
    }


def _without(table: Table, columns: Sequence[str]) -> Table:
    keep = [n for n, name in enumerate(table.header) if name not in columns]
    rows = tuple(tuple(row[n] for n in keep) for row in table.rows)
    return replace(table, header=tuple(table.header[n] for n in keep), rows=rows)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
