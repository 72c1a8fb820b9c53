"""HOMURA's trainer: TRL's advantages and clipped objective against NumPy, the guard, resuming, chats and lines."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import UserError

pytest.importorskip("trl", reason="needs the extra 'train'")

from tests.homura_runs import BATCH, GENERATIONS, MAX_TOKENS, WORDS, King, config, made
from trainers.common.config import Lora
from trainers.common.history import read_history
from trainers.common.running import MODEL
from trainers.common.toy import tiny_model, word_tokenizer
from trainers.homura import data, train
from trainers.homura.trainer import build_trainer, end_at_lines, end_tokens

ROOT = Path(__file__).parents[1]


class Dead(King):
    def __call__(self, batch):
        return [None] * len(batch.hypotheses)


class Moody(King):
    """Gives no value for a text in four or so."""

    def __call__(self, batch):
        values = super().__call__(batch)
        return [None if len(text) % 4 == 0 else value for text, value in zip(batch.hypotheses, values, strict=True)]


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
    "loss,scale,beta,accumulation",
    [
        ("dr_grpo", "group", 0.0, 1),
        ("dr_grpo", "group", 0.05, 2),
        ("grpo", "none", 0.05, 2),
        ("dapo", "group", 0.05, 2),
    ],
)
def test_advantages_and_clipped_objective_against_numpy(tmp_path, loss, scale, beta, accumulation):
    """Four updates, two for each batch of rollouts: in the second one ratios are not 1, and some of them clipped."""
    from trainers.common.models import load_model

    output = tmp_path / "run"
    made(output)
    run = config(output, loss=loss, scale=scale, beta=beta, iterations=2)
    run = replace(run, train=replace(run.train, batch=BATCH // accumulation, accumulation=accumulation))
    corpus = data.load_corpus(run)
    model, tokenizer = load_model(run.model)
    first, _ = load_model(run.model)
    trainer = build_trainer(run, corpus, [Moody()], model, tokenizer, None)
    score, roll_out, compute = trainer._calculate_rewards, trainer._generate_and_score_completions, trainer.compute_loss
    rewards, advantages, shares, losses = [], [], [], []

    def keep_rewards(*args):
        found = score(*args)
        rewards.append(found[:, 0].double().numpy())
        return found

    def keep_advantages(inputs):
        batch = roll_out(inputs)
        advantages.append(batch["advantages"].double().numpy())
        return batch

    def keep_loss(model, inputs, *args, **kwargs):
        now, reference = (log_probabilities(which, inputs) for which in (model, first))
        shares.append((now, reference, inputs["advantages"].numpy(), inputs["completion_mask"].numpy()))
        theirs = compute(model, inputs, *args, **kwargs)
        losses.append(float(theirs.detach()))
        return theirs

    trainer._calculate_rewards = keep_rewards
    trainer._generate_and_score_completions = keep_advantages
    trainer.compute_loss = keep_loss
    trainer.train()

    assert len(losses) == 4 * accumulation and len(advantages) == 2
    for values, found in zip(rewards, advantages, strict=True):
        assert np.isnan(values).any()
        groups = values.reshape(-1, GENERATIONS)
        expected = groups - np.nanmean(groups, 1, keepdims=True)
        if scale == "group":
            expected /= np.nanstd(groups, 1, ddof=1, keepdims=True) + 1e-4
        np.testing.assert_allclose(found, np.nan_to_num(expected).ravel(), atol=2e-4, rtol=1e-4)
        assert np.abs(found).max() > 0
    for number in range(4):  # an update's loss is the sum of its shares'
        part = slice(number * accumulation, (number + 1) * accumulation)
        now, reference, signal, mask = (np.concatenate(found) for found in zip(*shares[part], strict=True))
        if number % 2 == 0:
            old = now
        ours = objective(loss, beta, now, old, reference, signal, mask)
        assert sum(losses[part]) == pytest.approx(ours, abs=1e-5, rel=1e-4) and ours != 0
        clipped = (np.abs(np.exp(now - old) - 1) > 0.2)[mask > 0].any()
        assert clipped == (number % 2 == 1)


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
    assert "parts/king" in (output / "history.svg").read_text(encoding="utf-8")
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
from tests.homura_runs import King, config
from trainers.homura import data, train
run = config(Path(sys.argv[1]))
train.run(run, data.load_corpus(run), [King(die_at=int(sys.argv[2]))])
"""


@pytest.mark.slow
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


def test_answers_of_base_models_end_with_their_line():
    from tokenizers import pre_tokenizers

    tokenizer = word_tokenizer([*WORDS, "\n"])
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "removed")
    model = tiny_model(tokenizer, hidden=16, layers=1, heads=2)
    before = end_tokens(model, tokenizer)
    end_at_lines(model, tokenizer)
    assert end_tokens(model, tokenizer) - before == {tokenizer.convert_tokens_to_ids("\n")}
