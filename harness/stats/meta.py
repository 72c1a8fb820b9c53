"""Meta-evaluation: how well a metric or a judge agrees with people.

``metric`` and ``human`` are scores of the same outputs, ``lines`` says which source line an output translates.
Pooled correlations are inflated by easy differences between lines, so the bar is the correlation within lines,
shown beside the agreement between people (``harness.stats.agreement``). Every function gives a number;
``harness.stats.agreement.lines_interval`` gives its interval by resampling lines.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from harness.stats.clusters import Floats, cluster_sums
from harness.stats.intervals import Interval, interval
from harness.stats.paired import all_exchanges, random_exchanges

Scores = Sequence[float] | Floats
Z95 = 1.959963984540054


def spearman(metric: Scores, human: Scores) -> float:
    """Return Spearman's rank correlation, ties at their middle rank.

    Args:
        metric: [n].
        human: [n].

    Returns:
        -1..1; NaN where a side does not vary.

    Examples:
        >>> round(spearman([1, 2, 3, 4], [1, 3, 2, 4]), 6)
        0.8
    """
    x, y = (rankdata(side) for side in _both(metric, human))
    return _cosine(x - x.mean(), y - y.mean())


def kendall_tau(metric: Scores, human: Scores) -> float:
    """Return Kendall's tau-b, ``(C - D) / sqrt((pairs - ties_x)(pairs - ties_y))``.

    Args:
        metric: [n].
        human: [n].

    Returns:
        -1..1; NaN where a side does not vary.

    Examples:
        >>> round(kendall_tau([1, 2, 2, 3], [1, 2, 3, 3]), 6)
        0.8
    """
    return _cosine(*(np.sign(difference) for difference in _pairs(*_both(metric, human))))


def _cosine(x: Floats, y: Floats) -> float:
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(np.clip(x @ y / scale, -1, 1)) if scale > 0 else float("nan")


def pairwise_accuracy(metric: Scores, human: Scores, epsilon: float = 0.0) -> float:
    """Return the share of pairs that metric and people order alike, ties included (acc_eq).

    A pair is right where both prefer the same one or both see a tie; the metric ties where its
    scores differ by at most epsilon. Source: Deutsch, Foster and Freitag (2023), "Ties matter",
    equation 8; without ties it is the accuracy of Kocmi et al. (2021), "To ship or not to ship".

    Args:
        metric: [n], of systems or of the outputs for one line.
        human: [n].
        epsilon: >= 0.

    Returns:
        0..1; NaN with fewer than two.

    Examples:
        >>> round(pairwise_accuracy([0.5, 0.52, 0.9], [3, 3, 4]), 4)
        0.6667
        >>> pairwise_accuracy([0.5, 0.52, 0.9], [3, 3, 4], epsilon=0.05)
        1.0
    """
    x, y = _pairs(*_both(metric, human))
    found = np.where(np.abs(x) <= epsilon, 0.0, np.sign(x))
    return float(np.mean(found == np.sign(y))) if len(x) else float("nan")


def calibrated_accuracy(metric: Scores, human: Scores, lines: Sequence[Hashable]) -> tuple[float, float]:
    """Return the best mean pairwise accuracy within lines over all epsilon, and that epsilon (tie calibration).

    Args:
        metric: [n].
        human: [n].
        lines: [n], the source line of each output; lines with one output say nothing.

    Returns:
        Accuracy and the least epsilon that reaches it.

    Raises:
        ValueError: no line has two outputs.

    Examples:
        >>> accuracy, epsilon = calibrated_accuracy([0.5, 0.52, 0.9, 0.1], [3, 3, 4, 2], list("aaaa"))
        >>> accuracy, round(epsilon, 3)
        (1.0, 0.02)
    """
    x, y = _both(metric, human)
    gaps, right, tied, weight = [], [], [], []
    for chosen in _lines(lines):
        dx, dy = _pairs(x[chosen], y[chosen])
        if len(dx):
            gaps.append(np.abs(dx))
            right.append((np.sign(dx) == np.sign(dy)).astype(float))
            tied.append((dy == 0).astype(float))
            weight.append(np.full(len(dx), 1 / len(dx)))
    if not gaps:
        raise ValueError("no line has two outputs")
    gap, share = np.concatenate(gaps), np.concatenate(weight) / len(gaps)
    order = np.argsort(gap, kind="stable")
    gain = (share * (np.concatenate(tied) - np.concatenate(right)))[order]
    values, last = np.unique(gap[order], return_index=True)
    ends = np.append(last[1:], len(gap)) - 1
    reached = float(share @ np.concatenate(right)) + np.cumsum(gain)[ends]
    best = int(np.argmax(np.round(reached, 12)))
    plain = values[0] > 0 and float(share @ np.concatenate(right)) >= reached[best] - 1e-12
    epsilon = 0.0 if plain else float(values[best])
    found = [pairwise_accuracy(x[chosen], y[chosen], epsilon) for chosen in _lines(lines) if len(chosen) > 1]
    return float(np.mean(found)), epsilon


def within_lines(
    metric: Scores,
    human: Scores,
    lines: Sequence[Hashable],
    correlation: Callable[[Floats, Floats], float] = spearman,
    clusters: Sequence[str] | None = None,
    level: float = 0.95,
) -> Interval:
    """Return the mean correlation within lines, with its interval.

    Args:
        metric: [n].
        human: [n].
        lines: [n], the source line of each output.
        correlation: of the outputs for one line: ``spearman``, ``kendall_tau`` or ``pairwise_accuracy``.
        clusters: [n], videos, constant within a line; the line itself where None.
        level: nominal coverage, in (0, 1).

    Returns:
        Mean and interval over the lines on which it is defined (neither side constant).

    Raises:
        ValueError: it is defined on no line, or a line lies in two clusters.

    Examples:
        >>> metric, human = [1, 2, 3, 30, 20, 10], [1, 2, 3, 14, 15, 16]
        >>> within_lines(metric, human, list("aaabbb")).estimate, round(spearman(metric, human), 3)
        (0.0, 0.771)
    """
    x, y = _both(metric, human)
    rows, labels = [], []
    for chosen in _lines(lines):
        value = correlation(x[chosen], y[chosen])
        if not np.isnan(value):
            own = {str(lines[chosen[0]])} if clusters is None else {clusters[number] for number in chosen}
            if len(own) > 1:
                raise ValueError(f"the line {lines[chosen[0]]!r} lies in {len(own)} clusters")
            rows.append([value])
            labels.append(own.pop())
    if not rows:
        raise ValueError("the correlation is defined on no line")
    return interval(lambda sums, counts: sums[:, 0] / counts, cluster_sums(rows, labels), level=level, bounds=(-1, 1))


def soft_pairwise_accuracy(
    metric: Floats | Sequence[Scores], human: Floats | Sequence[Scores], resamples: int = 1000, seed: int = 0
) -> float:
    """Return SPA, ``1 - mean over pairs of systems |p_metric - p_human|``.

    Each p is one-sided, from exchanging the segments of both systems: metric and people shall be equally sure
    which one is better. Source: Thompson, Mathur, Deutsch and Khayrallah (2024), "Improving statistical
    significance in human evaluation of automatic metrics via soft pairwise accuracy", equation 4.

    Args:
        metric: [systems, segments].
        human: [systems, segments]; segments may differ from the metric's in number.
        resamples: exchanges; all are tried where there are no more.
        seed: of the frozen stream.

    Returns:
        0..1.

    Raises:
        ValueError: fewer than two systems, or the numbers of systems differ.

    Examples:
        >>> people = [[3, 4, 5, 4, 5], [2, 3, 3, 3, 4], [1, 1, 2, 2, 1]]
        >>> soft_pairwise_accuracy(people, people), soft_pairwise_accuracy(people[::-1], people) < 0.1
        (1.0, True)
    """
    x, y = (np.asarray(side, dtype=np.float64) for side in (metric, human))
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < 2:
        raise ValueError("give [systems, segments] of the same two or more systems")
    return 1 - float(np.mean(np.abs(_one_sided(x, resamples, seed) - _one_sided(y, resamples, seed))))


@dataclass(frozen=True)
class BlandAltman:
    """Agreement of two measurements in their own unit: bias and the limits between which 95 % of differences lie."""

    bias: Interval
    low: Interval
    high: Interval


def bland_altman(first: Scores, second: Scores, clusters: Sequence[str] | None = None) -> BlandAltman:
    """Return bias and limits of agreement, ``mean(d) -+ 1.96 sd(d)`` with ``d = first - second``.

    Source: Bland and Altman (1986); the intervals are those of any metric, clustered.

    Args:
        first: [n], for instance a judge's scores.
        second: [n], a person's scores of the same outputs.
        clusters: [n], source lines or videos; each output its own where None.

    Returns:
        Bias and both limits with intervals.

    Examples:
        >>> found = bland_altman([1, 2, 3, 4, 5, 6], [1, 1, 3, 3, 5, 5])
        >>> [round(part.estimate, 3) for part in (found.bias, found.low, found.high)]
        [0.5, -0.574, 1.574]
    """
    x, y = _both(first, second)
    gap = x - y
    labels = [f"{number:09}" for number in range(len(gap))] if clusters is None else list(clusters)
    sums = cluster_sums(np.column_stack([gap, gap * gap]), labels)

    def limit(times: float) -> Callable[[Floats, Floats], Floats]:
        def aggregate(sums: Floats, counts: Floats) -> Floats:
            mean = sums[:, 0] / counts
            spread = np.maximum(sums[:, 1] - counts * mean**2, 0) / (counts - 1)
            return np.asarray(mean + times * np.sqrt(spread), dtype=np.float64)

        return aggregate

    return BlandAltman(*(interval(limit(times), sums) for times in (0.0, -Z95, Z95)))


def _both(metric: Scores, human: Scores) -> tuple[Floats, Floats]:
    x, y = np.asarray(metric, dtype=np.float64), np.asarray(human, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("scores must be finite and of one length; leave an output out where one is missing")
    return x, y


def _pairs(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    one, two = np.triu_indices(len(x), 1)
    return x[one] - x[two], y[one] - y[two]


def _lines(lines: Sequence[Hashable]) -> list[NDArray[np.int64]]:
    members: dict[Hashable, list[int]] = {}
    for number, line in enumerate(lines):
        members.setdefault(line, []).append(number)
    return [np.array(chosen) for chosen in members.values()]


def _one_sided(scores: Floats, resamples: int, seed: int) -> Floats:
    """Return p of every pair of systems, that the first is no better."""
    systems, segments = scores.shape
    one, two = np.triu_indices(systems, 1)
    gaps = scores[one] - scores[two]
    observed = gaps.sum(axis=1)
    exact = segments < 63 and 1 << segments <= resamples
    larger, least = np.zeros(len(one)), observed - 1e-12 * np.abs(gaps).sum(axis=1)
    for swapped in all_exchanges(segments) if exact else random_exchanges(segments, resamples, seed):
        larger += np.count_nonzero((1 - 2 * swapped) @ gaps.T >= least, axis=0)
    return np.asarray(larger / (1 << segments if exact else resamples), dtype=np.float64)
