"""The first pass: every line of a file translated by a strategy, batch after batch.

A batch is told the translations before it, the lines after it, the synopsis and the terms
that occur in it. Scenes run at the same time: the first batch of a scene is told the
source lines before it, for nobody waits for their translations. What a question holds
depends on the file, the options and the answers before it in its scene alone, never on
how many calls run at once, so that the same command finds its answers in the cache.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.embedders import Embedder
from harness.errors import RunError
from harness.llm.types import LLM
from harness.records import Item, Segment, Translation
from harness.strategy import Strategy
from harness.translating.asking import Around, Asking
from harness.translating.glossary import Learned, Term, occurring
from harness.translating.units import LETTER, Unit, scenes_of

HOPELESS = 3
"""Batches that failed, with none that did not, after which nothing more is asked."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How lines are put to a model: units in a batch, translated ones and source lines told with it."""

    size: int = 20
    history: int = 8
    ahead: int = 3


@dataclass
class FirstPass:
    """A first pass through files.

    Args:
        llm: the door.
        strategy: how a batch is translated.
        target: language of the translation.
        batching: how lines are put to the model.
        max_tokens: most output tokens of a call; 0 for a limit by length.
        tell_terms: whether names and terms are learned.
        embedder: tells by meaning whether texts stand at their own lines; None believes the ids.
        step: told of every unit that is done.
    """

    llm: LLM
    strategy: Strategy
    target: str
    batching: Batching
    max_tokens: int = 0
    tell_terms: bool = False
    embedder: Embedder | None = None
    step: Callable[[], None] = lambda: None
    _failed: int = field(default=0, init=False)
    _answered: bool = field(default=False, init=False)

    async def translate(
        self, units: Sequence[Unit], synopsis: str, terms: Sequence[Term], learned: Learned
    ) -> dict[str, Translation]:
        """Translate the units of one file.

        Args:
            units: what to translate, in time.
            synopsis: what the film is about.
            terms: terms known before.
            learned: takes the terms that the answers tell, scene by scene.

        Returns:
            A translation of every unit by its id; the state says what became of it.

        Raises:
            CostLimit: the next call could pass the cost limit; what was answered is kept.
        """
        spoken = [unit for unit in units if LETTER.search(unit.text)]
        made = {unit.id: Translation(unit.id, 1, unit.text, "ok") for unit in units}
        news = [Learned(terms) for _ in scenes_of(spoken)]
        done = await asyncio.gather(
            *(
                self._scene(scene, spoken, synopsis, terms, new)
                for scene, new in zip(scenes_of(spoken), news, strict=True)
            ),
            return_exceptions=True,
        )
        for scene in done:
            if isinstance(scene, BaseException):
                raise scene
            made |= {translation.id: translation for translation in scene}
        for new in news:
            learned.take(new.terms)
        return made

    async def _scene(
        self, scene: Sequence[Unit], units: Sequence[Unit], synopsis: str, terms: Sequence[Term], learned: Learned
    ) -> list[Translation]:
        history: list[tuple[str, str]] = []
        made: list[Translation] = []
        first = units.index(scene[0])
        for start in range(0, len(scene), self.batching.size):
            batch = scene[start : start + self.batching.size]
            known = occurring((*terms, *learned.terms), "\n".join(unit.text for unit in batch))
            told = history[max(0, len(history) - self.batching.history) :]
            around = Around(synopsis, known, tuple(told), self.tell_terms)
            asking = Asking(self.llm, self.target, around, self.max_tokens, self.embedder)
            translations = await self._batch(self._item(units, first + start, len(batch), not history), asking)
            pairs = {
                unit.text: translation.text
                for unit, translation in zip(batch, translations, strict=True)
                if translation.state == "ok"
            }
            history += pairs.items()
            learned.add(asking.terms, pairs)
            made += translations
            for _ in batch:
                self.step()
        return made

    async def _batch(self, item: Item, asking: Asking) -> list[Translation]:
        try:
            if self._failed >= HOPELESS and not self._answered:
                raise RunError(f"not asked, after {HOPELESS} batches failed and none was answered")
            made = list(await self.strategy.translate(item, asking))
            self._answered = True
            return made
        except RunError as error:
            self._failed += 1
            return [Translation(segment.id, 1, "", "failed", str(error)) for segment in item.segments]

    def _item(self, units: Sequence[Unit], first: int, size: int, alone: bool) -> Item:
        """Return units as an item, with the lines after it, and before it where no translations can be told."""
        stop, ahead = first + size, self.batching.ahead
        before = tuple(unit.text for unit in units[max(0, first - ahead) : first]) if alone else ()
        after = tuple(unit.text for unit in units[stop : stop + ahead])
        last = stop - 1
        return Item(
            units[first].id,
            tuple(
                Segment(
                    unit.id,
                    unit.text,
                    "film",
                    before=before if place == first else (),
                    after=after if place == last else (),
                    start=unit.start,
                    end=unit.end,
                )
                for place, unit in enumerate(units[first:stop], start=first)
            ),
        )
