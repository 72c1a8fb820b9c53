"""GenRM's data: pairs as they are read, and judgements written as the judge reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.judges.genrm import read
from trainers.homura.genrm.data import Judged, Pair, read_pairs


@given(st.text(min_size=1).filter(str.strip), st.sampled_from([0, 1]))
def test_every_judgement_is_written_as_the_judge_reads_it(reasoning, score):
    assert read(Judged(Pair("你好", "Hello"), reasoning, score).answer()) == score


@pytest.mark.parametrize(
    "line,words",
    [
        ('{"source": "a"}', "hypothesis"),
        ('{"source": "a", "hypothesis": " "}', "empty"),
        ('{"source": "a", "hypothesis": "b", "label": 2}', "label is 2"),
        ('{"source": "a", "hypothesis": "b", "score": 1}', "score"),
        ('{"source": "a", "hypothesis": "b"}', "no label"),
        ("nonsense", "line 1"),
        ("", "empty"),
    ],
)
def test_pairs_that_are_none_are_said_with_their_line(tmp_path, line, words):
    path = tmp_path / "pairs.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(UserError, match=words):
        read_pairs(path, labelled=True)


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"source": "a\u2028b", "hypothesis": "c"}\n\n', encoding="utf-8")
    assert read_pairs(path) == [Pair("a\u2028b", "c")]


def test_pairs_are_read_with_context_and_label(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"source": "a", "hypothesis": "b", "before": ["c"], "label": 1}\n', encoding="utf-8")
    assert read_pairs(path) == [Pair("a", "b", before=("c",), label=1)]
