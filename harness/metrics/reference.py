"""BLEU and chrF against a reference translation, by sacreBLEU's statistics; where every segment has one.

What carries a value for one segment adds up, so corpus scores get intervals and paired
tests as any other metric does.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from harness.errors import UserError
from harness.metrics.base import Frame, Metric, Sample, Values
from harness.metrics.bleu_rho import corpus_bleu

CHAR_ORDERS = 6
BETA = 2
BLEU_WIDTH = 11
CHRF_WIDTH = 3 * CHAR_ORDERS + 1


def corpus_chrf(sums: Values, counts: Values) -> Values:
    """Aggregate summed character n-gram statistics to chrF2 in 0..1.

    chrF = (1 + b^2) P R / (b^2 P + R) of precision and recall averaged over the orders 1 to 6
    that the texts are long enough for, b = 2 (Popovic 2015, as sacreBLEU computes it).

    Args:
        sums: [B, k]; for each order: n-grams of the hypothesis, of the reference, and common ones.
        counts: unused.

    Returns:
        [B] values.

    Examples:
        >>> corpus_chrf(np.array([[4.0, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1]]), np.ones(1)).tolist()
        [1.0]
    """
    hypothesis, reference, common = (sums[:, start : 3 * CHAR_ORDERS : 3] for start in range(3))
    counted = (hypothesis > 0) & (reference > 0)
    orders = np.maximum(counted.sum(axis=1), 1)
    precision = np.divide(common, hypothesis, out=np.zeros_like(common), where=counted).sum(axis=1) / orders
    recall = np.divide(common, reference, out=np.zeros_like(common), where=counted).sum(axis=1) / orders
    weighted = BETA**2 * precision + recall
    chrf: Values = np.zeros_like(weighted)
    np.divide((1 + BETA**2) * precision * recall, weighted, out=chrf, where=weighted > 0)
    return chrf


@cache
def bleu_scorer(tokenizer: str) -> Any:
    """Load sacreBLEU's BLEU with a tokenizer.

    Raises:
        UserError: the tokenizer's package is not installed.
    """
    from sacrebleu.metrics.bleu import BLEU

    try:
        return BLEU(tokenize=tokenizer)
    except (ImportError, RuntimeError) as error:
        extra = tokenizer.partition("-")[0]
        raise UserError(
            f"The tokenizer {tokenizer} is not installed.", f"Run: pip install 'sacrebleu[{extra}]'."
        ) from error


@lru_cache(maxsize=1 << 14)
def _bleu(hypothesis: str, reference: str, tokenizer: str) -> tuple[float, ...]:
    score = bleu_scorer(tokenizer).corpus_score([hypothesis], [[reference]])
    return (*score.counts, *score.totals, score.sys_len, score.ref_len)


@lru_cache(maxsize=1 << 14)  # as sacreBLEU: n-grams of an order that the reference is too short for do not count
def _chrf(hypothesis: str, reference: str) -> tuple[float, ...]:
    from sacrebleu.metrics.helpers import extract_all_char_ngrams

    statistics: list[float] = []
    pairs = zip(*(extract_all_char_ngrams(text, CHAR_ORDERS, False) for text in (hypothesis, reference)), strict=True)
    for ours, theirs in pairs:
        statistics += [ours.total() if theirs else 0, theirs.total(), (ours & theirs).total()]
    return tuple(statistics)


def _texts(sample: Sample) -> tuple[str, str]:
    assert sample.segment.reference is not None  # frame.reference holds
    return sample.translation.text if sample.ok else "", sample.segment.reference


def _bleu_statistics(sample: Sample) -> Sequence[float]:
    return (*_bleu(*_texts(sample), sample.frame.reference_tokenizer), 1.0)


def _chrf_statistics(sample: Sample) -> Sequence[float]:
    return (*_chrf(*_texts(sample)), 1.0)


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return corpus BLEU and chrF against the reference; an output whose state is not ok matches nothing."""
    if not frame.reference:
        return ()
    return (
        Metric(
            "bleu_ref",
            f"Corpus BLEU against the reference, tokenizer {frame.reference_tokenizer}.",
            _bleu_statistics,
            corpus_bleu,
            BLEU_WIDTH,
            higher_is_better=True,
            bounds=(0.0, 1.0),
        ),
        Metric(
            "chrf_ref",
            "Corpus chrF2 against the reference.",
            _chrf_statistics,
            corpus_chrf,
            CHRF_WIDTH,
            higher_is_better=True,
            bounds=(0.0, 1.0),
        ),
    )
