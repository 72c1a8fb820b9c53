"""A judge of one question that is answered by 0 or 1."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.judges.core import Judgement, OneModel, Question, ask, line_data
from harness.llm.types import LLM
from harness.records import Segment


@dataclass(frozen=True)
class Binary(OneModel):
    """The judge; ``read`` raises ``Unreadable``."""

    instruction: str
    form: str
    read: Callable[[str], float]
    limits: tuple[float, float] = (0.0, 1.0)

    @property
    def line(self) -> str:
        """What determines a verdict."""
        return self.setting.line(self.instruction, self.form)

    async def judge(self, segment: Segment, hypothesis: str, llm: LLM, repeat: int = 0) -> Judgement:
        """Judge one hypothesis; see ``Judge.judge``."""
        data = line_data(self.setting, segment, translation=hypothesis)
        answer = await ask(self.setting, Question(self.instruction, self.form, data, self.read), llm, repeat)
        return answer.judgement(answer.value)
