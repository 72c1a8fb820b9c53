"""Two translations of one line, compared in both orders; where the orders disagree, it is a tie.

``value`` is 1 where the first translation wins, .5 for a tie, 0 where the second wins.
``verdicts`` keeps what each order preferred by place, so that a judge that always likes
the first place shows.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.judges.core import Judgement, OneModel, Question, Setting, ask, joined, line_data, unparsable
from harness.judges.reading import Unreadable, read_object
from harness.judges.spec import check_options, choice
from harness.languages import language
from harness.llm.types import LLM
from harness.records import Segment

DIMENSIONS = {
    "comprehensive": "Take everything into account: accuracy, naturalness and expressive force.",
    "accuracy": "Accuracy alone counts: which says more truly what the source says?",
    "naturalness": "Naturalness alone counts: which would a native speaker rather say, here?",
    "vividness": "Vividness alone counts: which has more expressive force? Ignore accuracy.",
}
INSTRUCTION = """You compare two subtitle translations from {source} into {target}. "A" and "B" under \
"translations" are translations of "source"; lines around it, where given, are there to be understood. {dimension} \
Their order means nothing, and neither does their length."""
FORM = (
    'Answer with one JSON object and nothing else: {"better": "A"}, {"better": "B"}, or {"better": "tie"} where '
    "neither is better."
)
PLACES = {"A": "first", "B": "second", "tie": "tie"}


@dataclass(frozen=True)
class Pairwise(OneModel):
    """The judge."""

    dimension: str
    limits: tuple[float, float] = (0.0, 1.0)

    @property
    def name(self) -> str:
        """The kind and what counts."""
        return f"{self.setting.kind}_{self.dimension}"

    @property
    def line(self) -> str:
        """What determines a verdict."""
        return self.setting.line(self._instruction, FORM, dimension=self.dimension)

    @property
    def _instruction(self) -> str:
        return INSTRUCTION.format(
            source=language(self.setting.source),
            target=language(self.setting.target),
            dimension=DIMENSIONS[self.dimension],
        )

    async def compare(self, segment: Segment, first: str, second: str, llm: LLM, repeat: int = 0) -> Judgement:
        """Compare two translations of a line, in both orders.

        Args:
            segment: the source line with its context.
            first: a translation.
            second: another.
            llm: the door.
            repeat: number of an otherwise equal comparison.

        Returns:
            The judgement; equal texts are a tie that nobody is asked about.

        Raises:
            RunError: a call failed for good.
        """
        if first == second:
            return Judgement(0.5, "ok", verdicts=("tie", "tie"))
        found = await asyncio.gather(
            self._ask(segment, first, second, llm, repeat), self._ask(segment, second, first, llm, repeat)
        )
        if any(judgement.state != "ok" for judgement in found):
            return unparsable(tuple(found), "; ".join(judgement.reason for judgement in found if judgement.reason))
        verdicts = tuple(judgement.verdicts[0] for judgement in found)
        return replace(joined(tuple(found)), value=agreed(*verdicts), verdicts=verdicts)

    async def _ask(self, segment: Segment, a: str, b: str, llm: LLM, repeat: int) -> Judgement:
        data = line_data(self.setting, segment, translations={"A": a, "B": b})
        answer = await ask(self.setting, Question(self._instruction, FORM, data, read), llm, repeat)
        judgement = answer.judgement(0.0)
        return judgement if answer.value is None else replace(judgement, verdicts=(PLACES[answer.value],))


def read(text: str) -> str:
    """Read the letter of the better one, or ``tie``.

    Raises:
        Unreadable: anything else.

    Examples:
        >>> read('{"better": "A"}')
        'A'
    """
    better = read_object(text, ("better",))["better"]
    if better not in ("A", "B", "tie"):
        raise Unreadable("not A, B or tie")
    return str(better)


def agreed(once: str, swapped: str) -> float:
    """Return the value of two verdicts by place, the second one in swapped order.

    Examples:
        >>> agreed("first", "second"), agreed("second", "first"), agreed("first", "first"), agreed("first", "tie")
        (1.0, 0.0, 0.5, 0.5)
    """
    return {("first", "second"): 1.0, ("second", "first"): 0.0}.get((once, swapped), 0.5)


def tally(values: Iterable[float]) -> tuple[int, int, int]:
    """Count win : tie : loss of the first translations.

    Examples:
        >>> tally([1.0, 0.5, 1.0, 0.0])
        (2, 1, 1)
    """
    found = list(values)
    return found.count(1.0), found.count(0.5), found.count(0.0)


def build(setting: Setting) -> Pairwise:
    """Build the judge; option ``dimension``, comprehensive by default.

    Raises:
        UserError: another option, or no such dimension.
    """
    check_options(setting, "dimension")
    return Pairwise(setting, choice(setting, "dimension", tuple(DIMENSIONS)))
