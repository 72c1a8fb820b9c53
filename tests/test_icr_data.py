"""What implicit cross-lingual rewarding is told: instructions, preferences, configurations, checkpoints."""

import json
import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

from harness.cli import main
from harness.errors import UserError
from harness.jsonl import to_line
from tests.icr_runs import GERMAN, config, fill, write_instructions
from trainers.common.config import read_config
from trainers.icr.config import Config, Data
from trainers.icr.data import read_preferences, read_prompts


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to run in."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return tmp_path


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
    again, empty = {"instruction": "x", "id": "0"}, {"instruction": " ", "id": "2"}
    Path("data/de.jsonl").write_bytes(b"".join(map(to_line, ({"instruction": "y", "id": "0"}, again, empty))))
    prompts, skipped = read_prompts(Data("data", ("de",)))
    assert prompts[0].texts["de"] == "y"
    assert skipped == {"instruction_id again, de": 1, "empty, de": 1, "no de instruction": 2}
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
        ({"data__limit": -1}, "data.limit is -1"),
        ({"sft": "", "start": {"method": "dpo", "preferences": "p", "learning_rate": 2.0}}, "learning_rate"),
        ({"sft": "", "start": {"method": "kto", "preferences": "p"}, "train__batch": 1}, "must be 2 or more: KTO"),
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
    assert read.model.dtype == "float32"  # of all weights, trained at 5e-7: in bfloat16 steps so small are rounded away


def test_a_dry_run_loads_no_model(place, capsys):
    config()
    assert main(["train", "icr", "--config", "config.toml", "--dry-run"]) == 0
    assert "2 rounds in en, de" in capsys.readouterr().out and not Path("out").exists()
    assert main(["train", "icr", "--config", "toy", "--set", "model.path=hf/./other", "--dry-run"]) == 2
    assert "[toy] makes its own model, and model.path is 'hf/./other'" in capsys.readouterr().err
    config(sft="", start={"method": "dpo", "preferences": "nowhere.jsonl"})
    assert main(["train", "icr", "--config", "config.toml", "--dry-run"]) == 2
    assert "nowhere.jsonl" in capsys.readouterr().err
