"""Judging chunks: what a judge of many lines sees, and what lines that failed cost."""

import asyncio

import pytest

from harness.errors import UserError
from harness.judges import load, load_chunk, scope
from harness.llm.door import Door
from harness.records import Item, Segment, Translation
from tests.judge_server import JudgeServer, numbered
from tests.loopback import Loopback

LINES = tuple(Segment(f"{n}", f"第{n}句", "film", before=(f"{n - 1}",), after=(f"{n + 1}",)) for n in range(1, 5))
ITEM = Item("1", LINES)


def translated(*texts):
    """A text that is empty stands for a line that came back blank."""
    return [Translation(s.id, 1, text, "ok" if text else "empty") for s, text in zip(LINES, texts, strict=True)]


def judged(kind, behave, translations, model="model=openai/judge"):
    async def ask(judge):
        door = Door(None)
        try:
            return await judge.judge_item(ITEM, translations, door)
        finally:
            await door.close()

    with Loopback(behave) as server:
        return asyncio.run(ask(load_chunk(f"{kind}:{model}:scope=chunk:api_base={server.url}", "zh", "en")))


def test_one_value_for_all_lines():
    server = JudgeServer(numbered)
    found = judged("naturalness", server, translated("a 40", "b 60", "c 80", "d 60"))
    assert (found.value, found.state, len(server.asked)) == (60, "ok", 1)
    asked = server.asked[0]
    assert [line["translation"] for line in asked["lines"]] == ["a 40", "b 60", "c 80", "d 60"]
    assert asked["context_before"] == ["0"] and asked["context_after"] == ["5"]


def test_a_line_that_is_not_ok_counts_as_the_worst_and_is_not_shown():
    server = JudgeServer(numbered)
    found = judged("accuracy", server, translated("a 80", "", "c 80", "d 80"))
    assert found.value == 60
    assert [line["source"] for line in server.asked[0]["lines"]] == ["第1句", "第3句", "第4句"]


def test_nobody_is_asked_about_nothing():
    server = JudgeServer(numbered)
    found = judged("vividness", server, translated("", "", "", ""))
    assert (found.value, found.state, server.asked) == (0, "ok", [])


def test_a_panel_is_the_mean_over_judges():
    server = JudgeServer(numbered)
    found = judged("accuracy", server, translated("a 80", "", "c 80", "d 80"), "panel=openai/gpt-x,openai/claude-y")
    assert found.value == 60 and [member.value for member in found.members] == [80, 80]


def test_vividness_counts_by_the_share_of_lines_that_mislead_nobody():
    server = JudgeServer(numbered)  # below 75 an error is major
    found = judged("vividness_gated", server, translated("a 90", "b 90", "c 90", "d 50"))
    assert found.value == 80 * 3 / 4 and found.members[0].value == 80
    assert len(server.asked) == 5


@pytest.mark.parametrize("kind", ["accuracy", "vividness_gated"])
def test_what_cannot_be_read_is_no_value(kind):
    found = judged(kind, JudgeServer(numbered, broken=1), translated("a 1", "b 1", "c 1", "d 1"))
    assert (found.value, found.state) == (None, "unparsable") and found.reason


def test_names_and_lines_tell_chunks_from_lines():
    line, chunk = load("vividness:model=openai/a", "zh", "en"), load_chunk("vividness:model=openai/a", "zh", "en")
    assert (line.name, chunk.name) == ("vividness", "vividness_chunk") and chunk.line == f"chunk(lines=25;{line.line})"


def test_what_is_refused():
    with pytest.raises(UserError, match="cannot judge chunks"):
        load_chunk("genrm:model=openai/a:scope=chunk", "zh", "en")
    with pytest.raises(UserError, match="cannot judge chunks"):
        load_chunk("error_spans:panel=openai/gpt-x,anthropic/claude-y", "zh", "en")
    with pytest.raises(UserError, match="single lines"):
        load("accuracy:model=openai/a:scope=chunk", "zh", "en")
    with pytest.raises(UserError, match="cannot be 'scene'"):
        scope("accuracy:model=openai/a:scope=scene")
