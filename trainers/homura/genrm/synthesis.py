"""Chain-of-thought judgements by a stronger model, in the very form that the harness's judge ``genrm`` asks for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import RunError
from harness.judges import load
from harness.judges.core import Judgement
from harness.judges.reading import read_object
from harness.llm.types import LLM
from harness.prompts import FENCE, THINKING
from trainers.homura.genrm.data import Judged, Pair

MAX_REASONING = 8000
"""Characters of a reasoning that is learned from; the rest of a longer one is no reasoning any more."""


@dataclass(frozen=True)
class Synthesised:
    """Judgements, and how many pairs have none, by reason."""

    judged: tuple[Judged, ...]
    failed: int = 0
    unparsable: int = 0
    too_long: int = 0


async def synthesise(
    pairs: Sequence[Pair], teacher: str, source: str, target: str, llm: LLM, *, samples: int = 1
) -> Synthesised:
    """Let a stronger model judge pairs, with its reasoning.

    Args:
        pairs: what is judged; labels are not shown.
        teacher: judge of the kind ``genrm``, as ``sandglass run --judge`` takes it.
        source: source language.
        target: target language.
        llm: the door; responses are cached, so that a run that was killed goes on without paying again.
        samples: judgements a pair; they differ where the teacher samples (``temperature`` above 0).

    Returns:
        The judgements in the order of the pairs; those that failed or cannot be read are counted, not made up.

    Raises:
        UserError: the teacher is no judge of this kind.
        CostLimit: the next call could pass the cost limit.
    """
    judge = load(teacher, source, target)
    asked = [(pair, repeat) for pair in pairs for repeat in range(samples)]
    calls = [judge.judge(pair.segment(), pair.hypothesis, llm, repeat) for pair, repeat in asked]
    found = await asyncio.gather(*calls, return_exceptions=True)
    judged, failed, unparsable, too_long = [], 0, 0, 0
    for (pair, _), judgement in zip(asked, found, strict=True):
        if isinstance(judgement, RunError):
            failed += 1
        elif isinstance(judgement, BaseException):
            raise judgement
        elif judgement.value is None:
            unparsable += 1
        elif len(reasoning := reasoning_of(judgement)) > MAX_REASONING:
            too_long += 1
        else:
            judged.append(Judged(pair, reasoning, int(judgement.value)))
    return Synthesised(tuple(judged), failed, unparsable, too_long)


def reasoning_of(judgement: Judgement) -> str:
    """Return the reasoning of a judgement that could be read.

    Examples:
        >>> answers = ('{"COT": "The same.", "score": 1}',)
        >>> reasoning_of(Judgement(1.0, "ok", answers=answers))
        'The same.'
    """
    text = THINKING.sub("", judgement.answers[-1]).strip()
    fenced = FENCE.match(text)
    reasoning: str = read_object(fenced.group(1).strip() if fenced else text, ("COT", "score"))["COT"]
    return reasoning
