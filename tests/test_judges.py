"""Judges against a real server: what they see, how they read, and that nobody talks them into anything."""

import asyncio
import json
import re
import unicodedata

import pytest

from harness import registry
from harness.errors import UserError
from harness.judges import load, load_candidates, load_pairwise
from harness.judges.candidates import read as read_vote
from harness.judges.candidates import shuffled
from harness.judges.core import RETRIES
from harness.judges.pairwise import tally
from harness.judges.reading import Unreadable, as_data
from harness.judges.validation.probes import injections
from harness.llm.cache import ResponseCache
from harness.llm.door import Door
from harness.records import Segment, dump
from harness.records import load as load_record
from tests.judge_server import JudgeServer, numbered
from tests.loopback import Loopback, in_turn, says

LINE = Segment("1", "他没有答应这件事。", "v", before=("前文",), after=("后文",))
SINGLE = [
    *(f"{kind}:scale={scale}" for kind in ("accuracy", "naturalness", "vividness") for scale in ("100", "5")),
    *(f"{kind}:scale=checklist" for kind in ("accuracy", "naturalness", "vividness", "vividness_gated")),
    "vividness_gated",
    "error_spans",
    "well_formed",
    "genrm",
]


def spec(kind, server, model="openai/judge"):
    name, colon, options = kind.partition(":")
    return f"{name}:model={model}:api_base={server.url}{colon}{options}"


def run(work, cache=None):
    """Run work with a door and return its result and the door."""

    async def inside():
        door = Door(cache)
        try:
            return await work(door)
        finally:
            await door.close()
            doors.append(door)

    doors = []
    return asyncio.run(inside()), doors[0]


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


def test_injections_reach_pairwise_and_candidates_as_data_alone():
    probes = injections()
    behave = JudgeServer(lambda text: 80 if text in {p.clean for p in probes} else 20)
    with Loopback(behave) as server:
        pair = load_pairwise(spec("pairwise", server), "zh", "en")
        rater = load_candidates(spec("candidates", server), "zh", "en")

        async def all_of_them(door):
            pairs = [pair.compare(p.segment, p.injected, p.clean, door) for p in probes]
            rated = [rater.rate(p.segment, [p.injected, p.clean], door) for p in probes]
            return await asyncio.gather(*pairs), await asyncio.gather(*rated)

        (pairs, rated), _ = run(all_of_them)
    for probe, verdict in zip(probes, pairs, strict=True):
        assert verdict.value in (0, None) and (verdict.value is not None or "better" in probe.injected), probe.id
    assert all(judgement.scores == (20, 80) for judgement in rated)


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


def test_votes_are_reshuffled_and_averaged():
    texts = ["one", "two", "three", "four"]
    places = []

    def behave(request):
        shown = json.loads(request["messages"][1]["content"])["candidates"]
        places.append(list(shown.values()))
        return says(json.dumps({letter: 90 - 10 * place for place, letter in enumerate(shown)}))  # by place alone

    with Loopback(behave) as server:
        judge = load_candidates(spec("candidates", server), "zh", "en")
        found, door = run(lambda door: judge.rate(LINE, texts, door))
        assert {seen.json["temperature"] for seen in server.seen} == {0.3}
    assert found.state == "ok" and len({tuple(order) for order in places}) > 1
    orders = [[texts[index] for index in shuffled(LINE.text, texts, vote)] for vote in range(4)]
    assert sorted(orders) == sorted(places)
    by_hand = tuple(sum(90 - 10 * order.index(text) for order in orders) / 4 for text in texts)
    assert found.scores == by_hand and found.value == sum(by_hand) / 4 and found.verdicts == ("accepted",) * 4
    assert door.spent["judge", "candidates"].calls == 4


def test_equal_candidates_are_rated_once_and_context_is_seven_lines():
    behave = JudgeServer(numbered)
    line = Segment("1", "你好", "v", before=tuple("abcdefghij"), after=tuple("klmnopqrst"))
    with Loopback(behave) as server:
        judge = load_candidates(spec("candidates:votes=1", server), "zh", "en")
        found, _ = run(lambda door: judge.rate(line, ["a 10", "b 70", "a 10"], door))
    assert found.scores == (10, 70, 10)
    assert behave.asked[0]["context_before"] == list("defghij") and behave.asked[0]["context_after"] == list("klmnopq")


@pytest.mark.parametrize(
    "answer,accepted",
    [
        ('{"A": 1, "B": 2, "C": 3, "D": 4, "E": 5}', True),
        ('{"A": 9, "B": 9, "C": 9, "D": 9, "E": 5}', True),  # 2 / 5 = .4
        ('{"A": 9, "B": 9, "C": 9, "D": 9, "E": 9}', False),  # 1 / 5 = .2
        ('{"A": 1, "B": 2, "C": 3, "D": 4}', False),
        ('{"A": 1, "B": 2, "C": 3, "D": 4, "E": 5, "F": 6}', False),
        ('{"A": 1, "B": 2, "C": 3, "D": 4, "E": 101}', False),
        ('{"A": 1, "B": 2, "C": 3, "D": 4, "E": 5.0}', False),
        ('{"A": 1, "B": 2, "C": 3, "D": 4, "E": "5"}', False),
    ],
)
def test_the_rule_that_rejects_votes(answer, accepted):
    if accepted:
        assert len(read_vote(answer, list("ABCDE"))) == 5
    else:
        with pytest.raises(Unreadable):
            read_vote(answer, list("ABCDE"))


def test_one_distinct_score_in_four_is_just_enough():
    assert read_vote('{"A": 5, "B": 5, "C": 5, "D": 5}', list("ABCD")) == (5, 5, 5, 5)  # 1 / 4 = .25


@pytest.mark.parametrize("rejected,state", [(2, "ok"), (3, "unparsable")])
def test_half_of_the_votes_are_enough(rejected, state):
    texts = ["a 10", "b 90"]
    bad = [[texts[i] for i in shuffled(LINE.text, texts, vote)] for vote in range(4)]

    def behave(request):
        if "temperature" in request and seed_vote(request["seed"]) < rejected:
            return says("no")
        return server_of(request)

    server_of = JudgeServer(numbered)
    with Loopback(behave) as server:
        judge = load_candidates(spec("candidates", server), "zh", "en")
        found, door = run(lambda door: judge.rate(LINE, texts, door))
    assert found.state == state and bad
    assert found.scores == ((10, 90) if state == "ok" else ())
    assert sum(verdict != "accepted" for verdict in found.verdicts) == rejected
    assert door.spent["judge", "candidates"].calls == 4 + 2 * rejected


def seed_vote(seed):
    """Return the vote that a seed belongs to: each has three attempts."""
    from harness.llm.chat import sent_seed
    from harness.llm.types import Request

    return {sent_seed(Request("m", repeat=repeat)): repeat // 3 for repeat in range(12)}[seed]


def test_pairwise_asks_in_both_orders():
    with Loopback(JudgeServer(numbered)) as server:
        judge = load_pairwise(spec("pairwise:dimension=vividness", server), "zh", "en")

        async def three(door):
            pairs = [("a 90", "b 10"), ("a 10", "b 90"), ("a 50", "b 50"), ("same", "same")]
            return [await judge.compare(LINE, *pair, door) for pair in pairs]

        found, door = run(three)
    assert [judgement.value for judgement in found] == [1, 0, 0.5, 0.5]
    assert found[0].verdicts == ("first", "second") and found[3].usage.calls == 0
    assert tally(judgement.value for judgement in found) == (1, 2, 1)
    assert judge.name == "pairwise_vividness" and door.spent["judge", "pairwise"].calls == 6


def test_a_judge_that_likes_the_first_place_gives_ties():
    with Loopback(JudgeServer(numbered, always_first=True)) as server:
        judge = load_pairwise(spec("pairwise", server), "zh", "en")
        found, _ = run(lambda door: judge.compare(LINE, "a 90", "b 10", door))
    assert found.value == 0.5 and found.verdicts == ("first", "first")


def test_a_panel_averages_families_and_leaves_the_own_one_out():
    def behave(request):
        return says(json.dumps({"Score": {"gpt-x": 60, "claude-x": 80, "gemini-x": 100}[request["model"]]}))

    with Loopback(behave) as server:
        panel = f"accuracy:panel=openai/gpt-x,openai/claude-x,openai/gemini-x:api_base={server.url}"
        whole, without = load(panel, "zh", "en"), load(panel, "zh", "en", system="anthropic/claude-opus-4")
        first, _ = run(lambda door: whole.judge(LINE, "He refused", door))
        second, _ = run(lambda door: without.judge(LINE, "He refused", door))
    assert first.value == 80 and [member.value for member in first.members] == [60, 80, 100]
    assert second.value == 80 and [member.name for member in second.members] == ["openai/gpt-x", "openai/gemini-x"]
    assert first.usage.calls == 3 and "claude" not in str(without.models)
    other = load(panel, "zh", "en", system="qwen-x")
    assert other.line == without.line != whole.line and len(other.models) == 3  # systems stay comparable


def test_a_panel_needs_every_member():
    behave = JudgeServer(numbered)

    def half_broken(request):
        return says("no") if request["model"] == "claude-x" else behave(request)

    with Loopback(half_broken) as server:
        judge = load(f"accuracy:panel=openai/gpt-x,openai/claude-x:api_base={server.url}", "zh", "en")
        found, _ = run(lambda door: judge.judge(LINE, "a 50", door))
    assert found.state == "unparsable" and found.value is None and "claude" in found.reason and found.usage.calls == 4


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


def test_a_panel_of_the_own_family_alone_is_refused():
    with pytest.raises(UserError, match="family"):
        load("accuracy:panel=openai/gpt-5", "zh", "en", system="gpt-4o")


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
