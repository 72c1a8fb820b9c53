"""Studies, and the commands that train and study."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")


from harness.cli import main
from harness.errors import CostLimit, RunError
from trainers.common import studies, study
from trainers.common.plots import plot_study
from trainers.common.study import Arm, Outcome, Study


def measure(options, seed, folder, shared, quick):
    """Return what a study's function does."""
    if options.get("broken"):
        raise ValueError("broken on purpose")
    if options.get("silent"):
        return Outcome({})
    value = options["value"] + seed
    return Outcome({"score": (value, value - 1, value + 1)}, {"score": [(0, 0), (1, value)]})


ARMS = (Arm("first", "a", {"value": 1.0}), Arm("second", "b", {"value": 3.0}))
MADE = Study("made", "Is three more than one?", ARMS, {"score": "score"}, "tests.test_training_study:measure", "score")


def done(out, *seeds):
    for arm in ARMS:
        for seed in seeds:
            folder = out / "runs" / f"{arm.key}-{seed}"
            study.run_one(MADE, arm, seed, out, quick=False)
            assert (folder / "outcome.json").is_file()


def test_a_study_is_summarised_over_seeds_and_runs_nothing_twice(tmp_path):
    done(tmp_path, 0, 1, 2)
    summary = study.run_study(MADE, tmp_path, range(3))
    second = summary["arms"]["second"]["measures"]["score"]
    assert (second["mean"], second["difference"]["mean"], second["difference"]["low"]) == (4.0, 2.0, 2.0)
    assert second["low"] == pytest.approx(4 - 4.30265 / 3**0.5, abs=1e-4)
    assert json.loads((tmp_path / "made.json").read_text()) == json.loads(json.dumps(summary))
    assert "| second | 4.000 [1.516, 6.484] |" in (tmp_path / "made.md").read_text()
    plot_study(summary, tmp_path / "made.svg")
    assert (tmp_path / "made.svg").stat().st_size > 5000


def test_a_run_that_lacks_a_measure_leaves_a_gap_and_quick_runs_no_result(tmp_path):
    arms = (Arm("first", "a", {"value": 1.0}), Arm("none", "c", {"value": 0.0, "silent": True}))
    made = replace(MADE, arms=arms)
    for arm in arms:
        study.run_one(made, arm, 0, tmp_path, quick=True)
    summary = study.run_study(made, tmp_path, [0], quick=True)
    assert "| none | - |" in (tmp_path / "made-quick.md").read_text() and summary["command"].endswith(" --quick")
    assert summary["arms"]["none"]["measures"]["score"]["difference"]["mean"] is None
    plot_study(summary, tmp_path / "made-quick.svg")
    assert not (tmp_path / "made.json").exists()


def test_a_run_that_fails_is_named_and_the_others_kept(tmp_path):
    done(tmp_path, 0)
    with pytest.raises(RunError, match="2 of 2 runs of made failed: first, seed 1, exit code 1"):
        study.run_study(MADE, tmp_path, range(2))  # the process finds no study of this name
    assert (tmp_path / "runs" / "a-0" / "outcome.json").is_file()
    assert "There is no study 'made'" in (tmp_path / "runs" / "a-1" / "log.txt").read_text()


def test_every_registered_study_is_sound():
    for name in studies.STUDIES:
        found = studies.find_study(name)
        assert found.name == name and found.arms and found.measures
        assert len({arm.key for arm in found.arms}) == len(found.arms) == len({arm.name for arm in found.arms})


def unpaid(*_):
    raise CostLimit("1 $ is spent")


def test_commands_name_what_there_is(capsys, monkeypatch):
    assert main(["study", "none"]) == 2
    assert "There is no study 'none'" in capsys.readouterr().err
    assert main(["study"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in studies.STUDIES)
    monkeypatch.setattr("trainers.cpo.train.main", unpaid)
    assert main(["train", "cpo", "--config", "toy"]) == 4
    assert "sandglass: 1 $ is spent" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["train", "none", "--config", "toy"])
    assert ended.value.code == 2
