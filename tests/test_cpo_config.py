"""What CPO is told: configurations, triplets that cannot be learned from, checkpoints that may not be loaded."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

import torch

from harness.cli import main
from harness.errors import UserError
from harness.llm.training_card import read_optimised_for
from tests.cpo_runs import on_file, tiny_checkpoint, toy_run, triplet, weights
from trainers.common.config import find_config, read_config
from trainers.common.history import read_history
from trainers.common.models import load_model, lora_config
from trainers.cpo.config import PACKAGE, Config
from trainers.cpo.train import full_prompt, optimised_for
from trainers.cpo.trainer import build
from trainers.cpo.triplets import prompt


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))


def test_defaults_are_those_of_the_paper():
    config = read_config(find_config("default", PACKAGE), Config)
    train, loss, lora = config.train, config.loss, config.model.lora
    assert (train.learning_rate, train.schedule, train.warmup, train.weight_decay, train.epochs) == (
        1e-4, "inverse_sqrt", 0.01, 0.01, 1.0,
    )  # fmt: skip
    assert (loss.objective, loss.kind, loss.beta, loss.cpo_alpha, loss.nll) == (
        "cpo",
        "sigmoid",
        0.1,
        1.0,
        "token_mean",
    )
    assert (lora.r, lora.alpha, lora.dropout, config.data.max_length) == (16, 32, 0.05, 512)


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (["loss.kind=alphapo"], "alphapo has no likelihood term"),
        (["loss.objective=dpo", "loss.kind=simpo"], "no reference model"),
        (["loss.beta=0.0"], "beta is 0"),
        (["loss.objective=dpo", "loss.label_smoothing=0.1"], "dpo takes no loss.label_smoothing"),
        (["loss.cpo_alpha=-1.0"], "cpo_alpha is -1"),
        (["loss.cpo_alpha=nan"], "cpo_alpha is nan"),
        (["loss.kind=square"], "'square' is not one of"),
        (["data.max_prompt_length=511"], "max_prompt_length"),
        (["data.triplets="], "data.triplets is empty"),
        (["toy.tests=9"], "and not both"),
    ],
)
def test_meaningless_configurations_are_one_clear_sentence(sets, told):
    with pytest.raises(UserError, match=told):
        read_config(find_config("default", PACKAGE), Config, sets)


def test_a_dry_run_says_what_would_be_trained(tmp_path, capsys):
    assert main([*toy_run(tmp_path / "out"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "equal_scores" in said and "optimised for: words" in said
    assert not (tmp_path / "out").exists()


def test_broken_triplets_are_counted_and_the_rest_is_learned_from(tmp_path, checkpoint, capsys):
    bad = [triplet(8, chosen=""), triplet(9, rejected=" "), triplet(10, rejected="yes no"), triplet(11, source="fr")]
    long = triplet(12, text="ja " * 300)
    given_triplets = [*map(triplet, range(8)), *bad, long]
    assert on_file(tmp_path, checkpoint, given_triplets, 'data.directions=["de-en"]') == 0
    said = capsys.readouterr().out
    assert "2 empty, 1 other_direction, 1 same_text" in said
    assert "Left out: 1 prompts longer than 256 tokens." in said
    finished = tmp_path / "out" / "model"
    assert all(torch.isfinite(tensor).all() for tensor in weights(finished).values())
    assert read_optimised_for(finished) == ("embed_qe", "embedding/usem3")
    assert not list(finished.glob("*.bin")) and not list(finished.glob("adapter*"))
    card = json.loads((finished / "sandglass.json").read_text())
    assert (card["method"], card["data"]["triplets"], card["config"]["train"]["seed"]) == ("cpo", "8", 42)
    assert [row["step"] for row in read_history(tmp_path / "out" / "history.jsonl")][-1] == 2


def test_nothing_to_learn_from_is_told(tmp_path, checkpoint, capsys):
    assert on_file(tmp_path, checkpoint, [triplet(1, rejected="")]) == 2
    assert "No triplet is left: {'empty': 1}." in capsys.readouterr().err
    assert on_file(tmp_path, checkpoint, [triplet(1, text="ja " * 300)]) == 2
    assert "Every prompt is longer" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["sigmoid", "ipo", "simpo"])
def test_translations_cut_to_a_single_token_give_no_nan(kind, tmp_path, checkpoint):
    width = len(prompt("de", "en", "ja nein").split())
    sets = [f"data.max_prompt_length={width}", f"data.max_length={width + 2}", f"loss.kind={kind}"]
    assert on_file(tmp_path, checkpoint, [*map(triplet, range(4))], *sets) == 0
    assert all(torch.isfinite(tensor).all() for tensor in weights(tmp_path / "out" / "model").values())


def test_an_unsafe_checkpoint_is_refused(tmp_path, checkpoint, capsys):
    unsafe = tmp_path / "unsafe"
    unsafe.mkdir()
    (unsafe / "config.json").write_text((checkpoint / "config.json").read_text())
    torch.save({"x": torch.zeros(1)}, unsafe / "pytorch_model.bin")
    assert on_file(tmp_path, unsafe, [triplet(1), triplet(2)]) == 2
    assert "safetensors" in capsys.readouterr().err


def test_adapters_on_bfloat16_weights_are_float32(checkpoint, tmp_path):
    """What is trained must not be rounded to three digits; what is frozen may be."""
    config = read_config(find_config("default", PACKAGE), Config, [f"model.path=hf/{checkpoint}"])
    model, tokenizer = load_model(config.model)
    training = replace(config.train, output=str(tmp_path))
    made = build(
        model, tokenizer, [triplet(1)], full_prompt, config.loss, training, config.data, lora_config(config.model)
    )
    trained = {parameter.dtype for parameter in made.model.parameters() if parameter.requires_grad}
    frozen = {parameter.dtype for parameter in made.model.parameters() if not parameter.requires_grad}
    assert (trained, frozen) == ({torch.float32}, {torch.bfloat16})


def test_other_triplets_do_not_take_over_a_folder(tmp_path, checkpoint, capsys):
    assert on_file(tmp_path, checkpoint, [triplet(1), triplet(2)]) == 0
    assert on_file(tmp_path, checkpoint, [triplet(1), triplet(3)]) == 2
    assert "a run on other triplets" in capsys.readouterr().err


def test_what_chose_the_triplets_is_known_with_its_family():
    by = [triplet(1, selected_by=("kiwi_xxl", "xcomet")), triplet(2, selected_by=("human",))]
    assert optimised_for(by) == ("comet", "human", "kiwi_xxl", "xcomet")
