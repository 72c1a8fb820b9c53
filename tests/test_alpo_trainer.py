"""ALPO's trainer: what it computes hangs on neither batches nor interruptions."""

import copy

import numpy as np
import pytest

pytest.importorskip("trl", reason="the extra 'train' is not installed")

import torch
from transformers import TrainerCallback, TrainingArguments

from harness.errors import UserError
from tests import alpo_toy
from trainers.alpo.examples import rows
from trainers.alpo.mixing import Mixing
from trainers.alpo.trainer import ALPOTrainer, collate
from trainers.common.config import Lora, Model, Training
from trainers.common.history import History, read_history
from trainers.common.models import lora_config
from trainers.common.running import arguments

MIXING = Mixing()


def trainer(
    folder, *, data=None, batch=8, accumulation=1, steps=3, pairs=0, start=None, frozen="start", mixing=MIXING, **more
):
    reproduce = more.pop("reproduce_code", False)
    own = alpo_toy.model() if start is None else copy.deepcopy(start)
    training = Training(str(folder), 0.5, batch=batch, accumulation=accumulation, steps=steps, warmup=0.0, **more)
    return ALPOTrainer(
        reference=copy.deepcopy(own) if frozen == "start" else frozen,
        encoder=alpo_toy.encoder(),
        mixing=mixing,
        reproduce_code=reproduce,
        pairs=pairs,
        model=own,
        args=TrainingArguments(**arguments(training) | {"remove_unused_columns": False, "optim": "sgd"}),
        train_dataset=alpo_toy.made(24)[0] if data is None else data,
        processing_class=alpo_toy.tokenizer(),
    )


def trained(folder, **how):
    """Train, and return the weights and the history."""
    found = trainer(folder, **how)
    found.add_callback(History(folder / "history.jsonl"))
    found.train()
    return alpo_toy.weights_of(found.model), read_history(folder / "history.jsonl")


def test_batches_and_accumulation_change_nothing_but_rounding(tmp_path):
    whole, history = trained(tmp_path / "8", batch=8)
    start = alpo_toy.weights_of(alpo_toy.model())
    assert np.abs(whole - start).max() > 1e-3
    for number, how in enumerate([{"batch": 4, "accumulation": 2}, {"batch": 1, "accumulation": 8}, {"pairs": 3}]):
        split, parts = trained(tmp_path / str(number), **how)
        np.testing.assert_allclose(split, whole, atol=2e-6)
        for name in ("loss", "gated", "weight", "beta", "margin"):
            assert [row[name] for row in parts[:3]] == pytest.approx([row[name] for row in history[:3]], abs=2e-4), name


def test_the_code_of_the_authors_depends_on_micro_batches_and_cancels_weights(tmp_path):
    ones, alone = trained(tmp_path / "1", batch=1, accumulation=8, reproduce_code=True)
    eights, together = trained(tmp_path / "8", batch=8, reproduce_code=True)
    _, ours = trained(tmp_path / "own", batch=8)
    assert np.abs(ones - eights).max() > 1e-4
    # At the reference every pair costs log 2: divided by the weights' sum that is log 2, whatever is gated.
    assert alone[0]["loss"] == pytest.approx(np.log(2), abs=1e-4)
    assert together[0]["loss"] == pytest.approx(np.log(2), abs=1e-4)
    assert ours[0]["loss"] == pytest.approx(np.log(2) * ours[0]["weight"], abs=1e-4)
    assert ours[0]["weight"] < 0.99


def test_the_loss_of_a_batch_equals_numpy(tmp_path):
    data, _ = alpo_toy.made(5)
    one = trainer(tmp_path, data=data, frozen=alpo_toy.model(seed=7), mixing=None)
    one.current_gradient_accumulation_steps = 1
    with torch.no_grad():
        found = one.compute_loss(one.model, {"examples": data}, num_items_in_batch=5).item()
    total = 0.0
    for example in data:
        for row in rows(example, example.chosen, alpo_toy.encoder()):
            margin = 0.0
            for model, sign in ((one.model, 1), (one.reference, -1)):
                margin += sign * (logprob(model, row.before, row.chosen) - logprob(model, row.before, row.rejected))
            total += row.weight * np.logaddexp(0, -row.beta * margin)
    assert found == pytest.approx(total / 5, rel=1e-4)


def logprob(model, before, after):
    """Sum log p token by token, from the plain logits."""
    with torch.no_grad():
        logits = model(torch.tensor([before + after])).logits[0].double().numpy()
    logits -= np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True)) + logits.max(
        -1, keepdims=True
    )
    return sum(logits[len(before) + place - 1, token] for place, token in enumerate(after))


def test_outcome_dpo_is_trls_dpo(tmp_path):
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    from trainers.alpo.data import RatedSample
    from trainers.alpo.examples import examples
    from trainers.alpo.selection import Rated, Rules
    from trainers.alpo.toy_language import scenes

    samples = scenes(4, 3)
    found = []
    for sample, lines in zip(samples, alpo_toy.rated(samples), strict=True):
        outputs = ["\n".join(line.texts[place % len(line.texts)] for line in lines.lines) for place in range(9)]
        distinct = tuple(dict.fromkeys(outputs))
        found.append(RatedSample(sample.id, (Rated(distinct, tuple(float(n) for n in range(len(distinct)))),)))
    data, _ = examples(samples, found, "outcome_dpo", Rules(), 0.1, 0, alpo_toy.encoder())
    assert len(data) == 4
    frozen = alpo_toy.model(seed=7)
    ours = trainer(tmp_path / "ours", data=data, frozen=frozen, mixing=None)
    ours.current_gradient_accumulation_steps = 1
    tables = []
    for example in data:
        row = rows(example, example.chosen, alpo_toy.encoder())[0]
        told = alpo_toy.tokenizer().decode
        tables.append(
            {
                "prompt": told(row.before),
                "chosen": " " + told(row.chosen[:-1]),
                "rejected": " " + told(row.rejected[:-1]),
            }
        )
    args = DPOConfig(
        str(tmp_path / "trl"), beta=0.1, use_cpu=True, bf16=False, report_to=[], per_device_train_batch_size=4
    )
    trl = DPOTrainer(
        model=copy.deepcopy(ours.model),
        ref_model=frozen,
        args=args,
        train_dataset=Dataset.from_list(tables),
        processing_class=alpo_toy.tokenizer(),
    )
    batch = next(iter(trl.get_train_dataloader()))
    with torch.no_grad():
        expected = trl.compute_loss(trl.model, batch).item()
        assert ours.compute_loss(ours.model, {"examples": data}, num_items_in_batch=4).item() == pytest.approx(
            expected, rel=1e-4
        )
    assert abs(expected - np.log(2)) > 1e-3


class Stop(TrainerCallback):
    """Stop a run in the middle of a step, as a kill would."""

    def __init__(self, step):
        self.step = step

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == self.step:
            raise KeyboardInterrupt


def test_a_run_that_was_stopped_goes_on_as_it_would_have(tmp_path):
    expected, history = trained(tmp_path / "through", steps=7)
    stopped = trainer(tmp_path / "stopped", steps=7, save_steps=2)
    stopped.add_callback(History(tmp_path / "stopped" / "history.jsonl"))
    stopped.add_callback(Stop(5))
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    again = trainer(tmp_path / "stopped", steps=7, save_steps=2)
    again.add_callback(History(tmp_path / "stopped" / "history.jsonl"))
    again.train(resume_from_checkpoint=True)
    np.testing.assert_array_equal(alpo_toy.weights_of(again.model), expected)
    found = read_history(tmp_path / "stopped" / "history.jsonl")
    assert [row["margin"] for row in found[:7]] == [row["margin"] for row in history[:7]]


def test_it_says_what_it_does(tmp_path):
    _, history = trained(tmp_path, steps=4)
    for name in ("weight", "beta", "margin", "accuracy", "chosen", "rejected", "gated", "lambda"):
        assert all(np.isfinite(row[name]) for row in history[:4]), name
    assert [row["lambda"] for row in history[:4]] == pytest.approx([0.2, 1 / 3, 1.4 / 3, 0.6])
    assert 0 < history[0]["gated"] < 1
    assert 0 < history[0]["beta"] < 1
    assert history[0]["margin"] == pytest.approx(0, abs=1e-5)


def test_adapters_have_the_model_without_them_as_reference(tmp_path):
    from peft import get_peft_model

    torch.manual_seed(0)
    adapted = get_peft_model(alpo_toy.model(), lora_config(Model("toy", Lora(4, 8, 0.0))))
    one = trainer(tmp_path, start=adapted, frozen=None, steps=6)
    before = {name: p.clone() for name, p in one.model.named_parameters() if "lora" not in name}
    one.add_callback(History(tmp_path / "history.jsonl"))
    one.train()
    history = read_history(tmp_path / "history.jsonl")
    assert history[0]["margin"] == pytest.approx(0, abs=1e-5)
    assert history[5]["margin"] > 1e-3
    assert all(torch.equal(p, before[name]) for name, p in one.model.named_parameters() if name in before)


def test_mixed_precision_holds_for_the_model_and_its_reference(tmp_path, monkeypatch):
    from accelerate.state import AcceleratorState

    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    AcceleratorState._reset_state(reset_partial_state=True)
    seen = {}
    try:
        one = trainer(tmp_path, steps=1)
        for name, model in (("own", one.model), ("reference", one.reference)):
            layer = model.model.layers[0].self_attn.q_proj
            layer.register_forward_hook(lambda *given, name=name: seen.update({name: given[-1].dtype}))
        one.add_callback(History(tmp_path / "history.jsonl"))
        one.train()
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
    assert seen == {"own": torch.bfloat16, "reference": torch.bfloat16}
    assert read_history(tmp_path / "history.jsonl")[0]["margin"] == pytest.approx(0, abs=1e-6)


def test_a_sharded_model_is_not_given_parts_of_a_batch(tmp_path, monkeypatch):
    from accelerate import Accelerator
    from accelerate.utils import DistributedType

    monkeypatch.setattr(Accelerator, "distributed_type", DistributedType.FSDP)
    with pytest.raises(UserError, match="Set pairs = 0"):
        trainer(tmp_path, pairs=3)
    trainer(tmp_path)


def test_prefixes_are_mixed_anew_at_each_step_and_once_a_stage(tmp_path):
    data, _ = alpo_toy.made(24)
    fly, staged = trainer(tmp_path / "fly", data=data), trainer(tmp_path / "staged", data=data, mixing=Mixing(stages=2))

    def drawn(one, step):
        one.state.max_steps, one.state.global_step = 10, step
        return [one.prefix(example) for example in data]

    assert drawn(fly, 3) == drawn(fly, 3) != drawn(fly, 4)
    assert drawn(staged, 1) == drawn(staged, 4) != drawn(staged, 5) == drawn(staged, 9)
    assert drawn(trainer(tmp_path / "none", data=data, mixing=None), 0) == [list(example.chosen) for example in data]


def test_rows_hold_prompt_prefix_and_line():
    encoder, example = alpo_toy.encoder(), alpo_toy.made(1)[0][0]
    words = encoder.tokenizer.decode
    found = rows(example, [0] * 4, encoder)
    assert len(found) == sum(pick.verdict == "paired" for pick in example.picks)
    last = max(number for number, pick in enumerate(example.picks) if pick.verdict == "paired")
    start = example.sample.prompt + "".join(f" {n + 1}. {example.lines[n].texts[0]} ;" for n in range(last))
    assert words(found[-1].before) == f"{start} {last + 1}."
    end = "<eos>" if last == 3 else ";"
    assert words(found[-1].chosen) == f"{example.lines[last].texts[example.picks[last].chosen]} {end}"
    batch = collate(found, 0)
    assert batch.completion_mask.sum() == sum(len(row.chosen) + len(row.rejected) for row in found)
    assert (batch.input_ids[batch.attention_mask == 0] == 0).all()
