"""The client against workers that die, fall silent, chatter or flood; no environment needed."""

import os
import sys
import threading
from pathlib import Path

import pytest

from harness import qe
from harness.errors import RunError, UserError
from harness.qe import client
from harness.qe.models import MODELS
from harness.qe.source import Source

FAKE = """
import json, os, sys, time
mode = {mode!r}
options = json.loads(sys.stdin.readline())
print("noise " * 10000, file=sys.stderr)
for _ in range(20000):
    print("more noise", file=sys.stderr)
if mode == "dies loading":
    sys.exit("no memory left")
if mode == "gated":
    print(json.dumps({{"ready": False, "kind": "gated", "message": "403"}}), flush=True)
    sys.exit(1)
print(json.dumps({{"ready": True, "facts": {{"environment": sorted(os.environ), "unbabel-comet": "0.1"}}}}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    first = request["rows"][0]["hypothesis"]
    if first == "die":
        print("Segmentation fault", file=sys.stderr, flush=True)
        os._exit(11)
    if first == "sleep":
        time.sleep(60)
    if first == "chatter":
        print("this is not JSON", flush=True)
        continue
    if first == "refuse":
        print(json.dumps({{"id": request["id"], "error": "ValueError: no"}}), flush=True)
        continue
    print(json.dumps({{"id": request["id"], "done": 1}}), flush=True)
    scores = [len(r["hypothesis"]) for r in request["rows"]]
    print(json.dumps({{"id": request["id"], "scores": scores}}), flush=True)
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Return a maker of workers that behave in a given way."""
    made = []

    def make(mode="", **limits):
        script = tmp_path / f"worker-{len(made)}.py"
        script.write_text(FAKE.format(mode=mode))
        monkeypatch.setattr(client, "SCRIPT", script)
        source = Source("comet", MODELS["cometkiwi"].repository, False, None, False, False)
        worker = client.Worker(Path(sys.executable), source, MODELS["cometkiwi"], client.Limits(**limits))
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.close()


def rows(*texts):
    return [{"source": "x", "hypothesis": text} for text in texts]


def test_worker_stays_warm_in_spite_of_noise(fake):
    worker = fake()
    assert worker.pid is None
    assert worker.score(rows("a", "bb")) == [1, 2]
    first = worker.pid
    assert worker.score(rows("ccc")) == [3]
    assert worker.pid == first
    assert sum(map(len, worker._noise)) < 10_000


def test_many_rows_go_in_several_requests(fake):
    worker = fake()
    assert worker.score(rows(*["a" * (n % 7) for n in range(4500)])) == [n % 7 for n in range(4500)]
    assert worker._asked == 3


def test_death_is_a_run_error_and_the_next_call_starts_another(fake):
    worker = fake()
    worker.facts()
    first = worker.pid
    with pytest.raises(RunError, match=r"died \(exit code 11\): .*Segmentation fault") as caught:
        worker.score(rows("die"))
    assert len(str(caught.value)) < 1000
    assert worker.score(rows("a")) == [1]
    assert worker.pid != first


def test_a_worker_that_keeps_dying_is_not_started_for_ever(fake):
    worker = fake("dies loading")
    for _ in range(client.MOST_DEATHS):
        with pytest.raises(RunError, match="no memory left"):
            worker.score(rows("a"))
    with pytest.raises(RunError, match="died 3 times"):
        worker.score(rows("a"))


@pytest.mark.slow
def test_silence_is_a_run_error(fake):
    worker = fake(silence_s=0.5)
    with pytest.raises(RunError, match="said nothing for"):
        worker.score(rows("sleep"))
    assert worker.pid is None
    assert worker.score(rows("a")) == [1]


@pytest.mark.slow
def test_chatter_on_the_channel_is_a_run_error(fake):
    worker = fake()
    with pytest.raises(RunError, match="is no JSON"):
        worker.score(rows("chatter"))


def test_refused_rows_leave_the_worker_warm(fake):
    worker = fake()
    worker.facts()
    first = worker.pid
    with pytest.raises(RunError, match="ValueError: no"):
        worker.score(rows("refuse"))
    assert worker.score(rows("a")) == [1]
    assert worker.pid == first


def test_gated_weights_say_where_and_how(fake):
    with pytest.raises(UserError) as caught:
        fake("gated").score(rows("a"))
    assert "https://huggingface.co/Unbabel/wmt22-cometkiwi-da" in str(caught.value)
    assert "HF_TOKEN" in str(caught.value)
    assert "CC-BY-NC-SA-4.0" in str(caught.value)


def test_the_worker_sees_no_keys_but_the_hubs(fake, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("HF_TOKEN", "hub")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    seen = fake().facts()["environment"]
    assert "HF_TOKEN" in seen
    assert not {"OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"} & set(seen)


def test_threads_share_a_worker(fake):
    worker = fake()
    found = {}

    def ask(n):
        found[n] = worker.score(rows("a" * n, "b" * n))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [n, n] for n in range(1, 9)}
    assert worker._asked == 8


def test_close_ends_the_process_and_may_be_repeated(fake):
    worker = fake()
    worker.facts()
    pid = worker.pid
    worker.close()
    worker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_environment_of_other_versions_is_refused(fake, monkeypatch):
    source = Source("comet", "x", False, "0" * 40, False, False)
    with pytest.raises(UserError, match=r"has unbabel-comet 0\.1, not 2\.2\.7"):
        qe.Served("cometkiwi", MODELS["cometkiwi"], source, fake()).start()
