"""Serving checkpoints: a real server on a tiny model, and that nothing outlives the run."""

import asyncio
import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.llm import credentials
from harness.llm.serve import KEY, LOG_BYTES, find_engine, serve, tail
from harness.llm.types import Decode, Message, Request
from tests.tiny_model import build_hollow

ROOT = Path(__file__).parents[1]
PYTHON = os.environ.get("SANDGLASS_SERVE_PYTHON") or (
    sys.executable if find_spec("torch") and find_spec("transformers") else ""
)
needs_torch = pytest.mark.skipif(
    not PYTHON, reason="needs torch and transformers, here or in the python that SANDGLASS_SERVE_PYTHON names"
)

FAKE_VLLM = '''#!{python}
"""Takes vLLM's arguments and serves a list of models; BEHAVE says what goes wrong."""
import json, os, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
print(json.dumps(sys.argv[1:]), flush=True)
behave = os.environ.get("BEHAVE", "")
if behave == "die":
    print("\\n".join(f"line {{n}}" for n in range(100)))
    sys.exit("CUDA out of memory")
if behave == "chatty":
    for n in range(60_000):
        print(f"line {{n}} " + "x" * 60)
    sys.stdout.flush()
if behave == "silent":
    time.sleep(60)
named = dict(zip(sys.argv, sys.argv[1:]))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.headers["Authorization"] == "Bearer " + os.environ["VLLM_API_KEY"]
        environment = sorted(name for name in os.environ if "KEY" in name)
        entry = {{"id": named["--served-model-name"], "argv": sys.argv[1:], "keys": environment, "child": child.pid}}
        body = json.dumps({{"data": [entry]}}).encode()
        self.send_response(200 if right else 401)
        self.end_headers()
        self.wfile.write(body if right else b"")
    def log_message(self, *_):
        pass
HTTPServer(("127.0.0.1", int(named["--port"])), Handler).serve_forever()
'''


@pytest.fixture
def hollow(tmp_path):
    """A folder that passes every check, with weights of no tensor."""
    return build_hollow(tmp_path / "hollow")


@pytest.fixture
def fake_vllm(tmp_path, monkeypatch):
    """An executable that stands where vLLM would."""
    program = tmp_path / "vllm"
    program.write_text(FAKE_VLLM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("SANDGLASS_VLLM", str(program))
    return program


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The tiny model, with a chat template and without."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, more in (("chat", []), ("base", ["--no-chat-template"])):
        script = [PYTHON, str(ROOT / "tests" / "tiny_model.py"), str(folder / name), *more]
        subprocess.run(script, check=True, capture_output=True, timeout=300)
    return folder


def alive(pid):
    """Whether a process runs; one that is dead and not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid, within_s=15):
    deadline = time.monotonic() + within_s
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def get(url, key):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def ask(served, body, key=None):
    data = json.dumps({"messages": [{"role": "user", "content": "Hello you"}]} | body).encode()
    headers = {"Authorization": f"Bearer {key or os.environ[KEY]}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{served.api_base}/chat/completions", data, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


# Starting and stopping, with a program in vLLM's place: needs no torch.


def test_without_a_server_both_ways_are_named(monkeypatch):
    monkeypatch.delenv("SANDGLASS_SERVE_PYTHON", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("harness.llm.serve.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install vllm.*pip install torch transformers"):
        find_engine()
    monkeypatch.setenv("SANDGLASS_VLLM", "/no/such/vllm")
    with pytest.raises(UserError, match="SANDGLASS_VLLM names '/no/such/vllm'"):
        find_engine()


def test_vllm_is_started_safely_and_stopped_with_its_children(hollow, fake_vllm, own_cache, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-users-own")
    monkeypatch.setenv(KEY, "from before")
    (hollow / "tokenizer_config.json").write_text("{}")
    with serve(f"hf/{hollow}", extra=["--tensor-parallel-size", "2"]) as served:
        key = os.environ[KEY]
        (entry,) = get(f"{served.api_base}/models", key)["data"]
        argv = entry["argv"]
        assert argv[:2] == ["serve", str(hollow)] and argv[-2:] == ["--tensor-parallel-size", "2"]
        assert "127.0.0.1" in argv and "safetensors" in argv and "--trust-remote-code" not in argv
        assert Path(argv[argv.index("--chat-template") + 1]).read_text().startswith("{% for message")
        assert entry["keys"] == [KEY, "VLLM_API_KEY"]
        assert key not in " ".join(argv) and alive(entry["child"])
        with pytest.raises(urllib.error.HTTPError):
            get(f"{served.api_base}/models", "wrong")
    assert gone(served.pid) and gone(entry["child"])
    assert os.environ[KEY] == "from before"
    assert not list((own_cache / "servers").iterdir())


def test_an_error_of_the_run_stops_the_server_too(hollow, fake_vllm):
    with pytest.raises(KeyboardInterrupt), serve(f"hf/{hollow}") as served:
        raise KeyboardInterrupt
    assert gone(served.pid)


def test_a_server_that_dies_at_the_start_is_shown(hollow, fake_vllm, monkeypatch):
    monkeypatch.setenv("BEHAVE", "die")
    with pytest.raises(UserError) as caught, serve(f"hf/{hollow}"):
        pass
    text = str(caught.value)
    assert "CUDA out of memory" in text and "line 99" in text and "status 1" in text
    assert "line 50\n" not in text
    assert "line 50\n" in Path(text.rpartition(" is in ")[2].rstrip(".")).read_text()


def test_a_server_that_says_nothing_is_given_up(hollow, fake_vllm, monkeypatch):
    monkeypatch.setenv("BEHAVE", "silent")
    with pytest.raises(UserError, match="did not answer within 1 s"), serve(f"hf/{hollow}", timeout_s=1):
        pass


def test_the_log_is_bounded(hollow, fake_vllm, own_cache, monkeypatch):
    monkeypatch.setenv("BEHAVE", "chatty")
    with serve(f"hf/{hollow}"):
        (log,) = (own_cache / "servers").glob("*.log")
        waited = time.monotonic()
        while "line 59999" not in tail(log) and time.monotonic() - waited < 30:
            time.sleep(0.01)  # what it wrote last may still be on its way
        assert "line 59999" in tail(log)
        logs = list((own_cache / "servers").iterdir())
        assert len(logs) == 2 and all(path.stat().st_size <= LOG_BYTES for path in logs)


@pytest.mark.slow
def test_the_server_dies_with_a_killed_run(hollow, fake_vllm, tmp_path):
    script = (
        "import os, sys, time\n"
        "from tests.test_serve import get\n"
        "from harness.llm.serve import KEY, serve\n"
        "with serve(sys.argv[1]) as served:\n"
        "    listed = get(served.api_base + '/models', os.environ[KEY])['data']\n"
        "    print(served.pid, listed[0]['child'], flush=True)\n"
        "    time.sleep(300)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", script, f"hf/{hollow}"], stdout=subprocess.PIPE, cwd=ROOT)
    assert run.stdout is not None
    watcher, child = map(int, run.stdout.readline().split())
    assert alive(watcher) and alive(child)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert gone(watcher) and gone(child)


# The server on transformers, for real.


@needs_torch
@pytest.mark.slow
def test_a_tiny_model_is_served(tiny, monkeypatch):
    monkeypatch.setenv("SANDGLASS_SERVE_PYTHON", PYTHON)
    monkeypatch.setitem(credentials.VARIABLES, "hf", (KEY,))
    warm = {"seed": 7, "temperature": 1.0, "max_tokens": 40}
    with serve(f"hf/{tiny / 'chat'}", timeout_s=300) as served:
        assert served.engine == "transformers"
        first, again, other = (ask(served, warm | {"seed": seed}) for seed in (7, 7, 8))
        text = first["choices"][0]["message"]["content"]
        assert text and text == again["choices"][0]["message"]["content"]
        assert text != other["choices"][0]["message"]["content"]
        assert first["usage"]["prompt_tokens"] == 12 and 0 < first["usage"]["completion_tokens"] <= 40

        with concurrent.futures.ThreadPoolExecutor(12) as pool:  # answered together, each as if alone
            seeds = [7, 8] * 6
            together = list(pool.map(lambda seed: ask(served, warm | {"seed": seed}), seeds))
        assert [a["choices"][0] for a in together] == [first["choices"][0], other["choices"][0]] * 6

        greedy = ask(served, {"max_tokens": 3})
        assert greedy["choices"][0]["finish_reason"] == "length" and greedy["usage"]["completion_tokens"] == 3
        letter = text[2]
        stopped = ask(served, warm | {"stop": [letter]})["choices"][0]
        assert stopped["message"]["content"] == text[: text.index(letter)] and stopped["finish_reason"] == "stop"

        for body, status in (({"messages": "no"}, 400), ({"stream": True}, 400), ({"max_tokens": -1}, 400)):
            with pytest.raises(urllib.error.HTTPError) as caught:
                ask(served, body)
            assert caught.value.code == status
        long = [{"role": "user", "content": "a" * 3000}]
        with pytest.raises(urllib.error.HTTPError, match="400"):
            ask(served, {"messages": long})
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(served, {}, key="wrong")

        async def through_the_door():
            backend = served.backend()
            decode = Decode(max_tokens=40, temperature=1.0)
            request = Request(served.model, (Message("user", "Hello you"),), decode=decode, seed=7)
            try:
                return await backend.call(request, 60)
            finally:
                await backend.close()

        response = asyncio.run(through_the_door())
        assert response.text == text and response.usage.output == first["usage"]["completion_tokens"]
    assert gone(served.pid)


@needs_torch
@pytest.mark.slow
def test_a_base_model_gets_a_plain_prompt_and_dies_with_its_run(tiny):
    script = (
        "import os, sys, time\n"
        "from tests.test_serve import ask\n"
        "from harness.llm.serve import serve\n"
        "with serve(sys.argv[1]) as served:\n"
        "    print(served.pid, ask(served, {'max_tokens': 2})['usage']['prompt_tokens'], flush=True)\n"
        "    time.sleep(300)\n"
    )
    environment = os.environ | {"SANDGLASS_SERVE_PYTHON": PYTHON}
    run = subprocess.Popen(
        [sys.executable, "-c", script, f"hf/{tiny / 'base'}"], stdout=subprocess.PIPE, cwd=ROOT, env=environment
    )
    assert run.stdout is not None
    watcher, read = map(int, run.stdout.readline().split())
    assert read == len("Hello you\n\n")
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert gone(watcher)


@needs_torch
@pytest.mark.slow
def test_broken_weights_are_shown(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("SANDGLASS_SERVE_PYTHON", PYTHON)
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in (tiny / "chat").iterdir():
        (broken / path.name).write_bytes(path.read_bytes()[: 5000 if path.suffix == ".safetensors" else None])
    with pytest.raises(UserError, match="did not start"), serve(f"hf/{broken}", timeout_s=300):
        pass
