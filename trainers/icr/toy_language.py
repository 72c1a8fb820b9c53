"""A small instruction language in several "languages", with responses whose quality is known exactly.

An instruction names a colour, a food and a home, and a response says them in any order, or some of them::

    describe red fish woods   ->   gladly   home woods   well   colour red   food fish   .
                                   courtesy fact         filler fact         fact        end

The other languages are word-for-word codes of the English one, without a word in common. The quality
of a response counts what it says rightly and takes off what it says wrongly or for nothing.
"""

import itertools
import math
import random
from collections.abc import Mapping
from functools import cache

LANGUAGES = ("en", "xa", "xb", "xc")
KINDS: Mapping[str, tuple[str, ...]] = {
    "colour": ("red", "blue", "green", "grey", "white", "brown"),
    "food": ("fish", "grass", "fruit", "seeds", "meat", "honey"),
    "home": ("woods", "river", "desert", "cave", "meadow", "coast"),
}
ASKED, COURTESY, FILLERS, END = "describe", "gladly", ("well", "so", "indeed"), "."
SYLLABLES: Mapping[str, tuple[str, ...]] = {
    "xa": ("ka", "lo", "mi", "ru", "te", "so"),
    "xb": ("dral", "shen", "vork", "plim", "gost", "thru"),
    "xc": ("a", "e", "yu", "oi", "wa", "na"),
}
RIGHT, WRONG, POLITE, IDLE, AGAIN, BROKEN, FOREIGN = 1.0, -1.0, 0.5, -0.25, -0.75, -1.0, -4.0


def instructions() -> list[str]:
    """Return every English instruction, in order.

    Examples:
        >>> len(instructions()), instructions()[0]
        (216, 'describe red fish woods')
    """
    return [" ".join((ASKED, *values)) for values in itertools.product(*KINDS.values())]


def vocabulary() -> list[str]:
    """Return the words of all languages."""
    return [word for language in LANGUAGES for word in codes(language).values()]


def encode(text: str, language: str) -> str:
    """Say an English text in another language, word for word.

    Examples:
        >>> decode(encode("gladly colour red .", "xa"), "xa")
        'gladly colour red .'
        >>> encode("gladly", "xa") != "gladly" == encode("gladly", "en")
        True
    """
    return " ".join(codes(language)[word] for word in text.split())


def decode(text: str, language: str) -> str:
    """Say a text in English; a word that is not of its language becomes ``?``.

    Examples:
        >>> decode("red", "xa")
        '?'
    """
    english = {code: word for word, code in codes(language).items()}
    return " ".join(english.get(word, "?") for word in text.split())


def write_response(instruction: str, draw: random.Random) -> str:
    """Write an English response of mixed quality, as people do: the data of the SFT stage.

    One to three facts, each right with probability .75, and one of them again with .2; courtesy with .3; a
    filler before a fact with .25.
    """
    true = _facts(instruction)
    pieces = [COURTESY] if draw.random() < 0.3 else []
    said = draw.sample(list(KINDS), draw.choice((1, 2, 3)))
    for kind in [*said, *([draw.choice(said)] if draw.random() < 0.2 else [])]:
        if draw.random() < 0.25:
            pieces.append(draw.choice(FILLERS))
        others = [value for value in KINDS[kind] if value != true[kind]]
        pieces.append(f"{kind} {true[kind] if draw.random() < 0.75 else draw.choice(others)}")
    return " ".join([*pieces, END])


def quality(instruction: str, response: str, language: str) -> float:
    """Return how good a response is.

    1 for each fact said rightly, -1 for each said wrongly, .5 for courtesy at the start, -.25 for each
    filler, -.75 for each fact said again, -1 for each piece that is none and for a missing end; -4 where a word is
    of another language, or there is none.

    Args:
        instruction: the English instruction.
        response: in ``language``.
        language: the language asked for.

    Examples:
        >>> quality("describe red fish woods", "gladly colour red well food meat .", "en")
        0.25
        >>> quality("describe red fish woods", "gladly .", "xa")
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
            total += AGAIN if word in said else RIGHT if body[0] == true[word] else WRONG
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
        >>> round(preference("describe red fish woods", "well colour red .", "colour red .", 0.0), 2)
        0.41
        >>> round(preference("describe red fish woods", "well colour red .", "colour red .", 0.5), 2)
        0.53
    """
    better = quality(instruction, first, "en") - quality(instruction, second, "en")
    longer = len(first.split()) - len(second.split())
    return 1 / (1 + math.exp(-1.5 * better - verbosity * longer))


@cache
def codes(language: str) -> Mapping[str, str]:
    """Return a language's word for each English word: made-up words of its own syllables."""
    english = [ASKED, *KINDS, *(value for values in KINDS.values() for value in values), COURTESY, *FILLERS, END]
    if language == "en":
        return {word: word for word in english}
    draw, words = random.Random(f"words {language}"), dict[str, None]()
    while len(words) < len(english):
        words["".join(draw.choice(SYLLABLES[language]) for _ in range(draw.choice((2, 3))))] = None
    return dict(zip(english, words, strict=True))


def _facts(instruction: str) -> dict[str, str]:
    return dict(zip(KINDS, instruction.split()[1:], strict=True))
