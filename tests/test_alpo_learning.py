"""ALPO from the command line: it learns, survives a kill, trains on two processes, and refuses what is broken."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("trl", reason="the extra 'train' is not installed")

from harness.errors import UserError
from tests import alpo_toy
from tests.conftest import CORPORA
from trainers.alpo.config import Config
from trainers.alpo.train import main
from trainers.common.config import find_config, read_config
from trainers.common.history import read_history

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "trainers" / "alpo"
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
SMALL = ("data.scenes=60", "sft.steps=4", "sampling.k=5", "train.batch=4", "train.steps=30", "train.save_steps=5")


def sets(folder, *more):
    outputs = [f"{section}.output={folder / section}" for section in ("sft", "sampling", "train")]
    return [*outputs, "sft.batch=8", "sampling.group=4", "evaluation.limit=4", "train.log_steps=1", *SMALL, *more]


def sandglass(folder, *more, wait=True):
    command = [sys.executable, "-m", "harness.cli", "train", "alpo", "--config", "toy"]
    command += [part for item in sets(folder, *more) for part in ("--set", item)]
    if not wait:
        return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False)


def killed(folder, when):
    """Kill a run as soon as something is there."""
    process = sandglass(folder, wait=False)
    while process.poll() is None and not when():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("name", ["default", "sspo", "toy"])
def test_the_configurations_that_come_with_it_are_read(name):
    config = read_config(find_config(name, FOLDER), Config)
    assert config.method == "alpo"
    assert (config.selection.top, config.selection.least_gap, config.mixing.end) == (3, 5.0, 0.6)


def test_the_judges_of_the_default_are_neither_its_scorers_family_nor_its_models():
    from harness.judges.families import related
    from harness.judges.spec import settings

    config = read_config(find_config("default", FOLDER), Config)
    (scorer,) = settings(config.scoring.judge, "en", "zh")
    judges = [one for spec in config.evaluation.judges for one in settings(spec, "en", "zh")]
    judges += [one for spec in config.evaluation.pairwise for one in settings(spec, "en", "zh")]
    assert len(judges) == 10
    for judge in judges:
        assert not related(judge.model, scorer.model)
        assert not related(judge.model, config.model.path)


def test_the_default_is_the_papers():
    path = CORPORA / "published" / "alpo_official_defaults.json"
    if not path.exists():
        pytest.skip("the published defaults are not here (set SANDGLASS_CORPORA to the folder of the corpora)")
    official = json.loads(path.read_text())
    config = read_config(find_config("default", FOLDER), Config)
    alpo, sampling = official["alpo"], official["sampling"]
    for name in ("k", "temperature", "top_p", "top_k", "max_tokens"):
        assert getattr(config.sampling, name) == sampling[name]
    assert config.selection.least_candidates == alpo["min_candidates"]
    assert config.selection.least_gap == alpo["min_score_gap"]
    assert (config.selection.top, config.selection.bottom) == (alpo["chosen_top_k"], alpo["rejected_rank_from_bottom"])
    assert (config.mixing.start, config.mixing.end) == (alpo["lambda_start"], alpo["lambda_end"])
    assert (config.train.learning_rate, config.train.epochs, config.train.seed) == (
        alpo["lr"],
        alpo["epochs"],
        alpo["seed"],
    )
    assert config.train.batch * config.train.accumulation == alpo["global_batch"]
    assert (config.train.schedule, config.train.warmup) == (alpo["scheduler"], alpo["warmup_ratio"])
    assert (config.model.lora.r, config.model.lora.alpha, config.model.lora.dropout) == (8, 16, 0.05)
    assert config.beta == alpo["beta_scale"]
    sft = official["sft"]
    assert (config.sft.learning_rate, config.sft.epochs, config.cutoff) == (sft["lr"], sft["epochs"], sft["cutoff"])
    assert config.data.sft_share == sft["sft_proportion_paper"]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("method=outcome_dpo", "go together"),
        ("beta=0.0", "beta must be above 0"),
        ("mixing.end=1.5", "mixing.start and end"),
        ("sampling.k=0", "1 or more"),
        ("data.sft_share=1.0", "below 1"),
        ("scoring.scorer=judge", "scoring.judge"),
        ("scoring.scorer=duration", "the toy"),
        ("train.output=runs/alpo-toy/sft", "an output folder each"),
        ("selection.tops=3", "unknown field 'tops'"),
        ("beta=nan", "beta must be above 0"),
        ("separator=''", "separator is empty"),
        ("selection.least_gap=nan", "least_gap a number"),
        ("sampling.top_p=1.5", "top_p lie in 0..1"),
        ("sampling.temperature=nan", "sampling.temperature"),
        ("sampling.model=openai/m", "the toy is sampled from its own model"),
        ("scoring.low=1.5", "in order"),
        ("evaluation.limit=0", "for the toy 1 or more"),
        ("evaluation.systems.reference=other.jsonl", "'reference'; that name is taken"),
    ],
)
def test_a_configuration_that_cannot_be_trained_with_is_refused(item, said):
    with pytest.raises(UserError, match=said):
        read_config(find_config("toy", FOLDER), Config, [item])


def test_a_checkpoint_that_could_run_code_is_refused(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(UserError, match="only safetensors are loaded"):
        main("toy", sets(tmp_path, f"model.path=hf/{folder}"), False)


def test_a_dry_run_says_what_would_be_done(tmp_path, capsys):
    assert main("toy", sets(tmp_path), True) == 0
    assert (
        "SFT on 48 samples; 240 lines to sample; 48 lines to score by exact; alpo on up to 12 samples"
        in capsys.readouterr().out
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there.jsonl"),
        (b"not json\n", "line 1"),
        (b'{"id": 1, "text": "x"}\n', "no id or text"),
        (b'{"id": "a", "text": "x"}\n', "lacks 16 lines"),
    ],
)
def test_a_dry_run_reads_the_systems_that_are_to_be_compared(tmp_path, content, said):
    path = tmp_path / "there.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        main("toy", sets(tmp_path, f"evaluation.systems.other={path}"), True)


def test_a_run_stops_after_the_stage_that_is_named(tmp_path):
    for stage, there in (
        ("sft", {"sft"}),
        ("candidates", {"sft", "sampling"}),
        ("preferences", {"sft", "sampling", "train"}),
    ):
        assert main("toy", sets(tmp_path, f"until={stage}", "train.steps=1", "sft.steps=1"), False) == 0
        assert {path.name for path in tmp_path.iterdir()} == there
    assert not (tmp_path / "train" / "evaluation.json").exists()
    assert main("toy", sets(tmp_path, "evaluation.limit=3", "train.steps=1", "sft.steps=1"), False) == 0
    assert json.loads((tmp_path / "train" / "evaluation.json").read_text())["samples"] == 3


def test_candidates_that_are_all_alike_end_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"No sample has a pair \(.*alike"):
        main("toy", sets(tmp_path, "selection.least_gap=100.0", "sft.steps=1"), False)


@pytest.mark.slow
def test_a_run_that_is_killed_twice_ends_as_one_that_is_not(tmp_path):
    for name in ("through", "killed"):
        (tmp_path / name).mkdir()
    assert sandglass(tmp_path / "through").returncode == 0
    stopped = tmp_path / "killed"
    rated, history = stopped / "sampling" / "rated.jsonl", stopped / "train" / "history.jsonl"
    killed(stopped, lambda: rated.is_file() and rated.stat().st_size)
    assert not history.exists()
    killed(stopped, lambda: history.is_file() and history.read_bytes().count(b"\n") >= 3)
    assert not (stopped / "train" / "model" / "sandglass.json").exists()
    done = sandglass(stopped)
    assert done.returncode == 0, done.stderr[-2000:]
    for path in ("sampling/rated.jsonl", "train/model/model.safetensors", "train/evaluation.json"):
        assert (stopped / path).read_bytes() == (tmp_path / "through" / path).read_bytes(), path


WORKER = ["-m", "tests.alpo_process"]
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", *WORKER]


def worked(folder, *command):
    """Run a command of Python and return the arrays that it left in a folder."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [np.load(path) for path in sorted(folder.glob("*.npy"))]


@pytest.mark.slow
def test_two_processes_are_one_batch(tmp_path):
    (one,) = worked(tmp_path / "one", *WORKER, str(tmp_path / "one"), "8")
    first, second = worked(tmp_path / "two", *TWO, str(tmp_path / "two"), "4")
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, one, atol=2e-6)
    alone, together = (read_history(tmp_path / name / "history.jsonl")[0] for name in ("one", "two"))
    for name in ("loss", "gated", "weight", "beta", "chosen", "rejected", "margin", "lambda"):
        assert together[name] == pytest.approx(alone[name], abs=1e-5), name


@pytest.mark.slow
def test_a_sharded_model_has_the_log_probabilities_and_gradients_of_a_whole_one(tmp_path):
    from tests.alpo_process import sums_and_gradients
    from trainers.alpo.trainer import add_sums

    whole = alpo_toy.model()
    add_sums(whole)
    for found in worked(tmp_path / "two", *TWO, str(tmp_path / "two"), "0", "sharded"):
        np.testing.assert_allclose(found, sums_and_gradients(whole), rtol=1e-4, atol=1e-5)
        whole.zero_grad()


@pytest.mark.slow
def test_it_learns(tmp_path):
    """The minute's version of the toy: vividness rises clearly, and accuracy stays within a few points."""
    more = ("data.scenes=2000", "sft.steps=700", "sft.batch=64", "sampling.k=12", "sampling.group=300")
    more += ("train.steps=60", "train.batch=16", "train.learning_rate=1e-4", "evaluation.limit=100")
    done = sandglass(tmp_path, *more)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "train" / "evaluation.json").read_text())["scores"]
    assert found["sft"]["accuracy"]["value"] > 90
    assert found["alpo"]["accuracy"]["value"] > found["sft"]["accuracy"]["value"] - 5
    assert found["alpo"]["vividness"]["low"] > found["sft"]["vividness"]["high"]
