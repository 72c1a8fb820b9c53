"""Rounds of implicit cross-lingual rewarding: what they leave, resuming, other rewards and ways in."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import permutations
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

import torch
from safetensors.torch import load_file

from harness.errors import UserError
from harness.jsonl import to_line
from harness.llm.checkpoint import resolve
from harness.llm.serve import Served
from tests.icr_runs import ENGLISH, GERMAN, WORDS, config, fill, write_instructions
from tests.loopback import Loopback, Reply, says
from trainers.common.config import Model, Training
from trainers.common.models import load_model
from trainers.icr.config import Start
from trainers.icr.start import kto_trainer
from trainers.icr.train import run


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to run in."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


def left(folder):
    """What a run leaves that must be the same however often it was stopped."""
    names = ("samples.jsonl", "rewards.jsonl", "pairs.jsonl", "pairs.json", "train/model/model.safetensors")
    return {f"{n}/{name}": (folder / f"round_{n}" / name).read_bytes() for n in (0, 1) for name in names}


def test_two_rounds(place):
    finished = run(config())
    assert finished == Path("out/round_1/train/model") and (finished / "model.safetensors").is_file()
    pairs = [json.loads(line) for line in Path("out/round_0/pairs.jsonl").read_text().splitlines()]
    assert {pair["prompt"] for pair in pairs} <= {*ENGLISH, *GERMAN}  # trained on the target language's prompt
    assert {pair["language"] for pair in pairs} == {"en", "de"}
    summary = json.loads(Path("out/round_0/pairs.json").read_text())
    assert summary["pairs"] == len(pairs) and summary["responses"] == 24
    assert set(summary["length_control"]) == {"en", "de"}
    card = json.loads((finished / "sandglass.json").read_text())
    assert card["method"] == "icr" and card["optimised_for"] == ["implicit reward over sft"]
    assert card["base"] == "out/round_0/train/model"
    history = [json.loads(line) for line in Path("out/round_0/train/history.jsonl").read_text().splitlines()]
    assert history[0]["rewards/margins"] == pytest.approx(0, abs=1e-4)  # the reference is where the round starts


def test_stored_rewards_are_log_ratios_under_the_request(place):
    from trainers.icr.reward import implicit_rewards

    run(config(rounds=1))
    samples = [json.loads(line) for line in Path("out/round_0/samples.jsonl").read_text().splitlines()]
    rewards = [json.loads(line) for line in Path("out/round_0/rewards.jsonl").read_text().splitlines()]
    (policy, tokenizer), (sft, _) = load_model(Model("dpo")), load_model(Model("sft"))
    asked = [*ENGLISH, *(f"answer in German : {text}" for text in ENGLISH)]
    flat = [texts for block in samples for texts in block]
    found = [values for block in rewards for values in block]
    for prompt, texts, values in zip(asked, flat, found, strict=True):
        there = [(text, value) for text, value in zip(texts, values, strict=True) if text]
        expected = implicit_rewards(policy, sft, tokenizer, [(prompt, text) for text, _ in there])
        assert [value for _, value in there] == pytest.approx(expected, abs=1e-4)


def killed_run(at):
    """Start the command, kill it once ``at`` exists, and say whether it was still at work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "train", "icr", "--config", "config.toml"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while not at.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    at_work = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return at_work


@pytest.mark.slow  # four processes that import torch
def test_killed_between_and_inside_rounds(place):
    told = config(train__steps=12, train__save_steps=4)
    run(told)
    whole = left(Path("out"))
    shutil.move("out", "first")
    inside = Path("out/round_0/train/checkpoint-4/trainer_state.json")
    stops = [Path("out/round_0/samples.jsonl"), inside, Path("out/round_1")]
    assert sum(killed_run(stop) for stop in stops) >= 2
    run(told)
    assert left(Path("out")) == whole


def test_a_torn_line_is_done_again(place):
    run(config(rounds=1))
    rewards = Path("out/round_0/rewards.jsonl")
    before = rewards.read_bytes()
    shutil.rmtree("out/round_0/train")
    rewards.write_bytes(before[:-9])
    run(config(rounds=1))
    assert rewards.read_bytes() == before


def test_the_reference_of_the_reward_can_be_the_policy_before(place):
    run(config(rewarding__reference="previous"))
    card = json.loads(Path("out/round_1/train/model/sandglass.json").read_text())
    assert card["optimised_for"] == [
        "implicit reward over dpo",
        "implicit reward over sft",
    ]  # this round, the one before


@pytest.mark.parametrize("kind", ["multilingual", "translated"])
def test_other_rewards(place, kind, monkeypatch):
    import trainers.icr.train as train

    asked = []

    def translate(responses, language):
        asked.extend((text, language) for text in responses)
        return ["one two" if n else None for n, _ in enumerate(responses)]

    monkeypatch.setattr(train, "_translator", lambda config: translate)
    run(config(rounds=1, rewarding__kind=kind, rewarding__translator="openai/x", rewarding__length_control=False))
    summary = json.loads(Path("out/round_0/pairs.json").read_text())
    assert all(found["a"] == 0 for found in summary["length_control"].values())
    if kind == "translated":
        assert {language for _, language in asked} == {"de"}
        assert summary["skipped"]["no reward"] == 2  # the first of each block of two prompts
        assert summary["skipped"]["equal scores"] >= 3  # all have one translation
    else:
        assert not asked


def test_adapters(place):
    lora = {"r": 2, "alpha": 4, "dropout": 0.0, "targets": ["q_proj", "v_proj"]}
    finished = run(config(rounds=1, model={"path": "dpo", "lora": lora}))
    assert (finished / "model.safetensors").is_file() and not (finished / "adapter_config.json").exists()


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_the_start_is_made_from_english_preferences(place, method):
    rows = [{"prompt": text, "chosen": "one .", "rejected": "six six"} for text in ENGLISH] * 4
    Path("preferences.jsonl").write_bytes(b"".join(map(to_line, rows)))
    start = {"method": method, "preferences": "preferences.jsonl", "learning_rate": 5e-3, "steps": 10}
    run(config(sft="", rounds=1, model={"path": "sft"}, start=start))
    from trainers.icr.reward import implicit_rewards

    (policy, tokenizer), (sft, _) = load_model(Model("out/start/model")), load_model(Model("sft"))
    rewards = implicit_rewards(policy, sft, tokenizer, [(ENGLISH[0], "one ."), (ENGLISH[0], "six six")])
    assert rewards[0] > rewards[1] + 0.1
    card = json.loads(Path("out/round_0/train/model/sandglass.json").read_text())
    assert card["optimised_for"] == ["English preferences", "implicit reward over sft"]
    assert card["base"] == "out/start/model"


def test_kto_compares_with_responses_to_other_prompts(place):
    """Its KL term is of responses to other prompts; a chosen response and the rejected one must not be neighbours."""
    model, tokenizer = load_model(Model("sft"))
    rows = [
        {"prompt": f"{a} {b}", "chosen": f"{a} {b} .", "rejected": f"{a} {b}"} for a, b in permutations(WORDS[:6], 2)
    ]
    training = Training("kto", 1e-3, batch=10, steps=1)
    made = kto_trainer(model, tokenizer, rows, training, Start("kto", "preferences.jsonl"), None).train_dataset
    own = [row["KL_completion_ids"][:2] == row["completion_ids"][:2] for row in made]
    assert len(own) == 60 and sum(own) < 6
    assert sum(row["label"] for row in made) == 30


def test_a_round_without_pairs_is_said(place):
    told = config(rounds=1, sft="dpo")  # the policy over itself: every reward is 0
    with pytest.raises(UserError, match=r"Round 0 gives no pair \(.*equal scores"):
        run(told)


def test_other_instructions_do_not_take_over_a_folder(place):
    """What is stored of a round goes by places: other instructions would get the responses of these."""
    run(config(rounds=1))
    write_instructions(place / "data", GERMAN[::-1])
    with pytest.raises(UserError, match="a run on other instructions"):
        run(config(rounds=1))


def served(monkeypatch, url):
    """Let a server on loopback stand where the policy would be served, under the name of its checkpoint."""

    @contextlib.contextmanager
    def serve(model):
        resolved = resolve(model)
        yield Served(url, resolved.model, "vllm", resolved, 0)

    monkeypatch.setattr("harness.llm.serve.serve", serve)


def test_responses_of_a_server_are_trained_on(place, monkeypatch):
    asked = []

    def behaviour(request):
        asked.append(request["messages"][-1]["content"])
        if len(asked) == 1:
            return Reply(400, {"error": {"message": "no"}})
        return says(" ".join(["one", "two", "drei", "six"][: 1 + len(asked) % 4]))

    with Loopback(behaviour) as server:
        served(monkeypatch, server.url)
        told = config(rounds=1, sampling__through="server", sampling__concurrency=1)
        run(told)
        assert sorted(asked) == sorted(text for text in (*ENGLISH, *GERMAN) for _ in range(4))
        summary = json.loads(Path("out/round_0/pairs.json").read_text())
        assert summary["skipped"]["failed call"] == 1 and summary["responses"] == 24
        shutil.rmtree("out")
        run(told)
        assert len(asked) == 25  # the rest is cached, though a server has a new address every time


def test_a_server_that_answers_nothing_stops_the_run_and_leaves_no_gap(place, monkeypatch):
    told = config(rounds=1, sampling__through="server")
    with Loopback(lambda request: Reply(400, {"error": {"message": "no"}})) as server:
        served(monkeypatch, server.url)
        with pytest.raises(UserError, match="answers nothing"):
            run(told)
    assert not Path("out/round_0/samples.jsonl").read_bytes()
    with Loopback(lambda request: says("one two three"[: 3 + request["seed"] % 10])) as server:
        served(monkeypatch, server.url)
        run(told)


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(place):
    """Two processes with three pairs each, and one with six, end with the same weights."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    for output, batch, launcher in (("one", 6, []), ("two", 3, launch)):
        config(rounds=1, train__output=output, train__batch=batch)
        command = [sys.executable, *launcher, "-m", "harness.cli", "train", "icr", "--config", "config.toml"]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = (load_file(f"{output}/round_0/train/model/model.safetensors") for output in ("one", "two"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=0, atol=2e-5)
