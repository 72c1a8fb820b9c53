"""What is done of a run, and what is left of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.records import BackTranslation, EventCheck, Item, Measurement, Translation
from harness.run.names import column
from harness.run.plan import Plan
from harness.run.store import Key, Record, Store, read_measurements
from harness.score import Records

TRANSLATE, BACK, EVENTS, MEASURE = "translate", "back-translate", "events", "measure"


@dataclass
class Done:
    """The records there are, of this run and of those before it that stopped."""

    translations: dict[Key, Translation] = field(default_factory=dict)
    back_translations: dict[Key, BackTranslation] = field(default_factory=dict)
    events: dict[Key, EventCheck] = field(default_factory=dict)
    measurements: dict[Key, dict[str, Measurement]] = field(default_factory=dict)

    def records(self) -> Records:
        """Return them as scoring takes them."""
        return Records(self.translations, self.back_translations, self.events, self.measurements)

    def add(self, record: Record) -> None:
        """Take in a record."""
        key = (record.id, record.seed)
        match record:
            case Translation():
                self.translations[key] = record
            case BackTranslation():
                self.back_translations[key] = record
            case EventCheck():
                self.events[key] = record
            case Measurement():
                self.measurements.setdefault(key, {})[record.name] = record

    def of(self, seed: int, item: Item) -> "Done":
        """Return what there is of one item."""
        keys = [(segment.id, seed) for segment in item.segments]
        return Done(
            {key: self.translations[key] for key in keys if key in self.translations},
            {key: self.back_translations[key] for key in keys if key in self.back_translations},
            {key: self.events[key] for key in keys if key in self.events},
            {key: self.measurements[key] for key in keys if key in self.measurements},
        )


def load_done(store: Store) -> Done:
    """Read what is done; what failed, and all that followed from it, counts as not done."""
    translations = {key: t for key, t in store.read(Translation).items() if t.state != "failed"}
    backs = {key: b for key, b in store.read(BackTranslation).items() if b.state != "failed" and key in translations}
    events = {
        key: e for key, e in store.read(EventCheck).items() if key in backs or _needs_no_back(translations.get(key))
    }
    measurements = {
        key: {name: m for name, m in made.items() if m.state != "failed"}
        for key, made in read_measurements(store.folder).items()
        if key in translations
    }
    return Done(translations, backs, events, measurements)


def _needs_no_back(translation: Translation | None) -> bool:
    return translation is not None and translation.state != "ok"


def totals(plan: Plan) -> dict[str, int]:
    """Return the number of records to come, by stage."""
    records = len(plan.task.segments) * len(plan.seeds)
    after = [BACK] * plan.protocol.with_models + [EVENTS] * plan.with_events
    stages = dict.fromkeys([TRANSLATE, *after], records)
    chunks = len(plan.units) * len(plan.seeds) * len(plan.chunk_judges)
    measured = records * (len(plan.measures) - len(plan.chunk_judges)) + chunks
    return stages | {MEASURE: measured} if plan.measures else stages


def counts(done: Done, plan: Plan) -> dict[str, int]:
    """Return the number of records done, by stage; what needs no back-translation counts as such."""
    number = {TRANSLATE: len(done.translations), BACK: 0, EVENTS: len(done.events)}
    number[BACK] = len(done.back_translations) + sum(t.state != "ok" for t in done.translations.values())
    needless = sum(t.state not in ("ok", "failed") for t in done.translations.values())
    by_line = len(plan.measures) - len(plan.chunk_judges)
    number[MEASURE] = sum(map(len, done.measurements.values())) + needless * by_line
    return {stage: number[stage] for stage in totals(plan)}


def todo(plan: Plan, done: Done) -> Iterator[tuple[int, Item]]:
    """Yield the seed and item of whatever is not wholly done."""
    for seed in plan.seeds:
        for item in plan.units:
            if not all(_carried(plan, done, (segment.id, seed)) for segment in item.segments):
                yield seed, item


def _carried(plan: Plan, done: Done, key: Key) -> bool:
    """Say whether a segment went through all stages that are done item by item."""
    if key not in (done.events if plan.with_events else done.translations):
        return False
    if plan.protocol.with_models and done.translations[key].state == "ok" and key not in done.back_translations:
        return False
    judged = done.measurements.get(key, {})
    if key[0] in plan.chunk_ids and any(judge.name not in judged for judge in plan.chunk_judges):
        return False
    return done.translations[key].state != "ok" or all(judge.name in judged for judge in plan.line_judges)


def wholly_done(plan: Plan, done: Done, key: Key) -> bool:
    """Say whether a segment went through all stages, and none failed for reasons of ours."""
    if done.translations[key].state == "failed":
        return False
    measured = done.measurements.get(key, {})
    estimated = all(column(name) in measured for name in plan.protocol.estimators)
    return (
        _carried(plan, done, key)
        and (done.translations[key].state != "ok" or estimated)
        and (key not in done.back_translations or done.back_translations[key].state != "failed")
        and all(measurement.state != "failed" for measurement in measured.values())
    )
