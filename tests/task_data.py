"""Data for every registered task: its own, a corpus where one is here, or a few lines made for the test."""

import json
from pathlib import Path

import pytest

from harness.definition import read_definition
from harness.registry import names
from harness.task import definition_path
from tests.conftest import CORPORA

WMT = CORPORA / "wmt" / "wmt22_outputs" / "wmt-testset"
LINES = {
    "zh": ("我们明天早上一起去爬山吧", "这家店的面条真的特别好吃"),
    "en": ("Let us go hiking tomorrow morning.", "The noodles here are great."),
    "ja": ("明日の朝、一緒に山に登りましょう。", "この店の麺は本当においしいです。"),
    "ko": ("내일 아침에 같이 산에 가자.", "이 가게 국수는 정말 맛있어."),
    "de": ("Morgen früh gehen wir alle zusammen wandern.", "Die Nudeln hier sind wirklich lecker."),
    "es": ("Mañana temprano vamos todos juntos al monte.", "Los fideos de este sitio están muy ricos."),
}


def _registered():
    return [(name, read_definition(definition_path(name)), name.rsplit("_", 1)[1]) for name in names("tasks")]


REGISTERED = _registered()


def data_for(name: str, folder: Path) -> Path | None:
    """Return the data to give to a registered task; None where it has its own.

    Skips the test where the data is a corpus that is not here.
    """
    _, definition, target = next(entry for entry in REGISTERED if entry[0] == name)
    if definition.data.url:
        return _corpus(name, target)
    file = definition.data.file.replace("{target}", target)
    if (definition_path(name).parent / file).is_file():
        return None
    lines = LINES.get(definition.source_language.replace("{target}", target), LINES["en"])
    if file.endswith(".srt"):
        text = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{line}\n\n" for n, line in enumerate(lines, 1))
    elif file.endswith(".json"):
        text = json.dumps([{"instruction": line, "output": line, "generator": "some"} for line in lines])
    else:
        rows = [{"id": str(n), "video": "v", "text": line} for n, line in enumerate(lines)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / file).write_text(text, encoding="utf-8")
    return folder


def _corpus(name: str, target: str) -> Path:
    folders = {
        "sandglass": CORPORA / "sandglass-v1",
        "isometric": CORPORA / "isometric" / "dataset" / "isometric-mt-test" / f"en-{target}",
        "wmt22": WMT / {"en": "zhen", "de": "ende"}.get(target, ""),
    }
    folder = folders[name.partition("_")[0]]
    if not folder.is_dir():
        pytest.skip(f"the data of {name} is not here (set SANDGLASS_CORPORA to the folder of the corpora)")
    return folder
