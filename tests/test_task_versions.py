"""A task's version changes whenever its data, its definition or a prompt used on it does."""

import json
import shutil

import pytest

from harness.task import definition_path
from tests import task_versions
from tests.task_versions import difference, locked_parts, main, read_lock, registered


@pytest.mark.parametrize("key", registered())
def test_a_version_stands_for_what_it_did(key):
    said = difference(key, *registered()[key], read_lock())
    assert not said, said


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "mini"
    shutil.copytree(definition_path("sandglass_mini_zh_en").parent, made)
    return made


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_changed_is_named(folder, monkeypatch):
    definition = folder / "task.toml"
    lock = {"mini@1": locked_parts(definition, "en")}
    assert difference("mini@1", definition, "en", lock) == ""
    edit(definition, 'name = "', 'note = "a word"\nname = "')
    assert difference("mini@1", definition, "en", lock) == ""
    edit(folder / "segments.jsonl", "的", "得")
    said = difference("mini@1", definition, "en", lock)
    assert said.startswith("mini@1: its data changed, its version did not. Raise version in mini/task.toml")
    edit(definition, "[0.8, 0.9]", "[0.8, 0.95]")
    assert "its data and definition changed" in difference("mini@1", definition, "en", lock)
    monkeypatch.setattr("harness.budget_prompts.RULES", "Be brief. {unit}{target}{example}")
    said = difference("mini@1", definition, "en", lock)
    assert "prompt of prompted" in said and "prompt of unconstrained" not in said
    assert difference("mini@2", definition, "en", lock) == f"mini@2 is not locked yet. Run: {task_versions.COMMAND}"


def test_the_command_adds_and_never_changes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(task_versions, "LOCK", tmp_path / "lock.json")
    assert main() == 0
    whole = read_lock()
    assert whole.keys() == registered().keys()
    changed = {key: parts | {"data": "other"} for key, parts in whole.items() if key.startswith("musc_mini_zh_en@")}
    (tmp_path / "lock.json").write_text(json.dumps(changed))
    capsys.readouterr()
    assert main() == 1
    assert capsys.readouterr().out.count("its data changed") == 1
    assert read_lock() == whole | changed
