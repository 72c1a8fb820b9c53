"""Prompted: the syllable budget stated in a brevity-oriented prompt (arXiv 2601.10187, section 4.1, category 2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.asking import Answer, ask_chat, ask_completion, budget_prompt, check_budget, line_decode, translations
from harness.languages import language
from harness.llm.types import LLM, Decode
from harness.prompts import prompt_hash
from harness.records import Item, Translation
from harness.strategy import Setting, check_options

TRANSLATE = "You translate the subtitles of a video from {source} into {target} under a hard limit on {limit}. "
SHORTEN = "You shorten the {target} subtitles of a video, in {target}, under a hard limit on {limit}. "
RULES = (
    "Every line states the number of {unit} its {target} translation must have, as in {example}. "
    "Be brief: keep the core event, names, numbers and negations, and drop the rest before you exceed the number. "
    "The context is only for understanding."
)


def instruction(setting: Setting) -> str:
    """Return the instruction for the setting's language pair."""
    budget = setting.budget
    text = (SHORTEN if budget.source == budget.target else TRANSLATE) + RULES
    return text.format(
        source=language(budget.source),
        target=language(budget.target),
        unit=budget.unit,
        limit="speaking time" if budget.unit == "syllables" else "length",
        example="at most 42" if budget.track == "reading_speed" else "10 or 10-12",
    )


def stated(counts: range) -> str:
    """Write admissible counts as a prompt states them.

    Examples:
        >>> stated(range(10, 11)), stated(range(16, 19)), stated(range(1, 43))
        ('10', '16-18', 'at most 42')
    """
    if counts[0] == 1 and len(counts) > 1:
        return f"at most {counts[-1]}"
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"


async def translate_to(
    setting: Setting, item: Item, llm: LLM, counts: Sequence[range], decode: Decode, repeat: int = 0
) -> Answer:
    """Ask once for a translation of an item whose lines have the stated syllable counts."""
    if llm.kind(setting.model) == "chat":
        extra = {setting.budget.unit: [stated(wanted) for wanted in counts]}
        return await ask_chat(setting, llm, instruction(setting), item, extra, repeat)
    prompts = [
        budget_prompt(setting, segment.text, middle(wanted))
        for segment, wanted in zip(item.segments, counts, strict=True)
    ]
    return await ask_completion(setting, llm, prompts, decode, repeat)


def middle(counts: range) -> int:
    """Return the one count that a completion model is told: the middle one, the last where any shorter one fits.

    Examples:
        >>> middle(range(16, 19)), middle(range(1, 43))
        (17, 42)
    """
    return counts[-1] if counts[0] == 1 else counts[len(counts) // 2]


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
        return instruction(self.setting), budget_prompt(self.setting, "", 0)

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
