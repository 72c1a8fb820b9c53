"""What the trainers share: configurations, log-probabilities, tiny models, histories, studies, the two commands."""

import json

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from harness.cli import main
from harness.errors import RunError, UserError
from harness.llm.training_card import read_optimised_for
from trainers.common import studies, study
from trainers.common.card import Card
from trainers.common.config import Lora, Model, Training, find_config, read_config
from trainers.common.history import read_history
from trainers.common.logprobs import summed_logprobs
from trainers.common.models import load_model, lora_config, save_model
from trainers.common.plots import plot_history, plot_study
from trainers.common.running import arguments, prepare, train
from trainers.common.study import Arm, Outcome, Study
from trainers.common.toy import fit, sample, tiny_model, word_tokenizer

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


# Configurations


def written(tmp_path, text, name="mine.toml"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


CONFIG = 'output = "out"\nlearning_rate = 1e-3\n'


def test_overrides_win_over_the_file_and_the_file_over_its_base(tmp_path):
    written(tmp_path, CONFIG + "seed = 1\nbatch = 2\nthreads = 1\n", "under.toml")
    path = written(tmp_path, 'base = "under"\nseed = 2\nbatch = 3\n')
    config = read_config(path, Training, ["batch=4", "output=here"])
    assert (config.seed, config.batch, config.threads, config.output) == (2, 4, 1, "here")


@pytest.mark.parametrize(
    ("text", "sets", "told"),
    [
        (CONFIG + "seeed = 1\n", [], "unknown field 'seeed'"),
        ('output = "out"\n', [], "'learning_rate' is missing"),
        (CONFIG, ["batch=0"], "train.batch is 0"),
        (CONFIG, ["learning_rate=5"], "train.learning_rate is 5"),
        (CONFIG, ["epochs=0"], "train.epochs is 0"),
        (CONFIG, ["schedule=square"], "'square' is not one of"),
        (CONFIG, ["batch"], "'batch' is no setting"),
        (CONFIG, ["output.x=1"], "output is no section"),
        ('base = "../etc"\n' + CONFIG, [], "base is '../etc'"),
        ("output = ", [], "is no TOML"),
    ],
)
def test_a_bad_configuration_is_one_clear_sentence(tmp_path, text, sets, told):
    with pytest.raises(UserError, match=told.replace("(", r"\(")):
        read_config(written(tmp_path, text), Training, sets)


def test_configurations_are_found_by_name_or_path(tmp_path):
    path = written(tmp_path, CONFIG)
    assert find_config("mine", tmp_path) == path == find_config(str(path), tmp_path / "elsewhere")
    with pytest.raises(UserError, match="Give a file, or one of mine"):
        find_config("yours", tmp_path)


# Log-probabilities


@pytest.mark.parametrize("side", ["left", "right"])
def test_summed_logprobs_are_those_of_the_whole_softmax(tiny, side, monkeypatch):
    model, _ = tiny
    monkeypatch.setattr("trainers.common.logprobs.ROWS", 2)  # so that there are several pieces
    sequences, prompts = [[4, 5, 6, 7, 2], [8, 9, 2], [4, 4, 4, 4, 5, 6, 2]], [2, 1, 4]
    width, ids, attention, completion = 8, [], [], []
    for sequence, prompt in zip(sequences, prompts, strict=True):
        padding, after = [0] * (width - len(sequence)), [0] * prompt + [1] * (len(sequence) - prompt)
        for into, row, filler in (
            (ids, sequence, padding),
            (attention, [1] * len(sequence), padding),
            (completion, after, padding),
        ):
            into.append(filler + row if side == "left" else row + filler)
    got = summed_logprobs(model, *map(torch.tensor, (ids, attention, completion))).tolist()
    for value, sequence, prompt in zip(got, sequences, prompts, strict=True):
        logprobs = model(input_ids=torch.tensor([sequence])).logits[0].log_softmax(-1)
        expected = sum(logprobs[place - 1, sequence[place]] for place in range(prompt, len(sequence)))
        assert value == pytest.approx(float(expected.detach()), abs=1e-5)


def test_summed_logprobs_have_the_gradient_of_the_whole_softmax(tiny):
    model, _ = tiny
    ids = torch.tensor([[4, 5, 6, 7]])
    mask = torch.tensor([[0, 0, 1, 1]])
    model.zero_grad()
    summed_logprobs(model, ids, torch.ones_like(ids), mask).sum().backward()
    ours = model.get_input_embeddings().weight.grad.clone()
    model.zero_grad()
    logprobs = model(input_ids=ids).logits[0].log_softmax(-1)
    (logprobs[1, 6] + logprobs[2, 7]).backward()
    assert torch.allclose(ours, model.get_input_embeddings().weight.grad, atol=1e-6)


def test_an_empty_completion_has_probability_one(tiny):
    ids = torch.tensor([[4, 5]])
    assert float(summed_logprobs(tiny[0], ids, torch.ones_like(ids), torch.zeros_like(ids)).detach()) == 0


# Tiny models


def test_a_tiny_model_learns_what_it_is_fitted_to():
    tokenizer = word_tokenizer(WORDS)
    model = tiny_model(tokenizer, hidden=32, layers=1, heads=2)
    pairs = [("the cat", "sees a dog"), ("the dog", "finds a cat")]
    assert fit(model, tokenizer, pairs, steps=150, batch=8, learning_rate=5e-3) < 0.05
    assert sample(model, tokenizer, [p for p, _ in pairs], max_new_tokens=6, temperature=0) == [[c] for _, c in pairs]
    drawn = sample(model, tokenizer, ["the cat"], max_new_tokens=6, per_prompt=4, seed=3)
    assert drawn == sample(model, tokenizer, ["the cat"], max_new_tokens=6, per_prompt=4, seed=3) and len(drawn[0]) == 4


# Running


def run(tmp_path, tiny, steps=6, callbacks=(), learning_rate=1e-3):
    tokenizer = tiny[1]
    training = Training(str(tmp_path / "run"), learning_rate, batch=4, steps=steps, save_steps=2)
    prepare(training, training)
    model = tiny_model(tokenizer, hidden=32, layers=1, heads=2, seed=5)
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
    plot_history(read_history(broken.parent / "history.jsonl"), ["loss", "none"], tmp_path / "h.svg")
    assert (tmp_path / "h.svg").read_text().startswith("<?xml")


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


def test_adapters_are_merged_and_pickles_refused(tmp_path, tiny):
    from peft import get_peft_model

    adapted = get_peft_model(tiny_model(tiny[1], hidden=32, layers=1, heads=2), lora_config(Model("x", Lora(r=2))))
    save_model(adapted, tiny[1], tmp_path / "merged")
    assert not (tmp_path / "merged" / "adapter_config.json").exists()
    weights, tokenizer = load_model(Model(str(tmp_path / "merged")))
    assert sum(p.numel() for p in weights.parameters()) == sum(p.numel() for p in tiny[0].parameters())
    assert tokenizer("the cat")["input_ids"] == [4, 6]
    (tmp_path / "merged" / "model.safetensors").rename(tmp_path / "merged" / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors"):
        load_model(Model(str(tmp_path / "merged")))


# Studies


def measure(options, seed, folder, shared, quick):
    """Return what a study's function does."""
    if options.get("broken"):
        raise ValueError("broken on purpose")
    value = options["value"] + seed
    return Outcome({"score": (value, value - 1, value + 1)}, {"score": [(0, 0), (1, value)]})


ARMS = (Arm("first", "a", {"value": 1.0}), Arm("second", "b", {"value": 3.0}))
MADE = Study("made", "Is three more than one?", ARMS, {"score": "score"}, "tests.test_training_common:measure", "score")


def done(out, *seeds):
    for arm in ARMS:
        for seed in seeds:
            folder = out / "runs" / f"{arm.key}-{seed}"
            study.run_one(MADE, arm, seed, out, quick=False)
            assert (folder / "outcome.json").is_file()


def test_a_study_is_summarised_over_seeds_and_runs_nothing_twice(tmp_path):
    done(tmp_path, 0, 1, 2)
    summary = study.run_study(MADE, tmp_path, range(3))
    second = summary["arms"]["second"]["measures"]["score"]
    assert (second["mean"], second["difference"]["mean"], second["difference"]["low"]) == (4.0, 2.0, 2.0)
    assert second["low"] == pytest.approx(4 - 4.30265 / 3**0.5, abs=1e-4)
    assert json.loads((tmp_path / "made.json").read_text()) == json.loads(json.dumps(summary))
    assert "| second | 4.000 [1.516, 6.484] |" in (tmp_path / "made.md").read_text()
    plot_study(summary, tmp_path / "made.svg")
    assert (tmp_path / "made.svg").stat().st_size > 5000


def test_a_run_that_fails_is_named_and_the_others_kept(tmp_path):
    done(tmp_path, 0)
    with pytest.raises(RunError, match="2 of 2 runs of made failed: first, seed 1, exit code 1"):
        study.run_study(MADE, tmp_path, range(2))  # the process finds no study of this name
    assert (tmp_path / "runs" / "a-0" / "outcome.json").is_file()
    assert "There is no study 'made'" in (tmp_path / "runs" / "a-1" / "log.txt").read_text()


def test_every_registered_study_is_sound():
    for name in studies.STUDIES:
        found = studies.find_study(name)
        assert found.name == name and found.arms and found.measures
        assert len({arm.key for arm in found.arms}) == len(found.arms) == len({arm.name for arm in found.arms})


# The commands


def test_commands_name_what_there_is(capsys):
    assert main(["study", "none"]) == 2
    assert "There is no study 'none'" in capsys.readouterr().err
    assert main(["study"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in studies.STUDIES)
    with pytest.raises(SystemExit) as ended:
        main(["train", "none", "--config", "toy"])
    assert ended.value.code == 2
