"""GenRM: back-translate, compare, judge, and then 0 or 1 (arXiv 2601.10187, appendix J and equations 12-13).

The wording of the steps is the paper's; the input travels as JSON.
"""

from harness.judges.binary import Binary
from harness.judges.core import Setting
from harness.judges.reading import Unreadable, read_integer, read_object
from harness.judges.spec import check_options

INSTRUCTION = """You are a translation quality reward model (GenRM). Given contextual information \
("context_before", "context_after"), a source sentence ("source"), and its translation ("translation"), you will \
perform step-by-step reasoning to assess translation quality. Your evaluation process must strictly follow the \
sequence below.
Step 1: Back-Translation. Translate the given translation back into the source language.
Step 2: Semantic Consistency Assessment. Compare the semantic consistency between the original source text and the \
back-translated text. If the meanings are consistent or highly consistent, proceed to Step 3. If they are \
inconsistent, skip Step 3 and assign a final score of 0.
Step 3: Translation Quality Assessment. Evaluate whether the translation is of high quality based on factors such as \
fluency, grammatical correctness, and cultural appropriateness.
Your final output must include a clear chain-of-thought reasoning process and a reward score: If semantic \
consistency is satisfied and the translation quality is high, set score = 1. Otherwise, set score = 0."""
FORM = (
    "The output must strictly follow the format below, one JSON object and nothing else. Do not add or omit any "
    'fields: {"COT": "<COT reasoning>", "score": 0 or 1}'
)


def read(text: str) -> float:
    """Read the reasoning and the score.

    Raises:
        Unreadable: anything else.

    Examples:
        >>> read('{"COT": "Same meaning, fluent.", "score": 1}')
        1.0
    """
    found = read_object(text, ("COT", "score"))
    if not isinstance(found["COT"], str) or not found["COT"].strip():
        raise Unreadable("there is no reasoning")
    return float(read_integer(found["score"], 0, 1))


def build(setting: Setting) -> Binary:
    """Build the judge; it has no options of its own."""
    check_options(setting)
    return Binary(setting, INSTRUCTION, FORM, read)
