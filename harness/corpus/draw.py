"""Seeded choices that depend on a name and not on the order of things: folds, splits, quotas, examples."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from math import log
from typing import Any

from harness.errors import UserError


def draw(seed: int, *names: str) -> float:
    """Return a number in (0, 1) that is fixed by the seed and the names.

    Examples:
        >>> draw(1, "a") == draw(1, "a") != draw(2, "a")
        True
    """
    digest = blake2b("\0".join(names).encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode()).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**64


def shuffled(seed: int, purpose: str, names: Iterable[str]) -> list[str]:
    """Return names in an order fixed by the seed and the purpose."""
    return sorted(names, key=lambda name: (draw(seed, purpose, name), name))


def folds(seed: int, transcripts: Iterable[str], number: int) -> dict[str, int]:
    """Deal transcripts into folds of equal size, or nearly.

    Examples:
        >>> sorted(folds(1, "abcde", 2).values())
        [0, 0, 0, 1, 1]
    """
    return {name: place % number for place, name in enumerate(shuffled(seed, "fold", transcripts))}


def split(seed: int, domains: Mapping[str, str], train: float) -> frozenset[str]:
    """Choose the transcripts for training: of each domain the largest number not above the share.

    Args:
        seed: fixes the choice.
        domains: domain of each transcript.
        train: share of transcripts in [0, 1).

    Returns:
        Their names; the others are for the test.

    Examples:
        >>> len(split(1, {name: "x" for name in "abcdefghij"}, 0.8)), split(1, {"a": "x"}, 0.8)
        (8, frozenset())
    """
    chosen: set[str] = set()
    for domain in sorted(set(domains.values())):
        names = shuffled(seed, "split", (name for name, its in domains.items() if its == domain))
        chosen.update(names[: int(train * len(names) + 1e-9)])
    return frozenset(chosen)


def quotas(total: int, domains: Iterable[str], given: Mapping[str, int]) -> dict[str, int]:
    """Share a number of items among domains: given quotas first, the rest evenly, the first domains one more.

    Args:
        total: items in all.
        domains: the domains there are.
        given: quotas asked for.

    Returns:
        Quota of each domain; they sum to the total.

    Raises:
        UserError: a quota of an unknown domain, or quotas that do not fit the total.

    Examples:
        >>> quotas(1000, ["a", "b", "c"], {"b": 100})
        {'a': 450, 'b': 100, 'c': 450}
        >>> quotas(5, ["a", "b"], {})
        {'a': 3, 'b': 2}
    """
    names = sorted(set(domains))
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise UserError(f"There is a quota for {unknown[0]!r}, no domain.", f"The domains are {', '.join(names)}.")
    free = [name for name in names if name not in given]
    left = total - sum(given.values())
    if left < 0 or (left and not free):
        raise UserError(f"The quotas sum to {sum(given.values())}, not to {total}.", "Give another --items or --quota.")
    share, more = divmod(left, len(free)) if free else (0, 0)
    return {name: given[name] if name in given else share + (free.index(name) < more) for name in names}


def weighted_key(seed: int, name: str, weight: float) -> float:
    """Return a key whose smallest values are a sample without replacement, in proportion to the weights.

    Successive sampling by exponential keys (Efraimidis and Spirakis 2006): -ln(u) / weight.

    Args:
        seed: of the sample.
        name: of the item.
        weight: > 0.

    Returns:
        The key, > 0.
    """
    return -log(draw(seed, "quota", name)) / weight


class Tally:
    """Counts by reason with a few examples, drawn by seed and not by place.

    Args:
        seed: of the examples.

    Examples:
        >>> tally = Tally(1)
        >>> for text in ("好", "嗯"):
        ...     tally.count("short", text)
        >>> tally.report()
        {'short': {'count': 2, 'examples': ['嗯', '好']}}
    """

    EXAMPLES = 3

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[tuple[float, str]]] = {}

    def count(self, reason: str, example: str = "", times: int = 1) -> None:
        """Count a thing removed for a reason, and perhaps keep it as an example."""
        self._counts[reason] = self._counts.get(reason, 0) + times
        if example:
            kept = self._examples.setdefault(reason, [])
            entry = (-draw(self._seed, reason, example), example[:200])
            if entry not in kept:
                (heapq.heappushpop if len(kept) == self.EXAMPLES else heapq.heappush)(kept, entry)

    def report(self) -> dict[str, dict[str, Any]]:
        """Return count and examples by reason, the commonest first."""
        order: Sequence[str] = sorted(self._counts, key=lambda reason: (-self._counts[reason], reason))
        return {
            reason: {
                "count": self._counts[reason],
                "examples": [text for _, text in sorted(self._examples.get(reason, ()), reverse=True)],
            }
            for reason in order
        }
