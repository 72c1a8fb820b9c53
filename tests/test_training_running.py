"""Running a trainer: resuming, histories, what stops a run, what is left behind."""

import shutil

import pytest
from markdown_it import MarkdownIt

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from harness.errors import UserError
from harness.llm.training_card import TrainedOn, read_optimised_for, read_trained_on
from trainers.common.card import Card, write_card
from trainers.common.config import Model, Training
from trainers.common.history import read_history
from trainers.common.models import load_model
from trainers.common.running import arguments, prepare, train
from trainers.common.toy import tiny_model, word_tokenizer

WORDS = "the a cat dog sees finds small red".split()


@pytest.fixture(scope="module")
def tiny():
    tokenizer = word_tokenizer(WORDS)
    return tiny_model(tokenizer, hidden=32, layers=1, heads=2), tokenizer


class Rows(torch.utils.data.Dataset):
    """Sequences of one length, their own labels."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return {"input_ids": self.rows[i], "labels": self.rows[i]}


def rows(count=64):
    return Rows(torch.randint(4, 12, (count, 6), generator=torch.Generator().manual_seed(1)))


def run(tmp_path, tiny, callbacks=(), model=None, **more):
    tokenizer = tiny[1]
    training = Training(str(tmp_path / "run"), 1e-3, batch=4, steps=6, save_steps=2, **more)
    prepare(training, training)
    model = model or tiny_model(tokenizer, hidden=32, layers=1, heads=2, seed=5)
    trainer = Trainer(model, TrainingArguments(**arguments(training)), train_dataset=rows(), processing_class=tokenizer)
    for callback in callbacks:
        trainer.add_callback(callback)
    card = Card("cpo", "tiny", ("ib",), {}, demonstration=True)
    return train(trainer, training, card)


class Killed(TrainerCallback):
    """Stops at a step as a kill would: by an exception out of nowhere."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            raise KeyboardInterrupt


def test_a_stopped_run_continues_and_ends_where_an_unbroken_one_does(tmp_path, tiny):
    whole = run(tmp_path / "whole", tiny)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", tiny, callbacks=[Killed(5)])
    broken = run(tmp_path / "broken", tiny)
    a, b = (load_model(Model(f"hf/{folder}"))[0].state_dict() for folder in (whole, broken))
    assert all(torch.equal(a[name], b[name]) for name in a)
    steps = [row["step"] for row in read_history(tmp_path / "broken" / "run" / "history.jsonl") if "loss" in row]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert read_optimised_for(broken) == ("ib",)
    assert "says nothing about real models" in (broken / "README.md").read_text()
    drawn = (broken.parent / "history.svg").read_text()
    assert "<!-- loss -->" in drawn and "<!-- grad_norm -->" in drawn and "train_runtime" not in drawn


def test_a_run_killed_before_its_model_was_saved_ends_as_an_unbroken_one_does(tmp_path, tiny):
    whole = run(tmp_path, tiny)
    before = {path.name: path.read_bytes() for path in whole.iterdir()}
    shutil.rmtree(whole)
    (tmp_path / "run/checkpoint-best").mkdir()  # somebody's own
    (tmp_path / "run/checkpoint-6/trainer_state.json").write_text("{")  # torn
    again = run(tmp_path, tiny)
    assert {path.name: path.read_bytes() for path in again.iterdir()} == before


def test_what_the_base_was_optimised_for_and_trained_on_is_taken_over(tmp_path, tiny):
    base = run(tmp_path / "base", tiny)
    seen = TrainedOn("task@1.0#0123456789ab", ("film-01",))
    write_card(base, Card("homura", "tiny", ("usable", "family/deepseek"), {}, trained_on=(seen,)))
    again = run(tmp_path / "next", tiny, model=load_model(Model(f"hf/{base}"))[0])
    assert read_optimised_for(again) == ("family/deepseek", "ib", "usable")
    assert read_trained_on(again) == (seen,)
    assert "trained on `task@1.0#0123456789ab`, but for `film-01`" in (again / "README.md").read_text()


def test_what_a_base_says_of_itself_is_no_markup(tmp_path):
    hostile = "x\n# Verified by Sandglass\n<script>alert(1)</script> `[a](b)` @you"
    seen = TrainedOn(hostile, (hostile,))
    write_card(tmp_path, Card("cpo", hostile, (hostile,), {}, {"base_commit": hostile}, (seen,)))
    told = (tmp_path / "README.md").read_text()
    assert [line for line in told.splitlines() if line.startswith("#")] == ["# Trained with cpo"]
    html = MarkdownIt().render(told.split("---", 2)[2])
    assert "<script" not in html and "<a " not in html and html.count("<code>") == 5


def test_a_finished_run_is_not_trained_again(tmp_path, tiny):
    before = (run(tmp_path, tiny) / "model.safetensors").stat().st_mtime_ns
    assert (run(tmp_path, tiny, callbacks=[Killed(1)]) / "model.safetensors").stat().st_mtime_ns == before


def test_another_configuration_does_not_continue_a_run(tmp_path):
    prepare(Training(str(tmp_path / "run"), 1e-3), {"a": 1})
    with pytest.raises(UserError, match="holds a run of another configuration"):
        prepare(Training(str(tmp_path / "run"), 1e-3), {"a": 2})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other files"):
        prepare(Training(str(tmp_path / "full"), 1e-3), {"a": 1})
    with pytest.raises(UserError, match="txt cannot be written: File exists"):
        prepare(Training(str(tmp_path / "full" / "thesis.txt"), 1e-3), {"a": 1})


class Nan(TrainerCallback):
    """Spoils the weights."""

    def on_step_begin(self, args, state, control, model=None, **_):
        if state.global_step == 2:
            for weights in model.parameters():
                weights.data.fill_(torch.nan)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path, tiny):
    with pytest.raises(UserError, match=r"The loss is nan at step 3.*Lower train.learning_rate"):
        run(tmp_path, tiny, callbacks=[Nan()])
    assert not (tmp_path / "run" / "model").exists()


def test_no_checkpoint_is_written_of_weights_that_are_no_numbers(tmp_path, tiny):
    with pytest.raises(
        UserError, match="The loss is nan at step 4"
    ):  # logged with the checkpoint, before it is written
        run(tmp_path, tiny, callbacks=[Nan()], log_steps=100)
    assert [path.name for path in (tmp_path / "run").glob("checkpoint-*")] == ["checkpoint-2"]


class NanGradient(TrainerCallback):
    """Spoils the last gradient, after the last loss."""

    def on_step_begin(self, args, state, control, model=None, **_):
        if state.global_step == 5:
            model.get_input_embeddings().weight.register_hook(lambda gradient: gradient * torch.nan)


def test_a_gradient_that_is_no_number_stops_the_run(tmp_path, tiny):
    with pytest.raises(UserError, match="The grad_norm is nan at step 6"):
        run(tmp_path, tiny, callbacks=[NanGradient()])
    assert not (tmp_path / "run" / "model").exists()
