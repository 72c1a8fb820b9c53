"""Translate and modify: a plain translation, then a second call that rewrites it to the budget.

arXiv 2601.10187, section 4.1, category 4. A draft that already is within its budget is
kept and not paid for twice; the last call's state is the line's state.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.asking import Answer, ask_chat, ask_completion, check_budget, line_decode, plain_prompt, translations
from baselines.unconstrained import translate_plainly
from harness.budget_prompts import middle, plain_instruction, stated
from harness.errors import UserError
from harness.examples import examples
from harness.languages import language
from harness.llm.types import LLM
from harness.prompts import Parsed, few_shot, prompt_hash
from harness.records import Candidate, Item, Translation
from harness.strategy import Setting, check_options

INSTRUCTION = (
    "You shorten or lengthen {target} subtitles so that they can be {used} in time. Every line has its {source} "
    "source text, a draft in {target}, and the number of {unit} the final {target} line must have, as in {example}. "
    "Rewrite the draft to that number; keep the core event, names, numbers and negations."
)


def instruction(setting: Setting) -> str:
    """Return the instruction for the setting's language pair."""
    budget = setting.budget
    return INSTRUCTION.format(
        source=language(budget.source),
        target=language(budget.target),
        used="spoken" if budget.unit == "syllables" else "read",
        unit=budget.unit,
        example="at most 42" if budget.track == "reading_speed" else "10 or 10-12",
    )


def rewrite_prompt(setting: Setting, draft: str, amount: int) -> str:
    """Return the few-shot prompt that rewrites a draft to a stated length."""
    target, budget = setting.budget.target, setting.budget
    name = language(target)
    pairs = [(e.full[target], e.short.get(target, e.full[target])) for e in examples(target, target)]
    counted = [(full, f"({budget.amount(short)} {budget.unit}) {short}") for full, short in pairs]
    return few_shot(counted, (name, f"Short {name}"), draft) + f" ({amount} {budget.unit})"


async def rewrite(setting: Setting, item: Item, drafts: Sequence[str], llm: LLM) -> Answer:
    """Ask once for drafts rewritten to their budgets."""
    counts = [setting.budget.wanted(segment) for segment in item.segments]
    if llm.kind(setting.model) == "chat":
        extra = {"draft": list(drafts), setting.budget.unit: [stated(wanted) for wanted in counts]}
        return await ask_chat(setting, llm, instruction(setting), item, extra)
    prompts = [rewrite_prompt(setting, draft, middle(counts[n])) for n, draft in enumerate(drafts)]
    return await ask_completion(setting, llm, prompts, line_decode(setting))


@dataclass(frozen=True, slots=True)
class TranslateModify:
    """Two calls an item at most: translate, then rewrite the lines out of their budget."""

    setting: Setting
    optimised_for: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Name and prompt hash."""
        return f"translate_modify,prompt={prompt_hash(*self.prompts)}"

    @property
    def prompts(self) -> tuple[str, ...]:
        """Instructions and few-shot frames of both calls."""
        first = (plain_instruction(self.setting.budget), plain_prompt(self.setting, ""))
        return (*first, instruction(self.setting), rewrite_prompt(self.setting, "", 0))

    async def translate(self, item: Item, llm: LLM) -> Sequence[Translation]:
        """Translate an item, then rewrite what does not fit."""
        budget = self.setting.budget
        drafts, usage = await translate_plainly(self.setting, item, llm)
        final: list[Parsed] = list(drafts)
        misfits = [
            number
            for number, (segment, draft) in enumerate(zip(item.segments, drafts, strict=True))
            if draft.state == "ok" and budget.error(segment, draft.text)
        ]
        if misfits:
            part = Item(item.id, tuple(item.segments[number] for number in misfits))
            rewritten, more = await rewrite(self.setting, part, [drafts[number].text for number in misfits], llm)
            usage += more
            for number, line in zip(misfits, rewritten, strict=True):
                final[number] = line
        shown = [(Candidate(draft.text, draft.state, budget.amount(draft.text)),) for draft in drafts]
        return translations(item, self.setting.seed, final, usage, shown)


def build(setting: Setting) -> TranslateModify:
    """Build the strategy; it has no options."""
    check_options(setting.options, (), "translate_modify")
    check_budget(setting, "translate_modify")
    if setting.budget.source == setting.budget.target:
        raise UserError("translate_modify translates first, and here nothing is translated.", "Use prompted.")
    return TranslateModify(setting)
