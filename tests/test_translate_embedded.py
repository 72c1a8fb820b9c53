"""The embedded model translates a file offline; its times stay."""

import pytest

from harness.cli import main
from harness.llm.credentials import LOCAL_MODULES
from harness.subtitles import read_document

for module in LOCAL_MODULES:
    pytest.importorskip(module, reason="needs the local extra", exc_type=ImportError)

FILE = """1
00:00:01,000 --> 00:00:03,500
今天天气很好，我们出去走走吧

2
00:00:04,000 --> 00:00:06,000
<i>你吃饭了吗</i>

3
00:00:06,040 --> 00:00:09,000
- 我喜欢你
- 谢谢
"""


@pytest.mark.slow
def test_three_cues_of_chinese(tmp_path, capsys):
    path, out = tmp_path / "zh.srt", tmp_path / "en.srt"
    path.write_text(FILE, encoding="utf-8")
    model = ["--model", "local/gemma-3-270m", "--strategy", "unconstrained"]
    assert main(["translate", str(path), "--source", "zh", "--target", "en", *model, "-o", str(out)]) == 0
    before, after = read_document(path), read_document(out)
    assert [(e.start, e.end) for e in after.entries] == [(e.start, e.end) for e in before.entries]
    assert all(skeleton.text.isascii() and skeleton.text for skeleton in after.skeletons)
    assert after.entries[1].body.startswith("<i>") and after.entries[1].body.endswith("</i>")
    assert [line[:2] for line in after.skeletons[2].text.split("\n")] == ["- ", "- "]
    assert "3 of 3 cues translated" in capsys.readouterr().out
