"""Agreement of the two passes of event labels of Sandglass mini.

    python benchmarks/event_agreement.py

The first pass is ``events`` of segments.jsonl and the gold, the second
``events_second_pass.jsonl``; both are by language models reading by the conventions of
tasks/sandglass_mini/NOTE.md. Intervals are clustered by transcript. The micro-F1 of the
two is the ceiling for an extractor measured against the first.
"""

import json
import math
from pathlib import Path

import numpy as np

from harness.events.agreement import ROLES, micro_f1
from harness.records import Event, load
from harness.stats import cluster_sums, cohen_kappa, interval, lines_interval

FOLDER = Path(__file__).parents[1] / "tasks" / "sandglass_mini"
DEVELOPMENT = frozenset({"acgn-01", "film-01", "travel-01", "gaming-01", "knowledge-01", "knowledge-02"})
"""The transcripts that rules may be mended on; the ten others are held out (NOTE.md)."""


def lines(name):
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def loaded(row):
    return tuple(load(Event, event) for event in row["events"])


def passes():
    """Yield the text, the transcript and the events of both passes, by segment."""
    second = {row["id"]: loaded(row) for row in lines("events_second_pass.jsonl")}
    for row in lines("segments.jsonl"):
        yield row["text"], row["video"], loaded(row), second[row["id"]]


def parts(rows, video=1):
    """Return the rows by part: all, development, held out."""
    development = [row for row in rows if row[video] in DEVELOPMENT]
    held_out = [row for row in rows if row[video] not in DEVELOPMENT]
    return {"all": rows, "development": development, "held out": held_out}


def told(found):
    low, high = ("—" if x is None else f"{x:.3f}" for x in (found.low, found.high))
    return "—" if found.estimate is None else f"{found.estimate:.3f} [{low}, {high}]"


def same_events(a, b):
    """Say whether two passes label a segment alike: predicates, polarity, arguments and their kinds."""
    return {(e.predicate, e.negated, e.arguments) for e in a} == {(e.predicate, e.negated, e.arguments) for e in b}


def polarities(rows):
    """Return (transcript, first, second) for every predicate both passes name."""
    for _, video, one, two in rows:
        other = {e.predicate: e.negated for e in two}
        yield from ((video, e.negated, other[e.predicate]) for e in one if e.predicate in other)


def character_roles(text, events):
    """Return the role of every character, "" where it has none; a later word does not overwrite an earlier one."""
    roles = [""] * len(text)
    for event in events:
        for role, word in [("predicate", event.predicate), *((a.kind, a.text) for a in event.arguments)]:
            at = text.find(word)
            for k in range(at, at + len(word)):
                roles[k] = roles[k] or role
    return roles


def kappa(triples):
    """Return Cohen's kappa of (transcript, first, second), resampling transcripts."""
    videos, one, two = zip(*triples, strict=True)
    one, two = np.array(one), np.array(two)

    def value(chosen, _):
        return cohen_kappa(one[chosen].tolist(), two[chosen].tolist()) if len(chosen) else math.nan

    return lines_interval(value, videos)


def main():
    for part, rows in parts(list(passes())).items():
        _, videos, one, two = zip(*rows, strict=True)
        print(f"\n## {part}: {len(rows)} segments, events {sum(map(len, one))} and {sum(map(len, two))}")
        exact = cluster_sums([[float(same_events(a, b))] for a, b in zip(one, two, strict=True)], videos)
        share = interval(lambda sums, counts: sums[:, 0] / counts, exact, proportion=True)
        print(f"segments labelled alike       {told(share)}")
        print(f"micro-F1 over (role, surface) {told(micro_f1(one, two, videos))}")
        for role in ROLES:
            print(f"  {role:27} {told(micro_f1(one, two, videos, (role,)))}")
        polar = list(polarities(rows))
        print(
            f"polarity alike                {sum(a == b for _, a, b in polar)}/{len(polar)}, kappa {told(kappa(polar))}"
        )
        characters = [
            (video, a, b)
            for text, video, first, second in rows
            for a, b in zip(character_roles(text, first), character_roles(text, second), strict=True)
        ]
        print(f"role of characters, kappa     {told(kappa(characters))}")


if __name__ == "__main__":
    main()
