"""Prefix mixing: what stands before a segment when its pair is trained (ALPO, arXiv 2602.01068).

    p_i = prompt + segments 1..i-1, each the chosen translation with probability lambda, else uniform from T_j
    lambda rises linearly from .2 to .6 over the training steps

Prefixes are mixed on the fly, anew at each visit. The released code instead writes ``stages`` = 5 copies of the data,
each mixed once at one lambda: with ``stages`` set, a copy's prefixes are drawn once and lambda rises in steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.random import Generator


@dataclass(frozen=True, slots=True)
class Mixing:
    """The schedule.

    Attributes:
        start: lambda at the first step, in 0..1.
        end: lambda at the last step, in 0..1.
        stages: 0 mixes on the fly; a number trains on so many static copies of the data, one after the other.
    """

    start: float = 0.2
    end: float = 0.6
    stages: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no probability.

        Raises:
            ValueError: a value is out of range.
        """
        if not 0 <= self.start <= 1 or not 0 <= self.end <= 1 or self.stages < 0:
            raise ValueError("mixing.start and end must lie in 0..1, and stages be 0 or more")


def mix_probability(mixing: Mixing, progress: float) -> float:
    """Compute lambda.

    Args:
        mixing: the schedule.
        progress: share of the training steps done, in 0..1.

    Returns:
        Linear in progress; with stages, constant within each.

    Examples:
        >>> [round(mix_probability(Mixing(), progress), 2) for progress in (0, 0.5, 1)]
        [0.2, 0.4, 0.6]
        >>> [round(mix_probability(Mixing(stages=5), progress), 2) for progress in (0, 0.19, 0.2, 0.99, 1)]
        [0.2, 0.2, 0.3, 0.6, 0.6]
    """
    return mixing.start + (mixing.end - mixing.start) * _stepped(mixing.stages, progress)


def _stepped(stages: int, progress: float) -> float:
    return progress if stages < 2 else stage(stages, progress) / (stages - 1)


def stage(stages: int, progress: float) -> int:
    """Return the number of the static copy that is being trained on, from 0.

    Examples:
        >>> [stage(5, progress) for progress in (0, 0.2, 0.5, 1)]
        [0, 1, 2, 4]
    """
    return min(stages - 1, int(stages * progress + 1e-9))


def mix(chosen: Sequence[int], counts: Sequence[int], probability: float, rng: Generator) -> list[int]:
    """Draw what stands at each place of the prefix.

    Args:
        chosen: index of the chosen candidate of each segment, [n].
        counts: |T_j|, [n].
        probability: lambda.
        rng: draws.

    Returns:
        [n] indices of candidates.

    Examples:
        >>> mix([3, 1, 0], [5, 2, 9], 1.0, np.random.default_rng(0))
        [3, 1, 0]
    """
    return [
        index if rng.random() < probability else int(rng.integers(count))
        for index, count in zip(chosen, counts, strict=True)
    ]


def stream(*key: object) -> Generator:
    """Return the random stream of a key, so that what is drawn hangs on neither order nor batches.

    Examples:
        >>> [int(stream(1, "sample", 2).integers(1000)) for _ in range(2)]
        [96, 96]
    """
    digest = sha256("\x1e".join(map(str, key)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
