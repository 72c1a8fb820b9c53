"""What systems gave for the same sources: read from files or from finished runs, and scored.

A file is JSON lines, one a source::

    {"id": "1", "source": "zh", "target": "en", "text": "…",
     "candidates": [{"system": "reference", "text": "…"}, {"system": "A", "text": "…", "score": 0.81}],
     "human": ["A", "reference"]}

The order of candidates is the order of ties. ``human`` names the better and the worse system, where a
person compared two. Scores are higher for better translations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import qe
from harness.compare_runs import Run, check_comparable, read_run
from harness.errors import UserError
from harness.jsonl import read_strict
from harness.qe import Estimator
from harness.records import Translation, load
from harness.run.store import read_manifest, read_segments, read_stage

REFERENCE = "reference"
FIX = 'Give {"id", "source", "target", "text", "candidates": [{"system", "text"}]} on every line.'


@dataclass(frozen=True, slots=True)
class Candidate:
    """One system's translation; the score is None where it was not scored."""

    system: str
    text: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Outputs:
    """One source and what systems gave for it.

    Attributes:
        id: of the segment, within its direction.
        source: language of the text.
        target: language of the candidates.
        text: what was translated.
        candidates: in the order of ties, the reference first.
        human: the better and the worse system by a person's judgement; empty without.
        cluster: document, for intervals; the segment itself where empty.
    """

    id: str
    source: str
    target: str
    text: str
    candidates: tuple[Candidate, ...]
    human: tuple[str, ...] = ()
    cluster: str = ""

    @property
    def direction(self) -> str:
        """Languages, as ``zh-en``."""
        return f"{self.source}-{self.target}"


def read_outputs(path: Path) -> tuple[Outputs, ...]:
    """Read a file of outputs strictly.

    Raises:
        UserError: a line is no such record, names a system twice, or judges a system it lacks.
    """
    found: dict[tuple[str, str], Outputs] = {}
    for number, data in read_strict(path, FIX):
        try:
            one = load(Outputs, data)
            _check(one)
            if (one.direction, one.id) in found:
                raise ValueError(f"id {one.id!r} stands on another line too")
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}.", FIX) from None
        found[one.direction, one.id] = one
    if not found:
        raise UserError(f"{path} holds no outputs.", FIX)
    return tuple(found.values())


def _check(one: Outputs) -> None:
    systems = [candidate.system for candidate in one.candidates]
    if not (one.source and one.target):
        raise ValueError("the language of the source or of the target is missing")
    if len(set(systems)) < len(systems):
        raise ValueError("a system stands twice among the candidates")
    if one.human and (len(one.human) != 2 or one.human[0] == one.human[1] or not set(one.human) <= set(systems)):
        raise ValueError("human must name two of the systems, the better one first")


def read_runs(folders: Sequence[Path]) -> tuple[Outputs, ...]:
    """Read finished runs of one task and protocol; the run of its references, if given, comes first in ties.

    Args:
        folders: two or more runs; outputs of the first repeat are taken.

    Returns:
        One for each segment, without scores.

    Raises:
        UserError: runs that do not compare.
    """
    runs = sorted((read_run(folder) for folder in folders), key=lambda run: run.result.model != REFERENCE)
    check_comparable(runs)
    manifest = read_manifest(runs[0].folder)
    segments = {segment.id: segment for segment in read_segments(runs[0].folder)}
    columns = {run.label: _texts(run) for run in runs}
    if len(columns) < len(runs):
        raise UserError("Two of the runs have one name.", "Score them again, each with its own --name.")
    return tuple(
        Outputs(
            name,
            manifest["source_language"],
            manifest["frame"]["target"],
            segments[name].text,
            tuple(Candidate(label, column[name]) for label, column in columns.items()),
            cluster=segments[name].cluster,
        )
        for name in runs[0].segments
    )


def _texts(run: Run) -> dict[str, str]:
    """Return the first repeat's text by segment; one whose state is not ok is none."""
    first: dict[str, Translation] = {}
    for (name, _), record in sorted(read_stage(run.folder, Translation).items()):
        first.setdefault(name, record)
    return {name: record.text if record.state == "ok" else "" for name, record in first.items()}


def scored(outputs: Sequence[Outputs], estimators: Sequence[Estimator]) -> tuple[Outputs, ...]:
    """Score every candidate by the mean of estimators.

    Args:
        outputs: without scores, or with scores that are replaced.
        estimators: of one scale; one on which lower is better is turned round.

    Returns:
        The outputs, where a candidate without text has no score.

    Raises:
        UserError: no estimator, one that needs a reference, or scales that have no common mean.
    """
    if not estimators or any(estimator.needs_reference for estimator in estimators):
        raise UserError("Triplets are ranked by estimators without a reference.", "Name some, such as embed_qe.")
    if len({(estimator.range, estimator.higher_is_better) for estimator in estimators}) > 1:
        raise UserError("Estimators of different scales have no mean.", "Use those of one family.")
    rows = [
        qe.Row(one.text, candidate.text) for one in outputs for candidate in one.candidates if candidate.text.strip()
    ]
    signs = [1 if estimator.higher_is_better else -1 for estimator in estimators]
    columns = [estimator.score(rows) for estimator in estimators]
    means = iter([sum(s * x for s, x in zip(signs, row, strict=True)) / len(row) for row in zip(*columns, strict=True)])
    return tuple(
        replace(
            one,
            candidates=tuple(
                replace(candidate, score=next(means) if candidate.text.strip() else None)
                for candidate in one.candidates
            ),
        )
        for one in outputs
    )


def parallel(direction: str, source: Path, systems: Mapping[str, Path]) -> tuple[Outputs, ...]:
    """Read plain text files in which line i translates line i of the source.

    Args:
        direction: such as ``zh-en``.
        source: the source's file.
        systems: files by system, the reference first.

    Raises:
        UserError: a file is missing, or has another number of lines.
    """
    from_language, _, to_language = direction.partition("-")
    texts = _lines(source)
    columns = {system: _lines(path) for system, path in systems.items()}
    for system, lines in columns.items():
        if len(lines) != len(texts):
            raise UserError(
                f"{systems[system]} has {len(lines)} lines, {source} {len(texts)}.", "Give files line by line alike."
            )
    return tuple(
        Outputs(
            str(number),
            from_language,
            to_language,
            text,
            tuple(Candidate(system, lines[number - 1].strip()) for system, lines in columns.items()),
        )
        for number, text in enumerate(texts, 1)
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as UTF-8 text ({error}).", "Check the path.") from None
