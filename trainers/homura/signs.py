"""Signs that a reward is being gamed, looked for in rollouts and logged: none of them is part of the reward."""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

from harness.language import HAN, WORD

MARKS = re.compile(r"[\W_]+")
FEW_WORDS = 5
"""Shorter outputs say nothing about repetition or telegram style."""
LEAST_DISTINCT = 0.5
LEAST_FUNCTION_WORDS = 0.15

FUNCTION_WORDS = {
    "en": frozenset(
        "a an the this that these those of to in on at by for with from and or but so if as is are was were be been"
        " am do does did have has had will would can could not i you he she it we they me him her us them my your his"
        " its our their there what who when where how it's i'm don't that's you're he's she's we're they're".split()
    ),
    "de": frozenset(
        "der die das den dem des ein eine einen einem einer eines und oder aber wenn dass ob als wie zu in im an am auf"
        " aus bei beim mit von vom für über ist sind war waren sein hat haben hatte wird werden nicht kein keine ich du"
        " er sie es wir ihr mich dich ihn uns euch mir dir ihm ihnen mein dein unser da was wer so auch noch".split()
    ),
    "es": frozenset(
        "el la los las un una unos unas lo y o pero si que de del a al en con por para sin sobre es son era fue ser"
        " está están ha han hay no ni yo tú él ella ellos ellas me te se le les nos mi tu su sus como qué ya".split()
    ),
}


@lru_cache(maxsize=1 << 11)  # more than a batch: several signs read the same texts
def letters(text: str) -> str:
    """Return a text's letters and digits alone, small.

    Examples:
        >>> letters("No, no!")
        'nono'
    """
    return MARKS.sub("", text.casefold())


@lru_cache(maxsize=1 << 11)
def words_of(text: str) -> tuple[str, ...]:
    """Return a text's words, small.

    Examples:
        >>> words_of("Don’t, he's late.")
        ("don't", "he's", 'late')
    """
    return tuple(WORD.findall(text.casefold().replace("’", "'")))


def copies(source: str, text: str) -> bool:
    """Say whether an output holds the whole source.

    Examples:
        >>> copies("你好，世界", "你好世界！"), copies("你好", "Hello")
        (True, False)
    """
    whole = letters(source)
    return bool(whole) and whole in letters(text)


def repeats(text: str) -> bool:
    """Say whether half of an output's words, or Han characters, were said before.

    Examples:
        >>> repeats("no no no no no no"), repeats("They went home and slept.")
        (True, False)
    """
    words = HAN.findall(text) or words_of(text)
    return len(words) >= FEW_WORDS and len(set(words)) <= LEAST_DISTINCT * len(words)


def hollow(ids: Sequence[str], texts: Sequence[str]) -> list[bool]:
    """Say of each output whether the same words stand for another source of the batch.

    Examples:
        >>> hollow(["1", "2", "3"], ["They did it.", "they did it", "He ran."])
        [True, True, False]
    """
    said = [letters(text) for text in texts]
    sources = defaultdict(set)
    for identity, words in zip(ids, said, strict=True):
        sources[words].add(identity)
    return [bool(words) and len(sources[words]) > 1 for words in said]


def telegraphic(text: str, language: str) -> bool | None:
    """Say whether an output has hardly any function words: grammar was dropped for length.

    Returns:
        None where the language has no list here, or the output is too short to tell.

    Examples:
        >>> telegraphic("Hero fight dragon, win, go home", "en"), telegraphic("He fought the dragon and won.", "en")
        (True, False)
    """
    words = words_of(text)
    if language not in FUNCTION_WORDS or len(words) < FEW_WORDS:
        return None
    return sum(word in FUNCTION_WORDS[language] for word in words) < LEAST_FUNCTION_WORDS * len(words)
