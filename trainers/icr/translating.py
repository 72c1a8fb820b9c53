"""Responses translated to English for R_t, through the door."""

from collections.abc import Callable, Sequence

from harness.languages import language as name_of
from harness.llm.door import Door
from harness.llm.types import Decode, Message, Request
from trainers.icr.asking import ask_all

Translator = Callable[[Sequence[str], str], list[str | None]]
"""``translate(responses, language)``: English of each, None where there is none."""


def door_translator(door: Door, model: str, api_base: str | None, max_tokens: int) -> Translator:
    """Return a translator that asks a model through the door.

    Args:
        door: the way to the model.
        model: its name.
        api_base: its server, where it is not the provider's own.
        max_tokens: longest translation; one that is cut off there counts as none.

    Returns:
        The translator. It raises UserError where every call failed.
    """

    def translate(responses: Sequence[str], language: str) -> list[str | None]:
        asked = f"Translate this {name_of(language)} text to English. Answer with the translation alone.\n\n"
        decode = Decode(max_tokens, 0.0)
        there = [place for place, response in enumerate(responses) if response.strip()]
        requests = [
            Request(model, (Message("user", asked + responses[place]),), decode=decode, api_base=api_base)
            for place in there
        ]
        found: list[str | None] = [None] * len(responses)
        for place, answer in zip(there, ask_all(door, requests, "reward translation"), strict=True):
            if answer is not None and answer.finish == "stop":
                found[place] = answer.text.strip() or None
        return found

    return translate
