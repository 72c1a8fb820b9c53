"""HOMURA's trainer: TRL's advantages and clipped objective against NumPy, the guard, resuming, bad configurations."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import UserError
from trainers.homura.config import Config, Data, Grpo, Reward

pytest.importorskip("trl", reason="needs the extra 'train'")

from trainers.common.config import Lora, Model, Training, find_config, read_config
from trainers.common.history import read_history
from trainers.common.models import save_model
from trainers.common.running import MODEL
from trainers.common.toy import tiny_model, word_tokenizer
from trainers.homura import data, train
from trainers.homura.trainer import build_trainer, end_at_lines, end_tokens

ROOT = Path(__file__).parents[1]
WORDS = "the king fled home and they won a gold day hero ran he she it".split()
MAX_TOKENS = 12
GENERATIONS = 4
BATCH = 16


@dataclass
class King:
    """A quality part that likes one word."""

    name: str = "king"
    kind: str = "judgement"
    optimised_for: tuple[str, ...] = ("kings",)
    die_at: int = 0
    calls: int = 0

    def __call__(self, batch):
        self.calls += 1
        if self.calls == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return [float("king" in text) for text in batch.hypotheses]


class Dead(King):
    def __call__(self, batch):
        return [None] * len(batch.hypotheses)


def config(output, **grpo):
    return Config(
        Model(f"hf/{output}-base"),
        Training(str(output), 0.02, batch=BATCH, steps=4, save_steps=2, schedule="constant", warmup=0.0, threads=1),
        Data("sandglass_mini_zh_en", prompt="plain", limit=32),
        Reward(profile="repaired"),
        {"king": {}},
        Grpo(**{"generations": GENERATIONS, "max_tokens": MAX_TOKENS, "temperature": 1.0} | grpo),
    )


def made(output):
    """Save a tiny base model beside the output folder."""
    tokenizer = word_tokenizer(WORDS)
    save_model(tiny_model(tokenizer, hidden=32, layers=1, heads=2), tokenizer, Path(f"{output}-base"))


def log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def log_probabilities(model, inputs):
    """Return [batch, tokens] log-probabilities of the completion, in float64 from the model's bare logits."""
    import torch

    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1)
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1)
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask).logits.double().numpy()
    length = inputs["completion_ids"].shape[1]
    scores = log_softmax(logits[:, -length - 1 : -1])
    return np.take_along_axis(scores, inputs["completion_ids"].numpy()[..., None], 2)[..., 0]


def objective(loss, beta, now, old, reference, advantages, mask):
    """Compute eq. 16 with each normalisation: the loss is its negative."""
    ratio = np.exp(now - old)
    gain = np.minimum(ratio * advantages[:, None], np.clip(ratio, 0.8, 1.2) * advantages[:, None])
    away = reference - now
    gain = (gain - beta * (np.exp(away) - away - 1)) * mask
    if loss == "dr_grpo":
        return -gain.sum() / (len(mask) * MAX_TOKENS)
    if loss == "grpo":
        return -(gain.sum(1) / mask.sum(1)).mean()
    return -gain.sum() / mask.sum()


@pytest.mark.parametrize(
    "loss,scale,beta", [("dr_grpo", "group", 0.0), ("grpo", "none", 0.05), ("dapo", "group", 0.05)]
)
def test_advantages_and_clipped_objective_against_numpy(tmp_path, loss, scale, beta):
    """Four updates, two for each batch of rollouts: in the second one ratios are not 1, and some of them clipped."""
    from trainers.common.models import load_model

    output = tmp_path / "run"
    made(output)
    run = config(output, loss=loss, scale=scale, beta=beta, iterations=2)
    corpus = data.load_corpus(run)
    model, tokenizer = load_model(run.model)
    first, _ = load_model(run.model)
    trainer = build_trainer(run, corpus, [King()], model, tokenizer, None)
    score, roll_out, compute = trainer._calculate_rewards, trainer._generate_and_score_completions, trainer.compute_loss
    rewards, advantages, losses, clipped = [], [], [], []

    def keep_rewards(*args):
        found = score(*args)
        rewards.append(found[:, 0].double().numpy())
        return found

    def keep_advantages(inputs):
        batch = roll_out(inputs)
        advantages.append(batch["advantages"].double().numpy())
        return batch

    def keep_loss(model, inputs, *args, **kwargs):
        now, mask = log_probabilities(model, inputs), inputs["completion_mask"].numpy()
        if len(losses) % 2 == 0:
            keep_loss.old = now
        ours = objective(
            loss, beta, now, keep_loss.old, log_probabilities(first, inputs), inputs["advantages"].numpy(), mask
        )
        theirs = compute(model, inputs, *args, **kwargs)
        losses.append((ours, float(theirs.detach())))
        clipped.append((np.abs(np.exp(now - keep_loss.old) - 1) > 0.2)[mask > 0].mean())
        return theirs

    trainer._calculate_rewards = keep_rewards
    trainer._generate_and_score_completions = keep_advantages
    trainer.compute_loss = keep_loss
    trainer.train()

    assert len(losses) == 4 and len(advantages) == 2
    for values, found in zip(rewards, advantages, strict=True):
        groups = values.reshape(-1, GENERATIONS)
        expected = groups - groups.mean(1, keepdims=True)
        if scale == "group":
            expected /= groups.std(1, ddof=1, keepdims=True) + 1e-4
        np.testing.assert_allclose(found, expected.ravel(), atol=2e-4, rtol=1e-4)
        assert np.abs(found).max() > 0
    ours, theirs = np.array(losses).T
    np.testing.assert_allclose(theirs, ours, atol=1e-5, rtol=1e-4)
    assert np.abs(ours).min() > 0
    assert clipped[0] == clipped[2] == 0
    assert min(clipped[1], clipped[3]) > 0


def test_a_run_leaves_a_history_a_model_and_a_card(tmp_path):
    output = tmp_path / "run"
    made(output)
    run = config(output, beta=0.01)
    run = replace(run, model=replace(run.model, lora=Lora(r=2)), train=replace(run.train, tensorboard=True))
    corpus = data.load_corpus(run)
    folder = train.run(run, corpus, [King()])
    assert folder == output / MODEL
    assert list(folder.glob("*.safetensors")) and not list(folder.glob("adapter*"))  # adapters are merged
    assert list(output.rglob("events.out.tfevents.*"))
    card = json.loads((folder / "sandglass.json").read_text())
    assert {"ib", "rho_fwd", "kings"} <= set(card["optimised_for"])
    assert card["data"]["task"] == corpus.name and card["config"]["grpo"]["generations"] == GENERATIONS
    assert card["demonstration"]  # the mini set is synthetic
    steps = [row for row in read_history(output / "history.jsonl") if "loss" in row]
    assert [row["step"] for row in steps] == [1, 2, 3, 4]
    logged = {
        "parts/length", "parts/king", "missing/king", "rho", "in_bounds", "usable", "entropy", "kl",
        "clip_ratio/region_mean", "completions/mean_length", "groups_without_variance", "frac_reward_zero_std",
        "signs/empty", "signs/copy", "signs/filler", "signs/wrong_language", "signs/malformed", "reward_seconds",
    }  # fmt: skip
    assert logged <= set(steps[0])


def test_a_dead_judge_stops_the_run(tmp_path):
    output = tmp_path / "run"
    made(output)
    run = config(output)
    with pytest.raises(UserError, match="'king' gave 0"):
        train.run(run, data.load_corpus(run), [Dead()])
    assert not (output / MODEL).exists()


@pytest.mark.parametrize("form", ["chat", "line"])
def test_a_step_with_chats_and_with_lines(tmp_path, form):
    from tests.tiny_model import build

    output = tmp_path / "run"
    build(Path(f"{output}-base"), chat_template=form == "chat")
    run = config(output)
    run = replace(run, train=replace(run.train, steps=1), data=replace(run.data, prompt=form))
    part = King()
    train.run(run, data.load_corpus(run), [part])
    (row,) = [row for row in read_history(output / "history.jsonl") if "loss" in row]
    if form == "chat":  # a random model writes no JSON: nothing is judged, and every group is without variance
        assert row["signs/malformed"] == row["groups_without_variance"] == 1 and row["reward"] == 0
        assert part.calls == 0
    else:
        assert 0 < row["completions/clipped_ratio"] < 1 and part.calls == 1


KILLED = """
import sys
from pathlib import Path
from tests.test_homura_trainer import King, config
from trainers.homura import data, train
run = config(Path(sys.argv[1]))
train.run(run, data.load_corpus(run), [King(die_at=int(sys.argv[2]))])
"""


def test_killed_and_resumed_training_continues_from_the_last_checkpoint(tmp_path):
    """A run killed in its fourth step goes on from step 2, and ends where a run that was never killed ends."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for output in (killed, whole):
        made(output)
    command = [sys.executable, "-c", KILLED, str(killed), "4"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == -signal.SIGKILL
    assert [row["step"] for row in read_history(killed / "history.jsonl")] == [1, 2, 3]
    assert not (killed / MODEL).exists()
    part = King()
    run = config(killed)
    train.run(run, data.load_corpus(run), [part])
    assert part.calls == 2
    run = config(whole)
    train.run(run, data.load_corpus(run), [King()])
    curves = [
        [(row["step"], row["loss"], row["reward"]) for row in read_history(output / "history.jsonl") if "loss" in row]
        for output in (killed, whole)
    ]
    np.testing.assert_allclose(*curves, rtol=1e-6)
    assert [row[0] for row in curves[0]] == [1, 2, 3, 4]


BAD = {
    "grpo.generations=1": "a group needs 2 or more",
    "grpo.generations=7": "no multiple of grpo.generations = 7",
    "grpo.loss=ppo": "'ppo' is not one of dr_grpo, grpo, dapo",
    "grpo.temperature=0": "it is above 0",
    "grpo.beta=-1": "beta must be 0 or more",
    "grpo.epsilon=2": "epsilon between 0 and 1",
    "grpo.vllm=here": "write http://HOST:PORT",
    "grpo.generation=4": "unknown field 'generation'",
    "reward.profile=mine": "'mine' is not one of paper, code, repaired",
    "reward.bounds=[0.9, 0.8]": "low below high",
    "reward.theta=0": "theta is 0 and must be above 0",
    "reward.quality_weight=0": r"so that \[quality\] does nothing",
    "data.task=nothing": "Unknown task 'nothing'",
    "data.task=sandglass_mini_duration_zh_en": "track duration",
    "data.held_out=1": "must be a share below 1",
    "data.file=nowhere.jsonl": "no training file 'nowhere.jsonl'",
    "quality.vibes.model=m": "no quality part 'vibes'",
    "quality.fluency.judge=accuracy:model=m": "must be well_formed:model=NAME",
    "train.batch=0": "must be 1 or more",
}
GOOD = """
[model]
path = "hf/./nowhere"
[train]
output = "out"
learning_rate = 1e-6
batch = 16
[data]
task = "sandglass_mini_zh_en"
[quality.fluency]
judge = "well_formed:model=hosted_vllm/judge:api_base=http://127.0.0.1:9/v1"
"""


@pytest.mark.parametrize("wrong", BAD)
def test_bad_configurations_fail_before_a_model_is_loaded(tmp_path, monkeypatch, wrong):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trainers.common.models.load_model", None)
    Path("run.toml").write_text(GOOD)
    with pytest.raises(UserError, match=BAD[wrong]) as caught:
        train.main("run.toml", [wrong], dry_run=False)
    assert caught.value.fix
    assert not Path("out").exists()


def test_a_model_that_cannot_be_trained_so_is_refused_before_the_folder_is_claimed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text(GOOD)
    with pytest.raises(UserError, match="no checkpoint folder"):
        train.main("run.toml", [], dry_run=False)
    made(tmp_path / "run")
    with pytest.raises(UserError, match="has no chat template"):
        train.main("run.toml", [f"model.path=hf/{tmp_path}/run-base"], dry_run=False)
    assert not Path("out").exists()


def test_a_configuration_without_quality_says_so(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(GOOD.partition("[quality")[0])
    with pytest.raises(UserError, match="says what quality is"):
        read_config(path, Config)
    assert read_config(path, Config, ["reward.quality_weight=0"]).quality == {}


def test_vllm_and_answers_that_end_with_their_line_do_not_go_together(tmp_path):
    (tmp_path / "run.toml").write_text(GOOD)
    with pytest.raises(UserError, match="does not end a base model's answers"):
        read_config(tmp_path / "run.toml", Config, ["grpo.vllm=colocate", "data.prompt=line"])


def test_a_dry_run_loads_no_model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text(GOOD)
    assert train.main("run.toml", [], dry_run=True) == 0
    assert "quality fluency" in capsys.readouterr().out
    assert not Path("out").exists()


PAPER = {
    "default": {},
    "static": {"reward.length": "static"},
    "reason": {"quality": ["genrm"]},
    "llm_rm": {"quality": ["llm"]},
    "kl_001": {"grpo.beta": 0.01},
    "kl_005": {"grpo.beta": 0.05},
    "auto": {"reward.length": "auto"},
    "manual_30_40": {"reward.bounds": (0.3, 0.4)},
    "manual_40_50": {"reward.bounds": (0.4, 0.5)},
    "manual_50_60": {"reward.bounds": (0.5, 0.6)},
    "32b": {"model.path": "hf/Qwen/Qwen3-32B"},
    "32b_reason": {"model.path": "hf/Qwen/Qwen3-32B", "quality": ["genrm"]},
    "repaired": {"reward.profile": "repaired"},
    "released": {"reward.profile": "code"},
}


def test_every_run_of_the_paper_is_one_configuration_that_differs_in_what_its_name_says():
    folder = Path(train.__file__).parent
    runs = {name: read_config(find_config(name, folder), Config) for name in PAPER}
    assert len({run.train.output for run in runs.values()}) == len(runs)
    plain = runs["default"]
    assert (plain.grpo.generations, plain.train.batch * plain.train.accumulation) == (16, 256)
    for name, run in runs.items():
        differs = dict(PAPER[name])
        quality = differs.pop("quality", ["back_translation", "fluency"])
        assert list(run.quality) == quality
        expected = replace(plain, train=run.train, quality=run.quality)
        for field, value in differs.items():
            section, _, key = field.partition(".")
            expected = replace(expected, **{section: replace(getattr(expected, section), **{key: value})})
        assert run == expected
        assert replace(run.train, output="x") == replace(plain.train, output="x")


@pytest.mark.parametrize("form", ["chat", "line", "plain"])
def test_prompts_are_those_of_the_strategy_prompted(form, tmp_path):
    from baselines.prompted import Prompted
    from harness.bridge.prompts import completion_requests
    from harness.budget import Budget
    from harness.strategy import Setting
    from harness.task import load_task

    run = replace(config(tmp_path), data=Data("sandglass_mini_zh_de", prompt=form))
    corpus = data.load_corpus(run)
    segments = {segment.id: segment for segment in load_task("sandglass_mini_zh_de").segments}
    assert set(corpus.held_out) | {row["id"] for row in corpus.rows} == set(segments)
    held = {segments[identity].cluster for identity in corpus.held_out}
    assert held and not held & {row["cluster"] for row in corpus.rows}
    assert corpus.mu == pytest.approx(np.mean([row["source_syllables"] for row in corpus.rows]))
    assert corpus.bounds == (0.9, 1.0)
    row = corpus.rows[3]
    segment = segments[row["id"]]
    if form == "plain":
        assert row["prompt"] == segment.text
    elif form == "line":
        strategy = Prompted(Setting("m", Budget("zh", "de", "phonetic", (0.9, 1.0))))
        (request,) = completion_requests(strategy, [segment])
        assert row["prompt"] == request.prompt
    else:
        assert [message["role"] for message in row["prompt"]] == ["system", "user"]
        assert segment.text in row["prompt"][1]["content"] and '"syllables"' in row["prompt"][1]["content"]


def test_what_a_built_task_set_aside_is_trained_on(tmp_path):
    folder = Path(data.load_task.__code__.co_filename).parents[1] / "tasks" / "sandglass_mini"
    for name in ("task.toml", "card.toml", "segments.jsonl"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    lines = (folder / "segments.jsonl").read_bytes().splitlines(keepends=True)[:5]
    run = replace(config(tmp_path), data=Data(f"{tmp_path}:en", prompt="plain"))
    assert len(data.load_corpus(run).rows) > 100
    (tmp_path / "train.jsonl").write_bytes(b"".join(lines))
    corpus = data.load_corpus(run)
    assert len(corpus.rows) == 5 and not corpus.held_out


def test_answers_of_base_models_end_with_their_line():
    tokenizer = word_tokenizer([*WORDS, "\n"])
    tokenizer.backend_tokenizer.pre_tokenizer = __import__("tokenizers").pre_tokenizers.Split(" ", "removed")
    model = tiny_model(tokenizer, hidden=16, layers=1, heads=2)
    before = end_tokens(model, tokenizer)
    end_at_lines(model, tokenizer)
    assert end_tokens(model, tokenizer) - before == {tokenizer.convert_tokens_to_ids("\n")}
