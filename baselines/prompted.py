"""Prompted: the syllable budget stated in a brevity-oriented prompt (arXiv 2601.10187, section 4.1, category 2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.asking import Answer, ask_chat, ask_completion, check_budget, line_decode, translations
from harness.budget_prompts import budget_prompt, instruction, middle, stated
from harness.llm.types import LLM, Decode
from harness.prompts import prompt_hash
from harness.records import Item, Translation
from harness.strategy import Setting, check_options


async def translate_to(
    setting: Setting, item: Item, llm: LLM, counts: Sequence[range], decode: Decode, repeat: int = 0
) -> Answer:
    """Ask once for a translation of an item whose lines have the stated syllable counts."""
    if llm.kind(setting.model) == "chat":
        extra = {setting.budget.unit: [stated(wanted) for wanted in counts]}
        return await ask_chat(setting, llm, instruction(setting.budget), item, extra, repeat)
    prompts = [
        budget_prompt(setting.budget, segment.text, middle(wanted))
        for segment, wanted in zip(item.segments, counts, strict=True)
    ]
    return await ask_completion(setting, llm, prompts, decode, repeat)


@dataclass(frozen=True, slots=True)
class Prompted:
    """One call an item that states each line's budget."""

    setting: Setting
    optimised_for: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Name and prompt hash."""
        return f"prompted,prompt={prompt_hash(*self.prompts)}"

    @property
    def prompts(self) -> tuple[str, ...]:
        """The instruction for chat models and the frame of the few-shot prompt."""
        return instruction(self.setting.budget), budget_prompt(self.setting.budget, "", 0)

    async def translate(self, item: Item, llm: LLM) -> Sequence[Translation]:
        """Translate an item with one call."""
        counts = [self.setting.budget.wanted(segment) for segment in item.segments]
        parsed, usage = await translate_to(self.setting, item, llm, counts, line_decode(self.setting))
        return translations(item, self.setting.seed, parsed, usage)


def build(setting: Setting) -> Prompted:
    """Build the strategy; it has no options."""
    check_options(setting.options, (), "prompted")
    check_budget(setting, "prompted")
    return Prompted(setting)
