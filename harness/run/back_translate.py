"""Back-translation: the hypothesis into the source language, without source-side context.

One fixed model for all systems, of another family than theirs (``validity.md``,
rule 1); context would let it restore what the system lost.
"""

from dataclasses import replace

from harness.examples import examples
from harness.languages import language
from harness.llm.types import LLM, Decode, Request, Role
from harness.prompts import Parsed, chat, few_shot, parse_chat, parse_line
from harness.records import BackTranslation, Item, Segment, Translation, Usage

INSTRUCTION = (
    "Translate the subtitle line from {source} into {target}, literally and completely: "
    "add nothing, leave nothing out, and do not guess what is not said."
)
DECODE = Decode(max_tokens=512, temperature=0.0)
LINE = replace(DECODE, max_tokens=64, stop=("\n",))
SEED = 1


async def back_translate_text(
    text: str,
    from_language: str,
    into: str,
    model: str,
    api_base: str | None,
    llm: LLM,
    role: Role,
    *,
    before: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
) -> tuple[Parsed, Usage]:
    """Translate one hypothesis back.

    Args:
        text: the hypothesis.
        from_language: its language.
        into: the source's language.
        model: the back-translator.
        api_base: its server, where it is not the provider's own.
        llm: the door.
        role: who pays: the protocol (``back_translator``), or a strategy's selector (``system``).
        before: lines before it, for rewards that show them to a chat model; a protocol never does.
        after: lines after it, likewise.

    Returns:
        The parsed line and the call's usage.

    Raises:
        RunError: the call failed for good.
    """
    if llm.kind(model) == "chat":
        item = Item("", (Segment("", text, "", before=before, after=after),))
        messages = chat(instruction(from_language, into), item)
        request = Request(model, messages=messages, decode=DECODE, seed=SEED, api_base=api_base)
        response = await llm.complete(request, role=role, stage="back_translate")
        return parse_chat(response, 1, into, DECODE.max_tokens)[0], response.usage
    prompt = _few_shot(text, from_language, into)
    response = await llm.complete(
        Request(model, prompt=prompt, decode=LINE, seed=SEED), role=role, stage="back_translate"
    )
    return parse_line(response, into)[0], response.usage


async def back_translate(
    translation: Translation, from_language: str, into: str, model: str, api_base: str | None, llm: LLM
) -> BackTranslation:
    """Translate a hypothesis back and record it; see ``back_translate_text``."""
    parsed, usage = await back_translate_text(
        translation.text, from_language, into, model, api_base, llm, "back_translator"
    )
    return BackTranslation(translation.id, translation.seed, parsed.text, parsed.state, parsed.detail, usage)


def instruction(from_language: str, into: str) -> str:
    """Return the instruction for a language pair."""
    return INSTRUCTION.format(source=language(from_language), target=language(into))


def _few_shot(text: str, from_language: str, into: str) -> str:
    pairs = [(example.full[from_language], example.full[into]) for example in examples(from_language, into)]
    return few_shot(pairs, (language(from_language), language(into)), text)


def prompts(from_language: str, into: str) -> tuple[str, ...]:
    """Return the prompt texts and decodings whose hash is part of the protocol."""
    return instruction(from_language, into), _few_shot("", from_language, into), DECODE.line(), LINE.line()
