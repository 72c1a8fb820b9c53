"""Judges: models that say how good a translation is, strictly read and checked against people.

::

    judge = load("accuracy:model=openai/gpt-x:scale=100", "zh", "en")
    judgement = await judge.judge(segment, hypothesis, llm)

Every call goes through the door under the role ``judge``, so that a judge's spend stands
apart from the system's. ``judge.line`` is part of the protocol line.
"""

from typing import TypeVar

from harness import registry
from harness.errors import UserError
from harness.judges.candidates import Candidates
from harness.judges.chunk import ChunkJudge, check_rates_chunks
from harness.judges.core import Judge, Judgement
from harness.judges.pairwise import Pairwise
from harness.judges.spec import parse_spec, scope, settings

T = TypeVar("T")

__all__ = [
    "ChunkJudge",
    "Judge",
    "Judgement",
    "load",
    "load_candidates",
    "load_chunk",
    "load_pairwise",
    "load_scoped",
    "scope",
]

SEVERAL = ("candidates", "pairwise")
"""Kinds that judge several translations at once."""


def load(spec: str, source: str = "", target: str = "", system: str = "") -> Judge:
    """Build a judge of one hypothesis at a time, or a panel of them.

    Args:
        spec: ``KIND:model=NAME:option=value…``, or with ``panel=NAME,NAME,NAME``.
        source: source language, where the specification names none.
        target: target language, likewise.
        system: the judged system's model; a panel leaves its family out.

    Returns:
        The judge.

    Raises:
        UserError: an unknown kind or option, or a model or language missing.

    Examples:
        >>> load("accuracy:model=openai/gpt-x:scale=5", "zh", "en").line.partition(",prompt=")[0]
        'accuracy@1,scale=5,model=openai/gpt-x'
        >>> len(load("genrm:panel=openai/gpt-5,anthropic/claude-x", "zh", "en", system="gpt-4o").models)
        1
    """
    if scope(spec) == "chunk":
        raise UserError(f"Judge {spec!r} judges chunks, and here are single lines.", "Leave out scope=chunk.")
    return _formed(spec, _members(spec, source, target), system)


def load_scoped(spec: str, source: str, target: str, system: str, lines: int) -> Judge | ChunkJudge:
    """Build a judge of lines or of chunks, as its specification says; see ``load``.

    Args:
        spec: the specification.
        source: source language, where the specification names none.
        target: target language, likewise.
        system: the judged system's model; a panel leaves its family out.
        lines: lines of the task's chunks.
    """
    if scope(spec) == "chunk":
        return load_chunk(spec, source, target, system, lines)
    return load(spec, source, target, system)


def load_chunk(spec: str, source: str = "", target: str = "", system: str = "", lines: int = 25) -> ChunkJudge:
    """Build a judge of chunks, or a panel of them; see ``load_scoped``.

    Raises:
        UserError: as ``load``, or the kind judges single lines only.
    """
    members = _members(spec, source, target)
    for member in members:
        check_rates_chunks(member)
    return ChunkJudge(_formed(spec, members, system), lines)


def _members(spec: str, source: str, target: str) -> list[Judge]:
    found = settings(spec, source, target)
    if found[0].kind in SEVERAL:
        raise UserError(f"Judge {found[0].kind} needs several translations.", "Use a kind that judges one.")
    make = registry.get("judges", found[0].kind)
    return [make(setting) for setting in found]


def _formed(spec: str, judges: list[Judge], system: str) -> Judge:
    if "panel" not in parse_spec(spec)[1]:
        return judges[0]
    from harness.judges.panel import panel

    formed = panel(judges)
    return formed.without(system) if system else formed


def load_candidates(spec: str, source: str = "", target: str = "") -> Candidates:
    """Build the judge of all candidates of a segment; see ``load``."""
    return _only("candidates", Candidates, spec, source, target)


def load_pairwise(spec: str, source: str = "", target: str = "") -> Pairwise:
    """Build the judge of two translations; see ``load``."""
    return _only("pairwise", Pairwise, spec, source, target)


def _only(kind: str, expected: type[T], spec: str, source: str, target: str) -> T:
    found = settings(spec, source, target)
    if found[0].kind != kind or len(found) > 1:
        raise UserError(f"Judge {spec!r} is not one {kind} judge.", f"Write {kind}:model=NAME.")
    made = registry.get("judges", kind)(found[0])
    assert isinstance(made, expected)
    return made
