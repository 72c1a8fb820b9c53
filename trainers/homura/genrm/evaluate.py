"""Evaluation of a GenRM against held-out labels: accuracy, parsable share, calibration."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.jsonl import to_line, write_atomic
from harness.judges.genrm import read
from harness.judges.reading import Unreadable, visible
from harness.records import dump
from trainers.homura.genrm.calibration import Bin, expected_calibration_error, reliability, resampled
from trainers.homura.genrm.data import Pair, question
from trainers.homura.genrm.generating import Generated, generate, score_probabilities

Measured = tuple[float, float, float]
"""A value with its 95 % interval."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a GenRM made of a labelled pair.

    Attributes:
        pair: the pair with its label.
        answer: the raw answer.
        score: 0 or 1, None where the harness's judge cannot read the answer.
        probability: of score 1 after the reasoning, None likewise.
    """

    pair: Pair
    answer: str
    score: int | None
    probability: float | None

    @property
    def right(self) -> bool:
        """Whether the score is the label; an unreadable answer never is."""
        return self.score == self.pair.label


@dataclass(frozen=True)
class Evaluation:
    """What is reported.

    Attributes:
        n: labelled pairs.
        measures: ``accuracy`` (unreadable answers are wrong), ``parsable``, ``recall_0`` and ``recall_1`` (accuracy
            by label), ``ece``, and ``accuracy_KIND`` for every kind of pair.
        table: reliability of the score's probability, over the parsable answers.
    """

    n: int
    measures: dict[str, Measured]
    table: tuple[Bin, ...]


def ask(model: Any, tokenizer: Any, pairs: Sequence[Pair], *, max_tokens: int, batch: int) -> list[Verdict]:
    """Let a model judge labelled pairs, greedily; answers are read as strictly as the harness's judge reads them."""
    chats = [question(pair) for pair in pairs]
    found = generate(model, tokenizer, chats, max_tokens=max_tokens, batch=batch)
    answers = [_readable(pair, one) for pair, one in zip(pairs, found, strict=True)]
    probabilities = score_probabilities(model, tokenizer, chats, answers, batch=max(1, batch // 2))
    return [
        Verdict(pair, one.text, int(read(text)) if text else None, p)
        for pair, one, text, p in zip(pairs, found, answers, probabilities, strict=True)
    ]


def _readable(pair: Pair, found: Generated) -> str:
    """Return the answer as the harness's judge reads it, empty where it cannot."""
    data = {"source": pair.source, "translation": pair.hypothesis, "context": [*pair.before, *pair.after]}
    try:
        text = visible(found.response(), data)
        read(text)
    except Unreadable:
        return ""
    return text


def summarise(verdicts: Sequence[Verdict]) -> Evaluation:
    """Summarise verdicts.

    Shares have the harness's interval for proportions in clusters (``Pair.cluster``, or the source).

    Examples:
        >>> good, bad = Pair("a", "A", label=1, kind="intact"), Pair("b", "C", label=0, kind="changed")
        >>> found = summarise([Verdict(good, "", 1, 0.9), Verdict(bad, "", None, None)])
        >>> [found.measures[name][0] for name in ("accuracy", "parsable", "accuracy_changed")]
        [0.5, 0.5, 0.0]
    """
    measures = {
        "accuracy": share(verdicts, [one.right for one in verdicts]),
        "parsable": share(verdicts, [one.score is not None for one in verdicts]),
    }
    groups: dict[str, list[Verdict]] = {}
    for one in verdicts:
        groups.setdefault(f"recall_{one.pair.label}", []).append(one)
        if one.pair.kind:
            groups.setdefault(f"accuracy_{one.pair.kind}", []).append(one)
    measures |= {name: share(some, [one.right for one in some]) for name, some in sorted(groups.items())}
    known = [(one.probability, one.pair.label or 0, _cluster(one)) for one in verdicts if one.probability is not None]
    table: tuple[Bin, ...] = ()
    if known:
        probabilities, labels, clusters = zip(*known, strict=True)
        table = reliability(probabilities, labels)
        error = expected_calibration_error(probabilities, labels)
        low, high = resampled(probabilities, labels, clusters)
        measures["ece"] = (error, min(low, error), max(high, error))
    return Evaluation(len(verdicts), measures, table)


def share(verdicts: Sequence[Verdict], held: Sequence[bool]) -> Measured:
    """Return the share of verdicts for which something holds, with its interval; of one cluster, 0 to 1."""
    from harness.metrics.base import ratio
    from harness.stats.clusters import cluster_sums
    from harness.stats.intervals import interval

    sums = cluster_sums([[float(value), 1.0] for value in held], [_cluster(one) for one in verdicts])
    found = interval(ratio, sums, proportion=True)
    if found.low is None or found.high is None:
        return fmean(held), 0.0, 1.0
    return fmean(held), found.low, found.high


def share_of(held: Sequence[bool]) -> Measured:
    """Return a share with its interval, of trials that are independent.

    Examples:
        >>> share_of([True, True])[0]
        1.0
    """
    from harness.stats.proportions import clopper_pearson

    return (fmean(held), *clopper_pearson(sum(held), len(held), 0.95))


def _cluster(one: Verdict) -> str:
    return one.pair.cluster or one.pair.source


def told(found: Evaluation) -> str:
    """Write an evaluation for people."""
    lines = [f"{found.n} held-out pairs"]
    lines += [f"  {name:<20} {v:.3f} [{low:.3f}, {high:.3f}]" for name, (v, low, high) in found.measures.items()]
    lines += ["  probability of 1      n     mean   share of 1"]
    lines += [
        f"  {row.low:.1f} to {row.high:.1f}      {row.n:>7}   {row.probability:6.3f}   {row.share:6.3f}"
        for row in found.table
    ]
    return "\n".join(lines)


def write(folder: Path, verdicts: Sequence[Verdict], found: Evaluation) -> None:
    """Write ``evaluation.json``, ``verdicts.jsonl`` and ``reliability.svg``."""
    write_atomic(folder / "evaluation.json", (json.dumps(dump(found), indent=1) + "\n").encode())
    write_atomic(folder / "verdicts.jsonl", b"".join(to_line(dump(one)) for one in verdicts))
    plot(found.table, folder / "reliability.svg")


def plot(table: Sequence[Bin], path: Path) -> None:
    """Draw a reliability diagram; the area of a point is its bin's share of the pairs."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "sandglass"
    from matplotlib import pyplot

    figure, panel = pyplot.subplots(figsize=(4, 4))
    panel.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    total = sum(row.n for row in table)
    sizes = [10 + 400 * row.n / total for row in table]
    panel.scatter([row.probability for row in table], [row.share for row in table], s=sizes, alpha=0.6)
    panel.set_xlabel("probability of score 1")
    panel.set_ylabel("share of label 1")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
