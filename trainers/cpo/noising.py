"""Dispreferred data by noise: the ablation of arXiv 2401.08417 in which rejected answers are damaged preferred ones.

Words are deleted with probability .15; then neighbours change places with probability .3, no word moving
farther than one place. Chinese has jieba's words, other languages words between blanks.
"""

import random
from collections.abc import Sequence

from harness.errors import UserError

DELETED = 0.15
SWAPPED = 0.3


def noised_words(
    words: Sequence[str], draw: random.Random, *, delete: float = DELETED, swap: float = SWAPPED
) -> list[str]:
    """Delete words, then swap neighbours.

    Args:
        words: of one text.
        draw: source of chance.
        delete: probability that a word goes, in [0, 1].
        swap: probability that a pair of neighbours changes places; neither is then moved again.

    Returns:
        The words left, possibly none.

    Examples:
        >>> noised_words("a b c d".split(), random.Random(0), delete=0.0, swap=1.0)
        ['b', 'a', 'd', 'c']
        >>> noised_words("a b c d".split(), random.Random(0), delete=1.0, swap=1.0)
        []
    """
    left = [word for word in words if draw.random() >= delete]
    place = 0
    while place + 1 < len(left):
        if draw.random() < swap:
            left[place : place + 2] = left[place + 1], left[place]
            place += 1
        place += 1
    return left


def noised(text: str, language: str, seed: str, *, delete: float = DELETED, swap: float = SWAPPED) -> str:
    """Damage a text; the same seed damages it alike wherever it stands.

    Args:
        text: a preferred translation.
        language: its code; ``zh`` is cut into words by jieba and joined without blanks.
        seed: any text, such as the run's seed and the segment's id.
        delete: as in ``noised_words``.
        swap: likewise.

    Returns:
        The damaged text; by chance it may be the text itself, or empty.

    Raises:
        UserError: jieba is not installed.

    Examples:
        >>> noised("I like eating apples", "en", "15")
        'like apples eating'
    """
    words, joint = (_chinese(text), "") if language == "zh" else (text.split(), " ")
    return joint.join(noised_words(words, random.Random(seed), delete=delete, swap=swap))


def _chinese(text: str) -> list[str]:
    try:
        import jieba
    except ImportError as error:
        raise UserError("Noise for Chinese needs jieba.", "Run: pip install 'sandglass-bench[embed]'.") from error
    jieba.setLogLevel("ERROR")
    return list(jieba.cut(text))
