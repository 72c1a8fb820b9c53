"""Small runs of CPO for tests: a tiny checkpoint, triplets, outputs, a task."""

import json
import shutil
from dataclasses import replace

from harness.cli import main
from harness.task import definition_path
from trainers.common.models import save_model
from trainers.common.toy import tiny_model, word_tokenizer
from trainers.cpo.triplets import Triplet, prompt, write_triplets

TASK = """
schema = 2
name = "little_{source}"
version = "1.0"
source_language = "{source}"
reader = "jsonl"
synthetic = true
track = "none"
round_trip = false
[data]
file = "segments.jsonl"
[targets.en]
"""


def toy_run(output, *sets):
    """Arguments of a short run of the toy."""
    tiny = ["references=300", "sources=120", "tests=20", "fitting=5", "hidden=16", "layers=1"]
    short = ["batch=8", "steps=4", "save_steps=2", "log_steps=1"]
    words = [*(f"toy.{one}" for one in tiny), *(f"train.{one}" for one in short), f"train.output={output}", *sets]
    return ["train", "cpo", "--config", "toy", *(part for word in words for part in ("--set", word))]


def tiny_checkpoint(folder):
    """A model that knows the words of its prompts."""
    words = [*prompt("de", "en", "").split(), *"ja nein yes no maybe".split()]
    tokenizer = word_tokenizer(words)
    save_model(tiny_model(tokenizer, hidden=16, layers=1, heads=2, length=64), tokenizer, folder)
    return folder


def weights(folder):
    """Tensors of a checkpoint by name."""
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def triplet(number, **changes):
    """A triplet that can be learned from."""
    one = Triplet(str(number), "de", "en", "ja nein", "yes no", "maybe", "A", "B", ("embed_qe",))
    return replace(one, **changes)


def on_file(folder, checkpoint, triplets, *sets):
    """Train a checkpoint on triplets by the default configuration, two steps; the exit code."""
    write_triplets(folder / "t.jsonl", triplets)
    words = [f"data.triplets={folder / 't.jsonl'}", f"model.path=hf/{checkpoint}", "model.dtype=float32"]
    words += ["train.batch=2", "train.accumulation=1", "train.steps=2", "train.gradient_checkpointing=false"]
    words += [f"train.output={folder / 'out'}", *sets]
    return main(["train", "cpo", "--config", "default", *(part for word in words for part in ("--set", word))])


def line(**changes):
    """A line of outputs."""
    return {
        "id": "1", "source": "zh", "target": "en", "text": "你好",
        "candidates": [
            {"system": "reference", "text": "Hello", "score": 0.5},
            {"system": "A", "text": "Hi", "score": 0.6},
        ],
    } | changes  # fmt: skip


def written(path, *lines):
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


def little_task(folder, source):
    """A task into English on the segments of sandglass_mini, which a test may replace."""
    shutil.copytree(definition_path("sandglass_mini_zh_en").parent, folder)
    (folder / "task.toml").write_text(TASK.format(source=source), encoding="utf-8")
    return f"{folder}:en"
