"""The plan of a run: everything that determines it, and the names that follow from it."""

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__, registry
from harness.budget import Budget
from harness.errors import UserError
from harness.llm.prices import price_line
from harness.llm.types import Decode
from harness.metrics.base import Frame, Measure, Metric, optimised
from harness.protocol import SELF, Protocol
from harness.records import Item, dump
from harness.run import back_translate, names
from harness.strategy import Setting, Strategy, build
from harness.task import Task

if TYPE_CHECKING:
    from harness.embedders import Embedder
    from harness.events import Extractor
    from harness.judges import ChunkJudge, Judge
    from harness.qe import Estimator

EMBEDDED_FAMILY = "embedding/usem3"
"""What embed_qe measures with, as ``optimised_for`` names it."""


@dataclass(frozen=True)
class Plan:
    """One system on one task under one protocol.

    Attributes:
        task: the task, limited to the segments of the run.
        protocol: how it is measured.
        model: model name, or the name of a submitted file.
        strategy: strategy as written on the command line, or ``submitted``.
        decode: decoding parameters of the system.
        seeds: one repeat each.
        window: segments in one prompt at most.
        api_base: the system's server, where it is not the provider's own.
        submitted: hash of a submitted file, where translations are given.
        declared: what the model's training, or the author's selection, used besides what the strategy says.
    """

    task: Task
    protocol: Protocol
    model: str
    strategy: str
    decode: Decode
    seeds: tuple[int, ...]
    window: int = 1
    api_base: str | None = None
    submitted: str = ""
    declared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Leave out the stages that the task does not have."""
        object.__setattr__(self, "protocol", self.protocol.fitted(self.task))

    @cached_property
    def parts(self) -> "tuple[Extractor, Embedder, float]":
        """Extractor, embedder and tau, loaded once.

        Raises:
            UserError: one is missing.
        """
        loaded = self.protocol.parts()
        assert loaded is not None  # asked for only where the round trip is measured
        return loaded

    @cached_property
    def judges(self) -> "tuple[Judge | ChunkJudge, ...]":
        """The judges of the protocol, of lines and of chunks."""
        from harness.judges import load_scoped

        task = self.task
        return tuple(
            load_scoped(spec, task.source, task.target, self.model, task.window) for spec in self.protocol.judges
        )

    @cached_property
    def line_judges(self) -> "tuple[Judge, ...]":
        """The judges of single lines."""
        from harness.judges import ChunkJudge

        return tuple(judge for judge in self.judges if not isinstance(judge, ChunkJudge))

    @cached_property
    def chunk_judges(self) -> "tuple[ChunkJudge, ...]":
        """The judges of whole chunks.

        Raises:
            UserError: prompts do not add up to chunks.
        """
        from harness.judges import ChunkJudge

        found = tuple(judge for judge in self.judges if isinstance(judge, ChunkJudge))
        if found and self.task.window % self.window:
            raise UserError(
                f"--window {self.window} does not divide the judged chunks of {self.task.window} lines.",
                "Give a window that does, or leave it out.",
            )
        return found

    @cached_property
    def units(self) -> tuple[Item, ...]:
        """What goes through the stages together: the segments of one prompt, or those of one judged chunk."""
        return self.task.items(self.task.window if self.chunk_judges else self.window)

    @cached_property
    def chunk_ids(self) -> frozenset[str]:
        """First segments of the judged chunks, which carry their verdicts."""
        return frozenset(unit.id for unit in self.units) if self.chunk_judges else frozenset()

    @cached_property
    def estimators(self) -> "tuple[Estimator, ...]":
        """The quality estimators of the protocol; each may hold a worker process."""
        if not self.protocol.estimators:
            return ()
        from harness.qe import load

        return tuple(load(name) for name in self.protocol.estimators)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """The columns that judges and estimators fill."""
        judged = [
            Measure(judge.name, *judge.limits, family=f"judge/{judge.name}", chunks=judge in self.chunk_judges)
            for judge in self.judges
        ]
        estimated = [
            Measure(
                names.column(name),
                *made.range,
                family=EMBEDDED_FAMILY if made.family == "embedding" else made.family,
                higher_is_better=made.higher_is_better,
                bounded=made.family != "comet",  # a regressor's scale is nominal
            )
            for name, made in zip(self.protocol.estimators, self.estimators, strict=True)
        ]
        measures = (*judged, *estimated)
        if len({measure.name for measure in measures}) < len(measures):
            raise UserError("Two measures have one name.", "Give every judge and estimator once.")
        return measures

    @cached_property
    def frame(self) -> Frame:
        """What protocol and task fix for the metrics."""
        return self.protocol.frame(self.task, self.measures)

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics of the protocol, in the registry's order."""
        made: Sequence[Metric] = [
            metric for name in registry.names("metrics") for metric in registry.get("metrics", name)(self.frame)
        ]
        return tuple(metric for metric in made if not metric.needs & self.missing)

    @property
    def with_events(self) -> bool:
        """Whether core events are matched."""
        return self.protocol.extractor is not None

    @property
    def missing(self) -> frozenset[str]:
        """Stages that this run lacks."""
        return names.missing_stages(self.protocol.with_models, self.with_events)

    @cached_property
    def strategies(self) -> dict[int, Strategy]:
        """The strategy of each seed; none for a submitted file."""
        if self.submitted:
            return {}
        task = self.task
        budget = Budget(task.source, task.target, self.protocol.counter, task.bounds, task.track, task.rate, task.most)
        return {
            seed: build(self.strategy, Setting(self.model, budget, self.decode, seed, self.api_base))
            for seed in self.seeds
        }

    @cached_property
    def protocol_line(self) -> str:
        """What two comparable results share."""
        measured = [*(judge.line for judge in self.judges), *(made.name for made in self.estimators)]
        return self.protocol.line(self.task, self.frame, self.metrics, measured)

    @cached_property
    def system_line(self) -> str:
        """What is measured: model, strategy, decoding, seeds."""
        if self.submitted:
            return f"model={self.model}|file=sha256:{self.submitted}"
        strategy = self.strategies[self.seeds[0]].line
        seeds = ",".join(map(str, self.seeds))
        return f"model={self.model}|strategy={strategy}|decode={self.decode.line()}|window={self.window}|seeds={seeds}"

    @property
    def optimised_for(self) -> tuple[str, ...]:
        """Metrics and families of metrics used in selection, reward or training."""
        selected = self.strategies[self.seeds[0]].optimised_for if self.strategies else ()
        return tuple(sorted({*selected, *self.declared}))

    @property
    def back_translator(self) -> tuple[str, str | None] | None:
        """The back-translating model and its server; None without models."""
        if self.protocol.back_translator is None:
            return None
        if self.protocol.back_translator == SELF:
            return self.model, self.api_base
        return self.protocol.back_translator, self.protocol.api_base

    @property
    def marked(self) -> tuple[str, ...]:
        """Metrics that measure with what selection or training used: shown, but no evidence."""
        return optimised(self.metrics, self.optimised_for, self.measured_with)

    @property
    def measured_with(self) -> dict[str, set[str]]:
        """The embedder, back-translator and judges behind families and stages, as ``optimised_for`` names them."""
        from harness.judges.families import model_names

        found = {
            f"judge/{judge.name}": {f"judge/{judge.name}", *model_names(*(model for model, _ in judge.models))}
            for judge in self.judges
        }
        if self.back_translator is not None:  # an event is looked for in the back-translation
            found["back_translation"] = found["events"] = {"back_translation", *model_names(self.back_translator[0])}
        return found | {"embedding": {f"embedding/{self.protocol.embedder}"}}

    @property
    def demonstration(self) -> bool:
        """Whether the numbers may rank nothing: an embedded model, a self-made round trip, synthetic data."""
        return bool(self.notes)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before reading a number."""
        local = self.model.startswith("local/")
        self_made = self.back_translator is not None and self.back_translator[0] == self.model
        facts = (
            (self.task.synthetic, "synthetic data: ranks nothing"),
            (local, "weak demonstration model, not a leaderboard claim"),
            (self_made, "the model back-translates itself: round-trip metrics flatter it"),
        )
        return tuple(note for holds, note in facts if holds)

    @property
    def models(self) -> list[tuple[str, str | None]]:
        """The models that are asked, each with its server, once."""
        asked = [] if self.submitted else [(self.model, self.api_base)]
        if self.back_translator is not None:
            asked.append(self.back_translator)
        return list(dict.fromkeys([*asked, *(model for judge in self.judges for model in judge.models)]))

    @cached_property
    def system_id(self) -> str:
        """Readable name of the system, with a hash of its line."""
        return names.system_id(self.model, self.strategy, self.system_line)

    @cached_property
    def run_id(self) -> str:
        """Hash of everything that determines the run."""
        return names.run_id(self.protocol.name, self.protocol_line, self.system_line)

    def folder(self, out: Path) -> Path:
        """Return the run directory below the results folder."""
        return out / self.task.name / self.system_id / self.run_id

    @property
    def prompts(self) -> dict[str, list[str]]:
        """The prompt texts behind the hashes in both lines."""
        back = back_translate.prompts(self.task.target, self.task.source) if self.protocol.with_models else ()
        own = self.strategies[self.seeds[0]].prompts if self.strategies else ()
        return {"system": list(own), "back_translator": list(back)}

    def manifest(self) -> dict[str, Any]:
        """Return the manifest: both signature lines, and provenance outside of them."""
        return {
            "task": self.task.name,
            "protocol_name": self.protocol.name,
            "protocol": self.protocol_line,
            "system": self.system_line,
            "selection": self.task.selection,
            "optimised_for": list(self.optimised_for),
            "source_language": self.task.source,
            "counter": self.protocol.counter,
            "judges": list(self.protocol.judges),
            "chunk": self.task.window,
            "frame": dump(self.frame),
            "prompts": self.prompts,
            "provenance": {
                "sandglass": __version__,
                "python": platform.python_version(),
                "platform": platform.platform(),
                "command": " ".join(sys.argv[1:]),
                "api_base": self.api_base or "",
                "prices": price_line(),
            },
        }
