"""What a response is rewarded under: ``G(x)``, the English instruction with a request for the language."""

from collections.abc import Mapping
from typing import Literal

from harness.languages import language as name_of

REQUEST = (
    "Please answer the following instruction using only {language}, "
    "unless explicitly instructed to respond in a different language.\n\n"
)
"""As released with the paper (ZNLP/Implicit-Cross-Lingual-Rewarding at 168a420, ``utils/inference.py``)."""
ENGLISH = "en"

Reward = Literal["cross_lingual", "multilingual", "translated"]
"""R_c (the paper's method), R_m and R_t."""


def request_language(instruction: str, language: str, request: str = REQUEST) -> str:
    r"""Return ``G(x)``: an English instruction, to be answered in ``language`` alone.

    Args:
        instruction: x_en, the English instruction.
        language: code of the language to answer in; English needs no request.
        request: put before it, with ``{language}`` for the language's English name.

    Examples:
        >>> request_language("Name a river.", "de").split("\n\n")[1]
        'Name a river.'
        >>> request_language("Name a river.", "de", "In {language}: "), request_language("Name a river.", "en")
        ('In German: Name a river.', 'Name a river.')
    """
    return instruction if language == ENGLISH else request.replace("{language}", name_of(language)) + instruction


def rewarded_prompt(reward: Reward, instructions: Mapping[str, str], language: str, request: str = REQUEST) -> str:
    """Return the prompt under which a response in ``language`` is rewarded.

    R_c: ``G(x)``. R_m: the instruction in that language. R_t: the English instruction, since the response is
    translated to English.

    Args:
        reward: which.
        instructions: the parallel instruction by language.
        language: of the response.
        request: as of ``request_language``.

    Examples:
        >>> x = {"en": "Name a river.", "de": "Nenne einen Fluss."}
        >>> rewarded_prompt("cross_lingual", x, "de", "In {language}: ")
        'In German: Name a river.'
        >>> rewarded_prompt("multilingual", x, "de"), rewarded_prompt("translated", x, "de")
        ('Nenne einen Fluss.', 'Name a river.')
    """
    if reward == "multilingual":
        return instructions[language]
    if reward == "translated":
        return instructions[ENGLISH]
    return request_language(instructions[ENGLISH], language, request)
