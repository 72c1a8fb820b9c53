"""How alike two labellings of core events are: micro-F1 over (role, surface).

One measure for an extractor against hand labels and for two passes of labels, so that the
second is the ceiling of the first.
"""

from collections.abc import Collection, Sequence

from harness.records import Event
from harness.stats.clusters import Floats, cluster_sums
from harness.stats.intervals import Interval, interval

ROLES = ("predicate", "noun", "name", "number")


def role_pairs(events: Sequence[Event]) -> frozenset[tuple[str, str]]:
    """Return the (role, surface) pairs of a segment's events, each once.

    Args:
        events: the events of one segment.

    Returns:
        ``predicate`` with every predicate, and the kind of every argument with its text.

    Examples:
        >>> from harness.records import Argument
        >>> sorted(role_pairs([Event("打败", True, (Argument("巨龙", "noun"),))]))
        [('noun', '巨龙'), ('predicate', '打败')]
    """
    predicates = {("predicate", event.predicate) for event in events}
    return frozenset(predicates | {(a.kind, a.text) for event in events for a in event.arguments})


def micro_f1(
    first: Sequence[Sequence[Event]],
    second: Sequence[Sequence[Event]],
    clusters: Sequence[str],
    roles: Collection[str] = ROLES,
) -> Interval:
    """Return the micro-F1 of two labellings over (role, surface), exact matches only.

    ``2 |A and B| / (|A| + |B|)``, pairs summed over segments; symmetric in the two.

    Args:
        first: the events of every segment.
        second: those of the other labelling, in the same order.
        clusters: the transcript of every segment, which the interval is clustered by.
        roles: those that count, of ``ROLES``.

    Returns:
        The value in 0..1 with its 95 % interval; None where neither labelling has a pair.

    Raises:
        ValueError: lengths differ.

    Examples:
        >>> one, two = [Event("打败")], [Event("打")]
        >>> micro_f1([one, one], [one, two], ["a", "b"]).estimate
        0.5
    """
    rows = []
    for a, b in zip(first, second, strict=True):
        mine, theirs = ({pair for pair in role_pairs(events) if pair[0] in roles} for events in (a, b))
        rows.append([2.0 * len(mine & theirs), float(len(mine) + len(theirs))])
    return interval(_share, cluster_sums(rows, clusters), bounds=(0.0, 1.0))


def _share(sums: Floats, counts: Floats) -> Floats:
    return sums[:, 0] / sums[:, 1]
