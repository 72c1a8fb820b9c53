"""CPO's runs: every objective, kill and resume, several processes, learning."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

import torch

from harness.cli import main
from tests.cpo_runs import tiny_checkpoint, toy_run, triplet, weights
from trainers.common.config import find_config, read_config
from trainers.common.history import read_history
from trainers.cpo.config import PACKAGE, Config
from trainers.cpo.toy_model import measure_toy
from trainers.cpo.train import load_corpus, run
from trainers.cpo.triplets import write_triplets


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.mark.parametrize(
    "sets",
    [
        ("loss.objective=sft",),
        ("loss.objective=dpo",),
        ("loss.objective=dpo", "data.rejected=noised"),
        ("loss.kind=hinge",),
        ("loss.kind=ipo",),
        ("loss.kind=simpo", "loss.nll=sequence_sum"),
        ("loss.kind=alphapo", "loss.cpo_alpha=0.0", "data.rejected=noised"),
    ],
    ids="+".join,
)
def test_every_objective_trains(sets, tmp_path, capsys):
    assert main(toy_run(tmp_path / "out", *sets)) == 0
    said = capsys.readouterr().out
    assert "words †" in said and "Finished" in said
    before, after = weights(tmp_path / "out" / "base"), weights(tmp_path / "out" / "model")
    assert any(not torch.equal(before[name], after[name]) for name in after)
    assert all(torch.isfinite(tensor).all() for tensor in after.values())
    rows = read_history(tmp_path / "out" / "history.jsonl")
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4]
    finished = tmp_path / "out" / "model"
    changed = (finished / "model.safetensors").stat().st_mtime_ns
    assert main(toy_run(tmp_path / "out", *sets)) == 0  # a finished run is not trained again
    assert (finished / "model.safetensors").stat().st_mtime_ns == changed


@pytest.mark.slow  # a process that imports torch, and eighty steps
def test_killed_and_resumed_ends_where_an_unbroken_run_ends(tmp_path):
    steps = ["train.steps=40", "train.save_steps=4"]
    command = [sys.executable, "-m", "harness.cli", *toy_run(tmp_path / "killed", *steps)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    while process.poll() is None and not (tmp_path / "killed" / "checkpoint-8").is_dir():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "model").exists()
    torn = tmp_path / "killed" / "checkpoint-32"  # as a kill leaves one that was being written
    torn.mkdir(exist_ok=True)
    (torn / "model.safetensors").write_bytes(b"")
    (torn / "trainer_state.json").unlink(missing_ok=True)
    assert main(toy_run(tmp_path / "killed", *steps)) == 0
    assert main(toy_run(tmp_path / "whole", *steps)) == 0
    killed, whole = (weights(tmp_path / name / "model") for name in ("killed", "whole"))
    for name in whole:
        torch.testing.assert_close(killed[name], whole[name], rtol=0, atol=1e-6)
    steps_seen = [row["step"] for row in read_history(tmp_path / "killed" / "history.jsonl") if "loss" in row]
    assert steps_seen == list(range(1, 41))


def test_another_configuration_does_not_take_over_a_folder(tmp_path, capsys):
    assert main(toy_run(tmp_path / "out")) == 0
    assert main(toy_run(tmp_path / "out", "train.seed=1")) == 2
    assert "holds a run of another configuration" in capsys.readouterr().err


@pytest.mark.slow
def test_cpo_learns_in_a_minute(tmp_path):
    """The short version of ``sandglass train cpo --config toy``: far better than what it starts from."""
    sets = ["toy.fitting=500", "toy.tests=200", "train.steps=120", f"train.output={tmp_path / 'out'}"]
    config = read_config(find_config("toy", PACKAGE), Config, sets)
    finished = run(config, load_corpus(config))
    before, after = (measure_toy(config, folder) for folder in (tmp_path / "out" / "base", finished))
    assert after["words"][1] > before["words"][2]  # intervals apart
    assert after["quality"][0] > before["quality"][0]


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path, checkpoint):
    """Two processes with two pairs each, and one with four, end with the same weights: nothing is averaged twice."""
    answers = ["yes", "no yes no yes no", "yes no", "no no no no"]
    write_triplets(tmp_path / "t.jsonl", [triplet(n, chosen=answers[n]) for n in range(4)])
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    for name, batch, launcher in (("one", 4, []), ("two", 2, launch)):
        config = tmp_path / f"{name}.toml"
        config.write_text(
            f'[model]\npath = "hf/{checkpoint}"\n[data]\ntriplets = "{tmp_path / "t.jsonl"}"\n[train]\n'
            f'output = "{tmp_path / name}"\nlearning_rate = 1e-3\nsteps = 3\nbatch = {batch}\nthreads = 1\n'
        )
        command = [sys.executable, *launcher, "-m", "harness.cli", "train", "cpo", "--config", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = (weights(tmp_path / name / "model") for name in ("one", "two"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=0, atol=2e-5)
