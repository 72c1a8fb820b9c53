"""Well-formedness: grammatical and readable, 0 or 1 (arXiv 2601.10187, appendix I).

The wording of the criteria is the paper's; text, context and translation travel as
JSON instead of being pasted between tags.
"""

from dataclasses import dataclass

from harness.judges.core import Judgement, Question, Setting, ask, line_data
from harness.judges.reading import Unreadable
from harness.judges.spec import check_options
from harness.languages import language
from harness.llm.types import LLM
from harness.records import Segment

INSTRUCTION = """You are an expert in {target} translation. You are given a text ("source"), lines around it for \
background ("context_before", "context_after") and its {target} translation ("translation"). You need to determine \
whether the translation is a qualified {target} translation.

Consider only the following criteria; if any are not met, the score is 0:
1. Grammaticality: No obvious grammatical or syntactic errors, consistency errors (e.g., subject-verb agreement, \
tense, case, gender/number), collocation errors, or linguistic defects caused by punctuation or spelling.
2. Readability & Coherence: The sentence structure is complete, logically coherent, and naturally connected, making \
it smooth and easy to understand; there should be no obvious fragmentation, garbled text, repetitive stacking, or \
malformed sentences."""
FORM = (
    "If the translation satisfies both criteria above, return <<1>>. Otherwise, return <<0>>. "
    "Output <<0>> or <<1>> directly; do not output any explanation."
)


@dataclass(frozen=True)
class WellFormed:
    """The judge."""

    setting: Setting
    limits: tuple[float, float] = (0.0, 1.0)

    @property
    def name(self) -> str:
        """The kind."""
        return self.setting.kind

    @property
    def line(self) -> str:
        """What determines a verdict."""
        return self.setting.line(self._instruction, FORM)

    @property
    def models(self) -> tuple[tuple[str, str | None], ...]:
        """The model asked."""
        return ((self.setting.model, self.setting.api_base),)

    @property
    def _instruction(self) -> str:
        return INSTRUCTION.format(target=language(self.setting.target))

    async def judge(self, segment: Segment, hypothesis: str, llm: LLM, repeat: int = 0) -> Judgement:
        """Judge one hypothesis; see ``Judge.judge``."""
        data = line_data(self.setting, segment, translation=hypothesis)
        answer = await ask(self.setting, Question(self._instruction, FORM, data, read), llm, repeat)
        return answer.judgement(answer.value)


def read(text: str) -> float:
    """Read ``<<0>>`` or ``<<1>>``, and nothing else.

    Raises:
        Unreadable: anything else, two verdicts included.

    Examples:
        >>> read("<<1>>")
        1.0
    """
    if text not in ("<<0>>", "<<1>>"):
        raise Unreadable("not <<0>> or <<1>>")
    return float(text[2])


def build(setting: Setting) -> WellFormed:
    """Build the judge; it has no options of its own."""
    check_options(setting)
    return WellFormed(setting)
