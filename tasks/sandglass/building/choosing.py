"""Fourth and fifth stage: near-duplicates out, then the split by transcript and the quotas."""

from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.convert import dump
from harness.corpus import draw
from harness.corpus.funnel import Step
from harness.corpus.near_duplicates import LARGEST_BUCKET, MISS, ROWS, Near, bands_for, near_duplicates
from harness.corpus.stages import Ticker, read_lines, write_lines
from harness.corpus.texts import batches, concatenated, normalised, shingles
from tasks.sandglass.building.filtering import BATCH
from tasks.sandglass.building.settings import Settings

DISTINCT, LEFT = "4-distinct", "distinct.jsonl"
CHOICE, TEST, TRAIN = "5-choice", "test.npy", "train.npy"


def distinct(settings: Settings, kept: Path, folder: Path) -> dict[str, Any]:
    """Write the segments without near-duplicates; of two near ones the heavier stays, then the earlier."""
    ticker, parts, weights = Ticker("near-duplicates"), [], array("d")
    for batch in batches(read_lines(kept), BATCH):
        parts.append(shingles([normalised(record["text"]) for record in batch], settings.language.shingle))
        weights.extend(record["weight"] for record in batch)
        ticker.step(len(batch))
    order = np.argsort(-np.array(weights), kind="stable")
    rank = np.argsort(order, kind="stable")
    found = near_duplicates(concatenated(parts), rank, settings.near, settings.seed)
    del parts
    stays = found.removed < 0
    write_lines(folder / LEFT, (record for record, here in zip(read_lines(kept), stays, strict=True) if here))
    bands = bands_for(settings.near)
    notes = [
        f"near: Jaccard of character {settings.language.shingle}-grams >= {settings.near:g}; {bands} bands of {ROWS}, "
        f"a pair at the threshold is missed with probability {(1 - settings.near**ROWS) ** bands:.4f} < {MISS}",
        f"{found.candidates:,} pairs compared",
    ]
    if found.large_buckets:
        notes.append(
            f"{found.large_buckets:,} times more than {LARGEST_BUCKET} texts in one bucket: each met the first"
        )
    step = Step(
        "near-duplicates", "segments", len(stays), int(stays.sum()), _removed(settings, kept, found), tuple(notes)
    )
    return {"steps": [dump(step)]}


def _removed(settings: Settings, kept: Path, found: Near) -> dict[str, Any]:
    """Count copies and near-duplicates, with a few pairs of each."""
    gone = np.flatnonzero(found.removed >= 0)
    same = found.similarity[gone] == 1
    kinds = {"the same n-grams": gone[same], "near another": gone[~same]}
    random = np.random.default_rng(settings.seed)
    picks = {kind: random.permutation(places)[: draw.Tally.EXAMPLES] for kind, places in kinds.items()}
    wanted = {int(k) for places in picks.values() for place in places for k in (place, found.removed[place])}
    texts = {n: record["text"] for n, record in enumerate(read_lines(kept)) if n in wanted}
    return {
        kind: {
            "count": len(places),
            "examples": [
                f"{texts[int(k)]} ≈ {texts[int(found.removed[k])]} ({found.similarity[k]:.2f})" for k in picks[kind]
            ],
        }
        for kind, places in kinds.items()
        if len(places)
    }


def chosen(settings: Settings, distinct: Path, folder: Path) -> dict[str, Any]:
    """Write the places of the segments for test and training: whole transcripts apart, quotas by domain."""
    domains = {t.name: t.domain for t in settings.transcripts}
    training = draw.split(settings.seed, domains, settings.train)
    quotas = draw.quotas(settings.items, domains.values(), settings.quotas)
    train, places, keys, owners = array("q"), array("q"), array("d"), array("q")
    names = list(domains)
    number = {name: k for k, name in enumerate(names)}
    for record in read_lines(distinct):
        if record["transcript"] in training:
            train.append(record["n"])
        else:
            places.append(record["n"])
            keys.append(draw.weighted_key(settings.seed, record["id"], record["weight"]))
            owners.append(number[record["transcript"]])
    taken: Counter[str] = Counter()
    of_transcript: Counter[int] = Counter()
    test: list[int] = []
    for k in np.lexsort((places, keys)).tolist():
        domain, owner = domains[names[owners[k]]], owners[k]
        full = settings.per_transcript is not None and of_transcript[owner] >= settings.per_transcript
        if taken[domain] < quotas[domain] and not full:
            taken[domain] += 1
            of_transcript[owner] += 1
            test.append(places[k])
    _save(folder / TEST, test)
    _save(folder / TRAIN, train)
    return _report(len(train), len(places), len(test), quotas, taken, len(training), settings)


def _save(path: Path, places: Sequence[int]) -> None:
    ordered: NDArray[np.int64] = np.array(sorted(places), dtype=np.int64)
    np.save(path, ordered, allow_pickle=False)


def _report(
    train: int,
    candidates: int,
    test: int,
    quotas: dict[str, int],
    taken: Counter[str],
    training: int,
    settings: Settings,
) -> dict[str, Any]:
    unmet = [f"{domain}: {taken[domain]} of {wanted}" for domain, wanted in quotas.items() if taken[domain] < wanted]
    steps = []
    if settings.train:
        out = {"set aside for training": {"count": train, "examples": []}} if train else {}
        note = f"{training} of {len(settings.transcripts)} transcripts are for training"
        steps.append(Step("split by transcript", "segments", train + candidates, candidates, out, (note,)))
    out = {"not drawn": {"count": candidates - test, "examples": []}} if candidates > test else {}
    notes = [f"not met: {', '.join(unmet)}"] if unmet else ["all quotas are met exactly"]
    steps.append(Step("quotas by domain", "segments", candidates, test, out, tuple(notes)))
    return {
        "steps": [dump(step) for step in steps],
        "quotas": quotas,
        "unmet": unmet,
        "train": train,
        "test": test,
    }
