"""Judges of several translations, and several judges of one: votes on candidates, pairs in both orders, panels."""

import asyncio
import json

import pytest

from harness.errors import UserError
from harness.judges import load, load_candidates, load_pairwise
from harness.judges.candidates import read as read_vote
from harness.judges.candidates import shuffled
from harness.judges.pairwise import tally
from harness.judges.reading import Unreadable
from harness.judges.validation.probes import injections
from harness.records import Segment
from tests.judge_server import LINE, JudgeServer, numbered, run, spec
from tests.loopback import Loopback, says


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


def test_a_panel_of_the_own_family_alone_is_refused():
    with pytest.raises(UserError, match="family"):
        load("accuracy:panel=openai/gpt-5", "zh", "en", system="gpt-4o")
