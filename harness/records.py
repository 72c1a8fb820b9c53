"""The records that pass between the stages of a run, and their JSON.

All are frozen; ``dump`` and ``load`` (``harness.convert``) write and read their JSON.
``SCHEMA`` goes into every manifest; a run directory of another schema is refused.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from harness.convert import dump as dump
from harness.convert import load as load

SCHEMA = 1

State = Literal["ok", "truncated", "empty", "refused", "wrong_language", "unparsable", "failed"]
"""What became of a segment. The first six are the system's doing and are scored
(worst value where not ok); ``failed`` is ours, is never cached and blocks publication."""

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class Argument:
    """A content-bearing argument of an event: its surface text and its kind."""

    text: str
    kind: Literal["noun", "name", "number"]


@dataclass(frozen=True, slots=True)
class Event:
    """A core event: the main predicate of a clause and its arguments (arXiv 2601.10187, app. D)."""

    predicate: str
    negated: bool = False
    arguments: tuple[Argument, ...] = ()

    def text(self) -> str:
        """Return the event's words in one string, the form that is embedded.

        Examples:
            >>> Event("打", True, (Argument("Boss", "noun"),)).text()
            '不打 Boss'
        """
        return " ".join([("不" if self.negated else "") + self.predicate, *(a.text for a in self.arguments)])


@dataclass(frozen=True, slots=True)
class Segment:
    """One unit of source text to be translated, with what surrounds it.

    ``cluster`` is the video or document that intervals cluster by; times are seconds
    and ``gap`` the silence after the segment, None where unknown; ``events`` are hand
    labels, where a task has them; ``pace`` multiplies a stated count (hit-a-count) and
    ``terms`` are source terms with the translations they must get.
    """

    id: str
    text: str
    cluster: str
    domain: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    start: float | None = None
    end: float | None = None
    gap: float | None = None
    reference: str | None = None
    events: tuple[Event, ...] | None = None
    pace: float = 1.0
    terms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """What one prompt covers: one or more consecutive segments of one cluster."""

    id: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more calls, as the server reported them; None means not reported.

    ``output`` includes ``reasoning`` tokens; ``cached`` are input tokens read from the
    provider's prompt cache. ``cost`` is the list price in US dollars, None if unknown.
    """

    calls: int = 0
    input: int | None = 0
    cached: int | None = 0
    output: int | None = 0
    reasoning: int | None = 0
    cost: float | None = 0.0
    latency_s: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        """Add two usages; what is unknown in one is unknown in the sum.

        Examples:
            >>> (Usage(1, 10, 0, 5, 0, 0.5) + Usage(1, 10, 0, 7, 0, None)).output
            12
            >>> (Usage(1, 10, 0, 5, 0, 0.5) + Usage(1, 10, 0, 7, 0, None)).cost is None
            True
        """
        values: dict[str, Any] = {}
        for f in dataclasses.fields(self):
            a, b = getattr(self, f.name), getattr(other, f.name)
            values[f.name] = None if a is None or b is None else a + b
        return Usage(**values)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate a strategy weighed, kept for the reader: text, state, and its selection score."""

    text: str
    state: State
    syllables: int
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Translation:
    """What a system gave for one segment in one repeat.

    ``text`` is the hypothesis, kept as it came also where the state is not ok.
    ``usage`` covers all calls of the strategy, an item's on its first segment; None where
    it is not known (a submitted file). ``detail`` says why a state is not ok.
    """

    id: str
    seed: int
    text: str
    state: State
    detail: str = ""
    usage: Usage | None = None
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class BackTranslation:
    """The hypothesis translated back into the source language, and what became of it."""

    id: str
    seed: int
    text: str
    state: State
    detail: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class EventMatch:
    """How one core event of the source fared in the back-translation.

    ``cosine`` is the best similarity to any candidate event; ``numbers``, ``negation``
    and ``names`` are the exact checks, True where nothing was lost or nothing applies.
    """

    event: Event
    cosine: float
    best: str
    numbers: bool
    negation: bool
    names: bool


@dataclass(frozen=True, slots=True)
class EventCheck:
    """The core events of one segment against its back-translation."""

    id: str
    seed: int
    matches: tuple[EventMatch, ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a quality estimator or a judge made of one hypothesis.

    ``value`` is None where the state is not ok: ``unparsable`` where a judge could not be
    read, ``failed`` where it could not be asked. ``answers`` are a judge's raw answers.
    """

    id: str
    seed: int
    name: str
    value: float | None
    state: State
    detail: str = ""
    usage: Usage | None = None
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Artefacts:
    """What the stages after translation made of one hypothesis; None where a stage did not run."""

    back_translation: BackTranslation | None = None
    events: EventCheck | None = None
    measurements: Mapping[str, Measurement] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An aggregate with its interval: never a number alone.

    ``per_seed`` holds the aggregate of each repeat and ``sd`` their standard deviation
    (None for a single repeat). ``low`` and ``high`` are None where no interval exists,
    and ``method`` then says why. ``n`` counts the segments that carry the value.
    """

    value: float | None
    low: float | None
    high: float | None
    method: str
    n: int
    clusters: int
    effective_clusters: float
    per_seed: tuple[float | None, ...] = ()
    sd: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a table shows of one run; ``result.json``.

    ``bounds`` is empty on tracks without; ``domains`` holds the estimates of each domain,
    where there is more than one.
    """

    schema: int
    task: str
    run_id: str
    system_id: str
    protocol: str
    system: str
    model: str
    strategy: str
    selection: str
    bounds: tuple[float, ...]
    complete: bool
    publishable: bool
    states: dict[str, int]
    segments: int
    metrics: dict[str, Estimate]
    usage: dict[str, Usage]
    measures: tuple[str, ...] = ()
    optimised_for: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    domains: dict[str, dict[str, Estimate]] = field(default_factory=dict)
