"""One question of a strategy to its model: build the prompt, ask, parse, count."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.errors import UserError
from harness.examples import examples
from harness.languages import language
from harness.llm.types import LLM, Decode, Request
from harness.prompts import Parsed, chat, few_shot, parse_chat, parse_line
from harness.records import Candidate, Item, Translation, Usage
from harness.strategy import Setting

LINE_TOKENS = 64
SENTENCE_TOKENS = 512
"""Most tokens a completion model may write for one subtitle line, and for a sentence of written text."""

Answer = tuple[tuple[Parsed, ...], Usage]


async def ask_chat(
    setting: Setting,
    llm: LLM,
    instruction: str,
    item: Item,
    extra: Mapping[str, Sequence[Any]] | None = None,
    repeat: int = 0,
) -> Answer:
    """Ask a chat model for the translation of an item.

    Args:
        setting: model, budget and decoding.
        llm: the door.
        instruction: what to do.
        item: lines and their context.
        extra: further columns of the lines.
        repeat: number of an otherwise equal request.

    Returns:
        The parsed lines and the call's usage.
    """
    request = Request(
        setting.model,
        messages=chat(instruction, item, extra),
        decode=setting.decode,
        seed=setting.seed,
        repeat=repeat,
        api_base=setting.api_base,
    )
    response = await llm.complete(request, role="system", stage="translate")
    return parse_chat(response, len(item.segments), setting.budget.target, setting.decode.max_tokens), response.usage


async def ask_completion(setting: Setting, llm: LLM, prompts: Sequence[str], decode: Decode, repeat: int = 0) -> Answer:
    """Ask a completion model for lines, one call each.

    Args:
        setting: model and budget.
        llm: the door.
        prompts: one few-shot prompt a line.
        decode: decoding parameters.
        repeat: number of an otherwise equal request.

    Returns:
        The parsed lines and the usage of all calls.
    """
    parsed: list[Parsed] = []
    usage = Usage()
    for prompt in prompts:
        request = Request(setting.model, prompt=prompt, decode=decode, seed=setting.seed, repeat=repeat)
        response = await llm.complete(request, role="system", stage="translate")
        parsed += parse_line(response, setting.budget.target)
        usage += response.usage
    return tuple(parsed), usage


def line_decode(setting: Setting) -> Decode:
    """Return the decoding for one line of a completion model: stop at its end."""
    most = SENTENCE_TOKENS if setting.budget.track in ("isometric", "none") else LINE_TOKENS
    return replace(setting.decode, max_tokens=min(setting.decode.max_tokens, most), stop=("\n",))


def plain_prompt(setting: Setting, text: str) -> str:
    """Return the few-shot prompt for a plain translation of one line."""
    source, target = setting.budget.source, setting.budget.target
    pairs = [(e.full[source], e.full[target]) for e in examples(source, target)]
    return few_shot(pairs, (language(source), language(target)), text)


def check_budget(setting: Setting, strategy: str) -> None:
    """Refuse a strategy that states a budget where the task has none.

    Raises:
        UserError: there is no budget.
    """
    if setting.budget.track == "none":
        raise UserError(f"{strategy} states a length, and this task sets none.", "Use unconstrained.")


def translations(
    item: Item,
    seed: int,
    parsed: Sequence[Parsed],
    usage: Usage,
    candidates: Sequence[Sequence[Candidate]] | None = None,
) -> tuple[Translation, ...]:
    """Turn parsed lines into translations; the first segment carries the item's usage."""
    return tuple(
        Translation(
            segment.id,
            seed,
            line.text,
            line.state,
            line.detail,
            usage if number == 0 else Usage(),
            tuple(candidates[number]) if candidates is not None else (),
        )
        for number, (segment, line) in enumerate(zip(item.segments, parsed, strict=True))
    )
