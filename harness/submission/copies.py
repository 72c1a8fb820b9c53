"""Copies: of accepted rows, of other submissions, of the references; and what may be memory.

Two texts are near-equal where the Dice coefficient of their character 4-grams, after case
and punctuation are taken away, is at least .8. A submission is a near-copy where at least
70 % of its segments of four words or more are near-equal to another system's, and a copy
of the references from 60 %. Of honest systems, 61 pairs and 27 against the references, the
highest come to 59 % and 44 %; a copy with one word of every line exchanged comes to 89 %,
with two to 60 % (``benchmarks/submission_checks.py``).

An accepted row keeps hashes of its texts and no texts (``fingerprint.json``), so against
those only equal texts count.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from harness.records import Segment, Translation
from harness.stats.clusters import cluster_sums
from harness.stats.intervals import Interval, interval

Key = tuple[str, int]

FINGERPRINT = "fingerprint.json"
NEAR = 0.8
COPY_SHARE = 0.7
REFERENCE_SHARE = 0.6
LEAST_WORDS = 4
GRAM = 4
LONGEST = 5_000
"""Characters of a text that are compared."""

WORD = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af]|[^\W\u2e80-\u9fff\uac00-\ud7af]+")
"""A word, or a single character where words are not written apart."""


def words(text: str) -> list[str]:
    """Return the words that copies are looked for in: no case, no punctuation, one form of each character.

    Examples:
        >>> words("“Don’t go!” 他走了")
        ['don', 't', 'go', '他', '走', '了']
    """
    return WORD.findall(unicodedata.normalize("NFKC", text[:LONGEST]).casefold())


def similarity(a: Sequence[str], b: Sequence[str]) -> float:
    """Return the Dice coefficient of the character 4-grams of two texts, 0 to 1.

    Examples:
        >>> similarity(words("They went out to eat."), words("they went out, to eat"))
        1.0
        >>> similarity(words("They went out to eat."), words("She stayed at home."))
        0.0
    """
    first, second = _grams(a), _grams(b)
    total = first.total() + second.total()
    return 2 * (first & second).total() / total if total else 1.0


def _grams(tokens: Sequence[str]) -> Counter[str]:
    text = f" {' '.join(tokens)} "
    return Counter(text[start : start + GRAM] for start in range(max(1, len(text) - GRAM + 1)))


def text_hash(tokens: Sequence[str]) -> str:
    """Return a short hash of a text as copies are looked for in."""
    return sha256(" ".join(tokens).encode()).hexdigest()[:16]


def fingerprint(translations: Iterable[Translation]) -> dict[str, list[str]]:
    """Return the hashes of the texts by segment, only of those long enough to be told apart."""
    found: dict[str, set[str]] = {}
    for translation in translations:
        tokens = words(translation.text)
        if len(tokens) >= LEAST_WORDS:
            found.setdefault(translation.id, set()).add(text_hash(tokens))
    return {id_: sorted(hashes) for id_, hashes in sorted(found.items())}


@dataclass(frozen=True)
class Shared:
    """How much of a submission stands elsewhere too: of ``n`` texts long enough, ``share`` do."""

    share: float
    n: int


def shared_texts(own: Iterable[Translation], others: Mapping[str, Sequence[str]]) -> Shared:
    """Return the share of texts near-equal to one of the other texts of their segment.

    Args:
        own: the submission's translations.
        others: texts by segment id; a segment without any counts as not shared.

    Examples:
        >>> own = [Translation("1", 1, "They all went out to eat.", "ok"), Translation("2", 1, "Yes.", "ok")]
        >>> shared_texts(own, {"1": ["they all went out to eat"]})
        Shared(share=1.0, n=1)
    """
    split = {id_: [words(text) for text in texts] for id_, texts in others.items()}
    return _share(
        any(tokens == other or similarity(tokens, other) >= NEAR for other in split.get(id_, ()))
        for id_, tokens in _long(own)
    )


def shared_hashes(own: Iterable[Translation], hashes: Mapping[str, Sequence[str]]) -> Shared:
    """Return the share of texts equal to one behind the hashes of their segment."""
    return _share(text_hash(tokens) in hashes.get(id_, ()) for id_, tokens in _long(own))


def _long(translations: Iterable[Translation]) -> Iterable[tuple[str, list[str]]]:
    split = ((translation.id, words(translation.text)) for translation in translations)
    return ((id_, tokens) for id_, tokens in split if len(tokens) >= LEAST_WORDS)


def _share(verdicts: Iterable[bool]) -> Shared:
    found = list(verdicts)
    return Shared(sum(found) / len(found) if found else 0.0, len(found))


def reference_overlap(translations: Iterable[Translation], segments: Mapping[str, Segment]) -> Interval | None:
    """Return the share of the output's word 4-grams that stand in the reference: the memorisation probe.

    High for a faithful system and an obvious reference as well, so it says something only
    beside other systems on the same segments.

    Args:
        translations: the submission's.
        segments: sources by id.

    Returns:
        The share with its interval, clustered by video; None where no reference is long enough.
    """
    rows: list[tuple[float, float]] = []
    clusters: list[str] = []
    for translation in translations:
        segment = segments[translation.id]
        theirs = _runs(words(segment.reference or ""))
        own = _runs(words(translation.text))
        if theirs and own:
            rows.append((float(len(own & theirs)), float(len(own))))
            clusters.append(segment.cluster)
    if not rows:
        return None
    sums = cluster_sums(np.array(rows), clusters)
    return interval(lambda s, n: s[:, 0] / s[:, 1], sums, bounds=(0.0, 1.0))


def _runs(tokens: Sequence[str], length: int = 4) -> set[tuple[str, ...]]:
    return {tuple(tokens[start : start + length]) for start in range(len(tokens) - length + 1)}
