"""Unconstrained: plain translation with standard decoding (arXiv 2601.10187, section 4.1, category 1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.asking import Answer, ask_chat, ask_completion, line_decode, plain_prompt, translations
from harness.budget_prompts import plain_instruction
from harness.errors import UserError
from harness.llm.types import LLM
from harness.prompts import prompt_hash
from harness.records import Item, Translation
from harness.strategy import Setting, check_options


async def translate_plainly(setting: Setting, item: Item, llm: LLM) -> Answer:
    """Ask once for a plain translation of an item."""
    if llm.kind(setting.model) == "chat":
        return await ask_chat(setting, llm, plain_instruction(setting.budget), item)
    prompts = [plain_prompt(setting, segment.text) for segment in item.segments]
    return await ask_completion(setting, llm, prompts, line_decode(setting))


@dataclass(frozen=True, slots=True)
class Unconstrained:
    """One call an item, no word about length."""

    setting: Setting
    optimised_for: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Name and prompt hash."""
        return f"unconstrained,prompt={prompt_hash(*self.prompts)}"

    @property
    def prompts(self) -> tuple[str, ...]:
        """The instruction for chat models and the frame of the few-shot prompt."""
        return plain_instruction(self.setting.budget), plain_prompt(self.setting, "")

    async def translate(self, item: Item, llm: LLM) -> Sequence[Translation]:
        """Translate an item with one call."""
        parsed, usage = await translate_plainly(self.setting, item, llm)
        return translations(item, self.setting.seed, parsed, usage)


def build(setting: Setting) -> Unconstrained:
    """Build the strategy; it has no options."""
    check_options(setting.options, (), "unconstrained")
    if setting.budget.source == setting.budget.target:
        raise UserError("unconstrained translates, and here nothing is translated.", "Use prompted.")
    return Unconstrained(setting)
