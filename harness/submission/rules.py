"""The rules a submission is held to, one function each; each yields refusals and, as plain text, remarks."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import UserError
from harness.language import wrong_language
from harness.llm.types import Decode
from harness.metrics.base import Frame, optimised
from harness.prompts import one_line
from harness.protocol import Protocol, counter_version, frame_line
from harness.records import BackTranslation, Result, Translation, dump, load
from harness.run.plan import Plan
from harness.score import Key, Records, blocks_publication
from harness.submission.copies import REFERENCE_SHARE, shared_texts
from harness.submission.parcel import HEAD, Head, Refusal, shown
from harness.submission.patterns import PATTERNS, hostile
from harness.task import Task
from harness.verify import metrics_of

Found = Iterator[Refusal | str]

FEWEST = 10
"""Texts long enough, below which a share of copies says nothing."""

MOST_SEEDS = 20

COLUMN = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names of estimators; a path would be looked for."""


@dataclass(frozen=True)
class Case:
    """A submission as the rules see it."""

    manifest: dict[str, Any]
    result: Result
    task: Task
    records: Records
    head: Head

    @property
    def part(self) -> dict[str, str]:
        """The parts of the protocol line by name."""
        return dict(part.partition("=")[::2] for part in self.result.protocol.split("|"))

    @property
    def with_models(self) -> bool:
        """Whether the round trip was measured."""
        return "back_translator" in self.part

    @property
    def seeds(self) -> tuple[int, ...]:
        """The repeats that the system line names; one for a file."""
        parts = dict(part.partition("=")[::2] for part in self.result.system.split("|"))
        seeds = parts.get("seeds", "1").split(",")
        if len(seeds) > MOST_SEEDS:
            raise Refusal("coverage", f"{len(seeds)} repeats are more than {MOST_SEEDS}")
        return tuple(map(int, seeds))


def apply(case: Case) -> Found:
    """Hold a submission to every rule; one that is not whole to coverage alone."""
    incomplete = list(coverage(case))
    yield from incomplete
    if not incomplete:
        for rule in RULES:
            yield from rule(case)


def coverage(case: Case) -> Found:
    """Every segment and repeat once, every stage for every one that needs it, and nothing else."""
    expected = {(segment.id, seed) for segment in case.task.segments for seed in case.seeds}
    translations = case.records.translations
    ok = {key for key, translation in translations.items() if translation.state == "ok"}
    yield from _same("translations", set(translations), expected)
    if case.with_models:
        yield from _same("back-translations", set(case.records.back_translations), ok)
    if "events" in case.part:
        yield from _same("event checks", set(case.records.events), expected)
    chunks = {(item.id, seed) for item in case.task.items(case.task.window) for seed in case.seeds}
    by_chunk = {measure.name for measure in load(Frame, case.manifest["frame"]).measures if measure.chunks}
    for name in case.result.measures:
        measured = {key for key, made in case.records.measurements.items() if name in made}
        yield from _same(f"measurements {shown(name)}", measured, chunks if name in by_chunk else ok)


def _same(what: str, found: set[tuple[str, int]], expected: set[tuple[str, int]]) -> Iterator[Refusal]:
    missing, more = sorted(expected - found), sorted(found - expected)
    if missing:
        yield Refusal("coverage", f"{len(missing)} of {len(expected)} {what} are missing, first {missing[0]}")
    if more:
        yield Refusal("coverage", f"{len(more)} {what} belong to nothing, first {shown(str(more[0]))}")


def publishable(case: Case) -> Found:
    """Complete, nothing of ours failed, and numbers that may rank something."""
    result = case.result
    if not result.complete:
        yield Refusal("publishable", f"the run is incomplete: {shown('; '.join(result.notes), 300)}")
    for sentence in blocks_publication(case.records):
        yield Refusal("publishable", sentence)
    own = [note for holds, note in _demonstration(case) if holds]
    yield from (Refusal("publishable", note) for note in own)
    if result.complete and not result.publishable and not own and not blocks_publication(case.records):
        yield Refusal("publishable", f"the run says so itself: {shown('; '.join(result.notes), 300)}")


def _demonstration(case: Case) -> tuple[tuple[bool, str], ...]:
    back = case.part.get("back_translator", "").partition(",")[0]
    return (
        (case.task.synthetic, f"{case.task.name} is synthetic: it ranks nothing"),
        (case.result.model.startswith("local/"), "the embedded model is a demonstration"),
        (back == "self" or _bare(back) == _bare(case.result.model), "the system back-translates itself"),
        (case.result.strategy.partition(":")[0] == "hostile", "a hostile baseline is a test of the metrics"),
    )


def _bare(model: str) -> str:
    """The model's name, whoever serves it."""
    return model.rpartition("/")[2]


def back_translator(case: Case) -> Found:
    """The back-translator is of another family than the system (docs/validity.md)."""
    from harness.judges.families import related

    back = case.part.get("back_translator", "").partition(",")[0]
    if back and related(back, case.result.model):
        yield f"the back-translator {shown(back)} is of the system's own family: round-trip metrics may flatter it"


def states(case: Case) -> Found:
    """An output that is empty or in another language is not ok."""
    yield from _not_ok("translations", case.records.translations, case.task.target)
    yield from _not_ok("back-translations", case.records.back_translations, case.task.source)


def _not_ok(what: str, made: Mapping[Key, Translation | BackTranslation], language: str) -> Found:
    ok = [(key, record.text) for key, record in sorted(made.items()) if record.state == "ok"]
    wrong = [key for key, text in ok if not one_line(text) or wrong_language(text, language)]
    if wrong:
        yield Refusal("states", f"{len(wrong)} {what} are not ok though their state says so, first {wrong[0]}")


def protocol(case: Case) -> Found:
    """The protocol's numbers are those of the task and of the calibration."""
    manifest, task, result = case.manifest, case.task, case.result
    frame = load(Frame, manifest["frame"])
    counter = manifest["counter"]
    own = Protocol("", counter, None, None, None).frame(task, frame.measures)
    names = [part.partition("=")[0] for part in result.protocol.split("|")]
    if any(names.count(name) > 1 for name in set(names) - {"column", "measure"}):
        yield Refusal("protocol", "its protocol line names a part twice")
    start = [f"task={task.line()}", f"selection={task.selection}", f"counter={counter}@{counter_version(counter)}"]
    if not result.protocol.startswith("|".join([*start, frame_line(replace(own, tau=frame.tau))]) + "|"):
        yield Refusal("protocol", f"its protocol does not measure {task.name} as the task defines it")
    if replace(own, tau=frame.tau) != frame or result.bounds != task.bounds or result.segments != len(task.segments):
        yield Refusal("protocol", "bounds, mu, speaking rates or size are not those of the task")
    if (manifest["source_language"], manifest["chunk"]) != (task.source, task.window):
        yield Refusal("protocol", f"the source language is {task.source}, chunks have {task.window} lines")
    if "events" in case.part or frame.tau is not None:
        yield from _calibrated(case, frame)
    yield from _measures(case, frame)


def _calibrated(case: Case, frame: Frame) -> Found:
    from harness import embedders

    embedder, extractor = case.part.get("embedder", ""), case.part.get("events", "").partition(",")[0]
    try:
        known = embedders.tau(embedder, extractor).tau
    except UserError as error:
        yield Refusal("protocol", shown(error.message, 200))
        return
    if frame.tau != known:
        yield Refusal("protocol", f"tau is {frame.tau}, calibrated for its embedder and extractor is {known}")


def _measures(case: Case, frame: Frame) -> Found:
    """The scales and families of judges and estimators are their own."""
    judges = tuple(case.manifest["judges"])
    estimators = tuple(measure.name for measure in frame.measures[len(judges) :])
    if not all(COLUMN.fullmatch(name) for name in estimators):
        yield Refusal("protocol", f"{shown(', '.join(estimators))} are no names of estimators")
        return
    parts = Protocol("", case.manifest["counter"], None, None, None, None, judges, estimators)
    try:
        own = _plan(case, parts).measures
    except UserError as error:
        yield f"the scales of {', '.join(estimators) or 'judges'} are the author's word ({shown(error.message)})"
    else:
        if own != frame.measures:
            yield Refusal("protocol", "the scale or family of a judge or estimator is not its own")
    if tuple(measure.name for measure in frame.measures) != case.result.measures:
        yield Refusal("protocol", "result.json and manifest.json name different measures")
    if estimators:
        yield f"the scores of {', '.join(estimators)} are the author's until they are computed again"


def _plan(case: Case, parts: Protocol) -> Plan:
    return Plan(case.task, parts, case.result.model, case.result.strategy, Decode(), case.seeds)


def selection(case: Case) -> Found:
    """What the strategy selects by is marked, and no strategy hides it."""
    result, manifest = case.result, case.manifest
    if list(result.optimised_for) != manifest["optimised_for"]:
        yield Refusal("selection", "result.json and manifest.json differ in what was optimised for")
    if result.strategy == "submitted":
        yield "a file of translations: how they were made is the author's word"
    else:
        bare = Protocol("", manifest["counter"], None, None, None)
        try:
            built = _plan(case, bare).strategies[case.seeds[0]]
        except UserError:
            yield f"the strategy {shown(result.strategy)} is not known here: what it selects by is the author's word"
        else:
            if f"|strategy={built.line}|" not in f"|{result.system}|":
                yield Refusal("selection", f"the system line is not that of {shown(result.strategy)}")
            if hidden_from := sorted(set(built.optimised_for) - set(result.optimised_for)):
                yield Refusal("selection", f"it selects by {', '.join(hidden_from)}, and says not")
    metrics = metrics_of(load(Frame, manifest["frame"]), with_models=case.with_models)
    marked = optimised(metrics, result.optimised_for, _measured_with(case))
    if marked != result.marked:
        yield Refusal("selection", f"the metrics to be marked are {', '.join(marked) or 'none'}")


def _measured_with(case: Case) -> dict[str, set[str]]:
    """Embedder, back-translator and judges by the families and stages that they stand behind."""
    back, embedder = case.part.get("back_translator"), case.part.get("embedder")
    parts = Protocol(
        "",
        case.manifest["counter"],
        back and back.partition(",")[0],
        None,
        embedder and embedder.partition("@")[0],
        judges=tuple(case.manifest["judges"]),
    )
    try:
        return _plan(case, parts).measured_with
    except UserError:  # a judge that is not known here: ``protocol`` says so
        return _plan(case, replace(parts, judges=())).measured_with


def hidden(case: Case) -> Found:
    """Names, notes and provenance hold no characters that nobody sees."""
    pattern = PATTERNS["hidden characters"]
    for name, data in ((HEAD, dump(case.head)), ("manifest.json", case.manifest), ("result.json", dump(case.result))):
        if any(pattern.search(text) for text in _texts(data)):
            yield Refusal("hostile", f"{name} holds hidden characters")


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)


def outputs(case: Case) -> Found:
    """No output talks to a judge; markup is left to the reviewer."""
    by_pattern: dict[str, list[tuple[str, int]]] = {}
    for key, translation in sorted(case.records.translations.items()):
        for name in hostile(translation.text, case.task.by_id[key[0]].text):
            by_pattern.setdefault(name, []).append(key)
    for name, keys in by_pattern.items():
        sentence = f"{len(keys)} outputs hold {name} that their sources do not, first {keys[0]}"
        yield sentence if name == "markup" else Refusal("hostile", sentence)


def references(case: Case) -> Found:
    """The outputs are not the references."""
    known = {segment.id: [segment.reference] for segment in case.task.segments if segment.reference}
    if not known:
        yield "the task has no references: neither copies of them nor memory can be looked for"
        return
    shared = shared_texts((t for t in case.records.translations.values() if t.id in known), known)
    if shared.n >= FEWEST and shared.share >= REFERENCE_SHARE:
        yield Refusal(
            "copy", f"{shared.share:.0%} of {shared.n} outputs are near-equal to the reference ({REFERENCE_SHARE:.0%})"
        )


RULES: tuple[Callable[[Case], Found], ...] = (
    publishable, back_translator, states, protocol, selection, hidden, outputs, references,
)  # fmt: skip
