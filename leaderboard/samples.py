"""What the sample browser shows of every segment, as plain data; all text in it has been made visible.

Names are short because hundreds of thousands of records carry them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.budget import Budget, characters
from harness.metrics.bt_cerr import event_kept
from harness.records import EventMatch, Segment, load
from leaderboard.board import Board
from leaderboard.runs import LEVELS, Run, lines
from leaderboard.text import payload, visible

SHARD = 20_000
"""Bytes of a shard: a page loads one of the sources and one a system, and 150 KB in all at first."""

SHORT = 400
"""Characters of a source's context, an event or a candidate that are shown."""

MOST = 40
"""Events, candidates and measurements of one output that are shown."""

LARGEST = 150_000
"""Bytes of one segment's data from which on only the texts of its first repeats are kept."""

Data = dict[str, Any]


def text_of(value: object, longest: int = 2_000) -> str:
    """Return a field that should be text, fit to be shown."""
    return visible(value if isinstance(value, str) else "" if value is None else repr(value), longest)


def sources(board: Board) -> dict[str, Data]:
    """Collect the sources of a board from the runs that bring them, the most trusted first, by segment id.

    Returns:
        ``id``, ``t`` text, ``b`` and ``a`` context before and after, ``d`` domain, ``c`` cluster, ``r`` reference,
        ``s`` seconds on screen, ``n`` what the budget is measured against and ``k`` the least and the most admissible.
    """
    found: dict[str, Data] = {}
    trusted = sorted(board.rows, key=lambda row: -list(LEVELS).index(row.run.trust.level))
    for row in trusted:
        if not row.run.with_texts:
            continue
        counted = {id_: verdict.source for (id_, _), verdict in row.run.scores.verdicts.items()}
        for line in lines(row.run.folder / "segments.jsonl"):
            id_ = str(line.get("id"))
            if id_ not in found:
                found[id_] = _source(line, board.budget, counted.get(id_))
        if len(found) >= len(board.reference.run.scores.segments):
            break
    return found


def _source(line: Mapping[str, Any], budget: Budget | None, syllables: int | None) -> Data:
    before, after = line.get("before"), line.get("after")
    data: Data = {
        "id": text_of(line.get("id"), 80),
        "t": text_of(line.get("text")),
        "b": [text_of(text, SHORT) for text in before[-3:]] if isinstance(before, list) else [],
        "a": [text_of(text, SHORT) for text in after[:3]] if isinstance(after, list) else [],
        "d": text_of(line.get("domain"), 40),
        "c": text_of(line.get("cluster"), 80),
        "r": text_of(line.get("reference")),
    }
    start, end = line.get("start"), line.get("end")
    if isinstance(start, int | float) and isinstance(end, int | float) and 0 < end - start < 1e6:
        data["s"] = round(end - start, 2)
    basis, counts = _budget(line, budget, syllables)
    if basis is not None:
        data["n"] = basis
    if counts:
        data["k"] = [counts[0], counts[-1]]
    return data


def _budget(line: Mapping[str, Any], budget: Budget | None, syllables: int | None) -> tuple[float | None, range]:
    """Return what a segment's budget is measured against, and the admissible amounts."""
    if budget is None or (budget.track == "ratio" and syllables is None):
        return syllables, range(0)
    try:
        basis = max(1, syllables or 0) if budget.track == "ratio" else budget.basis(load(Segment, line))
        return (None, range(0)) if basis is None else (round(basis, 2), budget.admissible(basis))
    except (ValueError, ArithmeticError):
        return None, range(0)


def records(run: Run, budget: Budget | None) -> dict[str, list[Data]]:
    """Return what a run made of each segment, one record a repeat.

    Args:
        run: the run.
        budget: the length budget, for the unit of amounts.

    Returns:
        By segment id: ``i`` repeat, ``x`` state and ``d`` why, ``t`` translation, ``n`` its amount in the budget's
        unit, ``r`` the syllable ratio, ``v`` verdicts, ``b`` back-translation and ``bx`` its state, ``e`` events,
        ``m`` measurements, ``c`` candidates.
    """
    by_characters = budget is not None and budget.unit == "characters"
    keyed: dict[tuple[str, str], Data] = {}
    for line in lines(run.folder / "translations.jsonl"):
        data = keyed[_key(line)] = _translation(line)
        if by_characters:
            data["n"] = characters(str(line.get("text")))
    for key, verdict in run.scores.verdicts.items():
        if key in keyed:
            keyed[key] |= {"r": verdict.ratio, "v": verdict.passed}
            if not by_characters:
                keyed[key]["n"] = verdict.hypothesis
    for data, line in _joined(keyed, run.folder / "back_translations.jsonl"):
        data["b"] = text_of(line.get("text"))
        if line.get("state") != "ok":
            data["bx"] = text_of(line.get("state"), 40)
    tau = _tau(run)
    for data, line in _joined(keyed, run.folder / "events.jsonl"):
        data["e"] = [_event(match, tau) for match in _list(line.get("matches"))[:MOST]]
    for data, line in _joined(keyed, run.folder / "measurements.jsonl"):
        measured = data.setdefault("m", {})
        if len(measured) < MOST:
            measured[text_of(line.get("name"), 80)] = _measurement(line)
    found: dict[str, list[Data]] = {}
    for id_, seed in sorted(keyed):
        found.setdefault(id_, []).append(keyed[id_, seed])
    return found


def _key(line: Mapping[str, Any]) -> tuple[str, str]:
    return str(line.get("id")), str(line.get("seed"))


def _joined(keyed: Mapping[tuple[str, str], Data], path: Path) -> Iterator[tuple[Data, Data]]:
    """Yield the lines of a stage's file, each with the record it belongs to."""
    for line in lines(path):
        if (data := keyed.get(_key(line))) is not None:
            yield data, line


def _translation(line: Mapping[str, Any]) -> Data:
    data: Data = {"i": text_of(str(line.get("seed")), 20), "x": text_of(line.get("state"), 40)}
    data["t"] = text_of(line.get("text"))
    if line.get("detail"):
        data["d"] = text_of(line["detail"], SHORT)
    candidates = [c for c in _list(line.get("candidates"))[:MOST] if isinstance(c, dict)]
    if candidates:
        data["c"] = [
            [text_of(c.get("text"), SHORT), text_of(c.get("state"), 40), _number(c.get("syllables")),
             _number(c.get("score"))]
            for c in candidates
        ]  # fmt: skip
    return data


def _event(match: object, tau: float | None) -> list[Any]:
    """Return an event's text, whether it was kept, the closest candidate and its cosine, and the checks that failed."""
    try:
        known = load(EventMatch, match)
    except ValueError:
        return [text_of(match, SHORT), 0, "", None, "unreadable"]
    failed = [name for name in ("numbers", "negation", "names") if not getattr(known, name)]
    kept = None if tau is None else int(event_kept(known, tau))
    words = text_of(known.event.text(), SHORT), text_of(known.best, SHORT)
    return [words[0], kept, words[1], _number(known.cosine), ", ".join(failed)]


def _measurement(line: Mapping[str, Any]) -> list[Any]:
    """Return a measurement's value, its state and why, and the judge's answers."""
    answers = [text_of(answer, 1_000) for answer in _list(line.get("answers"))[:6]]
    return [_number(line.get("value")), text_of(line.get("state"), 40), text_of(line.get("detail"), SHORT), answers]


def _tau(run: Run) -> float | None:
    frame = run.manifest.get("frame")
    tau = frame.get("tau") if isinstance(frame, dict) else None
    return float(tau) if isinstance(tau, int | float) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object) -> float | None:
    return round(float(value), 4) if isinstance(value, int | float) and abs(value) < 1e12 else None


def shards(order: Sequence[str], found: Mapping[str, Any], size: int = SHARD) -> Iterator[tuple[int, str]]:
    """Cut data by segment into shards of bounded size.

    Args:
        order: segment ids.
        found: data by id; what is missing is null.
        size: of a shard's JSON in bytes; one segment alone may not pass it by more than its own size.

    Yields:
        Index of the first segment, and the JSON list of the segments from there on.
    """
    start, length = 0, 0
    parts: list[str] = []
    for number, id_ in enumerate(order):
        text = payload(found.get(id_))
        bytes_ = len(text.encode()) + 1
        if bytes_ > LARGEST:
            text = payload(_lean(found[id_]))
            bytes_ = len(text.encode()) + 1
        if parts and length + bytes_ > size:
            yield start, f"[{','.join(parts)}]"
            start, parts, length = number, [], 0
        parts.append(text)
        length += bytes_
    if parts:
        yield start, f"[{','.join(parts)}]"


def _lean(some: Sequence[Data]) -> list[Data]:
    """Keep the texts of the first repeats of a segment, and say that more was left out."""
    kept = ("i", "x", "t", "n", "r", "v", "b", "bx")
    remark = {"d": "what was stored besides is too large to be shown"}
    return [{name: record[name] for name in kept if name in record} | remark for record in some[:4]]
