"""The geometry of the plots; the templates draw them as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np

from leaderboard.board import Board, Row

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 46
MOST_LABELS = 6
LONGEST_NAME, LETTER, LINE = 40, 6.5, 16
"""Letters of a name that are drawn, and the room of a letter and of a line."""

FLIP = 520
"""Place from which on names stand to the left of their point."""

LOG_FROM = 20
"""Ratio of the highest to the lowest cost from which on costs are drawn by ratio."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Axis:
    """One axis: from data to a place on the page.

    Attributes:
        label: what it shows.
        low: least value shown.
        high: greatest value shown.
        start: place of the least value.
        end: place of the greatest.
        ticks: value and its text.
        log: whether equal ratios are equal distances.
    """

    label: str
    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def at(self, value: float) -> float:
        """Return the place of a value.

        Examples:
            >>> Axis("x", 0.0, 2.0, 10.0, 110.0, ()).at(0.5)
            35.0
            >>> Axis("x", 0.1, 10.0, 0.0, 100.0, (), log=True).at(1.0)
            50.0
        """
        scale = log10 if self.log else float
        share = (scale(value) - scale(self.low)) / (scale(self.high) - scale(self.low))
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True)
class Point:
    """One run in a scatter plot: its place, its interval's ends, and the name beside it where there is room."""

    row: Row
    x: float
    y: float
    low: float
    high: float
    kind: int
    named: bool
    text: str


@dataclass(frozen=True)
class Scatter:
    """A scatter plot of two metrics."""

    id: str
    title: str
    desc: str
    x: Axis
    y: Axis
    points: tuple[Point, ...]
    band: tuple[float, float] | None = None
    front: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Spread:
    """The distribution of one run's syllable ratios: places of its quantiles and of its mean, and their values."""

    row: Row
    y: float
    places: tuple[float, ...]
    mean: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Spreads:
    """The distributions of all runs, one below the other."""

    x: Axis
    height: int
    band: tuple[float, float] | None
    rows: tuple[Spread, ...]


def ticks(low: float, high: float, most: int = 6) -> tuple[tuple[float, str], ...]:
    """Return round values between two ends.

    Examples:
        >>> ticks(0.0, 1.0)
        ((0.0, '0'), (0.2, '0.2'), (0.4, '0.4'), (0.6, '0.6'), (0.8, '0.8'), (1.0, '1'))
    """
    step = 10.0 ** floor(log10((high - low) / most))
    step *= next(factor for factor in (1, 2, 5, 10, 20) if (high - low) / (step * factor) <= most)
    values = [round(number * step, 10) for number in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]
    return tuple((value, f"{value:g}") for value in values)


def _log_axis(label: str, values: Sequence[float], start: float, end: float) -> Axis:
    low, high = min(values) / 1.3, max(values) * 1.3
    powers = [10.0**power for power in range(floor(log10(low)), ceil(log10(high)) + 1)]
    steps = [power * factor for power in powers for factor in (1, 2, 5) if low <= power * factor <= high]
    return Axis(label, low, high, start, end, tuple((value, f"{value:g}") for value in steps), log=True)


def _axis(label: str, values: Sequence[float], start: float, end: float, floor_: float | None = None) -> Axis:
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or 0.1 * abs(high) or 0.1
    low, high = low - pad, high + pad
    if floor_ is not None:
        low = max(low, floor_)
    return Axis(label, low, high, start, end, ticks(low, high))


def strategies(board: Board) -> list[str]:
    """Return the strategies of a board, options left out, sorted: each has a mark of its own."""
    return sorted({kind(row) for row in board.rows})


def kind(row: Row) -> str:
    """Return a row's strategy without its options."""
    return row.run.result.strategy.partition(":")[0]


def scatter(board: Board, x: str, y: str, id_: str, title: str) -> Scatter | None:
    """Plot one metric against another; None where fewer than two runs have both.

    Args:
        board: the board.
        x: metric to the right.
        y: metric upwards.
        id_: of the plot on its page.
        title: what it shows.
    """
    across, up = board.columns.get(x), board.columns.get(y)
    chosen = [(row, row.estimate(x), row.estimate(y)) for row in board.rows]
    known = [(row, a, b) for row, a, b in chosen if a is not None and b is not None]
    if len(known) < 2 or across is None or up is None:
        return None
    xs = [(a.value or 0.0) * across.factor for _, a, _ in known]
    ys = [(b.value or 0.0) * up.factor for _, _, b in known]
    lows = [y_ if b.low is None else b.low * up.factor for y_, (_, _, b) in zip(ys, known, strict=True)]
    highs = [y_ if b.high is None else b.high * up.factor for y_, (_, _, b) in zip(ys, known, strict=True)]
    banded = board.bounds if x == "rho_fwd" else None
    unit = f" ({across.unit})" if across.unit else ""
    if x == "cost" and min(xs) > 0 and max(xs) / min(xs) > LOG_FROM:
        ax = _log_axis(across.label + unit, xs, LEFT, WIDTH - RIGHT)
    else:
        ax = _axis(across.label + unit, [*xs, *(banded or ())], LEFT, WIDTH - RIGHT, floor_=0.0)
    ay = _axis(up.label + (f" ({up.unit})" if up.unit else ""), [*ys, *lows, *highs], HEIGHT - BOTTOM, TOP)
    kinds = strategies(board)
    better = up.higher_is_better is not False
    front = _front(xs, ys, better) if x == "cost" else []
    order = front or sorted(range(len(known)), key=lambda n: -ys[n] if better else ys[n])
    named = _named(
        order, [(ax.at(x), ay.at(y), len(row.label)) for x, y, (row, _, _) in zip(xs, ys, known, strict=True)]
    )
    points = [
        Point(row, ax.at(xs[n]), ay.at(ys[n]), ay.at(lows[n]), ay.at(highs[n]), kinds.index(kind(row)) % 6, n in named,
              f"{across.label} {across.number(a.value or 0)}, {up.label} {up.number(b.value or 0)}"
              f" ({up.interval(b)})")
        for n, (row, a, b) in enumerate(known)
    ]  # fmt: skip
    best = max(range(len(known)), key=lambda n: ys[n] if better else -ys[n])
    desc = (
        f"{len(known)} systems. {across.label} from {min(xs):.3g} to {max(xs):.3g}, {up.label} from {min(ys):.3g} to "
        f"{max(ys):.3g}; best: {known[best][0].label}. The numbers are in the board's table."
    )
    band = (ax.at(banded[0]), ax.at(banded[1])) if banded else None
    places = tuple((ax.at(xs[n]), ay.at(ys[n])) for n in front)
    return Scatter(id_, title, desc, ax, ay, tuple(points), band, places)


def _front(xs: Sequence[float], ys: Sequence[float], higher_is_better: bool) -> list[int]:
    """Return the points that no cheaper one equals, the cheapest first (the Pareto front).

    Examples:
        >>> _front([1, 2, 3, 2], [5, 9, 8, 4], True)
        [0, 1]
    """
    sign = 1 if higher_is_better else -1
    found: list[int] = []
    for n in sorted(range(len(xs)), key=lambda n: (xs[n], -sign * ys[n])):
        if not found or sign * ys[n] > sign * ys[found[-1]]:
            found.append(n)
    return found


def _named(order: Sequence[int], places: Sequence[tuple[float, float, int]]) -> set[int]:
    """Return the first points whose names do not run into each other; each place has its name's length."""
    chosen: dict[int, tuple[float, float, float]] = {}
    for n in order:
        x, y, length = places[n]
        wide = LETTER * min(length, LONGEST_NAME)
        left, right = (x, x + wide) if x < FLIP else (x - wide, x)
        if all(abs(y - other) > LINE or right < start or left > end for start, end, other in chosen.values()):
            chosen[n] = (left, right, y)
        if len(chosen) == MOST_LABELS:
            break
    return set(chosen)


def spreads(board: Board, row_height: int = 22) -> Spreads | None:
    """Plot the distribution of the syllable ratio of every run; None where no run has any."""
    known = [row for row in board.rows if len(row.run.scores.ratios)]
    if not known:
        return None
    found = [tuple(float(v) for v in np.quantile(row.run.scores.ratios, QUANTILES)) for row in known]
    means = [float(np.mean(row.run.scores.ratios)) for row in known]
    ends = [value for values in found for value in values] + means + list(board.bounds or ())
    axis = _axis("syllable ratio ρ", ends, 250, WIDTH - RIGHT, floor_=0.0)
    rows = [
        Spread(row, TOP + row_height * (n + 0.5), tuple(axis.at(v) for v in values), axis.at(mean), (*values, mean))
        for n, (row, values, mean) in enumerate(zip(known, found, means, strict=True))
    ]
    band = (axis.at(board.bounds[0]), axis.at(board.bounds[1])) if board.bounds else None
    return Spreads(axis, TOP + row_height * len(rows) + BOTTOM, band, tuple(rows))
