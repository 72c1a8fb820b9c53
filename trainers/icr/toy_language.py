"""A small instruction language in several "languages", with responses whose quality is known exactly.

An instruction names a person, a place and a year, and a response says all of them, or some::

    tell ada bonn 1848   ->   gladly    who ada   well    where bonn   when 1848   .
                              courtesy  fact      filler  fact         fact        end

The other languages are word-for-word codes of the English one; names and years are the same in all, as they
mostly are, and no other word is. The quality of a response counts what it says rightly and takes off what it
says wrongly or for nothing.
"""

import itertools
import math
import random
from collections.abc import Mapping
from functools import cache

LANGUAGES = ("en", "xa", "xb", "xc")
KINDS: Mapping[str, tuple[str, ...]] = {
    "who": ("ada", "ben", "eva", "ian", "liv", "tom"),
    "where": ("bonn", "lima", "oslo", "pisa", "riga", "york"),
    "when": ("1807", "1848", "1871", "1905", "1919", "1968"),
}
ASKED, COURTESY, FILLERS, END = "tell", "gladly", ("well", "so", "indeed"), "."
SYLLABLES: Mapping[str, tuple[str, ...]] = {
    "xa": ("ka", "lo", "mi", "ru", "te", "so"),
    "xb": ("dral", "shen", "vork", "plim", "gost", "thru"),
    "xc": ("a", "e", "yu", "oi", "wa", "na"),
}
RIGHT, WRONG, POLITE, IDLE, BROKEN, FOREIGN = 1.0, -1.0, 0.5, -0.25, -1.0, -4.0


def instructions() -> list[str]:
    """Return every English instruction, in order.

    Examples:
        >>> len(instructions()), instructions()[0]
        (216, 'tell ada bonn 1807')
    """
    return [" ".join((ASKED, *values)) for values in itertools.product(*KINDS.values())]


def vocabulary() -> list[str]:
    """Return the words of all languages."""
    return [word for language in LANGUAGES for word in codes(language).values()]


def encode(text: str, language: str) -> str:
    """Say an English text in another language, word for word.

    Examples:
        >>> decode(encode("gladly who ada .", "xa"), "xa")
        'gladly who ada .'
        >>> encode("gladly", "xa") != "gladly" == encode("gladly", "en")
        True
    """
    return " ".join(codes(language)[word] for word in text.split())


def decode(text: str, language: str) -> str:
    """Say a text in English; a word that is not of its language becomes ``?``.

    Examples:
        >>> decode("who", "xa")
        '?'
    """
    english = {code: word for word, code in codes(language).items()}
    return " ".join(english.get(word, "?") for word in text.split())


def write_response(instruction: str, draw: random.Random) -> str:
    """Write an English response of mixed quality, as people do: the data of the SFT stage.

    Each of the three facts is said with probability .67, and is right with .6 where it is; a filler stands before
    it with .25; courtesy comes first with .3.
    """
    true = _facts(instruction)
    pieces = [COURTESY] if draw.random() < 0.3 else []
    for kind, values in KINDS.items():
        if draw.random() < 0.67:
            fillers = [draw.choice(FILLERS)] if draw.random() < 0.25 else []
            others = [value for value in values if value != true[kind]]
            pieces += [*fillers, kind, true[kind] if draw.random() < 0.6 else draw.choice(others)]
    return " ".join([*pieces, END])


def quality(instruction: str, response: str, language: str) -> float:
    """Return how good a response is.

    1 for each fact said rightly, -1 for each said wrongly, .5 for courtesy at the start, -.25 for each
    filler or fact said again, -1 for each piece that is none and for a missing end; -4 where a word is
    of another language, or there is none.

    Args:
        instruction: the English instruction.
        response: in ``language``.
        language: the language asked for.

    Examples:
        >>> quality("tell ada bonn 1848", "gladly who ada well where york .", "en")
        0.25
        >>> quality("tell ada bonn 1848", "gladly .", "xa")
        -4.0
    """
    words = decode(response, language).split()
    if not words or "?" in words:
        return FOREIGN
    total = POLITE if words[0] == COURTESY else 0.0
    total += 0.0 if words[-1] == END else BROKEN
    body = words[words[0] == COURTESY : len(words) - (words[-1] == END)]
    true, said = _facts(instruction), set[str]()
    while body:
        word, *body = body
        if word in KINDS and body and body[0] in KINDS[word]:
            total += IDLE if word in said else RIGHT if body[0] == true[word] else WRONG
            said.add(word)
            body = body[1:]
        else:
            total += IDLE if word in FILLERS else BROKEN
    return total


def preference(instruction: str, first: str, second: str, verbosity: float) -> float:
    """Return the probability that an English annotator prefers the first response.

    ``sigmoid(1.5 * difference in quality + verbosity * difference in words)``: people like long answers
    more than those are worth, which is what length control is for.

    Examples:
        >>> round(preference("tell ada bonn 1848", "well who ada .", "who ada .", 0.0), 2)
        0.41
        >>> round(preference("tell ada bonn 1848", "well who ada .", "who ada .", 0.5), 2)
        0.53
    """
    better = quality(instruction, first, "en") - quality(instruction, second, "en")
    longer = len(first.split()) - len(second.split())
    return 1 / (1 + math.exp(-1.5 * better - verbosity * longer))


@cache
def codes(language: str) -> Mapping[str, str]:
    """Return a language's word for each English word: made-up ones of its own syllables, and names as they are."""
    english = [ASKED, *KINDS, COURTESY, *FILLERS, END]
    names = {name: name for values in KINDS.values() for name in values}
    if language == "en":
        return names | {word: word for word in english}
    draw, words = random.Random(f"words {language}"), dict[str, None]()
    while len(words) < len(english):
        words["".join(draw.choice(SYLLABLES[language]) for _ in range(draw.choice((2, 3))))] = None
    return names | dict(zip(english, words, strict=True))


def _facts(instruction: str) -> dict[str, str]:
    return dict(zip(KINDS, instruction.split()[1:], strict=True))
