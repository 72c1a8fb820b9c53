"""What a metric is: additive statistics of a segment, and an aggregate of their sums.

Because statistics add up, one weight matrix of resamples over clusters gives every
metric's interval and every paired test (the idea of sacreBLEU's sufficient
statistics). The last statistic is always the presence: 1 where the segment carries
a value, 0 where it is left out.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.budget import Track
from harness.records import Artefacts, Segment, Translation

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """A column measured by a model: its name, scale and family.

    ``bounded`` is False where the scale is nominal and values may leave it, as those of
    COMET do. ``family`` says what it measures with, so that optimised cells can be marked.
    ``chunks`` holds where one value stands for a whole chunk, kept at its first segment.
    """

    name: str
    low: float
    high: float
    family: str
    higher_is_better: bool = True
    bounded: bool = True
    chunks: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What the protocol and the task fix for all samples of a run.

    Attributes:
        target: target language.
        bounds: closed bounds of the budget, [L0, R0] of rho on the ratio track; empty without.
        mu: mean source length of the task, by the protocol's counter; 0 where not counted.
        speech_rates: syllables a second at which ``fill`` is estimated.
        tolerance: seconds of the gap to the next cue that speech may run into.
        bleu_tokenizer: sacreBLEU tokenizer of the source language.
        tau: similarity from which an event counts as kept; None without events.
        measures: columns measured by models.
        track: what is measured against what (``harness.budget``).
        rate: syllables or characters a second, on tracks by time.
        most: most characters whatever the time; 0 without.
        counted: whether both languages have a syllable counter; no metric of syllables exists without.
        reference: whether every segment has a reference translation.
        reference_tokenizer: sacreBLEU tokenizer of the target language.
    """

    target: str
    bounds: tuple[float, ...]
    mu: float
    speech_rates: tuple[float, ...]
    tolerance: float = 0.0
    bleu_tokenizer: str = "zh"
    tau: float | None = None
    measures: tuple[Measure, ...] = ()
    track: Track = "ratio"
    rate: float = 0.0
    most: int = 0
    counted: bool = True
    reference: bool = False
    reference_tokenizer: str = "13a"


@dataclass(frozen=True, slots=True)
class Lengths:
    """Syllables of source, hypothesis and back-translation, all by one counter; 0 in a frame that does not count."""

    source: int
    hypothesis: int
    back: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One segment, one repeat, as metrics see it.

    ``lengths`` are by the protocol's counter, ``other`` by the other one, ``spoken``
    the hypothesis's syllables as ``fill`` counts them. ``amount`` is the hypothesis in the
    track's unit, ``basis`` what the bounds multiply and ``admissible`` the amounts in bounds;
    ``basis`` is None where the segment has no budget.
    """

    segment: Segment
    translation: Translation
    artefacts: Artefacts
    lengths: Lengths
    other: Lengths
    spoken: int
    frame: Frame
    amount: int = 0
    basis: float | None = None
    admissible: range = range(0)

    @property
    def ok(self) -> bool:
        """Whether the state is ok."""
        return self.translation.state == "ok"


Aggregate = Callable[[Values, Values], Values]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric by its statistics and its aggregate.

    Attributes:
        name: column name, fixed.
        meaning: one sentence for the reader.
        statistics: k additive numbers for a sample, the last one its presence.
        aggregate: maps sums [B, k] and segment counts [B] to values [B].
        width: k.
        needs: stages it depends on (``back_translation``, ``events``).
        higher_is_better: None for a description that is neither.
        bounds: range of the value, where it has one.
        proportion: every segment's value is 0 or 1.
        families: what it measures with, so that optimised cells can be marked.
        version: raised whenever values change; part of the protocol.
    """

    name: str
    meaning: str
    statistics: Callable[[Sample], Sequence[float]]
    aggregate: Aggregate
    width: int = 2
    needs: frozenset[str] = frozenset()
    higher_is_better: bool | None = None
    bounds: tuple[float, float] | None = None
    proportion: bool = False
    families: frozenset[str] = field(default=frozenset())
    version: int = 1


def optimised(
    metrics: Sequence[Metric], optimised_for: Collection[str], measured_with: Mapping[str, Collection[str]]
) -> tuple[str, ...]:
    """Name the metrics that are no evidence, because selection, reward or training used them or what they measure with.

    Args:
        metrics: of a run.
        optimised_for: names of metrics, of families such as ``bleu`` or ``embedding/usem3``, and of models, as in
            ``model/NAME`` or ``family/NAME``.
        measured_with: the names of what a metric's family or stage measures with; others go by their own name.
    """
    used = frozenset(optimised_for)
    return tuple(
        metric.name
        for metric in metrics
        if metric.name in used
        or any(not used.isdisjoint(measured_with.get(part, (part,))) for part in metric.families | metric.needs)
    )


def ratio(sums: Values, counts: Values) -> Values:
    """Aggregate: first statistic's sum over the second's, NaN where that is 0.

    Args:
        sums: [B, k] with k >= 2.
        counts: unused.

    Returns:
        [B] values.

    Examples:
        >>> ratio(np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([4.0, 0.0])).tolist()
        [0.75, nan]
    """
    numerator, denominator = sums[:, 0], sums[:, 1]
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator != 0)


def mean_of(
    name: str,
    meaning: str,
    value: Callable[[Sample], float | None],
    *,
    worst: float | None,
    applies: Callable[[Sample], bool] | None = None,
    needs: frozenset[str] = frozenset(),
    higher_is_better: bool | None = None,
    bounds: tuple[float, float] | None = None,
    proportion: bool = False,
    families: frozenset[str] = frozenset(),
) -> Metric:
    """Make a metric that is the mean of a value over segments.

    Args:
        name: column name.
        meaning: one sentence.
        value: value of a sample whose state is ok; None leaves the segment out.
        worst: value of a sample whose state is not ok; None leaves it out.
        applies: whether a segment counts at all; must look at the source alone, or a
            system could choose its segments.
        needs: see Metric.
        higher_is_better: see Metric.
        bounds: see Metric.
        proportion: see Metric.
        families: see Metric.

    Returns:
        The metric; statistics are (value, presence).
    """

    def statistics(sample: Sample) -> Sequence[float]:
        if applies is not None and not applies(sample):
            return (0.0, 0.0)
        result = value(sample) if sample.ok else worst
        return (0.0, 0.0) if result is None else (float(result), 1.0)

    return Metric(
        name,
        meaning,
        statistics,
        ratio,
        needs=needs,
        higher_is_better=higher_is_better,
        bounds=(0.0, 1.0) if proportion else bounds,
        proportion=proportion,
        families=families,
    )


def share_of_sources(
    name: str, meaning: str, test: Callable[[Sample], bool | None], needs: frozenset[str] = frozenset()
) -> Metric:
    """Make a description of the sources: a share that no system can change.

    Args:
        name: column name.
        meaning: one sentence.
        test: looks at the source alone; None leaves the segment out.
        needs: see Metric.

    Returns:
        The metric, neither better when high nor when low.
    """

    def statistics(sample: Sample) -> Sequence[float]:
        result = test(sample)
        return (0.0, 0.0) if result is None else (float(result), 1.0)

    return Metric(name, meaning, statistics, ratio, needs=needs, bounds=(0.0, 1.0), proportion=True)
