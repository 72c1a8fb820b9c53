"""Length control: the penalty on characters at which chosen and rejected responses are equally long.

``r_LC = r - a_l * len(y)``, ``a_l`` in {0, .001, …, .999}, for each language the one that minimises
``|mean len(chosen) - mean len(rejected)|`` over its prompts. Source: Yang et al. (2025), arXiv 2503.04647.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
GRID = np.arange(1000) / 1000


@dataclass(frozen=True)
class Penalty:
    """What length control chose for a language.

    Attributes:
        a: reward taken off for each character.
        gap: mean characters of the chosen responses less those of the rejected ones, at ``a``.
        gap_before: the same without length control.
        prompts: number of prompts it was chosen on.
    """

    a: float
    gap: float
    gap_before: float
    prompts: int


def extremes(rewards: Floats, lengths: Floats, a: float) -> tuple[int, int]:
    """Return the positions of the chosen and the rejected response of one prompt.

    Args:
        rewards: r of its responses, [n].
        lengths: their characters, [n].
        a: the penalty.

    Returns:
        argmax and argmin of ``rewards - a * lengths``; the first where several are equal.

    Examples:
        >>> extremes(np.array([1.0, 3.0, 2.0]), np.array([10.0, 90.0, 20.0]), 0.0)
        (1, 0)
        >>> extremes(np.array([1.0, 3.0, 2.0]), np.array([10.0, 90.0, 20.0]), 0.1)
        (0, 1)
    """
    controlled = rewards - a * lengths
    return int(controlled.argmax()), int(controlled.argmin())


def choose_penalty(rewards: Sequence[Floats], lengths: Sequence[Floats], grid: Floats = GRID) -> Penalty:
    """Choose a language's penalty.

    Args:
        rewards: r of each prompt's responses; prompts may have different numbers of them.
        lengths: characters of the responses, likewise.
        grid: penalties tried; the first wins where several are equally good.

    Returns:
        The penalty; 0 for no prompts.

    Raises:
        ValueError: a reward is not finite, or a prompt has no response.

    Examples:
        >>> choose_penalty([np.array([0.0, 1.0, 1.51])], [np.array([10.0, 10.0, 30.0])]).a
        0.026
    """
    if not rewards:
        return Penalty(0.0, 0.0, 0.0, 0)
    counts = np.array([len(row) for row in rewards])
    if not counts.all() or not all(np.isfinite(row).all() for row in rewards):
        raise ValueError("each prompt needs a response, and rewards must be finite")
    # Prompts with fewer responses are filled up with their first, which never comes before itself.
    width = int(counts.max())
    reward, length = (np.array([[*row, *[row[0]] * (width - len(row))] for row in rows]) for rows in (rewards, lengths))
    gaps = np.array([_gap(reward, length, a) for a in grid])
    best = int(np.abs(gaps).argmin())
    return Penalty(float(grid[best]), float(gaps[best]), _gap(reward, length, 0.0), len(rewards))


def _gap(reward: Floats, length: Floats, a: float) -> float:
    controlled, rows = reward - a * length, np.arange(len(reward))
    return float(np.mean(length[rows, controlled.argmax(axis=1)] - length[rows, controlled.argmin(axis=1)]))
