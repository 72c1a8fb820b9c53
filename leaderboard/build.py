"""Building the site: every board in a process of its own, then the pages that span boards."""

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from harness.errors import UserError
from leaderboard.board import Board, Row, board
from leaderboard.cards import facts_of
from leaderboard.columns import GROUPS, Column, columns_of, methods
from leaderboard.pages import cell, forest, write_board
from leaderboard.published import Table, tables
from leaderboard.runs import LEVELS, Scores, find, read, read_head
from leaderboard.site import Site
from leaderboard.text import slug

MARK = "sandglass-site.txt"
"""A file that says that a folder was built here, and may be built anew."""

ACCEPTED = Path(__file__).parent / "results"
"""The rows that come along."""

OWN = "sandglass"
"""Tasks whose names begin so come first."""

TOP = 5


@dataclass(frozen=True)
class Built:
    """What was built."""

    boards: int
    runs: int
    page: Path


@dataclass(frozen=True)
class Entry:
    """A board as other pages show it: in words, and where it is."""

    board: Board
    title: str


def build(folders: Sequence[Path], out: Path, published: Path | None = None, workers: int | None = None) -> Built:
    """Build the site.

    The folder appears whole: it is built beside and then put in place of the one that was there.

    Args:
        folders: results, as given with ``--out`` to runs.
        out: the site.
        published: folder of tables from papers; those that come along where None.
        workers: processes; one a core and board where None.

    Returns:
        What was built.

    Raises:
        UserError: no results, a damaged run, or ``out`` is something else than a site.
    """
    if not _may_be_built(out):
        raise UserError(f"{out} is there and is no site.", "Give a new or an empty folder as --out.")
    if not folders:
        raise UserError("There are no results to build from.", "Give --results DIR, or --accepted.")
    groups: dict[tuple[str, str, str], list[Path]] = {}
    for folder in find(folders):
        result, manifest = read_head(folder)
        name = str(manifest.get("protocol_name", ""))
        groups.setdefault((result.task, name, result.protocol), []).append(folder)
    from_papers = tables(published)
    partial_out = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        made = _boards([groups[key] for key in sorted(groups)], partial_out, from_papers, workers)
        _span(Site(partial_out), [Entry(b, facts_of(b.task).title) for b in made], from_papers)
        (partial_out / MARK).write_text("Built by sandglass leaderboard build; it may be built anew.\n")
        if out.exists():
            shutil.rmtree(out)
        partial_out.replace(out)
    except OSError as error:
        raise UserError(f"{error.filename or out}: {error.strerror}.", "Check that it can be written.") from error
    finally:
        shutil.rmtree(partial_out, ignore_errors=True)
    return Built(len(made), sum(map(len, groups.values())), out / "index.html")


def _may_be_built(out: Path) -> bool:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        return False
    return not out.exists() or (out / MARK).is_file() or not any(out.iterdir())


def _boards(
    groups: Sequence[Sequence[Path]], out: Path, from_papers: Sequence[Table], workers: int | None
) -> list[Board]:
    work = partial(build_board, out=out, from_papers=from_papers)
    workers = min(len(groups), workers or os.cpu_count() or 1)
    if workers < 2:
        return [work(group) for group in groups]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, groups))


def build_board(folders: Sequence[Path], out: Path, from_papers: Sequence[Table]) -> Board:
    """Build the pages of one board and return it without its scores."""
    made = board([read(folder) for folder in folders])
    write_board(Site(out), made, facts_of(made.task), from_papers)
    return replace(made, rows=tuple(map(_light, made.rows)), pairs=None)


def _light(row: Row) -> Row:
    empty = np.zeros((0, 0))
    scores = Scores(row.run.scores.segments, row.run.scores.clusters, (), empty, empty, {})
    return replace(row, run=replace(row.run, scores=scores))


def _span(site: Site, entries: Sequence[Entry], from_papers: Sequence[Table]) -> None:
    """Write the pages that span boards: index, models, methods and the tables from papers."""
    site.static()
    tasks: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: (not entry.board.ranked, not entry.board.task.startswith(OWN))):
        tasks.setdefault(entry.title, []).append(entry)
    tops = {entry.board.slug: _top(entry.board) for entry in entries}
    site.page("index.html", "index.html", nav="boards", tasks=tasks, tops=tops)
    models: dict[str, list[tuple[Entry, Row]]] = {}
    for entry in entries:
        for row in entry.board.rows:
            models.setdefault(row.run.result.model, []).append((entry, row))
    for model, found in models.items():
        site.page(
            f"models/{slug(model)}.html", "model.html", nav="models", model=model, found=found, cell=cell, levels=LEVELS
        )
    listed = [(model, slug(model), found) for model, found in sorted(models.items())]
    site.page("models/index.html", "models.html", nav="models", models=listed)
    site.page("methods.html", "methods.html", nav="methods", groups=_metrics(entries), levels=LEVELS)
    whole = [table for table in from_papers if not table.board]
    site.page("published.html", "published.html", nav="published", tables=whole)


def _top(board: Board) -> list[tuple[Row, tuple[str, str, bool], tuple[float, float, float] | None]]:
    """Return the first rows of a board, each with its headline and where it stands."""
    if not board.headline:
        return []
    column, found = board.columns[board.headline], board.rows[:TOP]
    ends = [e.high for row in found if (e := row.estimate(board.headline)) and e.high is not None]
    most = max(ends, default=1.0) or 1.0
    return [
        (row, cell(column, row.estimate(board.headline), False), forest(row.estimate(board.headline), 0.0, most))
        for row in found
    ]


def _metrics(entries: Sequence[Entry]) -> dict[str, list[Column]]:
    """Return every metric that a board has or that the methods describe, group by group."""
    known = {name: column for entry in entries for name, column in entry.board.columns.items()}
    described = columns_of([name for name in methods() if "*" not in name], {})
    known = {name: known.get(name, column) for name, column in described.items()} | known
    groups = {group: [column for column in known.values() if column.group == group] for group in GROUPS}
    return {group: columns for group, columns in groups.items() if columns}
