"""BLEU of the round trip, and BLEU per unit of length (BLEU-rho, arXiv 2601.10187, eq. 14).

BLEU-rho has no shown validity and rewards over-compression (``validity.md``); it is
shown for comparison with the paper, never alone, and never carries a ranking.
``bleu_rho_capped`` stops paying for compression below the budget.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from harness.errors import UserError
from harness.metrics.base import Frame, Metric, Sample, Values, mean_of
from harness.metrics.rho import BACK, syllable_ratio

CORPUS_WIDTH = 12
FAMILIES = frozenset({"bleu"})


@lru_cache(maxsize=4)
def scorer(tokenizer: str) -> Any:
    """Load sacreBLEU's sentence BLEU with a tokenizer.

    Raises:
        UserError: the tokenizer's package is not installed.
    """
    from sacrebleu.metrics.bleu import BLEU

    try:
        return BLEU(tokenize=tokenizer, effective_order=True)
    except (ImportError, RuntimeError) as error:
        extra = tokenizer.partition("-")[0]
        fix = f"Run: pip install 'sacrebleu[{extra}]'."
        raise UserError(f"The tokenizer {tokenizer} is not installed.", fix) from error


@lru_cache(maxsize=1 << 14)
def _sentence(hypothesis: str, reference: str, tokenizer: str) -> tuple[float, tuple[float, ...]]:
    score = scorer(tokenizer).sentence_score(hypothesis, [reference])
    return score.score / 100, (*score.counts, *score.totals, score.sys_len, score.ref_len)


def sentence_statistics(hypothesis: str, reference: str, tokenizer: str = "zh") -> tuple[float, ...]:
    """Return what corpus BLEU adds up: n-gram matches and totals of four orders, and both lengths.

    Examples:
        >>> sentence_statistics("关系越来越亲密", "关系越来越亲密")
        (7, 6, 5, 4, 7, 6, 5, 4, 7, 7)
    """
    return _sentence(hypothesis, reference, tokenizer)[1]


def sentence_bleu(hypothesis: str, reference: str, tokenizer: str = "zh") -> float:
    """Compute sentence BLEU with effective order, by sacreBLEU.

    Args:
        hypothesis: for Sand-Glass, the back-translation.
        reference: for Sand-Glass, the source.
        tokenizer: sacreBLEU tokenizer; Chinese needs ``zh``, which it does not choose itself.

    Returns:
        BLEU in 0..1.

    Examples:
        >>> sentence_bleu("两人的关系越来越亲密", "两人的关系越来越亲密")
        1.0
        >>> round(sentence_bleu("他们越来越亲密", "两人的关系越来越亲密"), 4)
        0.4005
    """
    return min(1.0, _sentence(hypothesis, reference, tokenizer)[0])


def bleu_rho(bleu: float, rho: float) -> float:
    """Compute BLEU-rho = BLEU(x, x^) / rho(x, y); 0 where rho is 0.

    Args:
        bleu: BLEU of the back-translation against the source, 0..1.
        rho: syllable ratio of the translation.

    Returns:
        0 or more.

    Examples:
        >>> round(bleu_rho(0.305, 0.808), 3), bleu_rho(0.3, 0.0)
        (0.377, 0.0)
    """
    return bleu / rho if rho > 0 else 0.0


def bleu_rho_capped(bleu: float, rho: float, low: float) -> float:
    """Compute BLEU / max(rho, L0), which does not reward being shorter than the budget.

    Args:
        bleu: BLEU of the round trip, 0..1.
        rho: syllable ratio.
        low: static lower bound L0, above 0.

    Returns:
        0 or more.

    Examples:
        >>> bleu_rho_capped(0.2, 0.4, 0.8)
        0.25
    """
    return bleu / max(rho, low)


def back_known(sample: Sample) -> bool:
    """Say whether the round trip can be judged: not where the back-translation failed, which is our doing."""
    back = sample.artefacts.back_translation
    return not sample.ok or (back is not None and back.state != "failed")


def _parts(sample: Sample) -> tuple[float, float]:
    back = sample.artefacts.back_translation
    text = back.text if back is not None and back.state == "ok" else ""
    return (
        sentence_bleu(text, sample.segment.text, sample.frame.bleu_tokenizer),
        syllable_ratio(sample.lengths.source, sample.lengths.hypothesis),
    )


def _corpus_statistics(sample: Sample) -> Sequence[float]:
    if not back_known(sample):
        return (0.0,) * CORPUS_WIDTH
    back = sample.artefacts.back_translation
    text = back.text if sample.ok and back is not None and back.state == "ok" else ""
    statistics = sentence_statistics(text, sample.segment.text, sample.frame.bleu_tokenizer)
    rho = syllable_ratio(sample.lengths.source, sample.lengths.hypothesis) if sample.ok else 0.0
    return (*statistics, rho, 1.0)


def corpus_bleu(sums: Values, counts: Values) -> Values:
    """Aggregate summed n-gram statistics to corpus BLEU in 0..1, without smoothing.

    Args:
        sums: [B, k]; columns: 4 matches, 4 totals, hypothesis length, reference length.
        counts: unused.

    Returns:
        [B] BLEU; 0 where an order has no match.

    Examples:
        >>> corpus_bleu(np.array([[4.0, 3, 2, 1, 4, 3, 2, 1, 4, 4]]), np.ones(1)).tolist()
        [1.0]
    """
    matches, totals, hypothesis, reference = sums[:, :4], sums[:, 4:8], sums[:, 8], sums[:, 9]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(matches / totals).mean(axis=1)
        penalty = np.minimum(0.0, 1.0 - reference / hypothesis)
        result = np.exp(logs + penalty)
    return np.where((matches > 0).all(axis=1), result, 0.0)


def _corpus_bleu_rho(sums: Values, counts: Values) -> Values:
    bleu, mean_rho = corpus_bleu(sums, counts), np.divide(sums[:, 10], sums[:, 11])
    return np.divide(bleu, mean_rho, out=np.zeros_like(bleu), where=mean_rho > 0)


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return BLEU and BLEU-rho, by segment and over the corpus; 0 where the state is not ok."""

    def capped(sample: Sample) -> float:
        return bleu_rho_capped(*_parts(sample), frame.bounds[0])

    def mean(name: str, meaning: str, value: Callable[[Sample], float], top: float = math.inf) -> Metric:
        return mean_of(
            name,
            meaning,
            value,
            worst=0,
            applies=back_known,
            needs=BACK,
            higher_is_better=True,
            bounds=(0, top),
            families=FAMILIES,
        )

    round_trip = (
        mean("bleu", "Mean sentence BLEU of the back-translation.", lambda sample: _parts(sample)[0], 1),
        Metric(
            "corpus_bleu",
            "BLEU of all back-translations together.",
            _corpus_statistics,
            corpus_bleu,
            CORPUS_WIDTH,
            BACK,
            True,
            (0.0, 1.0),
            families=FAMILIES,
        ),
    )
    if not frame.counted:
        return round_trip
    by_length = (
        mean("bleu_rho", "Mean of BLEU / rho; rewards over-compression.", lambda sample: bleu_rho(*_parts(sample))),
        Metric(
            "corpus_bleu_rho",
            "Corpus BLEU over the mean syllable ratio.",
            _corpus_statistics,
            _corpus_bleu_rho,
            CORPUS_WIDTH,
            BACK,
            True,
            families=FAMILIES,
        ),
    )
    if frame.track != "ratio":
        return (*round_trip, *by_length)
    return (*round_trip, *by_length, mean("bleu_rho_capped", "Mean of BLEU / max(rho, L0).", capped))
