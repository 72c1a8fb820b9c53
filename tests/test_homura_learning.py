"""HOMURA is seen to learn, in about a minute: a short version of ``sandglass train homura --config toy``."""

import json

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

from harness.cli import main
from trainers.common.history import read_history
from trainers.homura import studies, toy

pytestmark = pytest.mark.slow


def test_the_toy_learns_to_be_brief_without_losing_meaning(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)  # into the configuration's own folder, as the one command does
    monkeypatch.setattr(toy, "FIT_STEPS", 600)
    run = tmp_path / "runs" / "homura-toy"
    sets = ["train.steps=40", "train.schedule=constant"]
    assert main(["train", "homura", "--config", "toy", *(word for one in sets for word in ("--set", one))]) == 0
    found = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    base, trained = found["base"], found["trained"]
    assert base["rho"][0] > 1.2
    assert base["in_bounds"][2] < 0.2
    assert trained["in_bounds"][1] > 2 * base["in_bounds"][2]
    assert 0.7 < trained["rho"][0] < 1
    assert trained["similarity"][0] > base["similarity"][0] - 0.05
    assert "| in_bounds |" in capsys.readouterr().out
    card = json.loads((run / "model" / "sandglass.json").read_text(encoding="utf-8"))
    assert card["demonstration"] is True
    assert {"ib", "toy/toy_meaning", "toy/toy_verdict"} <= set(card["optimised_for"])
    rows = [row for row in read_history(run / "history.jsonl") if "reward" in row]
    assert rows[-1]["reward"] > rows[0]["reward"] + 0.1
    assert "parts/toy_verdict" in (run / "history.svg").read_text(encoding="utf-8")
    assert {"parts/toy_meaning", "parts/toy_verdict", "rho", "in_bounds", "groups_without_variance"} <= set(rows[0])


def test_every_arm_of_every_study_is_a_run_that_can_be_made(tmp_path):
    arms = [arm for study in ALL for arm in study.arms]
    by_key = {arm.key: arm.options for arm in arms}
    assert all(by_key[arm.key] == arm.options for arm in arms), "one key, one run"
    for arm in arms:
        config = studies.configured(arm.options, [f"train.output={tmp_path}"])
        assert config.data.task == "toy"
    outcome = studies.run(studies.FEW | studies.CLIPPED, 0, tmp_path / "run", tmp_path / "shared", quick=True)
    assert set(studies.MEASURES) <= set(outcome.measures)
    assert len(outcome.curves["rho"]) == 4
    assert all(low <= value <= high for value, low, high in outcome.measures.values())
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["homura-base-few-quick-0"]


ALL = (studies.REWARDS, studies.BOUNDS, studies.CLIP, studies.THETA, studies.KL)
