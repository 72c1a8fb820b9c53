import asyncio
import shutil

import pytest

from harness.errors import RunError
from harness.llm.credentials import LOCAL_MODULES
from harness.llm.door import Door
from harness.llm.types import Decode, Request

for module in LOCAL_MODULES:
    pytest.importorskip(module, reason="needs the local extra", exc_type=ImportError)

SHOTS = "Chinese: 今天天气很好。\nEnglish: The weather is nice today.\n\nChinese: {}\nEnglish:"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SANDGLASS_CACHE", str(tmp_path))
    yield tmp_path
    shutil.rmtree(tmp_path)  # 240 MB


def request(text, **fields):
    decode = Decode(max_tokens=12, stop=("\n",), temperature=fields.pop("temperature", None))
    return Request("local/gemma-3-270m", prompt=SHOTS.format(text), decode=decode, **fields)


@pytest.mark.slow
def test_the_embedded_model(folder, capfd):
    async def go():
        door = Door(None, max_cost=0.0)
        assert door.kind("local/gemma-3-270m") == "completion"
        door.check([("local/gemma-3-270m", None)])
        requests = [
            request("你好。"),
            request("我喜欢你。"),
            request("你好。"),
            *[request("你好。", temperature=1.0)] * 2,
        ]
        given = [await door.complete(r, role="system", stage="t") for r in requests]
        try:
            await door.complete(request("长" * 5000), role="system", stage="t")
        except RunError as error:
            assert "context size" in str(error)
        else:
            raise AssertionError("a prompt beyond the context was answered")
        await door.close()
        again = Door(None)  # loads a second time; the file and the notice are there
        given.append(await again.complete(requests[0], role="system", stage="t"))
        await again.close()
        return given

    first, other, second, drawn, redrawn, reloaded = asyncio.run(go())
    assert first.text.strip() and first.text == second.text == reloaded.text != other.text
    assert drawn.text == redrawn.text
    assert (first.usage.calls, first.usage.cost, first.usage.cached) == (1, 0.0, 0)
    assert first.usage.input > 20 and first.usage.output > 0 and first.usage.latency_s > 0
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and "Gemma Terms of Use" in err
    assert [path.name for path in (folder / "models").iterdir()] == ["gemma-3-270m-q4_k_m.gguf"]
