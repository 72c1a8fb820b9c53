"""Answers of every wrong kind: no line at a wrong place, few tokens more, always an end."""

import asyncio
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cli import main
from harness.llm.chat import read_answer
from harness.llm.types import Request
from harness.prompts import chat, parse_chat
from harness.records import Item, Segment
from harness.subtitles import read_cues
from harness.translating.asking import Asking
from tests.loopback import Loopback, Reply, fails, says
from tests.subtitle_translator import FAULTS, WORSE, SubtitleTranslator, numbers, source, srt

CUES = 140


def translate(server, path, *options):
    out = path.with_name(f"out{path.suffix}")
    model = ["--model", "openai/test", "--api-base", server.url, "--cache", str(path.parent / "cache")]
    code = main(["translate", str(path), "--source", "zh", "--target", "en", *model, "-o", str(out), *options])
    return code, out


def run(tmp_path, behave, *options, cues=CUES):
    tmp_path.mkdir(exist_ok=True)
    path = tmp_path / "film.srt"
    path.write_text(srt(cues), encoding="utf-8")
    with Loopback(behave) as server:
        code, out = translate(server, path, "--no-rewrite", "--trust-ids", *options)
    return code, [(before, after) for before, after in zip(read_cues(path), read_cues(out), strict=True)]


def misaligned(pairs):
    return [before.index for before, after in pairs if numbers(after.text) != numbers(before.text)]


@pytest.fixture
def faultless(tmp_path):
    server = SubtitleTranslator()
    code, pairs = run(tmp_path / "faultless", server)
    assert code == 0 and not misaligned(pairs)
    return server.tokens


def test_every_kind_in_turn_in_every_answer_costs_at_most_half_more(tmp_path, faultless):
    turn = itertools.cycle(FAULTS)
    server = SubtitleTranslator(lambda lines: next(turn) if lines > 1 else None)
    code, pairs = run(tmp_path, server)
    assert code == 0 and misaligned(pairs) == []
    assert [(a.start, a.end) for a, _ in pairs] == [(b.start, b.end) for _, b in pairs]
    assert server.tokens <= 1.5 * faultless, server.tokens / faultless


@pytest.mark.parametrize("fault", FAULTS + WORSE)
def test_the_same_kind_in_every_answer_ends_and_moves_nothing(tmp_path, fault):
    server = SubtitleTranslator(lambda lines: fault if lines > 1 else None)
    code, pairs = run(tmp_path, server, cues=40)
    assert code == 0 and misaligned(pairs) == []
    assert len(server.asked) <= 5 * 40


@given(st.lists(st.sampled_from([None, *FAULTS, *WORSE]), min_size=1, max_size=30), st.integers(1, 25))
@settings(max_examples=40, deadline=None)
def test_any_order_of_kinds_ends_and_moves_nothing(faults, size):
    """The door alone, without a server between: many more cases."""
    turn = itertools.cycle(faults)
    server = SubtitleTranslator(lambda lines: next(turn) if lines > 1 else None)
    lines = tuple(Segment(str(n), source(n), "film") for n in range(1, size + 1))
    asking = Asking(Direct(server), "en")
    request = Request("openai/test", chat("Translate.", Item("1", lines)))
    response = asyncio.run(asking.complete(request, role="system", stage="translate"))
    parsed = parse_chat(response, size, "en", 99)
    assert [numbers(line.text) for line in parsed] == [[str(n)] for n in range(1, size + 1)]
    assert len(server.asked) <= 5 * size


class Direct:
    """A door to a behaviour."""

    def __init__(self, behave):
        self.behave = behave

    def kind(self, model):
        return "chat"

    async def complete(self, request, *, role, stage):
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        answer = self.behave({"messages": messages, "max_tokens": request.decode.max_tokens})
        return read_answer(answer.body)


HOPELESS = {
    "no JSON": lambda request: says("Certainly! Here you are."),
    "nothing": lambda request: says(""),
    "thoughts": lambda request: says("", finish="length", usage={"prompt_tokens": 9, "completion_tokens": 9}),
    "the source": lambda request: says(json.dumps(echo(request), ensure_ascii=False)),
    "refusal": lambda request: says("I'm sorry, I can't do that."),
    "another list": lambda request: says('{"translations": [{"id": 999999, "text": "Cue 5"}, {"id": true}, 7, null]}'),
    "HTTP 400": lambda request: fails(400),
    "deep": lambda request: says("[" * 100_000),
}


def echo(request):
    payload = json.loads(request["messages"][1]["content"])
    if "line" in payload:
        return {"translation": payload["line"]["text"]}
    return {"translations": [{"id": line["id"], "text": line["text"]} for line in payload["lines"]]}


@pytest.mark.parametrize("kind", HOPELESS)
def test_no_translation_is_no_silent_hole(tmp_path, capsys, kind):
    code, pairs = run(tmp_path, HOPELESS[kind], cues=5)
    assert code == 4
    assert [before.text for before, _ in pairs] == [after.text for _, after in pairs]
    told = capsys.readouterr().out
    assert "0 of 5 cues translated" in told
    assert all(f"cue {number} at 0:00:" in told for number in range(1, 6))


def test_a_line_that_cannot_be_had_is_named_and_the_others_come(tmp_path, capsys):
    def behave(request):
        if "第7句" in request["messages"][1]["content"].partition('"lines"')[2].partition('"context_after"')[0]:
            return fails(400, "filtered")
        return whole(request)

    whole = SubtitleTranslator()
    code, pairs = run(tmp_path, behave, cues=20)
    assert code == 4 and misaligned(pairs) == []
    assert [before.index for before, after in pairs if before.text == after.text] == [7]
    assert "cue 7 at 0:00:21.000 not translated" in capsys.readouterr().out


@pytest.mark.parametrize("choice", ["keep", "empty", "fail"])
def test_on_failure(tmp_path, choice):
    path = tmp_path / "film.srt"
    path.write_text(srt(3), encoding="utf-8")
    with Loopback(lambda request: says("no")) as server:
        code, out = translate(server, path, "--no-rewrite", "--trust-ids", "--on-failure", choice)
    assert code == 4 and out.exists() == (choice != "fail")
    if choice != "fail":
        assert [cue.text for cue in read_cues(out)] == [c.text * (choice == "keep") for c in read_cues(path)]


def test_a_dead_server_is_not_asked_for_every_batch(tmp_path):
    asked = []

    def dead(request) -> Reply:
        asked.append(request)
        return fails(404, "no such model")

    code, pairs = run(tmp_path, dead)
    assert code == 4 and len(asked) <= 6 and all(a.text == b.text for a, b in pairs)


def test_a_model_that_thinks_gets_room(tmp_path):
    whole = SubtitleTranslator()

    def thinks(request):
        if request["max_tokens"] < 5000:
            return says("", finish="length", usage={"prompt_tokens": 9, "completion_tokens": request["max_tokens"]})
        return whole(request)

    code, pairs = run(tmp_path, thinks, cues=20)
    assert code == 0 and misaligned(pairs) == [] and len(whole.asked) == 1
