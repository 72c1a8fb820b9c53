"""What the trainer sees: samples with pairs, weights and betas, for ALPO and for the two kinds of DPO beside it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.errors import UserError
from trainers.alpo.data import RatedSample, Sample
from trainers.alpo.encoding import Encoder
from trainers.alpo.rating import picked
from trainers.alpo.selection import Pick, Rated, Rules, betas, dpo_pick, weights

Method = Literal["alpo", "segment_dpo", "outcome_dpo"]
TOO_LONG = "samples longer than the cut-off"
NO_PAIR = "samples without a pair"
NO_CANDIDATE = "samples without a candidate for some line"
MISREAD = "outputs with other lines than asked for"


@dataclass(frozen=True, slots=True)
class Example:
    """One sample.

    Attributes:
        sample: prompt and source lines.
        lines: rated candidates of each line, or of the whole output.
        chosen: of each line, the index of the candidate that later lines were sampled after.
        picks: the pairs.
        weights: of the pairs, 0 where there is none.
        betas: likewise.
    """

    sample: Sample
    lines: tuple[Rated, ...]
    chosen: tuple[int, ...]
    picks: tuple[Pick, ...]
    weights: tuple[float, ...]
    betas: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One pair as tokens."""

    before: list[int]
    chosen: list[int]
    rejected: list[int]
    weight: float
    beta: float


def example(sample: Sample, rated: RatedSample, method: Method, rules: Rules, beta: float, seed: int) -> Example:
    """Take the pairs of a sample.

    ALPO weights and tempers them; DPO has the released baselines' choice, one beta, and equal weights that sum
    to 1 over the pairs of a sample.
    """
    own = [picked(line, rules, seed, rated.id, number) for number, line in enumerate(rated.lines)]
    picks = own if method == "alpo" else [dpo_pick(line, rules) for line in rated.lines]
    paired = [pick.verdict == "paired" for pick in picks]
    if method == "alpo":
        weight = weights(paired, [len(line.texts) for line in rated.lines])
        tempered = betas(paired, [pick.gap for pick in picks], beta)
    else:
        weight = [usable / max(1, sum(paired)) for usable in paired]
        tempered = [beta * usable for usable in paired]
    chosen = tuple(pick.chosen for pick in own)
    return Example(sample, rated.lines, chosen, tuple(picks), tuple(weight), tuple(tempered))


def examples(
    samples: Sequence[Sample],
    rated: Sequence[RatedSample],
    method: Method,
    rules: Rules,
    beta: float,
    seed: int,
    encoder: Encoder,
) -> tuple[list[Example], Counter[str]]:
    """Take the pairs of all samples; count verdicts of segments, and samples that are left out.

    Returns:
        Examples with at least one pair, and the counts.

    Raises:
        UserError: candidates of other samples, or of other lines than theirs.
    """
    known = {sample.id: sample for sample in samples}
    counts: Counter[str] = Counter()
    kept: list[Example] = []
    for found in rated:
        counts[MISREAD] += found.misread
        if found.id not in known or len(found.lines) not in (0, _rated_lines(known[found.id], method)):
            raise UserError(
                f"The candidates of {found.id!r} are not those of the data.",
                "Remove sampling.output; it is made again.",
            )
        if not found.lines:
            counts[NO_CANDIDATE] += 1
            continue
        made = example(known[found.id], found, method, rules, beta, seed)
        counts.update(pick.verdict for pick in made.picks)
        if not any(made.weights):
            counts[NO_PAIR] += 1
        elif longest(made, encoder) > encoder.cutoff:
            counts[TOO_LONG] += 1
        else:
            kept.append(made)
    return kept, +counts  # those above 0


def _rated_lines(sample: Sample, method: Method) -> int:
    return 1 if method == "outcome_dpo" else len(sample.item.segments)


def longest(made: Example, encoder: Encoder) -> int:
    """Return the most tokens that a row of an example with a pair can have, whatever prefix is drawn."""
    if _whole(made):
        return max(sum(map(len, _tokens(made, (), text, encoder))) for text in made.lines[0].texts)
    total = len(encoder.prompt(made.sample)) + 1  # the end of sequence, where the last line's separator added no token
    last = max(number for number, weight in enumerate(made.weights, 1) if weight)
    for number, line in enumerate(made.lines[:last], 1):
        total += len(encoder.head(number)) + max(len(encoder.tail(text, last=False)) for text in line.texts)
    return total


def rows(made: Example, prefix: Sequence[int], encoder: Encoder) -> list[Row]:
    """Turn an example into tokens.

    Args:
        made: the example.
        prefix: of each line, the candidate that stands before later lines.
        encoder: makes tokens.

    Returns:
        One row a pair.
    """
    before = [line.texts[index] for line, index in zip(made.lines, prefix, strict=True)]
    found = []
    for number, (line, pick) in enumerate(zip(made.lines, made.picks, strict=True)):
        if pick.verdict != "paired":
            continue
        start, chosen = _tokens(made, before[:number], line.texts[pick.chosen], encoder)
        _, rejected = _tokens(made, before[:number], line.texts[pick.rejected], encoder)
        found.append(Row(start, chosen, rejected, made.weights[number], made.betas[number]))
    return found


def _tokens(made: Example, before: Sequence[str], text: str, encoder: Encoder) -> tuple[list[int], list[int]]:
    if _whole(made):
        return encoder.whole(made.sample, text.split("\n"))
    return encoder.line(made.sample, before, text)


def _whole(made: Example) -> bool:
    return len(made.lines) < len(made.sample.item.segments)
