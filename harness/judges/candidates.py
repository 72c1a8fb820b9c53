"""Scores of all candidates of a segment in one call, with votes and reshuffling (ALPO, arXiv 2602.01068).

Each vote sees the candidates in another order, labelled A, B, C…; the scores of the
votes are averaged. A vote is rejected when a key, a whole number or the range is wrong,
or when distinct scores / candidates < .25. A segment needs half of its votes.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from string import ascii_uppercase

from harness.errors import UserError
from harness.judges.core import Judgement, OneModel, Question, Setting, ask, joined, line_data
from harness.judges.reading import Unreadable, read_integer, read_object
from harness.judges.spec import check_options
from harness.languages import language
from harness.llm.types import LLM
from harness.records import Segment

VOTES = 4
WINDOW = 7
MOST = len(ascii_uppercase)
LEAST_DISTINCT = 0.25

INSTRUCTION = """You rate candidate subtitle translations from {source} into {target}. "candidates" are translations \
of "source"; lines around it, where given, are there to be understood. Rate each candidate from 0 to 100: accuracy \
30 %, how well it fits spoken language 30 %, expressiveness 40 %. Use the range: different candidates deserve \
different scores unless they are equally good."""


@dataclass(frozen=True)
class Candidates(OneModel):
    """The judge."""

    votes: int = VOTES
    limits: tuple[float, float] = (0.0, 100.0)

    @property
    def line(self) -> str:
        """What determines a verdict."""
        return self.setting.line(self._instruction, form(["A", "B"]), votes=self.votes)

    @property
    def _instruction(self) -> str:
        return INSTRUCTION.format(source=language(self.setting.source), target=language(self.setting.target))

    async def rate(self, segment: Segment, candidates: Sequence[str], llm: LLM, repeat: int = 0) -> Judgement:
        """Score the candidates of one segment.

        Args:
            segment: the source line with its context.
            candidates: 1 to 26 different texts; equal ones are rated once and share the score.
            llm: the door.
            repeat: number of an otherwise equal judgement.

        Returns:
            ``scores`` in the order of the candidates and their mean as ``value``; ``verdicts``
            says of each vote whether it was accepted.

        Raises:
            RunError: a call failed for good.
            ValueError: no candidate, or too many.
        """
        distinct = list(dict.fromkeys(candidates))
        if not 1 <= len(distinct) <= MOST:
            raise ValueError(f"1 to {MOST} different candidates can be rated, not {len(distinct)}")
        found = tuple(
            await asyncio.gather(*(self._vote(segment, distinct, vote, llm, repeat) for vote in range(self.votes)))
        )
        accepted = [vote.scores for vote in found if vote.state == "ok"]
        verdicts = tuple("accepted" if vote.state == "ok" else vote.reason for vote in found)
        total = replace(joined(found), verdicts=verdicts)
        if 2 * len(accepted) < self.votes:
            reason = f"{len(accepted)} of {self.votes} votes accepted"
            return replace(total, state="unparsable", reason=reason)
        means = {text: sum(column) / len(accepted) for text, *column in zip(distinct, *accepted, strict=True)}
        scores = tuple(means[text] for text in candidates)
        return replace(total, value=sum(scores) / len(scores), scores=scores)

    async def _vote(self, segment: Segment, distinct: Sequence[str], vote: int, llm: LLM, repeat: int) -> Judgement:
        order = shuffled(segment.text, distinct, vote)
        labels = list(ascii_uppercase[: len(order)])
        shown = {label: distinct[index] for label, index in zip(labels, order, strict=True)}
        data = line_data(self.setting, segment, WINDOW, candidates=shown)
        question = Question(self._instruction, form(labels), data, partial(read, labels=labels))
        answer = await ask(self.setting, question, llm, repeat * self.votes + vote)
        if answer.value is None:
            return answer.judgement(None)
        scores = dict(zip(order, answer.value, strict=True))
        return replace(answer.judgement(0.0), scores=tuple(scores[index] for index in range(len(order))))


def form(labels: Sequence[str]) -> str:
    """Return how to answer.

    Examples:
        >>> print(form(["A", "B"]))
        Answer with one JSON object and nothing else, whole numbers from 0 to 100, every letter once: {"A": N, "B": N}.
    """
    keys = ", ".join(f'"{label}": N' for label in labels)
    return f"Answer with one JSON object and nothing else, whole numbers from 0 to 100, every letter once: {{{keys}}}."


def read(text: str, labels: Sequence[str]) -> tuple[float, ...]:
    """Read one vote, or reject it.

    Args:
        text: the answer.
        labels: the letters shown.

    Returns:
        One score a letter, in their order.

    Raises:
        Unreadable: a key, a whole number or the range is wrong, or too few scores differ.

    Examples:
        >>> read('{"B": 70, "A": 80}', ["A", "B"])
        (80.0, 70.0)
        >>> read('{"A": 50, "B": 50, "C": 50, "D": 50, "E": 50}', list("ABCDE"))
        Traceback (most recent call last):
            ...
        harness.judges.reading.Unreadable: distinct scores: 1 for 5 candidates
    """
    found = read_object(text, tuple(labels))
    scores = tuple(float(read_integer(found[label], 0, 100)) for label in labels)
    if len(set(scores)) / len(scores) < LEAST_DISTINCT:
        raise Unreadable(f"distinct scores: {len(set(scores))} for {len(scores)} candidates")
    return scores


def shuffled(source: str, candidates: Sequence[str], vote: int) -> list[int]:
    """Return the order in which a vote shows the candidates, by the hash of what it sees.

    Args:
        source: the source line.
        candidates: different texts.
        vote: number of the vote.

    Returns:
        Indices of the candidates.

    Examples:
        >>> [shuffled("你好", ["Hi", "Hello", "Hey"], vote) for vote in range(2)]
        [[0, 2, 1], [1, 0, 2]]
    """

    def key(index: int) -> bytes:
        return hashlib.sha256("\x1e".join((str(vote), source, candidates[index])).encode()).digest()

    return sorted(range(len(candidates)), key=key)


def build(setting: Setting) -> Candidates:
    """Build the judge; option ``votes``.

    Raises:
        UserError: another option, or votes out of range.
    """
    check_options(setting, "votes")
    votes = setting.options.get("votes", str(VOTES))
    if not votes.isdecimal() or not 1 <= int(votes) <= 64:
        raise UserError(f"Judge candidates: votes cannot be {votes!r}.", "Give 1 to 64.")
    return Candidates(setting, int(votes))
