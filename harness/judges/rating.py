"""Rating one dimension of a line or of a chunk of lines, on any of the scales.

One call asks about one dimension. A chunk (consecutive lines of one video, with an
optional list of terms) gets one value, as in the MuSC evaluation; a line is rated
within its context.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.judges import scales
from harness.judges.core import Judgement, OneModel, Question, Setting, ask, line_data
from harness.judges.spec import check_options, choice
from harness.languages import language
from harness.llm.types import LLM
from harness.records import Segment

INSTRUCTION = "You judge the {name} of a subtitle translation from {source} into {target}. {task} {unit}"
LINE = 'Judge "translation", the translation of "source"; lines around it, where given, are there to be understood.'
CHUNK = (
    'Judge the translations of all "lines" together, with one answer for the whole; "terms", where given, says how '
    "terms are to be translated."
)


@dataclass(frozen=True, slots=True)
class Dimension:
    """What is rated.

    Attributes:
        name: the dimension.
        task: what counts, and what does not.
        anchors: what the best, the middle and the worst value mean.
        questions: the checklist, each asked so that yes is good.
    """

    name: str
    task: str
    anchors: tuple[str, str, str]
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Rating(OneModel):
    """A judge of one dimension."""

    dimension: Dimension
    scale: str
    limits: tuple[float, float] = (0.0, 100.0)

    @property
    def name(self) -> str:
        """The kind, and the scale where it is not 100."""
        return self.setting.kind if self.scale == "100" else f"{self.setting.kind}_{self.scale}"

    @property
    def line(self) -> str:
        """What determines a verdict."""
        return self.setting.line(self._instruction(LINE), self._instruction(CHUNK), self._form(), scale=self.scale)

    async def judge(self, segment: Segment, hypothesis: str, llm: LLM, repeat: int = 0) -> Judgement:
        """Rate one line; see ``Judge.judge``."""
        data = line_data(self.setting, segment, translation=hypothesis)
        return await self._rate(self._instruction(LINE), data, llm, repeat)

    async def judge_chunk(
        self, segments: Sequence[Segment], hypotheses: Sequence[str], llm: LLM, repeat: int = 0
    ) -> Judgement:
        """Rate consecutive lines together, the terms of the lines included.

        Args:
            segments: the lines; context is taken before the first and after the last.
            hypotheses: one translation a line.
            llm: the door.
            repeat: number of an otherwise equal judgement.

        Returns:
            One judgement for the chunk.

        Raises:
            RunError: a call failed for good.
        """
        pairs = zip(segments, hypotheses, strict=True)
        data: dict[str, Any] = {"context_before": list(segments[0].before)} if segments[0].before else {}
        data["lines"] = [
            {"id": number, "source": segment.text, "translation": hypothesis}
            for number, (segment, hypothesis) in enumerate(pairs, 1)
        ]
        if segments[-1].after:
            data["context_after"] = list(segments[-1].after)
        if terms := dict(term for segment in segments for term in segment.terms):
            data["terms"] = terms
        return await self._rate(self._instruction(CHUNK), data, llm, repeat)

    async def _rate(self, instruction: str, data: dict[str, Any], llm: LLM, repeat: int) -> Judgement:
        count = len(self.dimension.questions)
        question = Question(instruction, self._form(), data, lambda text: scales.read(text, self.scale, count))
        answer = await ask(self.setting, question, llm, repeat)
        return answer.judgement(answer.value)

    def _instruction(self, unit: str) -> str:
        return INSTRUCTION.format(
            name=self.dimension.name,
            source=language(self.setting.source),
            target=language(self.setting.target),
            task=self.dimension.task,
            unit=unit,
        )

    def _form(self) -> str:
        return scales.form(self.scale, self.dimension.anchors, self.dimension.questions)


def build(setting: Setting, dimension: Dimension) -> Rating:
    """Build the judge of a dimension; its option is ``scale``.

    Raises:
        UserError: another option, or no such scale.
    """
    check_options(setting, "scale")
    return Rating(setting, dimension, choice(setting, "scale", scales.SCALES))
