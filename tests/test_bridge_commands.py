"""lm-eval's own command with our task, and our model in it: real processes against real servers."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.bridge import tasks as bridge
from harness.errors import UserError
from harness.registry import names
from harness.task import load_task
from tests.loopback import Loopback, says

ROOT = Path(__file__).parents[1]
INSTALLED = all(importlib.util.find_spec(module) for module in ("lm_eval", "datasets"))
needs_lm_eval = pytest.mark.skipif(not INSTALLED, reason="needs the lm-eval extra")
V1 = [name for name in names("tasks") if name.startswith("sandglass_zh_")]
LINE = "We go out to eat good food by the sea."


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """Both directions at once, each in a process of its own, against real servers."""
    if not INSTALLED:
        pytest.skip("needs the lm-eval extra")
    folder = tmp_path_factory.mktemp("lm-eval")
    (folder / "docs.jsonl").write_text('{"q": "one"}\n{"q": "two"}\n{"q": "three"}\n', encoding="utf-8")
    foreign = folder / "foreign.yaml"
    foreign.write_text(
        f"""task: foreign
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder / "docs.jsonl"}}}}}
test_split: test
output_type: generate_until
doc_to_text: "Repeat: {{{{q}}}}"
doc_to_target: "{{{{q}}}}"
generation_kwargs: {{until: ["."], max_gen_toks: 7}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 1.0}}
""",
        encoding="utf-8",
    )
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "SANDGLASS_CACHE": str(folder / "cache"),
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "OPENAI_API_KEY": "none",
    }

    def theirs(request):
        return says(f" {LINE}\nAnd more.")

    def ours(request):
        messages = request["messages"]
        return says(json.dumps({"translation": LINE}) if len(messages) == 2 else messages[0]["content"][8:] + ". Done.")

    with Loopback(theirs) as their_server, Loopback(ours) as our_server:
        common = ["--limit", "2", "--log_samples", "--output_path"]
        theirs_line = [
            *["-m", "lm_eval", "run", "--include_path", str(ROOT / "tasks"), "--tasks", "sandglass_mini_zh_en"],
            *["--model", "local-chat-completions", "--apply_chat_template", "--model_args"],
            f"model=some,base_url={their_server.url}/chat/completions,num_concurrent=1,max_retries=1",
            *[*common, str(folder / "theirs")],
        ]
        ours_line = [
            *[
                "-c",
                "import sys; from harness.commands.lm_eval_command import hand_over; sys.exit(hand_over(sys.argv[1:]))",
            ],
            *["run", "--tasks", f"sandglass_mini_zh_en,{foreign}", "--model", "sandglass", "--model_args"],
            f"model=openai/some,api_base={our_server.url},strategy=prompted",
            *[*common, str(folder / "ours")],
        ]
        running = [
            subprocess.Popen(
                [sys.executable, *line], env=environment, cwd=folder, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
            for line in (theirs_line, ours_line)
        ]  # fmt: skip
        said = [process.communicate(timeout=300)[0] for process in running]
    for process, text in zip(running, said, strict=True):
        assert process.returncode == 0, text
    return SimpleNamespace(folder=folder, said=said, their_server=their_server, our_server=our_server)


def results(folder):
    (file,) = folder.rglob("results_*.json")
    samples = {}
    for path in folder.rglob("samples_*.jsonl"):
        name = path.name.removeprefix("samples_").rpartition("_")[0]
        samples[name] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return json.loads(file.read_text(encoding="utf-8")), samples


@pytest.mark.slow
def test_lm_eval_runs_our_task(commands):
    data, samples = results(commands.folder / "theirs")
    values = data["results"]["sandglass_mini_zh_en"]
    rows = samples["sandglass_mini_zh_en"]
    task = load_task("sandglass_mini_zh_en")
    assert [row["doc"]["id"] for row in rows] == [segment.id for segment in task.segments[:2]]
    for row, segment in zip(rows, task.segments, strict=False):
        doc = {"task": task.name, "protocol": "paper", "id": segment.id}
        expected = bridge.process_results(doc, row["filtered_resps"])
        assert {name: row[name] for name in expected} == expected
    assert values["ib,none"] == sum(row["ib"] for row in rows) / 2
    assert values["ok,none"] == 1.0 and values["ib_low,none"] == "N/A"  # one video
    assert "tokens_total,none" not in values
    assert data["configs"]["sandglass_mini_zh_en"]["metadata"]["data_sha256"] == task.data_hash
    assert data["versions"]["sandglass_mini_zh_en"] == task.version
    asked = commands.their_server.seen[0].json
    assert [message["role"] for message in asked["messages"]] == ["user"]
    assert "syllables" in json.dumps(asked) and asked["max_tokens"] == 64
    assert "ib_within_1" in commands.said[0]


@pytest.mark.slow
def test_our_model_runs_in_lm_eval(commands):
    data, samples = results(commands.folder / "ours")
    values, info = data["results"]["sandglass_mini_zh_en"], data["config"]["sandglass"]
    assert [row["resps"] for row in samples["sandglass_mini_zh_en"]] == [[[LINE]], [[LINE]]]
    assert values["tokens_total,none"] == 5.0
    assert (info["usage"]["calls"], info["usage"]["input"], info["usage"]["output"]) == (4, 40, 20)
    assert info["states"] == {"sandglass_mini_zh_en": {"ok": 2}}
    assert "strategy=prompted,prompt=" in info["tasks"]["sandglass_mini_zh_en"]["system"]
    assert data["results"]["foreign"]["exact_match,none"] == 1.0
    assert [row["resps"] for row in samples["foreign"]] == [[["one"]], [["two"]]]
    chats = [seen.json["messages"] for seen in commands.our_server.seen]
    assert sum('"syllables"' in messages[-1]["content"] for messages in chats) == 2  # the strategy's own prompt
    assert sum(messages[-1]["content"].startswith("Repeat: ") for messages in chats) == 2


@pytest.mark.slow
def test_exports_have_the_shape_of_real_results(commands, tmp_path):
    from harness.exports.facts import find_runs
    from harness.exports.lm_eval_results import convert
    from tests.test_exports import make_run

    make_run(tmp_path)
    real, made = results(commands.folder / "theirs")[0], convert(find_runs(tmp_path)[0])
    assert set(made) <= set(real)
    assert set(real) - set(made) <= {
        *("git_hash", "pretty_env_info", "transformers_version", "upper_git_hash", "system_instruction_sha"),
        *("fewshot_as_multiturn", "chat_template_sha", "total_evaluation_time_seconds", "max_length"),
        *("tokenizer_pad_token", "tokenizer_eos_token", "tokenizer_bos_token", "eot_token_id"),
    }
    task = "sandglass_mini_zh_en"
    for section in ("results", "configs", "versions", "n-shot", "higher_is_better", "n-samples"):
        assert set(made[section]) == set(real[section]) == {task}
        assert type(made[section][task]) is type(real[section][task])
    assert set(real["results"][task]) <= set(made["results"][task])
    assert {"task", "metadata", "output_type"} <= set(made["configs"][task]) & set(real["configs"][task])


def test_the_command_without_lm_eval(monkeypatch):
    from harness.commands import lm_eval_command

    monkeypatch.setattr(lm_eval_command, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"sandglass-bench\[lm-eval\]"):
        lm_eval_command.hand_over(["run"])
