"""Filtering of synthesised judgements by the rubric reward: what disagrees with it is not learned from.

The rubric says 1 where the back-translation is similar enough and the translation well-formed, 0 where
either is not so. It sees no more than its embedder does: with a similarity that swapped words do
not change, right judgements of swapped words are thrown away and wrong ones kept.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from trainers.homura.genrm.data import Judged, Pair
from trainers.homura.parts import Batch, Part, Scores


@dataclass(frozen=True)
class Filtered:
    """Judgements that agree with the rubric, and how many do not or could not be compared."""

    kept: tuple[Judged, ...]
    disagreeing: int = 0
    missing: int = 0


def rubric_score(similarity: float | None, well_formed: float | None, threshold: float) -> int | None:
    """Turn the rubric's parts into a verdict.

    ``1[similarity >= threshold and well_formed >= 1/2]``. One part that says no is enough; where the
    rest is missing there is no verdict.

    Args:
        similarity: cosine of source and back-translation, None where it is missing.
        well_formed: in [0, 1], likewise.
        threshold: in (0, 1]; .8, the reward's clip, is what the paper's reward cannot tell from 1.

    Examples:
        >>> rubric_score(0.95, 1.0, 0.8), rubric_score(0.95, 0.0, 0.8), rubric_score(0.6, None, 0.8)
        (1, 0, 0)
        >>> rubric_score(0.95, None, 0.8) is None
        True
    """
    similar = None if similarity is None else similarity >= threshold
    formed = None if well_formed is None else well_formed >= 0.5
    if similar is False or formed is False:
        return 0
    return None if similar is None or formed is None else 1


async def rubric(pairs: Sequence[Pair], parts: Sequence[Part], threshold: float) -> list[int | None]:
    """Judge pairs by the rubric.

    Args:
        pairs: what is judged.
        parts: one of the kind ``similarity`` and one of the kind ``judgement``, as HOMURA's reward has them.
        threshold: see ``rubric_score``.

    Returns:
        One verdict a pair, None where there is none.
    """
    batch = Batch(
        [pair.source for pair in pairs],
        [pair.hypothesis for pair in pairs],
        {"before": [pair.before for pair in pairs], "after": [pair.after for pair in pairs]},
    )
    values: dict[str, Scores] = {}
    for part in parts:
        found = part(batch)
        values[part.kind] = await found if isinstance(found, Awaitable) else found
    return [
        rubric_score(similarity, formed, threshold)
        for similarity, formed in zip(values["similarity"], values["judgement"], strict=True)
    ]


def agreeing(judged: Sequence[Judged], verdicts: Sequence[int | None]) -> Filtered:
    """Keep the judgements whose score is the rubric's.

    Args:
        judged: judgements.
        verdicts: the rubric's, one a judgement.

    Examples:
        >>> one, other = (Judged(Pair("a", "b"), "So.", score) for score in (1, 0))
        >>> found = agreeing([one, other, one], [1, 1, None])
        >>> found.kept == (one,), found.disagreeing, found.missing
        (True, 1, 1)
    """
    kept = tuple(one for one, verdict in zip(judged, verdicts, strict=True) if one.score == verdict)
    missing = sum(verdict is None for verdict in verdicts)
    return Filtered(kept, len(judged) - len(kept) - missing, missing)
