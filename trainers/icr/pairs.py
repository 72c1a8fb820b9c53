"""Pairs of a chosen and a rejected response, from rewarded candidates; what gives no pair is counted."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from trainers.icr.length_control import Penalty, choose_penalty, extremes


@dataclass(frozen=True)
class Candidates:
    """The responses sampled for one prompt in one language, with their implicit rewards.

    Attributes:
        id: of the prompt, the same in all languages.
        language: of prompt and responses.
        prompt: x_l, in that language.
        responses: as sampled.
        rewards: r of each, in nats; None where it could not be had, as where a translation failed.
    """

    id: str
    language: str
    prompt: str
    responses: tuple[str, ...]
    rewards: tuple[float | None, ...]


@dataclass(frozen=True)
class Pair:
    """What a round trains on: the prompt in the target language, y+ and y-, and r_LC of both."""

    id: str
    language: str
    prompt: str
    chosen: str
    rejected: str
    chosen_reward: float
    rejected_reward: float


@dataclass(frozen=True)
class Built:
    """The pairs of a round.

    Attributes:
        pairs: in the order of the candidates.
        penalties: what length control chose, by language.
        skipped: how many responses and prompts were left out, by reason.
    """

    pairs: tuple[Pair, ...]
    penalties: dict[str, Penalty]
    skipped: dict[str, int]


def build_pairs(candidates: Iterable[Candidates], length_control: bool = True) -> Built:
    """Take the best and the worst response of each prompt by the length-controlled reward.

    ``y+ = argmax_y r(y) - a_l len(y)``, ``y- = argmin_y r(y) - a_l len(y)``.

    Args:
        candidates: of all languages, in any order.
        length_control: whether ``a_l`` is chosen for each language; 0 for all otherwise.

    Returns:
        The pairs. Responses that are empty or whose reward is missing or not finite are left out and
        counted, and so are prompts with fewer than two responses left, or whose best and worst are equal.

    Examples:
        >>> rows = [Candidates("1", "de", "Was?", ("Nichts.", "", "Viel."), (0.5, 9.0, 1.0))]
        >>> built = build_pairs(rows, length_control=False)
        >>> built.pairs[0].chosen, built.pairs[0].rejected, built.skipped
        ('Viel.', 'Nichts.', {'empty response': 1})
    """
    skipped, usable = Counter[str](), dict[str, list[Candidates]]()
    for row in candidates:
        kept = _usable(row, skipped)
        if len(kept.responses) >= 2:
            usable.setdefault(row.language, []).append(kept)
        else:
            skipped["fewer than two responses"] += 1
    pairs, penalties = list[Pair](), dict[str, Penalty]()
    for language, rows in usable.items():
        rewards, lengths = [_array(row.rewards) for row in rows], [_array(map(len, row.responses)) for row in rows]
        penalties[language] = found = choose_penalty(rewards, lengths, *([] if length_control else [np.zeros(1)]))
        made = [_pair(*parts, found.a) for parts in zip(rows, rewards, lengths, strict=True)]
        pairs += [pair for pair in made if pair is not None]
        skipped["equal scores"] += made.count(None)
    return Built(tuple(pairs), penalties, {reason: n for reason, n in sorted(skipped.items()) if n})


def _usable(row: Candidates, skipped: Counter[str]) -> Candidates:
    kept = list[tuple[str, float]]()
    for response, reward in zip(row.responses, row.rewards, strict=True):
        if not response.strip():
            skipped["empty response"] += 1
        elif reward is None or not math.isfinite(reward):
            skipped["no reward"] += 1
        else:
            kept.append((response, reward))
    return Candidates(row.id, row.language, row.prompt, tuple(r for r, _ in kept), tuple(r for _, r in kept))


def _pair(row: Candidates, rewards: np.ndarray, lengths: np.ndarray, a: float) -> Pair | None:
    best, worst = extremes(rewards, lengths, a)
    chosen, rejected = row.responses[best], row.responses[worst]
    above, below = float(rewards[best] - a * lengths[best]), float(rewards[worst] - a * lengths[worst])
    if chosen == rejected or above <= below:
        return None
    return Pair(row.id, row.language, row.prompt, chosen, rejected, above, below)


def _array(values: Sequence[float | None] | Iterable[int]) -> np.ndarray:
    return np.array(list(values), dtype=np.float64)
