"""Every pair of systems tested at once, and the ranks that follow.

The p-values are those of ``harness.stats.paired.sign_flip`` and the ranks those of ``harness.stats.ranks``;
for sixty systems these take minutes one pair at a time, and here a second: what an exchange of clusters does to a
system is computed once and serves all its pairs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.stats.clusters import ClusterSums, Floats
from harness.stats.paired import ROUNDING, all_exchanges, random_exchanges
from harness.stats.ranks import RankInterval
from harness.stats.tests import holm

FEWEST_FLIPS = 10_000
MOST_FLIPS = 200_000
FLIPS_PER_PAIR = 100
"""Adjusted after Holm, m pairs need p-values below .05 / m, so the flips grow with the pairs."""


@dataclass(frozen=True)
class Pairs:
    """All systems of a board against each other, on one metric.

    Attributes:
        systems: [s] keys.
        values: [s] of the metric.
        p: [s, s], two-sided, 1 on the diagonal.
        p_holm: [s, s], adjusted for all pairs.
        flips: exchanges of each test.
        exact: whether these are all there are.
    """

    systems: tuple[str, ...]
    values: Floats
    p: Floats
    p_holm: Floats
    flips: int
    exact: bool

    def only(self, chosen: Sequence[str]) -> "Pairs":
        """Return the tests among some of the systems, adjusted for these pairs alone."""
        index = [self.systems.index(name) for name in chosen]
        p = self.p[np.ix_(index, index)]
        return Pairs(tuple(chosen), self.values[index], p, _adjusted(p), self.flips, self.exact)


def flips_for(systems: int) -> int:
    """Return the number of exchanges for all pairs of some systems.

    Examples:
        >>> flips_for(4), flips_for(60), flips_for(600)
        (10000, 177000, 200000)
    """
    return min(MOST_FLIPS, max(FEWEST_FLIPS, FLIPS_PER_PAIR * systems * (systems - 1) // 2))


def all_pairs(sums: Mapping[str, ClusterSums], flips: int, seed: int = 0) -> Pairs:
    """Test all pairs by cluster sign flip.

    Args:
        sums: by system, [C, 2] values and presences; the same clusters with the same counts.
        flips: exchanges of each test.
        seed: of the frozen stream.

    Returns:
        The tests.

    Examples:
        >>> from harness.stats.clusters import cluster_sums
        >>> a, b = (cluster_sums([[x, 1], [x + 1, 1], [x + 2, 1]], "uvw") for x in (5.0, 3.0))
        >>> found = all_pairs({"a": a, "b": b}, 10_000)
        >>> float(found.p[0, 1]), found.flips, found.exact
        (0.25, 8, True)
    """
    systems = tuple(sums)
    stacked = np.stack([sums[name].sums for name in systems])
    units, totals = stacked.shape[1], stacked.sum(axis=1)
    values = totals[:, 0] / totals[:, 1]
    pairs = list(combinations(range(len(systems)), 2))
    exact = units < 63 and 1 << units <= flips
    larger = np.zeros(len(pairs), dtype=np.int64)
    for swapped in _exchanges(units, flips, exact, seed):
        moved = [np.ascontiguousarray((swapped @ stacked[:, :, part].T).T) for part in (0, 1)]
        for number, (a, b) in enumerate(pairs):
            change = _difference(totals[a], totals[b], *(each[b] - each[a] for each in moved))
            least = abs(values[a] - values[b]) - ROUNDING * max(abs(values[a]), abs(values[b]))
            larger[number] += np.count_nonzero(~(np.abs(change) < least))
    done = 1 << units if exact else flips
    shares = larger / done if exact else (1 + larger) / (1 + done)
    p = np.ones((len(systems), len(systems)))
    for (a, b), share in zip(pairs, shares, strict=True):
        p[a, b] = p[b, a] = share
    return Pairs(systems, values, p, _adjusted(p), done, exact)


def _adjusted(p: Floats) -> Floats:
    """Adjust the p-values of all pairs after Holm."""
    upper = np.triu_indices(len(p), 1)
    adjusted = np.ones_like(p)
    adjusted[upper] = holm(p[upper].tolist())
    return np.minimum(adjusted, adjusted.T)


def _difference(first: Floats, second: Floats, values: Floats, presences: Floats) -> Floats:
    """Return the difference of two systems once clusters are exchanged, by what moves from one to the other."""
    if first[1] == second[1] and not presences.any():
        return np.asarray((first[0] - second[0] + 2 * values) / first[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (first[0] + values) / (first[1] + presences), (second[0] - values) / (second[1] - presences)
    return np.asarray(one - other)


def _exchanges(units: int, flips: int, exact: bool, seed: int, rows: int = 20_000) -> Iterator[Floats]:
    for block in all_exchanges(units) if exact else random_exchanges(units, flips, seed):
        yield from (block[start : start + rows] for start in range(0, len(block), rows))


def ranks(pairs: Pairs, higher_is_better: bool = True, level: float = 0.95) -> dict[str, RankInterval]:
    """Return the ranks that each system may have, all at once with probability ``level``.

    A system's best rank is one more than the number of systems significantly better, its worst the number of those
    not significantly worse.

    Args:
        pairs: the tests.
        higher_is_better: direction of the metric.
        level: in (0, 1).

    Returns:
        By system, the best value first.

    Examples:
        >>> p = np.array([[1, 0.01, 0.01], [0.01, 1, 0.6], [0.01, 0.6, 1]])
        >>> found = ranks(Pairs(("a", "b", "c"), np.array([3.0, 2.0, 1.9]), p, p, 9, False))
        >>> [(r.system, r.low, r.high, r.group) for r in found.values()]
        [('a', 1, 1, 1), ('b', 2, 3, 2), ('c', 2, 3, 2)]
    """
    sign = 1 if higher_is_better else -1
    gap = sign * (pairs.values[:, None] - pairs.values[None, :])
    beats = (pairs.p_holm <= 1 - level) & (gap > 0)
    order = sorted(range(len(pairs.systems)), key=lambda n: (-sign * pairs.values[n], pairs.systems[n]))
    found, group = {}, 0
    for place, n in enumerate(order):
        if beats[np.ix_(order[:place], order[place:])].all():
            group += 1
        low, high = 1 + int(beats[:, n].sum()), len(order) - int(beats[n].sum())
        found[pairs.systems[n]] = RankInterval(pairs.systems[n], float(pairs.values[n]), low, high, group)
    return found
