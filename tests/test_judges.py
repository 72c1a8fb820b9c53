"""Judges of one translation against a real server: what they see and read, and that nobody talks them over."""

import asyncio
import json
import re
import unicodedata

import pytest

from harness import registry
from harness.errors import UserError
from harness.judges import load, load_candidates, load_pairwise
from harness.judges.core import RETRIES
from harness.judges.reading import as_data
from harness.judges.validation.probes import injections
from harness.llm.cache import ResponseCache
from harness.records import Segment, dump
from harness.records import load as load_record
from tests.judge_server import LINE, JudgeServer, numbered, run, spec
from tests.loopback import Loopback, in_turn, says

SINGLE = [
    *(f"{kind}:scale={scale}" for kind in ("accuracy", "naturalness", "vividness") for scale in ("100", "5")),
    *(f"{kind}:scale=checklist" for kind in ("accuracy", "naturalness", "vividness", "vividness_gated")),
    "vividness_gated",
    "error_spans",
    "well_formed",
    "genrm",
]


def judged(kind, behave, hypothesis, repeat=0):
    with Loopback(behave) as server:
        judge = load(spec(kind, server), "zh", "en")
        found, _ = run(lambda door: judge.judge(LINE, hypothesis, door, repeat))
    return found


@pytest.mark.parametrize(
    "kind,value",
    [
        ("accuracy", 87),
        ("naturalness:scale=5", 80),
        ("vividness:scale=checklist", 100),
        ("well_formed", 1),
        ("genrm", 1),
        ("error_spans", 96),
        ("vividness_gated", 87),
    ],
)
def test_every_kind_gives_the_value_of_its_scale(kind, value):
    found = judged(kind, JudgeServer(numbered), "He refused 87")
    assert found.state == "ok" and found.value == pytest.approx(value)


def test_the_judge_sees_the_line_in_its_context_and_nothing_else():
    server = JudgeServer(numbered)
    judged("accuracy", server, "He refused")
    assert server.asked == [
        {"context_before": ["前文"], "source": LINE.text, "translation": "He refused", "context_after": ["后文"]}
    ]


def test_a_chunk_gets_one_value_and_sees_its_terms():
    behave = JudgeServer(numbered)
    greeting = (("你好", "Hi"),)
    lines = [Segment("1", "你好", "v", before=("前",), terms=greeting), Segment("2", "再见", "v", after=("后",))]
    with Loopback(behave) as server:
        judge = load(spec("vividness", server), "zh", "en")
        found, _ = run(lambda door: judge.judge_chunk(lines, ["a 40", "b 60"], door))
    assert found.value == 50
    assert behave.asked[0]["terms"] == {"你好": "Hi"} and [line["id"] for line in behave.asked[0]["lines"]] == [1, 2]
    assert behave.asked[0]["context_before"] == ["前"] and behave.asked[0]["context_after"] == ["后"]


def test_a_major_accuracy_error_gates_vividness():
    found = judged("vividness_gated", JudgeServer(numbered), "Splendid 60")
    assert found.value == 0 and [(m.name, m.value) for m in found.members] == [("vividness", 60), ("error_spans", 80)]


BAD = [
    "quite good",
    "",
    '{"Score": 101}',
    '{"Score": 87.0}',
    '{"Score": "87"}',
    '{"Score": true}',
    '{"Score": NaN}',
    '{"Score": 87, "note": ""}',
    '{"Score": 10, "Score": 90}',
    '{"Score": 10} {"Score": 90}',
    'My verdict: {"Score": 90}',
    "[" * 100_000,
    "<think>unfinished",
]


@pytest.mark.parametrize("answer", BAD)
def test_what_is_not_the_answer_asked_for_is_unparsable_and_never_zero(answer):
    with Loopback(lambda request: says(answer)) as server:
        judge = load(spec("accuracy", server), "zh", "en")
        found, door = run(lambda door: judge.judge(LINE, "He refused", door))
        seeds = [seen.json["seed"] for seen in server.seen]
    assert found.value is None and found.state == "unparsable" and found.reason
    assert len(seeds) == RETRIES + 1 == len(set(seeds)) == len(found.answers)
    assert door.spent["judge", "accuracy"].calls == found.usage.calls == RETRIES + 1


@pytest.mark.parametrize("good", ['{"Score": 70}', '```json\n{"Score": 70}\n```', '<think>90?</think>\n{"Score": 70}'])
def test_a_readable_answer_after_an_unreadable_one_counts(good):
    found = judged("accuracy", in_turn([says("hm"), says(good)]), "He refused")
    assert found.value == 70 and found.usage.calls == 2 and len(found.answers) == 2


def test_cut_off_and_refused_answers_are_unparsable():
    for reply in (says('{"Score": 70}', finish="length"), says('{"Score": 70}', finish="content_filter")):
        assert judged("accuracy", lambda request, reply=reply: reply, "He refused").state == "unparsable"


def test_two_verdicts_are_none():
    for answer in ("<<0>> <<1>>", "<<1>><<1>>", "<<1>>.", "1"):
        assert judged("well_formed", lambda request, answer=answer: says(answer), "He refused").state == "unparsable"


@pytest.mark.parametrize("kind", SINGLE)
def test_no_injection_changes_how_a_verdict_is_read(kind):
    """A judge that is not impressed gives the verdict it would have given; the reading adds nothing."""
    for quality in (0, 60, 100):
        behave = JudgeServer(lambda text, quality=quality: quality)
        with Loopback(behave) as server:
            judge = load(spec(kind, server), "zh", "en")

            async def both(door, judge=judge):
                probes = injections()
                clean = [judge.judge(probe.segment, probe.clean, door) for probe in probes]
                dirty = [judge.judge(probe.segment, probe.injected, door) for probe in probes]
                return await asyncio.gather(*clean), await asyncio.gather(*dirty)

            (clean, dirty), _ = run(both)
        for probe, a, b in zip(injections(), clean, dirty, strict=True):
            assert a.state == "ok", probe.id
            if b.value is None:  # a flood of verdicts, or a mark of thinking in a span, which the door takes off
                assert "stands in the judged text" in b.reason or "think>" in probe.injected, probe.id
            else:
                assert b.value == a.value, probe.id


def embedded_verdict(text):
    """Take the first thing out of a text that could be a verdict, as a judge that is talked over would."""
    found = re.search(r"<<[01]>>|\{.*?\}", text)
    return found.group(0) if found else text


@pytest.mark.parametrize("kind", SINGLE)
@pytest.mark.parametrize("echo", [str, embedded_verdict])
def test_a_judge_that_repeats_judged_text_gives_no_verdict(kind, echo):
    with Loopback(JudgeServer(numbered, echo=echo)) as server:
        judge = load(spec(kind, server), "zh", "en")

        async def all_of_them(door):
            return await asyncio.gather(*(judge.judge(p.segment, p.injected, door) for p in injections()))

        found, _ = run(all_of_them)
    assert {judgement.state for judgement in found} == {"unparsable"}


@pytest.mark.parametrize("kind", [*SINGLE, "pairwise", "candidates"])
def test_a_verdict_beside_repeated_text_is_none(kind):
    def wrap(answer):
        return f'{{"Score": 100}} {answer}'

    with Loopback(JudgeServer(numbered, wrap=wrap)) as server:

        async def judge_it(door):
            if kind == "pairwise":
                return await load_pairwise(spec(kind, server), "zh", "en").compare(LINE, "a 10", "b 90", door)
            if kind == "candidates":
                return await load_candidates(spec(kind, server), "zh", "en").rate(LINE, ["a 10", "b 90"], door)
            return await load(spec(kind, server), "zh", "en").judge(LINE, "a 10", door)

        found, _ = run(judge_it)
    assert found.state == "unparsable" and found.value is None


def test_judged_text_is_data_without_marks_or_hidden_characters():
    assert len(injections()) >= 30
    for probe in injections():
        with Loopback(JudgeServer(numbered)) as server:
            judge = load(spec("accuracy", server), "zh", "en")
            run(lambda door, judge=judge, probe=probe: judge.judge(probe.segment, probe.injected, door))
            system, user = (message["content"] for message in server.seen[0].json["messages"])
        assert json.loads(user) == {"source": probe.source, "translation": probe.injected}
        assert not any(mark in user for mark in ("<|", "</s>", "<s>", "[INST]", "[/INST]", "<start_of", "<think"))
        assert not any(unicodedata.category(character) in ("Cf", "Cc", "Zl", "Zp") for character in user)
        assert probe.injected not in system
    assert json.loads(as_data({"a": ["[INST]", [["X"]], "<a>"]})) == {"a": ["[INST]", [["X"]], "<a>"]}


@pytest.mark.parametrize(
    "wrong",
    [
        "accuracy",
        "accurracy:model=openai/m",
        "accuracy:model=openai/m:scale=7",
        "accuracy:model=openai/m:colour=red",
        "accuracy:model=openai/m:model=openai/n",
        "accuracy:model=local/gemma-3-270m",
        "accuracy:model=openai/m:temperature=hot",
        "accuracy:panel=openai/gpt-5,azure/gpt-4o",
        "genrm:model=openai/m:scale=5",
        "candidates:model=openai/m",
        "pairwise:model=openai/m",
    ],
)
def test_a_wrong_specification_is_said_at_once(wrong):
    with pytest.raises(UserError):
        load(wrong, "zh", "en")


def test_the_line_tells_judges_apart():
    specs = [f"{kind}:model=openai/m" for kind in registry.names("judges") if kind not in ("candidates", "pairwise")]
    specs += ["accuracy:model=openai/m:scale=5", "accuracy:model=openai/n", "accuracy:model=openai/m:temperature=1"]
    lines = [load(spec, "zh", "en").line for spec in specs] + [load(specs[0], "zh", "de").line]
    assert len(set(lines)) == len(lines)
    assert "http" not in load("accuracy:model=openai/m:api_base=http://127.0.0.1:1/v1", "zh", "en").line


def test_a_judgement_is_paid_once_and_repeats_are_kept_apart(tmp_path):
    cache = ResponseCache(tmp_path)
    with Loopback(JudgeServer(numbered)) as server:
        judge = load(spec("accuracy", server), "zh", "en")
        for repeat in (0, 1, 0, 1):
            run(lambda door, repeat=repeat: judge.judge(LINE, "a 50", door, repeat), cache)
        assert len(server.seen) == 2


def test_a_judgement_survives_json():
    found = judged("error_spans", JudgeServer(numbered), "He refused 60")
    assert found.spans[0].text == "He"
    assert load_record(type(found), json.loads(json.dumps(dump(found)))) == found
