"""Well-formedness: grammatical and readable, 0 or 1 (arXiv 2601.10187, appendix I).

The wording of the criteria is the paper's; text, context and translation travel as
JSON instead of being pasted between tags.
"""

from harness.judges.binary import Binary
from harness.judges.core import Setting
from harness.judges.reading import Unreadable
from harness.judges.spec import check_options
from harness.languages import language

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


def build(setting: Setting) -> Binary:
    """Build the judge; it has no options of its own."""
    check_options(setting)
    return Binary(setting, INSTRUCTION.format(target=language(setting.target)), FORM, read)
