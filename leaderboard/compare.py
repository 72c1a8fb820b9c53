"""What the comparison of a few systems needs in a browser: sums per cluster and verdicts per segment.

The browser exchanges the same clusters as ``sandglass compare`` does: the stream of random words is given by its
state, so that the p-values are the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.stats.clusters import cluster_sums
from leaderboard.board import Board, Row
from leaderboard.plots import kind
from leaderboard.text import visible

FLIPS = 10_000


def index(board: Board, starts: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return what the browser's pages share: systems, segments, clusters, columns, shards and the random stream.

    Args:
        board: the board.
        starts: by run, the first segment of each shard of its samples; under the empty name, the sources'.
    """
    reference = board.reference
    clusters = cluster_sums(np.ones((len(reference.run.scores.segments), 1)), reference.run.scores.clusters)
    runs = [
        {
            "slug": row.run.slug,
            "label": visible(row.label, 200),
            "kind": visible(kind(row), 60),
            "notes": [visible(words) for words in board.reasons(row)],
            "marked": [name for name in row.run.result.marked if name in board.columns],
            "comparable": int(_comparable(board, row)),
            "shards": starts.get(row.run.slug, []),
        }
        for row in board.rows
    ]
    columns = [
        {"name": name, "label": visible(c.label), "unit": c.unit, "factor": c.factor, "digits": c.digits,
         "better": {True: 1, False: -1, None: 0}[c.higher_is_better]}
        for name in board.first if (c := board.columns[name]) and name in reference.run.scores.names
    ]  # fmt: skip
    stream: Any = np.random.PCG64(0).state["state"]
    return {
        "runs": runs,
        "segments": [visible(id_, 80) for id_ in reference.run.scores.segments],
        "counts": clusters.counts.tolist(),
        "columns": columns,
        "headline": visible(board.columns[board.headline].label) if board.headline else "",
        "unit": board.budget.unit if board.budget else "syllables",
        "sources": starts.get("", []),
        "flips": FLIPS,
        "stream": [hex(stream["state"]), hex(stream["inc"])],
    }


def scores(board: Board, row: Row) -> dict[str, Any]:
    """Return a run's sums per cluster by metric, and the headline's verdict on every segment.

    Presences that are the number of segments are left out.
    """
    found, reference = row.run.scores, board.reference
    if not _comparable(board, row):
        return {"sums": {}, "verdicts": ""}
    sums = {}
    for name in board.first:
        if name in found.names and name in reference.run.scores.names:
            made = cluster_sums(found.of(name), found.clusters)
            whole = bool((made.sums[:, 1] == made.counts).all())
            sums[name] = [made.sums[:, 0].tolist(), 0 if whole else made.sums[:, 1].tolist()]
    return {"sums": sums, "verdicts": _verdicts(row, board.headline)}


def _verdicts(row: Row, name: str) -> str:
    """Write for each segment whether most repeats passed: 1, 0 or - where it does not count."""
    if name not in row.run.scores.names:
        return ""
    return "".join("-" if not n else "1" if v / n > 0.5 else "0" for v, n in row.run.scores.of(name).tolist())


def _comparable(board: Board, row: Row) -> bool:
    reference = board.reference.run.scores
    return (row.run.scores.segments, row.run.scores.clusters) == (reference.segments, reference.clusters)
