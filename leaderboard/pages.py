"""The pages of one board: its table, plots, pairs, comparison, runs and samples."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from harness.jsonl import to_line
from harness.records import Estimate, dump
from harness.report import render
from leaderboard.board import Board, Row
from leaderboard.cards import Facts, bibtex
from leaderboard.columns import Column
from leaderboard.compare import index, scores
from leaderboard.pairs import Pairs
from leaderboard.plots import FLIP, scatter, spreads, strategies
from leaderboard.published import Table
from leaderboard.runs import LEVELS, Run
from leaderboard.samples import SHORT, records, shards, sources
from leaderboard.site import REMARK, Site
from leaderboard.text import LONGEST, payload, visible

PAGE = 90_000
"""Bytes of the samples on one page that is read without scripts."""

QUALITY = ("usable", "bt_cerr")
REFERENCE = ("chrf_ref", "bleu_ref")
MOST_QUALITY = 4
"""What is plotted against the syllable ratio: these, judges and estimators between them, as many as that."""


def write_board(site: Site, board: Board, facts: Facts, published: Sequence[Table]) -> None:
    """Write all pages, data and downloads of a board."""
    sampled = [row for row in board.rows if row.run.with_texts]
    common: dict[str, Any] = {"board": board, "facts": facts, "nav": "boards", "sampled": bool(sampled)}
    beside = [table for table in published if table.board == board.task]
    folder = board.slug
    site.page(
        f"{folder}/index.html", "board.html", tab="table", rows=table_rows(board), published=beside, levels=LEVELS,
        strategies=strategies(board), resolution=resolution(board.pairs), **common,
    )  # fmt: skip
    site.page(f"{folder}/plots.html", "plots.html", tab="plots", kinds=strategies(board), **plots(board), **common)
    site.page(f"{folder}/pairs.html", "pairs.html", tab="pairs", matrix=matrix(board), **common)
    site.page(f"{folder}/compare.html", "compare.html", tab="compare", **common)
    site.data(f"{folder}/data/columns.js", "columns", payload(all_columns(board)))
    for row in board.rows:
        site.page(f"{folder}/runs/{row.run.slug}.html", "run.html", tab="", row=row, cells=run_cells(board, row),
                  command=command(row.run), cell=cell, levels=LEVELS, **common)  # fmt: skip
        site.data(f"{folder}/data/{row.run.slug}-scores.js", f"{row.run.slug}-scores", payload(scores(board, row)))
    starts = _samples(site, board, sampled, common)
    site.data(f"{folder}/data/index.js", "index", payload(index(board, starts)))
    _downloads(site, board, facts)


def cell(column: Column, estimate: Estimate | None, marked: bool) -> tuple[str, str, bool]:
    """Return a value, its interval and whether it is marked, as text."""
    if estimate is None or estimate.value is None:
        return ("–", "", False)
    return (column.number(estimate.value), column.interval(estimate), marked)


def _cells(board: Board, row: Row, names: Sequence[str]) -> list[tuple[str, str, bool]]:
    return [cell(board.columns[name], row.estimate(name), name in row.run.result.marked) for name in names]


def table_rows(board: Board) -> list[dict[str, Any]]:
    """Return what the table shows of each row."""
    column = board.columns.get(board.headline)
    ends = [e for row in board.rows if (e := row.estimate(board.headline))]
    most = max((e.high if e.high is not None else e.value or 0 for e in ends), default=1.0) or 1.0
    least = min(0.0, *(e.low if e.low is not None else e.value or 0 for e in ends)) if ends else 0.0
    rows, last = [], 1
    for row in board.rows:
        group = row.rank.group if row.rank else 0
        rows.append({
            "row": row,
            "cells": _cells(board, row, board.first),
            "forest": forest(row.estimate(board.headline), least, most) if column else None,
            "states": states(row),
            "new_group": group != last,
        })  # fmt: skip
        last = group
    return rows


def forest(estimate: Estimate | None, least: float, most: float) -> tuple[float, float, float] | None:
    """Place a value and its interval's ends on a line from 0 to 100.

    Examples:
        >>> forest(Estimate(0.5, 0.25, 0.75, "t", 9, 3, 3.0), 0.0, 1.0)
        (25.0, 50.0, 75.0)
    """
    if estimate is None or estimate.value is None or most <= least:
        return None
    ends = [estimate.value if end is None else end for end in (estimate.low, estimate.value, estimate.high)]
    low, value, high = (round(100 * (end - least) / (most - least), 1) for end in ends)
    return max(low, 0.0), value, min(high, 100.0)


def states(row: Row) -> str:
    """Say which states a run's outputs are in besides ok."""
    return ", ".join(f"{number} {state}" for state, number in row.run.result.states.items() if number and state != "ok")


def resolution(pairs: Pairs | None) -> str:
    """Say where no two systems can differ significantly: few clusters have few exchanges, many systems many pairs."""
    if pairs is None or len(pairs.systems) < 2:
        return ""
    number = len(pairs.systems) * (len(pairs.systems) - 1) // 2
    least = 2 / pairs.flips if pairs.exact else 1 / (1 + pairs.flips)
    if least * number <= 0.05:
        return ""
    cause = "so few clusters" if pairs.exact else "so many systems"
    return f"With {cause} no p-value can be below {least:.2g}, so none of the {number:,} pairs can be told apart."


def plots(board: Board) -> dict[str, Any]:
    """Return the plots that a board's runs allow."""
    measures = [name for row in board.rows for name in row.run.result.measures]
    quality = [name for name in dict.fromkeys((*QUALITY, *measures, *REFERENCE)) if name in board.columns][
        :MOST_QUALITY
    ]
    by_ratio = [
        scatter(board, "rho_fwd", name, f"ratio-{n}", f"{board.columns[name].label} against the syllable ratio")
        for n, name in enumerate(quality)
    ]
    label = board.columns[board.headline].label if board.headline else ""
    by_cost = scatter(board, "cost", board.headline, "cost", f"{label} against cost")
    return {
        "by_ratio": [plot for plot in by_ratio if plot],
        "by_cost": by_cost,
        "spreads": spreads(board),
        "flip": FLIP,
    }


def matrix(board: Board) -> dict[str, Any] | None:
    """Return the shares of segments on which each system does better than each other one, a tie counting half."""
    pairs = board.pairs
    if pairs is None or len(pairs.systems) < 2:
        return None
    rows = [row for row in board.rows if row.run.slug in pairs.systems]
    sign = -1 if board.columns[board.headline].higher_is_better is False else 1
    values = {}
    for row in rows:
        sums = row.run.scores.of(board.headline)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[row.run.slug] = sign * sums[:, 0] / sums[:, 1]
    place = {name: number for number, name in enumerate(pairs.systems)}
    lines = [[_win(values, pairs, place, a.run.slug, b.run.slug) for b in rows] for a in rows]
    return {"rows": rows, "lines": lines, "pairs": pairs}


def _win(values: Mapping[str, Any], pairs: Pairs, place: Mapping[str, int], a: str, b: str) -> tuple[str, str]:
    """Return a share in percent and the class of its cell: shade by share, and whether the pair differs."""
    if a == b:
        return "", "o"
    both = ~np.isnan(values[a]) & ~np.isnan(values[b])
    if not both.any():
        return "–", "o"
    share = float(np.mean(values[a][both] > values[b][both]) + np.mean(values[a][both] == values[b][both]) / 2)
    differs = pairs.p_holm[place[a], place[b]] <= 0.05
    shade = min(4, int(abs(share - 0.5) * 10))
    return f"{100 * share:.0f}", ("w" if share >= 0.5 else "l") + str(shade) + (" d" if differs else "")


def all_columns(board: Board) -> dict[str, Any]:
    """Return every column of every row, written as the table shows it, for the column picker."""
    names = list(board.columns)
    heads = [
        [c.name, c.label, c.unit, c.group, {True: 1, False: -1, None: 0}[c.higher_is_better]]
        for c in board.columns.values()
    ]
    rows = {
        row.run.slug: [[a, b, int(m)] if m else [a, b] if b else a for a, b, m in _cells(board, row, names)]
        for row in board.rows
    }
    return {"columns": [[visible(part) if isinstance(part, str) else part for part in head] for head in heads],
            "rows": rows}  # fmt: skip


def run_cells(board: Board, row: Row) -> list[dict[str, Any]]:
    """Return every metric of a run with its interval, group by group."""
    found = row.run.result
    return [
        {"column": column, "cell": cell(column, row.estimate(name), name in found.marked), "e": found.metrics[name]}
        for name, column in board.columns.items()
        if name in found.metrics
    ]


def command(run: Run) -> str:
    """Return the command that made a run, empty where it is not known."""
    provenance = run.result.provenance or run.manifest.get("provenance", {})
    words = provenance.get("command", "") if isinstance(provenance, dict) else ""
    return f"sandglass {words}" if isinstance(words, str) and words else ""


def _samples(site: Site, board: Board, sampled: Sequence[Row], common: Mapping[str, Any]) -> dict[str, list[int]]:
    """Write the browser, its shards and the pages that are read without it; return where shards start."""
    if not sampled:
        return {}
    folder, order, known = board.slug, board.reference.run.scores.segments, sources(board)
    starts: dict[str, list[int]] = {"": _write_shards(site, f"{folder}/data/sources", "sources", order, known)}
    made = []
    for row in sampled:
        found = records(row.run, board.budget)
        slug = row.run.slug
        starts[slug] = _write_shards(site, f"{folder}/data/{slug}", slug, order, found)
        link = site.render("link.html", row=row)
        made.append((link, {id_: (some[0], len(some)) for id_, some in found.items()}))
    pages = list(_paged(site, board, known, made))
    for number, segments in enumerate(pages, 1):
        site.page(f"{folder}/samples/{number}.html", "segments.html", tab="samples", number=number, last=len(pages),
                  segments=[text for _, text in segments], **common)  # fmt: skip
    firsts = [segments[0][0] for segments in pages]
    site.page(f"{folder}/samples/index.html", "samples.html", tab="samples", firsts=firsts, **common)
    return starts


def _write_shards(site: Site, path: str, name: str, order: Sequence[str], found: Mapping[str, Any]) -> list[int]:
    starts = []
    for number, (start, text) in enumerate(shards(order, found)):
        site.data(f"{path}-{number}.js", f"{name}-{number}", text)
        starts.append(start)
    return starts


def _paged(
    site: Site, board: Board, known: Mapping[str, Any], made: Sequence[tuple[Markup, Mapping[str, Any]]]
) -> Iterator[list[tuple[str, Markup]]]:
    """Cut the segments into pages of bounded size, each segment with what every system made of it."""
    page: list[tuple[str, Markup]] = []
    size = 0
    for id_ in filter(known.__contains__, board.reference.run.scores.segments):
        outputs = [(link, *found[id_]) for link, found in made if id_ in found]
        for longest in (LONGEST + REMARK, SHORT, SHORT // 10):
            text = site.render("segment.html", s=known[id_], outputs=outputs, longest=longest, unit=_unit(board))
            if (weight := len(text.encode())) <= PAGE:
                break
        if page and size + weight > PAGE:
            yield page
            page, size = [], 0
        page.append((known[id_]["id"], text))
        size += weight
    if page:
        yield page


def _unit(board: Board) -> str:
    return board.budget.unit if board.budget else "syllables"


def _downloads(site: Site, board: Board, facts: Facts) -> None:
    """Write the table as CSV, LaTeX and Markdown, everything as JSON, and how to cite it."""
    results = [row.run.result for row in board.rows]
    for form, ending in (("csv", "csv"), ("markdown", "md"), ("latex", "tex")):
        text = render(results, form, "all" if form == "csv" else "main")
        site.write(f"{board.slug}/table.{ending}", text.encode("utf-8", "replace").decode() + "\n")
    rows = [
        {"label": row.label, "rank": dump(row.rank), "not_ranked": row.why_not, "trust": dump(row.run.trust),
         "result": dump(row.run.result)}
        for row in board.rows
    ]  # fmt: skip
    data = {"task": board.task, "protocol": board.protocol, "headline": board.headline, "rows": rows}
    try:
        text = to_line(data).decode()
    except UnicodeEncodeError:
        text = json.dumps(data, sort_keys=True) + "\n"
    site.write(f"{board.slug}/table.json", text)
    site.write(f"{board.slug}/citation.bib", bibtex(board.task, facts))
