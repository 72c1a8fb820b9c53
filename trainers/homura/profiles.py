"""Reward profiles: the paper's, the released code's, and a repaired one, as frozen tables of switches.

Why ``repaired`` exists: by the distance to the farther bound the reward falls from 1 to at most
.05 just outside the interval, relaxed bounds make a near miss of a short source harsher, gamma
jumps at mu, and the autonomous reward forgives very long outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trainers.homura.parts import Kind
from trainers.homura.rewards import (
    SHORT_SOURCE,
    Bounds,
    Distance,
    dynamic_bounds,
    halves,
    language_term,
    mean_of_parts,
    relaxed,
    short_source_bounds,
    similarity_reward,
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What the paper leaves open or its code does otherwise.

    Attributes:
        name: as the configuration says it.
        k: sharpness of the length reward outside the bounds.
        distance: to the farther bound (``max``) or the ``nearest``.
        mu: what gamma compares the source with: the ``mean`` syllables of the training corpus, or a number
            of ``characters`` (12).
        continuous: whether gamma is divided by a1 + a2 below mu.
        short_sources: whether sources of up to 4 characters get bounds of their own.
        combination: ``halves`` of length and mean quality, or the ``mean`` of all parts.
        floor: least similarity, 0 or -1 for none.
        rescaled: whether the similarity is divided by its cap.
        malformed: reward of an output that is not the required form, is empty, refused or cut off.
        language: whether an output in the wrong language loses .5; otherwise judges alone see to it.
        counter: syllable counter.
        clamped: whether the autonomous reward holds theta rho at pi.
        learning_rate: the one recorded; the paper's 1e-8 is not one that learns, train with 1e-6.
    """

    name: Literal["paper", "code", "repaired"]
    k: float
    distance: Distance
    mu: Literal["mean", "characters"]
    continuous: bool
    short_sources: bool
    combination: Literal["halves", "mean"]
    floor: float
    rescaled: bool
    malformed: float
    language: bool
    counter: Literal["pyphen", "phonetic"]
    clamped: bool
    learning_rate: float


MU_CHARACTERS = 12
"""The released code compares characters of the source with this number."""

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="paper",
            k=300,
            distance="max",
            mu="mean",
            continuous=False,
            short_sources=False,
            combination="halves",
            floor=0,
            rescaled=False,
            malformed=0,
            language=False,
            counter="pyphen",
            clamped=False,
            learning_rate=1e-8,
        ),
        Profile(
            name="code",
            k=100,
            distance="max",
            mu="characters",
            continuous=False,
            short_sources=True,
            combination="mean",
            floor=-1,
            rescaled=True,
            malformed=-1,
            language=True,
            counter="pyphen",
            clamped=False,
            learning_rate=1e-6,
        ),
        Profile(
            name="repaired",
            k=300,
            distance="nearest",
            mu="mean",
            continuous=True,
            short_sources=False,
            combination="halves",
            floor=0,
            rescaled=True,
            malformed=0,
            language=True,
            counter="phonetic",
            clamped=True,
            learning_rate=1e-6,
        ),
    )
}


def bounds_of(profile: Profile, bounds: Bounds, characters: int, syllables: int, mu: float) -> Bounds:
    """Return the dynamic bounds of one source.

    Args:
        profile: the switches.
        bounds: L0 and R0.
        characters: length of the source text.
        syllables: of the source.
        mu: mean syllables of the training corpus.

    Returns:
        L and R.

    Examples:
        >>> bounds_of(PROFILES["paper"], (0.8, 0.9), 6, 6, 12)
        (0.6028427124746192, 0.9)
        >>> low, high = bounds_of(PROFILES["code"], (0.8, 0.9), 4, 4, 12)
        >>> round(low, 2), round(high, 2)
        (0.48, 1.26)
    """
    if profile.short_sources and characters <= SHORT_SOURCE:
        return short_source_bounds(bounds)
    length, mean = (syllables, mu) if profile.mu == "mean" else (characters, MU_CHARACTERS)
    return dynamic_bounds(bounds, relaxed(length, mean, continuous=profile.continuous))


def combined(
    profile: Profile,
    length: float,
    quality: Sequence[tuple[Kind, float]],
    *,
    right_language: bool = True,
    weights: tuple[float, float] = (0.5, 0.5),
) -> float:
    """Combine the parts of one well-formed output's reward.

    Args:
        profile: the switches.
        length: R_len.
        quality: kind and value of each quality part; similarities as raw cosines.
        right_language: whether the output is in the target language.
        weights: l_len and l_qual, of profiles that have them.

    Returns:
        The reward.

    Examples:
        >>> parts = [("similarity", 0.9), ("judgement", 1.0)]
        >>> [round(combined(PROFILES[name], 1.0, parts), 3) for name in PROFILES]
        [0.95, 1.0, 1.0]
        >>> combined(PROFILES["repaired"], 1.0, parts, right_language=False)
        0.5
    """
    values = [
        similarity_reward(value, floor=profile.floor, rescaled=profile.rescaled) if kind == "similarity" else value
        for kind, value in quality
    ]
    reward = mean_of_parts(length, values) if profile.combination == "mean" else halves(length, values, *weights)
    return reward + (language_term(right_language) if profile.language else 0.0)
