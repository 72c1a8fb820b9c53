"""Which segments stay: an ensemble of checks that pass, doubt or remove, and the weight that follows.

| check       | removed                            | doubtful                 |
|-------------|------------------------------------|--------------------------|
| length      | fewer than 10 characters           |                          |
| rate        | outside the language's outer rates | outside its inner ones   |
| script      | < .5 of the letters in its script  | < .8                     |
| repetition  | >= .5 of the 3-grams stood before  | >= .25                   |
| perplexity  | robust z > 4                       | z > 2.5                  |

Characters are letters and digits; rate is characters a second. z is the distance of the log
perplexity from the corpus's median in units of 1.4826 times the median absolute deviation,
over the segments of sufficient length. The paper names the checks and gives the ten
characters; all other numbers are ours.

Each doubt halves the weight, by which quotas are sampled: borderline cases stay, fewer of
them. Three doubts remove a segment. A segment counts under the first check that removes it.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.corpus.languages import SCRIPTS, Language
from harness.corpus.texts import normalised

LEAST_CHARACTERS = 10
DOUBT = 0.5
LEAST_WEIGHT = 0.25
SCRIPT = (0.5, 0.8)
REPETITION = (0.25, 0.5)
PERPLEXITY = (2.5, 4.0)
GRAM = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks say: why a segment is removed ("" where it stays), its weight and doubts."""

    removed: str
    weight: float
    doubts: tuple[str, ...]


class Filter:
    """The checks for one language.

    Args:
        language: its configuration.

    Examples:
        >>> from harness.corpus.languages import language
        >>> check = Filter(language("zh"))
        >>> check.verdict("今天我们来看看这座城市", 2.0, 0.0)
        Verdict(removed='', weight=1.0, doubts=())
        >>> check.verdict("今天我们来看看这座城市", 1.1, 3.0)
        Verdict(removed='', weight=0.25, doubts=('rate', 'perplexity'))
        >>> check.verdict("哈哈哈哈哈哈哈哈哈哈", 2.0, 0.0).removed, check.verdict("好的", 1.0, 0.0).removed
        ('repetition', 'fewer than 10 characters')
    """

    def __init__(self, language: Language) -> None:
        self._rate = language.rate
        self._script = re.compile(f"[{SCRIPTS[language.script]}]+")

    def verdict(self, text: str, seconds: float, z: float) -> Verdict:
        """Judge one segment.

        Args:
            text: the segment.
            seconds: its duration.
            z: its robust z of log perplexity, 0 where there is none.

        Returns:
            The verdict.
        """
        letters = normalised(text)
        if len(letters) < LEAST_CHARACTERS:
            return Verdict(f"fewer than {LEAST_CHARACTERS} characters", 0.0, ())
        rate = len(letters) / seconds if seconds > 0 else np.inf
        slowest, slow, fast, fastest = self._rate
        script, repetition = self.script_share(letters), repeated(letters)
        checks = (
            ("rate", rate < slow or rate > fast, rate < slowest or rate > fastest),
            ("script", script < SCRIPT[1], script < SCRIPT[0]),
            ("repetition", repetition >= REPETITION[0], repetition >= REPETITION[1]),
            ("perplexity", z > PERPLEXITY[0], z > PERPLEXITY[1]),
        )
        for name, _, out in checks:
            if out:
                return Verdict(name, 0.0, ())
        doubts = tuple(name for name, doubtful, _ in checks if doubtful)
        weight = DOUBT ** len(doubts)
        return Verdict("several doubts" if weight < LEAST_WEIGHT else "", weight, doubts)

    def script_share(self, text: str) -> float:
        """Return the share of a text's letters that belong to the language's script, 0 without letters."""
        letters = sum(map(str.isalpha, text))
        return sum(map(len, self._script.findall(text))) / letters if letters else 0.0


def repeated(text: str) -> float:
    """Return the share of a text's character 3-grams that stood in it before, in [0, 1).

    Examples:
        >>> repeated("哈哈哈哈哈哈哈哈哈哈"), repeated("今天天气很不错")
        (0.875, 0.0)
    """
    grams = [text[k : k + GRAM] for k in range(len(text) - GRAM + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def robust_z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the robust z of each value: its distance from the median in units of 1.4826 MAD.

    Args:
        values: log perplexities, NaN where there is none.

    Returns:
        One z a value, 0 where it is not defined.

    Examples:
        >>> robust_z(np.array([1.0, 2.0, 3.0, np.nan])).round(2).tolist()
        [-0.67, 0.0, 0.67, 0.0]
    """
    there = values[~np.isnan(values)]
    median = np.median(there) if len(there) else 0.0
    spread = 1.4826 * np.median(np.abs(there - median)) if len(there) else 0.0
    return np.nan_to_num((values - median) / spread) if spread > 0 else np.zeros(len(values))
