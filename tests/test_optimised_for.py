"""What training used is marked: declared by hand, or by the card of a trained checkpoint."""

import argparse
import json

import pytest

from harness.cli import main
from harness.commands.common import declared
from harness.errors import UserError
from harness.llm.training_card import read_optimised_for
from harness.run.store import read_result


def score(tmp_path, *more):
    lines = tmp_path / "mine.txt"
    if not lines.exists():
        assert main(["score", "sandglass_mini_zh_en", "--reference", "--no-model", "--out", str(tmp_path / "ref")]) == 0
        texts = next((tmp_path / "ref").rglob("translations.jsonl")).read_text().splitlines()
        lines.write_text("\n".join(json.loads(line)["text"] for line in texts))
    out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
    code = main(["score", "sandglass_mini_zh_en", "--translations", str(lines), "--no-model", "--out", str(out), *more])
    return code, out


def test_declared_metrics_are_marked(tmp_path):
    code, out = score(tmp_path, "--optimised-for", "ib,over")
    assert code == 0
    result = read_result(next(out.rglob("result.json")).parent)
    assert result.optimised_for == ("ib", "over")
    assert result.marked == ("ib", "over")
    assert main(["verify", str(out)]) == 0


def test_a_family_marks_all_its_columns(tmp_path):
    _, out = score(tmp_path, "--optimised-for", "fill")
    marked = read_result(next(out.rglob("result.json")).parent).marked
    assert {"fill<=1@6.19", "fill<=1.2@6.19", "fill>1.4@6.19", "fill<.67@6.19"} <= set(marked)
    assert all(name.startswith("fill") and name != "fill_left_out" for name in marked)


def test_nothing_declared_marks_nothing(tmp_path):
    _, out = score(tmp_path)
    assert read_result(next(out.rglob("result.json")).parent).marked == ()


def test_a_name_that_is_none_is_refused(tmp_path, capsys):
    code, out = score(tmp_path, "--optimised-for", "ib;rm -rf")
    assert code == 2 and not list(out.rglob("result.json"))
    assert "'ib;rm -rf' is no name" in capsys.readouterr().err


def test_a_trained_checkpoint_says_it_itself(tmp_path):
    assert read_optimised_for(tmp_path) == ()
    (tmp_path / "sandglass.json").write_text('{"optimised_for": ["ib", "embedding/usem3", "ib"]}')
    assert read_optimised_for(tmp_path) == ("embedding/usem3", "ib")


def test_names_of_a_card_can_be_declared(tmp_path):
    names = [
        "embedding/sentence-transformers/Qwen/Qwen3-Embedding-0.6B",
        "implicit reward over sft",
        "model/hf/it@0a1b",
    ]
    (tmp_path / "sandglass.json").write_text(json.dumps({"optimised_for": names}))
    given = argparse.Namespace(optimised_for=",".join(read_optimised_for(tmp_path)))
    assert list(declared(given)) == names


@pytest.mark.parametrize(
    "written", ["", "[]", "{}", '{"optimised_for": "ib"}', '{"optimised_for": [1]}', "[" * 100_000]
)
def test_a_card_that_cannot_be_read_is_no_clean_record(tmp_path, written):
    (tmp_path / "sandglass.json").write_text(written)
    with pytest.raises(UserError, match="does not say what the checkpoint was trained for"):
        read_optimised_for(tmp_path)
