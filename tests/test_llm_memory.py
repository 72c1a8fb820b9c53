"""A run of fifty thousand calls that all wait at once stays small."""

import subprocess
import sys

import pytest

CODE = """
import asyncio, sys, tempfile
from pathlib import Path
from harness.llm.cache import ResponseCache
from harness.llm.direct import DirectClient  # its imports count
from harness.llm.door import Door
from harness.llm.types import Message, Request, Response
from harness.records import Usage

class Stub:
    async def call(self, request, timeout_s):
        await asyncio.sleep(0)
        return Response("A line of some words.", "stop", Usage(calls=1, input=60, output=9))
    async def close(self):
        pass

async def go(calls, folder):
    door = Door(ResponseCache(Path(folder)), concurrency=32)
    door._backends["direct"] = Stub()
    def request(n):
        system, user = "Translate into English, at most twelve syllables.", f"{n} " + "字" * 40
        chat = (Message("system", system), Message("user", user))
        return Request("openai/m", chat, api_base="http://127.0.0.1:9/v1")
    async def ask(n):
        return len((await door.complete(request(n), role="system", stage="translate")).text)
    assert sum(await asyncio.gather(*(ask(n) for n in range(calls)))) == 21 * calls
    await door.close()

with tempfile.TemporaryDirectory() as folder:
    asyncio.run(go(int(sys.argv[1]), folder))
# Of this program alone: ru_maxrss would begin with the size of the process that started it.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) / 1024)
"""


def peak_mb(calls):
    done = subprocess.run([sys.executable, "-c", CODE, str(calls)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_a_queued_call_is_small():
    few, many = peak_mb(1), peak_mb(4001)
    assert (many - few) / 4000 < 0.006, "MB a call"


@pytest.mark.slow
def test_fifty_thousand_queued_calls():
    assert peak_mb(50_000) < 300
