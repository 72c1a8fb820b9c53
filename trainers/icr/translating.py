"""Responses translated to English for R_t, through the door."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from harness.errors import RunError
from harness.languages import language as name_of

Translator = Callable[[Sequence[str], str], list[str | None]]
"""``translate(responses, language)``: English of each, None where there is none."""


def door_translator(door: Any, model: str, api_base: str | None, max_tokens: int) -> Translator:
    """Return a translator that asks a model through the door.

    Args:
        door: the way to the model.
        model: its name.
        api_base: its server, where it is not the provider's own.
        max_tokens: longest translation; one that is cut off there counts as none.
    """

    def translate(responses: Sequence[str], language: str) -> list[str | None]:
        return asyncio.run(_all(responses, language))

    async def _all(responses: Sequence[str], language: str) -> list[str | None]:
        return list(await asyncio.gather(*(_one(response, language) for response in responses)))

    async def _one(response: str, language: str) -> str | None:
        from harness.llm.types import Decode, Message, Request

        if not response.strip():
            return None
        asked = f"Translate this {name_of(language)} text to English. Answer with the translation alone.\n\n{response}"
        request = Request(model, (Message("user", asked),), decode=Decode(max_tokens, 0.0), api_base=api_base)
        try:
            answer = await door.complete(request, role="system", stage="reward translation")
        except RunError:
            return None
        return answer.text.strip() or None if answer.finish == "stop" else None

    return translate
