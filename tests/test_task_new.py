"""``sandglass task new`` makes a task that runs, and whose own test passes."""

import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from harness.bridge import tasks as bridge
from harness.bridge import yaml_files
from harness.budget import TRACKS
from harness.cli import main
from harness.definition import read_definition
from harness.errors import UserError
from harness.run.store import read_result
from harness.task import load_task
from tests.loopback import Loopback
from tests.translator import Translator

ROOT = Path(__file__).parents[1]
needs_lm_eval = pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="needs the extra 'lm-eval'")


def new(tmp_path, name="mine", source="zh", target="en", *more):
    return main(["task", "new", name, "--source", source, "--target", target, "--dir", str(tmp_path), *more])


@pytest.mark.parametrize("track", TRACKS)
def test_the_new_task_runs(track, tmp_path, capsys):
    assert new(tmp_path, "mine", "zh", "en,de", "--track", track) == 0
    said = capsys.readouterr().out
    folder, strategy = tmp_path / "mine", "unconstrained" if track == "none" else "prompted"
    assert f"sandglass run {folder}:en --model local/gemma-3-270m --strategy {strategy} " in said
    with Loopback(Translator()) as server:
        model = ["--model", "hosted_vllm/some", "--api-base", server.url, "--protocol", "offline", "--seeds", "1"]
        command = ["run", f"{folder}:en", *model, "--strategy", strategy, "--limit", "2"]
        assert main([*command, "--out", str(tmp_path / "out")]) == 0
    (found,) = (tmp_path / "out").rglob("result.json")
    result = read_result(found.parent)
    assert (result.task, result.segments) == ("mine_zh_en", 2)
    assert ("ib" in result.metrics) == (track != "none")
    its_test = runpy.run_path(str(folder / "test_mine.py"))
    its_test["test_the_card_counts_right"](load_task(f"{folder}:en"))


@pytest.mark.slow
def test_its_own_test_passes_and_fails_where_the_data_changes(tmp_path, capsys):
    assert new(tmp_path) == 0
    folder = tmp_path / "mine"
    assert f"python -m pytest {folder}" in capsys.readouterr().out
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(folder)]

    def run(*more):
        return subprocess.run(
            [*command, *more], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300
        )

    passed = run()
    assert passed.returncode == 0 and ("3 passed" in passed.stdout or "2 passed, 1 skipped" in passed.stdout), passed
    lines = (folder / "segments.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "segments.jsonl").write_text("\n".join(lines[:2]) + "\n", encoding="utf-8")
    failed = run("-k", "card")
    assert failed.returncode == 1 and "test_the_card_counts_right" in failed.stdout


@needs_lm_eval
def test_a_yaml_that_is_stale_says_how_to_write_it_anew(tmp_path):
    assert new(tmp_path) == 0
    definition = tmp_path / "mine" / "task.toml"
    data = definition.with_name("segments.jsonl")
    data.write_text(data.read_text(encoding="utf-8").replace("面条", "米饭"), encoding="utf-8")
    bridge.plan_of.cache_clear()

    def load():
        from lm_eval.tasks import TaskManager

        manager = TaskManager(include_path=str(tmp_path / "mine"), include_defaults=False)
        return manager.load(["mine_zh_en"])["tasks"]["mine_zh_en"]

    with pytest.raises(UserError, match=r"data_sha256.*python -m harness\.bridge\.yaml_files"):
        load()
    assert yaml_files.main([str(definition)]) == 0
    assert [doc["id"] for doc in load().eval_docs] == ["first-0", "first-1", "second-0"]


def test_a_definition_that_is_not_there(tmp_path, capsys):
    assert yaml_files.main([str(tmp_path / "task.toml")]) == 2
    assert "There is no" in capsys.readouterr().err


def test_a_language_without_examples_or_counter(tmp_path):
    assert new(tmp_path, "drama", "ko", "zh,ja", "--track", "reading_speed") == 0
    task = load_task(f"{tmp_path / 'drama'}:zh")
    assert (task.source, task.rate, task.most) == ("ko", 9.0, 32)
    assert "examples in English" in (tmp_path / "drama" / "NOTE.md").read_text(encoding="utf-8")
    assert task.segments[0].reference == "我们明天早上一起去爬山吧"
    assert load_task(f"{tmp_path / 'drama'}:ja").segments[0].reference is None


def test_definitions_explain_themselves(tmp_path):
    assert new(tmp_path, "mine", "zh", "en") == 0
    definition = read_definition(tmp_path / "mine" / "task.toml")
    assert (definition.name, definition.targets["en"].bounds) == ("mine_zh", (0.8, 0.9))
    card = (tmp_path / "mine" / "card.toml").read_text(encoding="utf-8")
    for field in ("licence", "source", "citation", "bibtex", "annotators", "date", "caveats", "superseded_by"):
        (line,) = (line for line in card.splitlines() if line.startswith(f"{field} ="))
        assert " # " in line


@pytest.mark.parametrize(
    "name,source,target,words",
    [
        ("../out", "zh", "en", "no name for a task"),
        ("Mine", "zh", "en", "no name for a task"),
        ("", "zh", "en", "no name for a task"),
        ("x" * 41, "zh", "en", "no name for a task"),
        ("mine", "zh", "tlh", "Unknown language 'tlh'"),
        ("mine", "zh", "en,", "Unknown language ''"),
        ("mine", "zh", "en,en", "stands twice"),
        ("mine", "ko", "en", "no counter for Korean"),
        ("mine", "zh", "fr", "no counter for French"),
        ("sandglass", "zh", "en", "comes with sandglass"),
    ],
)
def test_what_cannot_be_is_refused(name, source, target, words, tmp_path, capsys):
    inner = tmp_path / "inner"
    assert new(inner, name, source, target) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.toml"))


def test_a_place_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert new(tmp_path / "file") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    assert new(tmp_path) == 2
    assert "there already" in capsys.readouterr().err and not list((tmp_path / "mine").iterdir())
