"""A hostile server: every fault ends in an answer or a recorded failure, after a bounded number of requests."""

import asyncio
import io
import json
import socket
import time
from collections import Counter

import pytest

from harness.errors import RunError
from harness.llm.cache import ResponseCache
from harness.llm.chat import read_answer
from harness.llm.door import Door
from harness.llm.failures import FailureLog
from harness.llm.types import Message, Request
from tests.loopback import Loopback, Reply, fails, in_turn, says

KEY = "secret-value-0123456789"
HTML = Reply(headers={"content-type": "text/html"}, body=b"<html>Bad gateway</html>")
WAYS = {"direct": True, "litellm": False}


@pytest.fixture(autouse=True)
def keyless(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def cache(tmp_path):
    cache = ResponseCache(tmp_path)
    yield cache
    cache.close()


def ask(server, text="Hello", **fields):
    return Request("openai/test", (Message("user", text),), api_base=server.url, **fields)


def quick(cache=None, **options):
    return Door(cache, **{"first_wait_s": 0.01, "timeout_s": 0.3, **options})


def run(door, *requests):
    async def go():
        try:
            calls = (door.complete(r, role="system", stage="translate") for r in requests)
            return await asyncio.gather(*calls, return_exceptions=True)
        finally:
            await door.close()

    results = asyncio.run(go())
    return results if len(results) != 1 else results[0]


def with_usage(**usage):
    return says("ok", usage=usage)


def answer(data):
    return Reply(body=json.dumps(data).encode() if not isinstance(data, bytes) else data)


ANSWERED = {
    "null content": (says(None), ""),
    "empty": (says(""), ""),
    "a megabyte": (says("a" * 2**20), "a" * 2**20),
    "no usage": (says("ok", usage={}), "ok"),
    "usage of nonsense": (with_usage(prompt_tokens="ten", completion_tokens=-1), "ok"),
    "usage that is a list": (answer({"choices": [{"message": {"content": "ok"}}], "usage": [1]}), "ok"),
    "half a character": (answer(b'{"choices": [{"message": {"content": "a\\ud800b"}}]}'), "a?b"),
    "wrong content type": (says("ok")._replace(headers={"content-type": "text/plain"}), "ok"),
    "finish unknown": (says("ok", finish="tired"), "ok"),
}


@pytest.mark.parametrize("name", ANSWERED)
def test_odd_answers_are_answers(cache, name):
    reply, text = ANSWERED[name]
    with Loopback(lambda request: reply) as server:
        response = run(quick(cache), ask(server))
        assert (response.text, response.finish) == (text, "stop")
        assert cache.get(ask(server).key()).text == text
    assert len(server.seen) == 1
    if "usage" in name:
        assert (response.usage.input, response.usage.output, response.usage.cost) == (None, None, None)


FOR_GOOD = {
    # name: reply, requests, kind of failure
    "bad request": (fails(400), 1, "HTTP 400"),
    "no such model": (fails(404), 1, "HTTP 404"),
    "refused key": (fails(401), 1, "HTTP 401"),
    "redirect": (fails(307, location="http://127.0.0.1:9/"), 1, "HTTP 307"),
    "conflict": (fails(409), 3, "HTTP 409"),
    "malformed JSON": (Reply(body=b'{"choices": [oops'), 3, "malformed answer"),
    "deeply nested": (Reply(body=b"[" * 200_000), 3, "malformed answer"),
    "HTML": (HTML, 3, "malformed answer"),
    "not UTF-8": (Reply(body=b'"\xff\xfe"'), 3, "malformed answer"),
    "empty body": (Reply(body=b""), 3, "malformed answer"),
    "null": (answer(None), 3, "malformed answer"),
    "a list": (answer([]), 3, "malformed answer"),
    "no choices": (answer({"choices": []}), 3, "malformed answer"),
    "null choices": (answer({"choices": None}), 3, "malformed answer"),
    "content of parts": (answer({"choices": [{"message": {"content": [{"text": "a"}]}}]}), 3, "malformed answer"),
    "nothing at all": (says(None, usage={}), 3, "malformed answer"),
    "too large": (Reply(body=b" " * (9 * 2**20)), 3, "malformed answer"),
    "truncated": (says("ok")._replace(headers={"content-length": "9999"}, cut=500), 3, "cut answer"),
    "too short a length": (says("ok")._replace(headers={"content-length": "20"}), 5, "broken connection"),
    "cut before the answer": (says("ok")._replace(cut=0), 5, "broken connection"),
    "cut in the headers": (says("ok")._replace(cut=30), 5, "broken connection"),
    "no HTTP": (Reply(headers={"content-length": "-1"}), 5, "broken connection"),
    "server error": (fails(500), 5, "HTTP 500"),
    "overload": (fails(503), 5, "HTTP 503"),
    "too many requests": (fails(429), 5, "HTTP 429"),
    "too many, come back now": (fails(429, retry_after="0"), 5, "HTTP 429"),
    "too many, come back next year": (fails(429, retry_after="31536000"), 1, "HTTP 429"),
    "too many, come back at nonsense": (fails(429, retry_after="\xe9"), 5, "HTTP 429"),
    "hang": (says("ok", delay=1.0), 2, "timeout"),
    "drip": (says("ok")._replace(drip=0.05), 2, "timeout"),
}


@pytest.mark.parametrize("name", FOR_GOOD)
def test_faults_end_within_the_retry_budget(cache, name):
    reply, requests, kind = FOR_GOOD[name]
    happened = []
    slow = kind == "timeout"
    with Loopback(lambda request: reply) as server:
        door = quick(cache, on_event=happened.append, retries=1 if slow else 4, timeout_s=0.2 if slow else 5)
        error = run(door, ask(server))
        assert isinstance(error, RunError), error
        assert (len(server.seen), happened[-1].kind, happened[-1].failure) == (requests, "failed", kind)
        assert door.spent == {} and cache.get(ask(server).key()) is None
        server.behave = lambda request: says("now")
        assert run(quick(cache), ask(server)).text == "now"


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_faults_pass(way):
    faults = [fails(429, retry_after="0.05"), fails(500), HTML, says("ok")._replace(cut=0), says("ok", delay=1.5)]
    with Loopback(lambda request: says("warm")) as server:
        run(quick(direct=WAYS[way], timeout_s=60), ask(server))  # LiteLLM takes seconds to import
    for fault in faults:
        with Loopback(in_turn([fault, says("ok")])) as server:
            assert run(quick(direct=WAYS[way], timeout_s=1.0), ask(server)).text == "ok", fault
        assert len(server.seen) == 2


def test_malformed_answers_end_through_litellm_too():
    with Loopback(lambda request: Reply(body=b"{oops")) as server:
        assert isinstance(run(quick(direct=False, timeout_s=60), ask(server)), RunError)
    assert len(server.seen) <= 5


def test_retry_after_is_honoured():
    with Loopback(in_turn([fails(429, retry_after="0.4"), says("ok")])) as server:
        started = time.monotonic()
        assert run(quick(), ask(server)).text == "ok"
    assert time.monotonic() - started >= 0.4


def test_a_dead_server_does_not_multiply_calls():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        happened = []
        door = quick(concurrency=32, on_event=happened.append, first_wait_s=0.001)
        requests = [Request("openai/test", (Message("user", str(n)),), api_base=url) for n in range(500)]
        assert all(isinstance(error, RunError) for error in run(door, *requests))
    counts = Counter(event.kind for event in happened)
    assert (counts["failed"], counts["retry"], counts["sent"]) == (500, 100, 600)


def test_one_line_for_every_kind_of_failure():
    stream = io.StringIO()
    log = FailureLog(stream)
    with Loopback(lambda request: fails(400) if request["messages"][0]["content"] == "7" else fails(503)) as server:
        run(quick(on_event=log, retries=1), *(ask(server, str(n)) for n in range(60)))
    assert len(stream.getvalue().splitlines()) == 2
    log.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3 and "HTTP 503: 59 tried again, 59 failed for good" in lines[-1]


@pytest.mark.parametrize("way", WAYS)
def test_what_a_server_echoes_is_not_kept(monkeypatch, cache, tmp_path, way):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    echo = f"Authorization: Bearer {KEY}"
    replies = [
        says(f"You sent {KEY}."),
        says(None, refusal=f"Not with {KEY}."),
        says("ok", usage={"prompt_tokens": 1, "completion_tokens": 1, "note": echo})._replace(headers={"x-echo": echo}),
        Reply(400, {"x-echo": echo}, {"error": {"message": echo}}),
        Reply(500, {"x-echo": echo}, f"{KEY} {echo}".encode()),
        Reply(200, {"content-type": f"text/{KEY}"}, echo.encode()),
        Reply(401, {}, {"detail": [{"input": {"headers": {"authorization": f"Bearer {KEY}"}}}]}),
    ]
    stream = io.StringIO()
    with Loopback(lambda request: replies[int(request["messages"][0]["content"])]) as server:
        door = quick(cache, on_event=FailureLog(stream), retries=0, timeout_s=60, direct=WAYS[way])
        results = run(door, *(ask(server, str(n)) for n in range(len(replies))))
        assert all(KEY in seen.headers["authorization"] for seen in server.seen)
    cache.close()
    assert [isinstance(result, RunError) for result in results] == [False] * 3 + [True] * 4
    shown = stream.getvalue() + "".join(f"{r} {r!r}" for r in results)
    assert "[redacted]" in shown and KEY not in shown and not any(getattr(r, "__cause__", None) for r in results)
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert files and not any(word in data for data in files for word in (KEY.encode(), b"Bearer", b"Authorization"))


@pytest.mark.parametrize(
    "content,text",
    [
        ('<think>hm</think>{"translation": "a"}', '{"translation": "a"}'),
        ('so it goes</think>{"translation": "a"}', '{"translation": "a"}'),
        ("<think>no end", ""),
        ('{"translation": "he writes </think> here"}', '{"translation": "he writes </think> here"}'),
        ('{"translation": "a <think> tag"}', '{"translation": "a <think> tag"}'),
    ],
)
def test_thinking_is_taken_off_in_front_of_an_answer_only(content, text):
    assert read_answer(says(content).body, None).text == text
