"""GenRM trained from a configuration, and used by HOMURA."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.judges import load
from harness.llm.door import Door
from trainers.common.config import find_config, read_config
from trainers.homura.genrm.config import PACKAGE, Config
from trainers.homura.genrm.train import load_corpus, main, rubric_parts, synthesised, teacher_door


def test_a_short_run_leaves_a_checkpoint_its_card_and_its_evaluation_and_is_not_done_again(tmp_path, capsys):
    pytest.importorskip("trl", reason="needs the extra 'train'")
    output = tmp_path / "run"
    sets = [f"train.output={output}", "train.steps=2", "train.batch=4", "toy.pairs=40", "toy.held_out=12"]
    sets += ["toy.hidden=32", "evaluation.max_tokens=16"]
    assert main("toy", sets, dry_run=False) == 0
    first = capsys.readouterr().out
    assert "disagreeing with the rubric" in first and "accuracy" in first
    card = json.loads((output / "model/sandglass.json").read_text(encoding="utf-8"))
    assert card["method"] == "genrm" and "judge/genrm" in card["optimised_for"] and card["demonstration"]
    evaluation = json.loads((output / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["n"] == 12 and evaluation["measures"]["parsable"][0] <= 1
    assert len((output / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()) == 12
    kept = (output / "judgements.jsonl").read_text(encoding="utf-8").splitlines()
    assert int(card["data"]["judgements"]) == len(kept) == int(card["data"]["kept"]) <= int(card["data"]["judged"])
    time = (output / "model/model.safetensors").stat().st_mtime_ns
    assert main("toy", sets, dry_run=False) == 0
    assert (output / "model/model.safetensors").stat().st_mtime_ns == time
    assert "disagreeing" not in capsys.readouterr().out
    load(f"genrm:model=hf/{output / 'model'}", "zh", "en")


def test_a_run_that_goes_on_learns_from_what_it_made_before(tmp_path):
    sets = [f"train.output={tmp_path}", "toy.pairs=40"]
    config = read_config(find_config("toy", PACKAGE), Config, sets)
    corpus = load_corpus(config)
    dead = Door(None, backends={})
    with pytest.raises(UserError, match="No judgement is left"):
        synthesised(config, corpus.pairs, dead, rubric_parts(config))
    made = synthesised(config, corpus.pairs, teacher_door(config), rubric_parts(config))
    assert 0 < len(made) <= 40
    assert synthesised(config, corpus.pairs, None, ()) == made  # nobody is asked again


@pytest.mark.slow
def test_two_processes_ask_the_teacher_once_and_train_one_model(tmp_path):
    pytest.importorskip("trl", reason="needs the extra 'train'")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    sets = [f"train.output={tmp_path / 'run'}", "train.steps=2", "train.batch=4", "toy.pairs=40", "toy.held_out=12"]
    command = [*launch, "-m", "harness.cli", "train", "genrm", "--config", "toy"]
    command += [part for one in [*sets, "evaluation.max_tokens=16"] for part in ("--set", one)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("judgements:") == done.stdout.count("12 held-out pairs") == 1
    assert (tmp_path / "run/model/sandglass.json").is_file() and (tmp_path / "run/evaluation.json").is_file()


@pytest.mark.slow
def test_a_genrm_learns_and_homura_can_use_it_as_its_only_quality_part(tmp_path, monkeypatch):
    """Eight minutes on a busy machine."""
    pytest.importorskip("trl", reason="needs the extra 'train'")
    from trainers.common.history import read_history
    from trainers.homura.train import main as train_homura

    monkeypatch.chdir(tmp_path)
    assert main("toy", ["toy.held_out=400"], dry_run=False) == 0
    found = json.loads((tmp_path / "runs/genrm-toy/evaluation.json").read_text(encoding="utf-8"))["measures"]
    assert found["accuracy"][0] >= 0.9 and found["parsable"][0] > 0.95
    sets = ["train.steps=6", "train.log_steps=1", f"quality.genrm.cache={tmp_path}/cache"]
    assert train_homura("toy_reason", sets, dry_run=False) == 0
    rows = read_history(tmp_path / "runs/homura-toy-reason/history.jsonl")
    shares = [row["parts/genrm"] for row in rows if "parts/genrm" in row]
    assert len(shares) == 6 and all(0.5 < share <= 1 for share in shares)
    card = json.loads((tmp_path / "runs/homura-toy-reason/model/sandglass.json").read_text(encoding="utf-8"))
    assert "judge/genrm" in card["optimised_for"]
