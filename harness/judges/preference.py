"""Preference over a stored baseline, as AlpacaEval judges answers to instructions.

Both outputs stand in random order under the identifiers m and M, and the judge answers
with one of them. Where the server tells the first token's log-probabilities::

    preference = p(own) / (p(own) + p(baseline))

else it is 1 or 0. X-AlpacaEval adds that a good output is in the instruction's language
unless the instruction asks otherwise. Sources: Dubois et al., arXiv 2404.04475; the
weighting by log-probabilities is that of weighted_alpaca_eval_gpt4_turbo.
"""

import hashlib
import json
import math
from dataclasses import dataclass

from harness.judges.core import DATA, RETRIES, Judgement, Setting
from harness.judges.reading import Unreadable, as_data
from harness.judges.spec import check_options
from harness.languages import language
from harness.llm.types import LLM, Message, Request
from harness.prompts import THINKING
from harness.records import Segment, Usage

INSTRUCTION = """You rank the outputs of two assistants by the preference of the people who would read them. \
"instruction" is what both were asked; "outputs" holds their answers under the identifiers "m" and "M". Prefer the \
answer that is more accurate, helpful and complete; length alone is no merit, and the order means nothing. An output \
should be in the language of the instruction, {language}, unless the instruction asks for another one."""
FORM = "Answer with the identifier of the better output alone: m or M."
IDENTIFIERS = ("m", "M")
TOP_LOGPROBS = 5


@dataclass(frozen=True)
class Preference:
    """The judge; the baseline is the segment's reference."""

    setting: Setting
    limits: tuple[float, float] = (0.0, 1.0)
    needs_reference: bool = True

    @property
    def name(self) -> str:
        """The kind."""
        return self.setting.kind

    @property
    def line(self) -> str:
        """What determines a verdict."""
        return self.setting.line(self._instruction, FORM, logprobs=TOP_LOGPROBS)

    @property
    def models(self) -> tuple[tuple[str, str | None], ...]:
        """The model asked."""
        return ((self.setting.model, self.setting.api_base),)

    @property
    def _instruction(self) -> str:
        return INSTRUCTION.format(language=language(self.setting.target))

    async def judge(self, segment: Segment, hypothesis: str, llm: LLM, repeat: int = 0) -> Judgement:
        """Compare an answer with the baseline's; see ``Judge.judge``.

        The answers kept are the judge's words, with the log-probabilities as JSON on a line of
        their own, so that a verdict can be read again from what is stored.
        """
        assert segment.reference is not None  # the plan checks it
        own = _place(segment.id, repeat)
        outputs = {IDENTIFIERS[own]: hypothesis, IDENTIFIERS[1 - own]: segment.reference}
        data = {"instruction": segment.text, "outputs": {name: outputs[name] for name in IDENTIFIERS}}
        messages = (Message("system", f"{self._instruction}\n\n{DATA}\n\n{FORM}"), Message("user", as_data(data)))
        usage, answers, reasons = Usage(), [], []
        for attempt in range(RETRIES + 1):
            request = Request(
                self.setting.model,
                messages=messages,
                decode=self.setting.decode,
                repeat=repeat * (RETRIES + 1) + attempt,
                api_base=self.setting.api_base,
                top_logprobs=TOP_LOGPROBS,
            )
            response = await llm.complete(request, role="judge", stage=self.setting.kind)
            usage += response.usage
            told = f"\n{json.dumps(response.logprobs, ensure_ascii=False)}" if response.logprobs else ""
            answers.append(response.text.strip() + told)
            try:
                if response.finish != "stop":
                    raise Unreadable("the judge refused" if response.finish == "refusal" else "the answer was cut off")
                return Judgement(read(answers[-1], own), "ok", "", usage, tuple(answers))
            except Unreadable as error:
                reasons.append(str(error))
        return Judgement(None, "unparsable", "; ".join(reversed(reasons)), usage, tuple(answers))


def _place(id_: str, repeat: int) -> int:
    """Return the place of the own output, by chance but always the same one."""
    return hashlib.sha256(f"{id_}/{repeat}".encode()).digest()[0] % 2


def read(answer: str, own: int) -> float:
    r"""Read the preference for the own output from an answer, with log-probabilities on its second line.

    Args:
        answer: ``m`` or ``M``, then, where told, a JSON object of first tokens and log-probabilities.
        own: place of the own output in ``IDENTIFIERS``.

    Returns:
        Preference in 0..1.

    Raises:
        Unreadable: another answer.

    Examples:
        >>> read("m", 0), read("m", 1)
        (1.0, 0.0)
        >>> round(read('M\n{"M": -0.2231435513, "m": -1.6094379124}', 0), 6)
        0.2
    """
    text, _, told = THINKING.sub("", answer).strip().partition("\n")
    if text.strip() not in IDENTIFIERS:
        raise Unreadable("neither m nor M")
    weights = _weights(told)
    if not sum(weights):
        return float(text.strip() == IDENTIFIERS[own])
    return weights[own] / sum(weights)


def _weights(told: str) -> tuple[float, float]:
    """Return the probabilities of the identifiers, 0 where they are not told."""
    if not told:
        return 0.0, 0.0
    try:
        logprobs = json.loads(told)
        first, second = (math.exp(min(0.0, float(logprobs.get(name, -math.inf)))) for name in IDENTIFIERS)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Unreadable("log-probabilities that are none") from None
    return first, second


def build(setting: Setting) -> Preference:
    """Build the judge; it has no options of its own."""
    check_options(setting)
    return Preference(setting)
