"""Error spans with severity, in the manner of MQM and ESA, and a score from them.

``value = 100 * (1 - min(penalty, 25) / 25)`` with ``penalty`` the sum over errors of
1 (minor), 5 (major) or 25 (critical): the weights of the WMT MQM evaluations (Freitag et
al. 2021), with 25 for what they call a non-translation, and their cap of 25 a segment.
A span must stand verbatim in the translation; what is left out stands in the source.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from harness.judges.core import ErrorSpan, Judgement, OneModel, Question, Setting, ask, line_data
from harness.judges.reading import Unreadable, read_object
from harness.judges.spec import check_options
from harness.languages import language
from harness.llm.types import LLM
from harness.records import Segment

WEIGHTS = {"minor": 1.0, "major": 5.0, "critical": 25.0}
CAP = 25.0
ACCURACY = ("addition", "omission", "mistranslation", "untranslated", "terminology")
OTHER = ("grammar", "spelling", "punctuation", "register", "inconsistency", "awkward", "locale", "other")

INSTRUCTION = """You annotate errors in a subtitle translation from {source} into {target}, as in MQM. Mark every \
error in "translation", the translation of "source", and nothing that is no error; wording that is shorter than the \
source but keeps its message is no error. Lines around it, where given, are there to be understood.
Categories: {categories}.
Severities: minor - noticed, but neither meaning nor flow suffers; major - the meaning changes or the viewer stumbles; \
critical - the line says something else, or nothing, or could do harm."""
FORM = (
    "Answer with one JSON object and nothing else: "
    '{"errors": [{"span": "…", "in": "translation", "category": "…", "severity": "minor"}, …]}, '
    'with {"errors": []} where there is none. Copy each span exactly, letter by letter, from the translation; only '
    'for an omission copy what is missing from the source, with "in": "source".'
)


@dataclass(frozen=True)
class ErrorSpans(OneModel):
    """The judge."""

    limits: tuple[float, float] = (0.0, 100.0)

    @property
    def line(self) -> str:
        """What determines a verdict."""
        return self.setting.line(self._instruction, FORM, weights="1/5/25")

    @property
    def _instruction(self) -> str:
        return INSTRUCTION.format(
            source=language(self.setting.source),
            target=language(self.setting.target),
            categories=", ".join(ACCURACY + OTHER),
        )

    async def judge(self, segment: Segment, hypothesis: str, llm: LLM, repeat: int = 0) -> Judgement:
        """Mark the errors of one hypothesis; see ``Judge.judge``."""
        data = line_data(self.setting, segment, translation=hypothesis)
        reader = partial(read, source=segment.text, hypothesis=hypothesis)
        answer = await ask(self.setting, Question(self._instruction, FORM, data, reader), llm, repeat)
        if answer.value is None:
            return answer.judgement(None)
        return replace(answer.judgement(score(answer.value)), spans=answer.value)


def score(spans: tuple[ErrorSpan, ...]) -> float:
    """Return the score of the errors found, 100 without any.

    Examples:
        >>> minor = ErrorSpan("a", "translation", "grammar", "minor")
        >>> score(()), score((minor, replace(minor, severity="major"))), score((minor,) * 30)
        (100.0, 76.0, 0.0)
    """
    return 100.0 * (1 - min(sum(WEIGHTS[span.severity] for span in spans), CAP) / CAP)


def misleads(spans: tuple[ErrorSpan, ...]) -> bool:
    """Say whether a major or critical accuracy error is among the errors.

    Examples:
        >>> misleads((ErrorSpan("not", "source", "omission", "major"),))
        True
        >>> misleads((ErrorSpan("a", "translation", "grammar", "critical"),))
        False
    """
    return any(span.category in ACCURACY and span.severity != "minor" for span in spans)


def read(text: str, source: str, hypothesis: str) -> tuple[ErrorSpan, ...]:
    """Read the errors.

    Args:
        text: the answer.
        source: the source line.
        hypothesis: its translation.

    Returns:
        The errors, in the order given.

    Raises:
        Unreadable: not the form asked for, a span that stands nowhere, or an error given twice.

    Examples:
        >>> row = '{"span": "cat", "in": "translation", "category": "mistranslation", "severity": "major"}'
        >>> read('{"errors": [%s]}' % row, "狗", "A cat.")[0].severity
        'major'
        >>> read('{"errors": [%s]}' % row, "狗", "A dog.")
        Traceback (most recent call last):
            ...
        harness.judges.reading.Unreadable: a span is not in the translation
    """
    rows = read_object(text, ("errors",))["errors"]
    if not isinstance(rows, list):
        raise Unreadable("the errors are no list")
    spans = tuple(_span(row, source, hypothesis) for row in rows)
    if len(set(spans)) < len(spans):
        raise Unreadable("an error stands twice")
    return spans


def _span(row: Any, source: str, hypothesis: str) -> ErrorSpan:
    if not isinstance(row, dict) or set(row) != {"span", "in", "category", "severity"}:
        raise Unreadable("an error has not the keys asked for")
    span, where, category, severity = row["span"], row["in"], row["category"], row["severity"]
    if where not in ("translation", "source") or category not in ACCURACY + OTHER or severity not in tuple(WEIGHTS):
        raise Unreadable("an error has an unknown place, category or severity")
    if where == "source" and category != "omission":
        raise Unreadable("only an omission stands in the source")
    if not isinstance(span, str) or not span.strip() or span not in (hypothesis if where == "translation" else source):
        raise Unreadable(f"a span is not in the {where}")
    return ErrorSpan(span, where, category, severity)


def build(setting: Setting) -> ErrorSpans:
    """Build the judge; it has no options of its own."""
    check_options(setting)
    return ErrorSpans(setting)
