"""Back-translation consistency: BLEU of the source against the back-translation (the ALPO note's measure by domain).

It says how free a translation is, not how good: subtitles come out freer than legal or
medical text, and a lower value is neither better nor worse. So lines that are not ok are
left out and not counted as zero, which would make a failing system look free.
"""

from collections.abc import Sequence

import numpy as np

from harness.metrics.base import Frame, Metric, Sample, Values
from harness.metrics.bleu_rho import FAMILIES, corpus_bleu, sentence_statistics
from harness.metrics.rho import BACK

STATISTICS = 10
"""4 matches, 4 totals and both lengths."""


def _statistics(sample: Sample) -> Sequence[float]:
    back = sample.artefacts.back_translation
    if not sample.ok or back is None or back.state != "ok":
        return (0.0,) * (STATISTICS + 1)
    return (*sentence_statistics(back.text, sample.segment.text, sample.frame.bleu_tokenizer), 1.0)


def consistency(sums: Values, counts: Values) -> Values:
    """Aggregate summed n-gram statistics to corpus BLEU, NaN where no line was translated back.

    Args:
        sums: [B, 11]: the statistics of corpus BLEU, and the number of lines.
        counts: unused.

    Returns:
        [B] BLEU in 0..1; 0 where an order has no match.

    Examples:
        >>> consistency(np.array([[4.0, 3, 2, 1, 4, 3, 2, 1, 4, 4, 1], [0.0] * 11]), np.ones(2)).tolist()
        [1.0, nan]
    """
    return np.where(sums[:, -1] > 0, corpus_bleu(sums, counts), np.nan)


def metrics(frame: Frame) -> tuple[Metric, ...]:
    """Return corpus BLEU of source and back-translation, 0 to 1, over the lines that are ok; without a budget only."""
    if frame.track != "none":
        return ()
    return (
        Metric(
            "bt_consistency",
            "Corpus BLEU of source and back-translation; lower means freer, not worse.",
            _statistics,
            consistency,
            STATISTICS + 1,
            BACK,
            bounds=(0.0, 1.0),
            families=FAMILIES,
        ),
    )
