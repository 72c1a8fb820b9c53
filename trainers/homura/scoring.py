"""From rollouts to rewards: read, count, ask the quality parts, combine, and measure what happened.

Nothing here knows of torch or TRL; ``trainers.homura.trainer`` hands rollouts in and takes rewards and measures out.
"""

import asyncio
import inspect
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from harness.budget import in_bounds
from harness.errors import UserError
from harness.metrics.rho import syllable_ratio
from harness.prompts import Parsed
from trainers.homura import signs
from trainers.homura.config import Reward
from trainers.homura.data import Corpus
from trainers.homura.parts import Batch, Part
from trainers.homura.profiles import PROFILES, Profile, bounds_of, combined
from trainers.homura.rewards import SIMILARITY_CAP, autonomous_reward, length_reward

Columns = Mapping[str, Sequence[Any]]

LEAST_DIFFERENCE = 1e-4
"""TRL adds this to the deviation of a group's rewards: where they differ by less, advantages shrink towards 0."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One rollout.

    Attributes:
        parsed: what was read.
        rho: syllable ratio; 0 where nothing was read.
        length: R_len; None where the output is malformed.
        quality: raw value of each quality part by name; None where it is missing.
        reward: None where a part is missing.
        fits: whether rho is within L0 and R0.
    """

    parsed: Parsed
    rho: float
    length: float | None
    quality: Mapping[str, float | None]
    reward: float | None
    fits: bool


@dataclass(frozen=True)
class Scorer:
    """Scores rollouts of one run.

    Attributes:
        corpus: bounds, mu, how to read and count.
        reward: the configuration's section.
        parts: quality parts.
    """

    corpus: Corpus
    reward: Reward
    parts: Sequence[Part]

    @property
    def profile(self) -> Profile:
        """The switches."""
        return PROFILES[self.reward.profile]

    async def score(self, answers: Sequence[str], cut: Sequence[bool], columns: Columns) -> list[Scored]:
        """Score rollouts.

        Args:
            answers: what the model wrote.
            cut: whether each was cut off at the limit on tokens.
            columns: columns of the training set, one value a rollout.

        Raises:
            UserError: no well-formed output has a reward, so that a step would learn nothing.
        """
        parsed = [self.corpus.read(text, off) for text, off in zip(answers, cut, strict=True)]
        asked = [number for number, line in enumerate(parsed) if well_formed(line)]
        values = dict(zip((p.name for p in self.parts), await self._quality(parsed, asked, columns), strict=True))
        scored = [
            self._scored(
                line,
                columns["source"][number],
                columns["source_syllables"][number],
                {name: found.get(number) for name, found in values.items()},
            )
            for number, line in enumerate(parsed)
        ]
        check_rewards([scored[number] for number in asked])
        return scored

    async def _quality(
        self, parsed: Sequence[Parsed], asked: Sequence[int], columns: Columns
    ) -> list[dict[int, float | None]]:
        """Ask all parts at once; equal outputs for one source are asked about once."""
        first: dict[tuple[Any, str], int] = {}
        for number in asked:
            first.setdefault((columns["id"][number], parsed[number].text), number)
        chosen = list(first.values())
        if not chosen:
            return [{} for _ in self.parts]
        batch = Batch(
            [columns["source"][number] for number in chosen],
            [parsed[number].text for number in chosen],
            {name: [values[number] for number in chosen] for name, values in columns.items()},
        )
        answers = await asyncio.gather(*(_ask(part, batch) for part in self.parts))
        found = [dict(zip(chosen, values, strict=True)) for values in answers]
        representative = {number: first[columns["id"][number], parsed[number].text] for number in asked}
        return [{number: values[representative[number]] for number in asked} for values in found]

    def _scored(self, parsed: Parsed, source: str, syllables: int, quality: Mapping[str, float | None]) -> Scored:
        if not well_formed(parsed):
            return Scored(parsed, 0.0, None, {}, self.profile.malformed, False)
        rho = syllable_ratio(syllables, self.corpus.count(parsed.text))
        length = self._length(rho, source, syllables)
        return Scored(
            parsed, rho, length, quality, self._total(parsed, length, quality), in_bounds(rho, *self.corpus.bounds)
        )

    def _length(self, rho: float, source: str, syllables: int) -> float:
        profile, corpus = self.profile, self.corpus
        if self.reward.length == "auto":
            return autonomous_reward(rho, self.reward.theta, clamped=profile.clamped)
        bounds = corpus.bounds
        if self.reward.length == "dynamic":
            bounds = bounds_of(profile, bounds, len(source), syllables, corpus.mu)
        return length_reward(rho, bounds, profile.k, profile.distance)

    def _total(self, parsed: Parsed, length: float, quality: Mapping[str, float | None]) -> float | None:
        values = [(part.kind, value) for part in self.parts if (value := quality[part.name]) is not None]
        if len(values) < len(self.parts):
            return None
        right = parsed.state != "wrong_language"
        return combined(self.profile, length, values, right_language=right, weights=self.reward.weights)

    def measures(self, scored: Sequence[Scored], columns: Columns) -> dict[str, float]:
        """Measure a batch of rollouts for the log; what cannot be measured is left out.

        Returns:
            Means by name: ``parts/*`` over well-formed outputs, shares over all of them.
        """
        texts = [one.parsed.text for one in scored]
        states = [one.parsed.state for one in scored]
        right = [one for one in scored if one.length is not None]
        language = self.corpus.target
        hollow = signs.hollow(columns["id"], texts)
        found: dict[str, Iterable[float | None]] = {
            "parts/length": (one.length for one in right),
            # lists: a generator would look up the name of the last part for all of them
            **{f"parts/{part.name}": [one.quality[part.name] for one in right] for part in self.parts},
            **{f"missing/{part.name}": [one.quality[part.name] is None for one in right] for part in self.parts},
            "rho": (one.rho for one in right),
            "in_bounds": (one.fits for one in scored),
            "usable": (self._usable(one) for one in scored),
            "signs/malformed": (one.length is None for one in scored),
            "signs/empty": (state == "empty" for state in states),
            "signs/wrong_language": (state == "wrong_language" for state in states),
            "signs/copy": (signs.copies(*pair) for pair in zip(columns["source"], texts, strict=True)),
            "signs/filler": (said or signs.repeats(text) for said, text in zip(hollow, texts, strict=True)),
            "signs/telegraphic": (signs.telegraphic(text, language) for text in texts),
            "groups_without_variance": without_variance(columns["id"], [one.reward for one in scored]),
        }
        means = {name: _mean(values) for name, values in found.items()}
        return {name: value for name, value in means.items() if value is not None}

    def _usable(self, one: Scored) -> float | None:
        """Say whether an output is ok, in bounds, and good by every part; the parts stand in for the core events."""
        if one.parsed.state != "ok" or not one.fits:
            return 0.0
        if None in one.quality.values():
            return None
        enough = {"similarity": SIMILARITY_CAP, "judgement": 0.5}
        return float(all((one.quality[part.name] or 0.0) >= enough[part.kind] for part in self.parts))


def well_formed(parsed: Parsed) -> bool:
    """Say whether there is a translation to score: the wrong language is one, and has a term of its own."""
    return parsed.state in ("ok", "wrong_language")


def without_variance(ids: Sequence[str], rewards: Sequence[float | None]) -> list[bool]:
    """Say of each group whether its rewards are as good as equal, so that next to nothing is learnt from it.

    Examples:
        >>> without_variance(["a", "a", "b", "b"], [1.0, 1.0, 1.0, 0.5])
        [True, False]
    """
    groups = defaultdict(list)
    for identity, reward in zip(ids, rewards, strict=True):
        if reward is not None:
            groups[identity].append(reward)
    return [max(values) - min(values) < LEAST_DIFFERENCE for values in groups.values()]


def check_rewards(scored: Sequence[Scored]) -> None:
    """Stop the run where a judge is dead: where none of the outputs that quality parts were asked about has a reward.

    Raises:
        UserError: no reward, and which parts gave how few values.
    """
    if not scored or any(one.reward is not None for one in scored):
        return
    given = {name: sum(one.quality[name] is not None for one in scored) for name in scored[0].quality}
    told = ", ".join(f"{name!r} gave {number}" for name, number in given.items())
    raise UserError(
        f"None of {len(scored)} outputs has a reward, so that nothing would be learnt; of their values {told}.",
        "See that its model or judge answers; the same command continues from the last checkpoint.",
    )


async def _ask(part: Part, batch: Batch) -> list[float | None]:
    answer = part(batch)
    return [_finite(value) for value in (await answer if inspect.isawaitable(answer) else answer)]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _mean(values: Iterable[float | None]) -> float | None:
    given = [value for value in values if value is not None]
    return fmean(given) if given else None
