"""MuSC: a chunk of numbered lines with its terms and context, exactly as many lines out.

The task format of MuSC and ALPO; a task of it gives 25 lines in one prompt and 5 lines of
context on each side. Terms of the lines, where the task has any, are stated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.asking import translations
from harness import numbered
from harness.errors import UserError
from harness.languages import language
from harness.llm.types import LLM, Request
from harness.prompts import prompt_hash
from harness.records import Item, Translation
from harness.strategy import Setting, check_options

INSTRUCTION = (
    "You translate the subtitles of a film or series from {source} into {target}, as a viewer wants to read them: "
    "what is said, in natural, vivid {target} speech that fits the character and the moment. "
    "Use the terms as given; lines before and after are only for understanding."
)


def instruction(setting: Setting) -> str:
    """Return the instruction for the setting's language pair."""
    return INSTRUCTION.format(source=language(setting.budget.source), target=language(setting.budget.target))


@dataclass(frozen=True, slots=True)
class Musc:
    """One call a chunk, in numbered lines."""

    setting: Setting
    optimised_for: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Name and prompt hash."""
        return f"musc,prompt={prompt_hash(*self.prompts)}"

    @property
    def prompts(self) -> tuple[str, ...]:
        """The instruction and the form of the answer."""
        return instruction(self.setting), numbered.FORM

    async def translate(self, item: Item, llm: LLM) -> Sequence[Translation]:
        """Translate a chunk with one call."""
        setting, decode = self.setting, self.setting.decode
        terms = tuple(dict.fromkeys(term for segment in item.segments for term in segment.terms))
        messages = numbered.chat(instruction(setting), item, terms)
        request = Request(setting.model, messages=messages, decode=decode, seed=setting.seed, api_base=setting.api_base)
        response = await llm.complete(request, role="system", stage="translate")
        parsed = numbered.read(response, len(item.segments), setting.budget.target, decode.max_tokens)
        return translations(item, setting.seed, parsed, response.usage)


def build(setting: Setting) -> Musc:
    """Build the strategy; it has no options.

    Raises:
        UserError: the embedded model, which continues text and cannot be asked.
    """
    check_options(setting.options, (), "musc")
    if setting.model.startswith("local/"):
        raise UserError(f"musc cannot ask {setting.model}, which takes no instructions.", "Use unconstrained.")
    return Musc(setting)
