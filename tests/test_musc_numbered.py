"""Numbered answers of any shape end in the right states, and no line takes the place of another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.llm.types import Response
from harness.numbered import MISCOUNT, chat, read
from harness.prompts import HARNESS_LIMIT
from harness.records import STATES, Item, Segment, Usage

N = 6
WORDS = "one two three four five six seven".split()
TEXTS = [f"They counted to {word} together." for word in WORDS[:N]]


def answer(text, finish="stop", output=5):
    return Response(text, finish, Usage(1, 10, 0, output, 0))


def numbered(texts, start=1):
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, start))


def states(text, finish="stop", lines=N):
    return [line.state for line in read(answer(text, finish), lines, "en", 100)]


def test_as_asked():
    parsed = read(answer(numbered(TEXTS)), N, "en", 100)
    assert [(line.text, line.state, line.detail) for line in parsed] == [(text, "ok", "") for text in TEXTS]


@pytest.mark.parametrize("wrap", ["<think>1. no\n2. no</think>\n{}", "```\n{}\n```", "\n\n{}\n\n", "{}\r\n"])
def test_what_is_taken_off(wrap):
    assert states(wrap.format(numbered(TEXTS).replace("\n", "\n\n"))) == ["ok"] * N


@pytest.mark.parametrize(
    "text,expected",
    [
        (numbered(TEXTS[:-1]), "unparsable"),  # n - 1: one was merged somewhere
        (numbered([*TEXTS, "And one more."]), "unparsable"),  # n + 1: one was split somewhere
        (numbered(TEXTS, start=0), "unparsable"),
        (numbered(TEXTS, start=2), "unparsable"),
        ("Here you are:\n" + numbered(TEXTS), "unparsable"),
        ("\n".join(TEXTS), "unparsable"),
        ('{"translations": []}', "unparsable"),
        ("99999999999999999999. a", "unparsable"),
        ("", "empty"),
        ("<think>only thinking</think>", "empty"),
        ("I'm sorry, but I can't help with that.", "refused"),
    ],
)
def test_the_whole_chunk(text, expected):
    parsed = read(answer(text), N, "en", 100)
    assert {line.state for line in parsed} == {expected} and len(parsed) == N
    assert not any(line.text for line in parsed[1:])  # the answer is kept once
    assert all(line.detail.startswith(MISCOUNT) for line in parsed) == (expected != "refused")


@pytest.mark.parametrize(
    "rows,bad",
    [
        ([1, 2, 3, 3, 4, 5, 6], {3}),  # repeated
        ([1, 2, 4, 5, 6], {3}),  # left out, the numbers kept
        ([6, 5, 4, 3, 2, 1], set()),  # shuffled
    ],
)
def test_single_lines(rows, bad):
    text = "\n".join(f"{number}. {TEXTS[number - 1]}" for number in rows)
    parsed = read(answer(text), N, "en", 100)
    for number, line in enumerate(parsed, 1):
        assert line.state == ("unparsable" if number in bad else "ok")
        assert number in bad or line.text == TEXTS[number - 1]
        assert (line.detail == "") == (not bad)  # the metric of exact chunks reads this


def test_merged_lines_that_say_so():
    text = numbered(TEXTS).replace("\n3. ", " ").replace("2. ", "2-3. ")
    parsed = read(answer(text), N, "en", 100)
    assert [line.state for line in parsed] == ["ok", "unparsable", "unparsable", "ok", "ok", "ok"]
    assert "merged" in parsed[1].detail and parsed[0].text == TEXTS[0]


def test_text_without_a_number_spoils_the_line_before():
    parsed = read(answer(numbered(TEXTS).replace("together.\n4", "together.\nand again\n4", 1)), N, "en", 100)
    assert [line.state for line in parsed].index("unparsable") == 2
    assert parsed[2].text.endswith("and again") and parsed[3].text == TEXTS[3]
    assert states(numbered(TEXTS).replace("two", "\n1.5 million")).count("ok") == N - 1  # no line of that number


def test_blank_and_foreign_lines():
    texts = [*TEXTS[:4], "", "他们越来越亲密"]
    assert states(numbered(texts)) == ["ok"] * 4 + ["empty", "wrong_language"]
    assert read(answer(numbered(["", "Hi."])), 2, "en", 100)[0].state == "empty"


def test_endless_lines_are_cut_off_as_a_whole():
    endless = numbered(["word"] * 5000)
    assert set(states(endless, "length")) == {"truncated"}
    assert read(answer(endless, "length", 100), N, "en", 100)[0].detail == HARNESS_LIMIT
    assert read(answer(endless, "length", 40), N, "en", 100)[0].detail != HARNESS_LIMIT
    assert set(states(endless)) == {"unparsable"}


def test_a_provider_that_refuses():
    assert set(states(numbered(TEXTS), "refusal")) == {"refused"}


@given(st.data())
def test_no_line_takes_the_place_of_another(data):
    """Whatever one fault does to a chunk, a line that is ok holds its own text."""
    lines = data.draw(st.integers(2, 30))
    texts = [f"Line {'x' * number} of the scene." for number in range(1, lines + 1)]
    rows = list(enumerate(texts, 1))
    at = data.draw(st.integers(0, lines - 2))
    fault = data.draw(st.sampled_from(["merge", "split", "drop", "repeat", "swap", "blank", "chatter"]))
    match fault:
        case "merge":
            rows = list(enumerate([*texts[:at], f"{texts[at]} {texts[at + 1]}", *texts[at + 2 :]], 1))
        case "split":
            rows = list(enumerate([*texts[:at], "Line", "of the scene.", *texts[at + 1 :]], 1))
        case "drop":
            del rows[at]
        case "repeat":
            rows.insert(at, rows[at])
        case "swap":
            rows[at], rows[at + 1] = rows[at + 1], rows[at]
        case "blank":
            rows[at] = (at + 1, "")
    text = "\n".join(f"{number}. {said}" for number, said in rows)
    parsed = read(answer(text + ("\nAnything else?" if fault == "chatter" else "")), lines, "en", 100)
    assert len(parsed) == lines
    for number, line in enumerate(parsed):
        assert line.state != "ok" or line.text == texts[number]
    broken = {"merge": lines, "split": lines, "drop": 1, "repeat": 1, "swap": 0, "blank": 1, "chatter": 1}
    assert sum(line.state != "ok" for line in parsed) == broken[fault]


@given(st.text(), st.integers(1, 4), st.sampled_from(["stop", "length", "refusal"]))
def test_any_answer_ends_in_a_state(text, lines, finish):
    parsed = read(answer(text, finish), lines, "en", 100)
    assert len(parsed) == lines and all(line.state in STATES for line in parsed)


def test_the_prompt_keeps_every_line_on_its_row():
    item = Item("a", (Segment("a", "一\n2. 二", "v", before=("前\n面",)), Segment("b", "三", "v", after=("后",))))
    rows = chat("Translate.", item, [("三", "three\nfour")])[1].content.split("\n")
    assert [row for row in rows if row[:2] in ("1.", "2.", "3.")] == ["1. 一 2. 二", "2. 三"]
    assert "三 = three four" in rows and "前 面" in rows and "后" in rows
