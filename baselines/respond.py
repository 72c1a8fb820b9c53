"""Respond: the instruction as it stands, and the answer as it comes (X-AlpacaEval).

No prompt of ours stands around it. X-AlpacaEval decodes with ``--temperature .6 --top-p .9
--max-tokens 2048``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.llm.types import LLM, Message, Request, Response
from harness.prompts import HARNESS_LIMIT, Parsed, prompt_hash
from harness.records import Item, Translation
from harness.strategy import Setting, check_options


def parse(response: Response) -> Parsed:
    r"""Read an answer into a state; its language is for the judge to weigh.

    Examples:
        >>> from harness.records import Usage
        >>> parse(Response(" Hi\nthere ", "stop", Usage())).text, parse(Response("", "stop", Usage())).state
        ('Hi\nthere', 'empty')
    """
    text = response.text.strip()
    if response.finish == "refusal":
        return Parsed(text, "refused", "the provider says so")
    if response.finish == "length":
        return Parsed(text, "truncated", HARNESS_LIMIT)
    return Parsed(text, "ok") if text else Parsed("", "empty", "no visible text")


@dataclass(frozen=True, slots=True)
class Respond:
    """One call an instruction."""

    setting: Setting
    optimised_for: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ("{instruction}",)
    task_kind: str = "instructions"

    @property
    def line(self) -> str:
        """Name and prompt hash."""
        return f"respond,prompt={prompt_hash(*self.prompts)}"

    async def translate(self, item: Item, llm: LLM) -> Sequence[Translation]:
        """Answer each instruction of an item by itself."""
        return [await self._answer(item, number, llm) for number in range(len(item.segments))]

    async def _answer(self, item: Item, number: int, llm: LLM) -> Translation:
        segment, setting = item.segments[number], self.setting
        chat = llm.kind(setting.model) == "chat"
        request = Request(
            setting.model,
            messages=(Message("user", segment.text),) if chat else (),
            prompt="" if chat else f"{segment.text}\n\n",
            decode=setting.decode,
            seed=setting.seed,
            api_base=setting.api_base,
        )
        response = await llm.complete(request, role="system", stage="respond")
        parsed = parse(response)
        return Translation(segment.id, setting.seed, parsed.text, parsed.state, parsed.detail, response.usage)


def build(setting: Setting) -> Respond:
    """Build the strategy; it has no options."""
    check_options(setting.options, (), "respond")
    return Respond(setting)
