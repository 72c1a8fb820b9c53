"""HOMURA's reward functions: plain functions of numbers, shared with the metrics (arXiv 2601.10187, section 3).

Ratio and relaxation are those of ``harness.metrics``: what is rewarded is what is measured.
Which variant a run uses is said by its profile (``trainers.homura.profiles``).
"""

import math
from collections.abc import Sequence
from typing import Literal

from harness.budget import in_bounds
from harness.metrics.in_bounds import ALPHA_1, ALPHA_2, relaxation

Distance = Literal["max", "nearest"]
Bounds = tuple[float, float]

SIMILARITY_CAP = 0.8
"""tau_max of eq. 10: a round trip more similar than this is not rewarded further."""
SHORT_SOURCE = 4
"""Characters up to which the released code widens the bounds instead of relaxing the lower one."""


def relaxed(source: int, mu: float, *, continuous: bool = False) -> float:
    """Compute gamma(x), by which short sources relax the lower bound (eq. 7).

    Args:
        source: length of the source, in the unit of mu, 0 or more.
        mu: mean length of the training corpus, above 0.
        continuous: divide by a1 + a2 below mu, so that gamma reaches 1 there instead of jumping from .9.

    Returns:
        Factor in [.4, 1].

    Examples:
        >>> relaxed(3, 12), round(relaxed(3, 12, continuous=True), 4), relaxed(12, 12)
        (0.65, 0.7222, 1.0)
    """
    gamma = relaxation(source, mu)
    return gamma / (ALPHA_1 + ALPHA_2) if continuous and source < mu else gamma


def dynamic_bounds(bounds: Bounds, gamma: float) -> Bounds:
    """Relax the lower bound: [gamma * L0, R0] (eq. 7).

    Examples:
        >>> dynamic_bounds((0.8, 0.9), 0.5)
        (0.4, 0.9)
    """
    return gamma * bounds[0], bounds[1]


def short_source_bounds(bounds: Bounds) -> Bounds:
    """Widen the bounds of a source of up to ``SHORT_SOURCE`` characters: [.6 L0, 1.4 R0] (released code).

    Examples:
        >>> low, high = short_source_bounds((0.8, 0.9))
        >>> round(low, 2), round(high, 2)
        (0.48, 1.26)
    """
    return 0.6 * bounds[0], 1.4 * bounds[1]


def length_reward(rho: float, bounds: Bounds, k: float, distance: Distance) -> float:
    """Compute R_len = 1 where L <= rho <= R, else exp(-k delta^2) (eq. 8).

    Args:
        rho: syllable ratio, 0 or more.
        bounds: L and R.
        k: sharpness, above 0.
        distance: delta is the distance to the farther bound (``max``: paper and released code, a cliff
            just outside the interval), or to the ``nearest``.

    Returns:
        Reward in [0, 1].

    Examples:
        >>> length_reward(10 / 12, (0.8, 0.9), 300, "max")
        1.0
        >>> [round(length_reward(11 / 12, (0.8, 0.9), 300, how), 3) for how in ("max", "nearest")]
        [0.017, 0.92]
    """
    low, high = bounds
    if in_bounds(rho, low, high):
        return 1.0
    away = abs(rho - low), abs(rho - high)
    delta = max(away) if distance == "max" else min(away)
    return math.exp(-k * delta * delta)


def autonomous_reward(rho: float, theta: float, *, clamped: bool = False) -> float:
    """Compute R_len = min(cos(theta rho), 0), compression without bounds (eq. 15).

    Taken literally it is 0 again from rho = 3 pi / (2 theta) on, so that very long outputs are not punished.

    Args:
        rho: syllable ratio, 0 or more.
        theta: above 0; the reward is highest up to rho = pi / (2 theta).
        clamped: hold theta rho at pi at most, so that longer is never better.

    Returns:
        Reward in [-1, 0].

    Examples:
        >>> [autonomous_reward(rho, math.pi) for rho in (0.4, 1.0, 2.0)]
        [0.0, -1.0, 0.0]
        >>> autonomous_reward(2.0, math.pi, clamped=True)
        -1.0
    """
    angle = min(theta * rho, math.pi) if clamped else theta * rho
    return min(math.cos(angle), 0.0)


def similarity_reward(cosine: float, *, floor: float = 0.0, rescaled: bool = False) -> float:
    """Compute R_bt = clip(cos, 0, .8) (eq. 10).

    Args:
        cosine: similarity of the source to the round trip, in [-1, 1].
        floor: lower end of the clip; -1 for none, as in the released code.
        rescaled: divide by .8, so that the part reaches 1 as the others do.

    Returns:
        Reward in [floor, .8], or that over .8.

    Examples:
        >>> similarity_reward(0.95), similarity_reward(-0.1), similarity_reward(0.4, rescaled=True)
        (0.8, 0.0, 0.5)
    """
    clipped = min(max(cosine, floor), SIMILARITY_CAP)
    return clipped / SIMILARITY_CAP if rescaled else clipped


def language_term(right: bool) -> float:
    """Compute .5 (lang_ok - 1): what an output in the wrong language loses (released code).

    Examples:
        >>> language_term(True), language_term(False)
        (0.0, -0.5)
    """
    return 0.5 * (right - 1)


def halves(length: float, quality: Sequence[float], length_weight: float = 0.5, quality_weight: float = 0.5) -> float:
    """Combine parts as the paper does: R = l_len R_len + l_qual mean(quality parts) (eq. 5, 9).

    Args:
        length: R_len.
        quality: quality parts; none where the quality weight is 0.
        length_weight: l_len.
        quality_weight: l_qual.

    Returns:
        The reward.

    Examples:
        >>> halves(1.0, [0.8, 1.0])
        0.95
    """
    return length_weight * length + (quality_weight * sum(quality) / len(quality) if quality else 0.0)


def mean_of_parts(length: float, quality: Sequence[float]) -> float:
    """Combine parts as the released code does: (min(S, .8) / .8 + R_len + R_quality) / 3, the mean of all.

    Examples:
        >>> round(mean_of_parts(1.0, [0.5, 1.0]), 4)
        0.8333
    """
    return (length + sum(quality)) / (1 + len(quality))
