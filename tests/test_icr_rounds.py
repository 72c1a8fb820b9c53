"""Rounds of implicit cross-lingual rewarding: what they leave, resuming, broken data, other ways in."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

from harness.cli import main
from harness.errors import UserError
from harness.jsonl import to_line
from trainers.common.config import read_config
from trainers.common.models import save_model
from trainers.common.toy import tiny_model, word_tokenizer
from trainers.icr.config import Config, Data
from trainers.icr.data import read_preferences, read_prompts
from trainers.icr.toy import TEMPLATE
from trainers.icr.train import run

WORDS = "one two three four five six eins zwei drei : . answer in de en".split()
ENGLISH, GERMAN = ("one two", "two three", "three one"), ("eins zwei", "zwei drei", "drei eins")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with two tiny models of different seeds, and parallel instructions."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("sft", "dpo")):
        tokenizer = word_tokenizer(WORDS)
        tokenizer.chat_template = TEMPLATE
        save_model(tiny_model(tokenizer, hidden=16, layers=1, heads=2, length=64, seed=seed), tokenizer, Path(name))
    write_instructions(tmp_path / "data")
    return tmp_path


def write_instructions(folder, german=GERMAN):
    folder.mkdir(exist_ok=True)
    for language, texts in (("en", ENGLISH), ("de", german)):
        rows = [{"instruction": text, "instruction_id": str(n)} for n, text in enumerate(texts)]
        (folder / f"{language}.jsonl").write_bytes(b"".join(map(to_line, rows)))


def config(**changes):
    """A configuration of two short rounds."""
    table = {
        "sft": "sft", "rounds": 2,
        "model": {"path": "dpo"}, "data": {"folder": "data", "languages": ["en", "de"]},
        "sampling": {"responses": 4, "max_tokens": 6, "batch": 8},
        "rewarding": {"request": "answer in {language} : ", "batch": 8},
        "train": {"output": "out", "learning_rate": 1e-3, "batch": 2, "steps": 4, "save_steps": 2, "threads": 1},
    }  # fmt: skip
    for name, value in changes.items():
        section, _, field = name.partition("__")
        if field:
            table.setdefault(section, {})[field] = value
        else:
            table[section] = value
    path = Path("config.toml")
    path.write_text(toml(table))
    return read_config(path, Config)


def toml(table, above=""):
    plain = [f"{k} = {json.dumps(v)}" for k, v in table.items() if not isinstance(v, dict)]
    sections = [f"[{above}{k}]\n" + toml(v, f"{above}{k}.") for k, v in table.items() if isinstance(v, dict)]
    return "\n".join([*plain, *sections]) + "\n"


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
    from trainers.common.config import Model
    from trainers.common.models import load_model
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
    assert card["optimised_for"] == ["implicit reward over dpo"]


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
    from trainers.common.config import Model
    from trainers.common.models import load_model
    from trainers.icr.reward import implicit_rewards

    (policy, tokenizer), (sft, _) = load_model(Model("out/start/model")), load_model(Model("sft"))
    rewards = implicit_rewards(policy, sft, tokenizer, [(ENGLISH[0], "one ."), (ENGLISH[0], "six six")])
    assert rewards[0] > rewards[1] + 0.1
    card = json.loads(Path("out/round_0/train/model/sandglass.json").read_text())
    assert card["optimised_for"] == ["implicit reward over sft"] and card["base"] == "out/start/model"


def test_broken_data_is_said_or_counted(place):
    data = Data("data", ("en", "de", "fr"))
    with pytest.raises(UserError, match=r"no instructions in 'fr'"):
        read_prompts(data)
    Path("data/fr.jsonl").write_bytes(to_line({"instruction": "un", "id": "9"}))
    with pytest.raises(UserError, match=r"fr.jsonl has no instruction that en.jsonl has"):
        read_prompts(data)
    write_instructions(Path("data"), GERMAN[:2])
    prompts, skipped = read_prompts(Data("data", ("en", "de")))
    assert [sorted(prompt.texts) for prompt in prompts] == [["de", "en"], ["de", "en"], ["en"]]
    assert skipped == {"no de instruction": 1}
    assert len(read_prompts(Data("data", ("de",), limit=2))[0]) == 2
    for bad in (b"{", b"[]\n", b'{"instruction": 1, "id": "1"}\n', b'{"instruction": "x"}\n', b""):
        Path("data/de.jsonl").write_bytes(bad)
        with pytest.raises(UserError):
            read_prompts(Data("data", ("de",)))
    with pytest.raises(UserError, match="no language's code"):
        read_prompts(Data("data", ("../de",)))


def test_preferences_that_prefer_nothing_are_counted(tmp_path):
    rows = [("x", "good", "bad"), ("x", "", "bad"), ("x", "same", "same")]
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"".join(to_line({"prompt": x, "chosen": y, "rejected": z}) for x, y, z in rows))
    kept, skipped = read_preferences(path)
    assert len(kept) == 1 and skipped == {"empty text": 1, "chosen and rejected alike": 1}
    path.write_bytes(to_line({"prompt": "x", "chosen": "y", "rejected": "y"}))
    with pytest.raises(UserError, match="no preference"):
        read_preferences(path)


def test_a_round_without_pairs_is_said(place):
    told = config(rounds=1, sft="dpo")  # the policy over itself: every reward is 0
    with pytest.raises(UserError, match=r"Round 0 gives no pair \(.*equal scores"):
        run(told)


def test_an_unsafe_checkpoint_is_refused(place, capsys):
    shutil.move("dpo/model.safetensors", "dpo/pytorch_model.bin")
    config()
    assert main(["train", "icr", "--config", "config.toml"]) == 2
    assert "safetensors" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sft": ""}, "sft is missing"),
        ({"rounds": 0}, "rounds"),
        ({"sampling__responses": 1}, "pair"),
        ({"sampling__temperature": 0.0}, "temperature"),
        ({"loss__beta": 0.0}, "beta"),
        ({"data__languages": ["de", "de"]}, "twice"),
        ({"rewarding__request": "no name"}, "language"),
        ({"rewarding__kind": "translated"}, "translator"),
        ({"rewarding__kind": "other"}, "not one of"),
        ({"los": {}}, "unknown field"),
    ],
)
def test_a_bad_configuration_is_said(place, change, message):
    with pytest.raises(UserError, match=message):
        config(**change)


@pytest.mark.parametrize("name", ["default", "toy"])
def test_configurations_that_come_with_it(name):
    read = read_config(Path(__file__).parents[1] / "trainers" / "icr" / f"{name}.toml", Config)
    assert read.rounds == 2 and read.sampling.responses == 10 and read.sampling.temperature == 0.9
    assert read.loss.alpha == 1.0 and read.rewarding.kind == "cross_lingual"


def test_the_paper_s_values_are_the_defaults():
    path = Path(os.environ.get("SANDGLASS_CORPORA", Path(__file__).parents[2] / "shared" / "data"))
    path = path / "published" / "icr_official_defaults.json"
    if not path.is_file():
        pytest.skip("the published defaults are not here (set SANDGLASS_CORPORA to the folder of the corpora)")
    published = json.loads(path.read_text())
    read = read_config(Path(__file__).parents[1] / "trainers" / "icr" / "default.toml", Config)
    assert read.model.path == f"hf/{published['base_policy']}" and read.sft == f"hf/{published['base_ref']}"
    assert list(read.data.languages) == published["prompts"]["languages_main"]
    assert read.data.limit == published["prompts"]["per_language"]
    sampling = published["sampling"]
    found = (read.sampling.responses, read.sampling.temperature, read.sampling.top_p, read.sampling.max_tokens)
    assert found == (sampling["n"], sampling["temperature"], sampling["top_p"], sampling["max_tokens"])
    assert read.train.seed == sampling["seed"]


def test_a_dry_run_loads_no_model(place, capsys):
    config()
    assert main(["train", "icr", "--config", "config.toml", "--dry-run"]) == 0
    assert "2 rounds in en, de" in capsys.readouterr().out and not Path("out").exists()
