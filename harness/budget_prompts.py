"""Prompts that state a budget: what chat models are told, and the few-shot frame of completion models; one states none.

Strategies ask with them and trainers train on them, so that a model is trained on what it will be asked.
"""

from harness.budget import Budget
from harness.examples import examples
from harness.languages import language
from harness.prompts import one_line

PLAIN = (
    "You translate the subtitles of a video from {source} into {target}. "
    "Translate each line faithfully and naturally; the context is only for understanding."
)
TRANSLATE = "You translate the subtitles of a video from {source} into {target} under a hard limit on {limit}. "
SHORTEN = "You shorten the {target} subtitles of a video, in {target}, under a hard limit on {limit}. "
RULES = (
    "Every line states the number of {unit} its {target} translation must have, as in {example}. "
    "Be brief: keep the core event, names, numbers and negations, and drop the rest before you exceed the number. "
    "The context is only for understanding."
)


def instruction(budget: Budget) -> str:
    """Return the instruction for chat models, for the budget's language pair."""
    text = (SHORTEN if budget.source == budget.target else TRANSLATE) + RULES
    return text.format(
        source=language(budget.source),
        target=language(budget.target),
        unit=budget.unit,
        limit="speaking time" if budget.unit == "syllables" else "length",
        example="at most 42" if budget.track == "reading_speed" else "10 or 10-12",
    )


def plain_instruction(budget: Budget) -> str:
    """Return the instruction that says nothing about length, for the budget's language pair."""
    return PLAIN.format(source=language(budget.source), target=language(budget.target))


def stated(counts: range) -> str:
    """Write admissible counts as a prompt states them.

    Examples:
        >>> stated(range(10, 11)), stated(range(16, 19)), stated(range(1, 43))
        ('10', '16-18', 'at most 42')
    """
    if counts[0] == 1 and len(counts) > 1:
        return f"at most {counts[-1]}"
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"


def middle(counts: range) -> int:
    """Return the one count that a completion model is told: the middle one, the last where any shorter one fits.

    Examples:
        >>> middle(range(16, 19)), middle(range(1, 43))
        (17, 42)
    """
    return counts[-1] if counts[0] == 1 else counts[len(counts) // 2]


def budget_prompt(budget: Budget, text: str, amount: int) -> str:
    """Return the few-shot prompt that a completion model continues with a translation of a stated length."""
    source, name, unit = language(budget.source), language(budget.target), budget.unit
    shown = "".join(
        f"{source}: {example.full[budget.source]}\n{name} ({budget.amount(short)} {unit}): {short}\n\n"
        for example in examples(budget.source, budget.target)
        for short in (example.short.get(budget.target, example.full[budget.target]),)
    )
    return f"{shown}{source}: {one_line(text)}\n{name} ({amount} {unit}):"
