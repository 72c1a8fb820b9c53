"""From rated candidates to pairs: ranking, gate, weights and betas (ALPO, arXiv 2602.01068).

A segment i has k sampled candidates and the reference, duplicates taken out: T_i, with scores E_i in 0..100::

    chosen    uniform among the best three;  rejected  the third from the bottom   (ties: shorter first)
    1(s_i)    = 0 if |T_i| <= 3 or max E_i - min E_i <= 5, else 1
    g_i       = E(chosen) - E(rejected)
    w(s_i)    = 1(s_i) * |T_i| / sum_j |T_j|            over all segments of the sample
    beta_i    = beta * g_i / max over gated j of g_j

With four or five candidates the third from the bottom is among the best three. A pair whose chosen score
is not above the rejected one is left out, and counted apart from the gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from harness.prompts import one_line

Verdict = Literal["paired", "few", "alike", "overlap", "unscored"]
"""What became of a segment: a pair; too few candidates; scores too close; chosen not above rejected; no scores."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How pairs are taken.

    Attributes:
        top: the chosen one is among so many best.
        bottom: the rejected one is so far from the bottom.
        least_candidates: as many candidates, or fewer, give no pair.
        least_gap: a range of scores as small as this, or smaller, gives no pair.
    """

    top: int = 3
    bottom: int = 3
    least_candidates: int = 3
    least_gap: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what picks nothing.

        Raises:
            ValueError: a place below 1, or a gap that is no number.
        """
        if min(self.top, self.bottom) < 1 or np.isnan(self.least_gap):
            raise ValueError("selection.top and bottom must be 1 or more, and least_gap a number")


@dataclass(frozen=True, slots=True)
class Rated:
    """The candidates T_i of one segment with their scores E_i; ``scores`` is empty where nobody could rate them."""

    texts: tuple[str, ...]
    scores: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no later step could use.

        Raises:
            ValueError: no text, scores of another number, or one that is not finite.
        """
        if not self.texts:
            raise ValueError("a segment without candidates")
        if self.scores and len(self.scores) != len(self.texts):
            raise ValueError(f"{len(self.scores)} scores for {len(self.texts)} candidates")
        if not np.isfinite(self.scores).all():
            raise ValueError("a score that is not finite")


@dataclass(frozen=True, slots=True)
class Pick:
    """A segment's choice: indices into its candidates, and their scores' difference g_i."""

    chosen: int
    rejected: int
    gap: float
    verdict: Verdict


def distinct(samples: Sequence[str], reference: str | None = None) -> tuple[str, ...]:
    """Return T_i: different texts in the order of their first appearance, the reference last; blank ones never.

    Examples:
        >>> distinct(["Go!", " ", "Go!", "Off you go."], "Go!")
        ('Go!', 'Off you go.')
    """
    texts = (one_line(text) for text in [*samples, reference or ""])
    return tuple(dict.fromkeys(text for text in texts if text))


def ranking(rated: Rated) -> list[int]:
    """Order candidates from best to worst; of equal scores the shorter text first, then the earlier.

    Examples:
        >>> ranking(Rated(("long text", "short", "best"), (50.0, 50.0, 90.0)))
        [2, 1, 0]
    """
    return sorted(range(len(rated.texts)), key=lambda index: (-rated.scores[index], len(rated.texts[index]), index))


def gate(rated: Rated, rules: Rules = Rules()) -> Verdict:
    """Say whether a segment is informative: 1(s_i), with the reason.

    Examples:
        >>> gate(Rated(tuple("abcd"), (90.0, 80.0, 70.0, 60.0))), gate(Rated(tuple("abc"), (90.0, 80.0, 70.0)))
        ('paired', 'few')
        >>> gate(Rated(tuple("abcd"), (64.0, 63.0, 62.0, 59.0)))
        'alike'
    """
    if not rated.scores:
        return "unscored"
    if len(rated.texts) <= rules.least_candidates:
        return "few"
    return "alike" if max(rated.scores) - min(rated.scores) <= rules.least_gap else "paired"


def pick(rated: Rated, rng: Generator, rules: Rules = Rules()) -> Pick:
    """Choose a pair.

    A segment that is not paired still has a chosen one, for it is the prefix of later segments:
    the first candidate where there are no scores.

    Args:
        rated: the candidates.
        rng: draws the chosen one.
        rules: how pairs are taken.

    Returns:
        The choice. ``gap`` is 0 where it is no pair.

    Examples:
        >>> import numpy as np
        >>> pick(Rated(tuple("abcdef"), (90.0, 88.0, 85.0, 70.0, 60.0, 55.0)), np.random.default_rng(0))
        Pick(chosen=2, rejected=3, gap=15.0, verdict='paired')
    """
    verdict = gate(rated, rules)
    if verdict == "unscored":
        return Pick(0, 0, 0.0, verdict)
    order = ranking(rated)
    chosen = int(rng.choice(order[: rules.top]))
    rejected = order[-min(rules.bottom, len(order))]
    gap = rated.scores[chosen] - rated.scores[rejected]
    if verdict == "paired" and gap <= 0:
        verdict = "overlap"
    return Pick(chosen, rejected, gap if verdict == "paired" else 0.0, verdict)


def weights(paired: Sequence[bool], counts: Sequence[int]) -> list[float]:
    """Compute w(s_i) = 1(s_i) * |T_i| / sum_j |T_j|, the sum over all segments of the sample.

    Args:
        paired: 1(s_i), [n].
        counts: |T_i|, [n], 1 at least.

    Returns:
        [n] weights, each in [0, 1], their sum at most 1.

    Examples:
        >>> [round(weight, 3) for weight in weights([True, False, True, True], [12, 3, 9, 16])]
        [0.3, 0.0, 0.225, 0.4]
    """
    total = sum(counts)
    return [count / total if usable else 0.0 for usable, count in zip(paired, counts, strict=True)]


def betas(paired: Sequence[bool], gaps: Sequence[float], beta: float = 1.0) -> list[float]:
    """Compute beta_i = beta * g_i / max over gated j of g_j.

    Args:
        paired: 1(s_i), [n].
        gaps: g_i, [n], above 0 where paired.
        beta: the largest of them, above 0.

    Returns:
        [n] betas in [0, beta]; 0 where not paired.

    Examples:
        >>> betas([True, False, True, True], [30.0, 0.0, 12.0, 15.0])
        [1.0, 0.0, 0.4, 0.5]
        >>> betas([False, False], [0.0, 0.0])
        [0.0, 0.0]
    """
    widest = max((gap for usable, gap in zip(paired, gaps, strict=True) if usable), default=1.0)
    return [beta * gap / widest if usable else 0.0 for usable, gap in zip(paired, gaps, strict=True)]


def dpo_pick(rated: Rated, rules: Rules = Rules(), least: int = 8) -> Pick:
    """Choose a pair as the released DPO baselines do: the shortest of the best three over the third lowest.

    Below ``least`` candidates it is the best over the worst. The gate is not theirs; equal scores give no pair.

    Examples:
        >>> dpo_pick(Rated(("bb", "a", "ccc"), (90.0, 80.0, 70.0)))
        Pick(chosen=0, rejected=2, gap=20.0, verdict='paired')
    """
    if not rated.scores:
        return Pick(0, 0, 0.0, "unscored")
    order = ranking(rated)
    chosen, rejected = order[0], order[-1]
    if len(order) >= least:
        chosen = min(order[: rules.top], key=lambda index: len(rated.texts[index]))
        rejected = order[-min(rules.bottom, len(order))]
    gap = rated.scores[chosen] - rated.scores[rejected]
    return Pick(chosen, rejected, max(gap, 0.0), "paired" if gap > 0 else "overlap")
