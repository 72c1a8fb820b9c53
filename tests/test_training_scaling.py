"""Training on several devices: the configurations load by accelerate's own parser, and two processes train together.

Sharding needs GPUs and is not run here; two processes on CPUs are.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="needs the train extra")

from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.deepspeed import HfDeepSpeedConfig
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

from trainers.common.config import Training
from trainers.common.history import read_history
from trainers.common.running import arguments

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "trainers" / "configs" / "accelerate"
JOB = ["-m", "harness.cli", "train", "homura", "--config", "default"]


def launched(name, *more):
    """Parse a command line as ``accelerate launch`` does, up to the process it would start."""
    arguments = launch_command_parser().parse_args(["--config_file", str(CONFIGS / f"{name}.yaml"), *more, *JOB])
    arguments, defaults, _ = _validate_launch_command(arguments)
    if not arguments.use_deepspeed:
        return arguments, prepare_multi_gpu_env(arguments)
    arguments.deepspeed_fields_from_accelerate_config = ",".join(defaults.deepspeed_config)  # as launch_command does
    return arguments, prepare_deepspeed_cmd_env(arguments)[1]


def test_every_configuration_is_tested():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == {
        "multi_gpu", "multi_node", "fsdp", "deepspeed_zero2", "deepspeed_zero3"
    }  # fmt: skip


def test_one_machine():
    arguments, environment = launched("multi_gpu", "--num_processes", "4")
    assert arguments.multi_gpu and arguments.num_processes == 4 and arguments.training_script == "harness.cli"
    assert environment["ACCELERATE_MIXED_PRECISION"] == "bf16" and "ACCELERATE_USE_FSDP" not in environment


@pytest.mark.parametrize("name", ["fsdp", "multi_node"])
def test_sharded(name):
    arguments, environment = launched(name)
    assert arguments.use_fsdp and not arguments.use_deepspeed
    assert environment["FSDP_VERSION"] == "2" and environment["FSDP_RESHARD_AFTER_FORWARD"] == "true"
    assert environment["FSDP_STATE_DICT_TYPE"] == "FULL_STATE_DICT"


def test_several_machines():
    arguments, _ = launched("multi_node", "--machine_rank", "1", "--main_process_ip", "192.0.2.1")
    assert (arguments.num_machines, arguments.num_processes, arguments.nproc_per_node) == (2, 16, "8")
    assert (arguments.node_rank, arguments.rdzv_endpoint, arguments.rdzv_backend) == (1, "192.0.2.1:29500", "static")


@pytest.mark.parametrize("stage", ["2", "3"])
def test_deepspeed(stage):
    arguments, environment = launched(f"deepspeed_zero{stage}")
    assert arguments.use_deepspeed and environment["ACCELERATE_DEEPSPEED_ZERO_STAGE"] == stage
    assert environment["ACCELERATE_MIXED_PRECISION"] == "bf16"
    whole = environment.get("ACCELERATE_DEEPSPEED_ZERO3_SAVE_16BIT_MODEL")
    assert stage == "2" or whole == "true"  # or what is saved would be shards


def test_deepspeed_with_the_weights_in_memory_of_the_cpu():
    config = HfDeepSpeedConfig(str(CONFIGS / "deepspeed_zero3_offload.json"))
    assert config.is_zero3() and config.is_offload()
    assert config.get_value("zero_optimization.stage3_gather_16bit_weights_on_model_save") is True
    assert config.get_value("train_micro_batch_size_per_gpu") == config.get_value("train_batch_size") == "auto"


def test_mixed_precision_is_the_launchers_to_say(monkeypatch):
    from transformers import TrainingArguments

    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert TrainingArguments(**arguments(Training("out", 1e-6))).mixed_precision == "bf16"


def test_rollouts_by_vllm():
    from trl import GRPOConfig

    from trainers.homura.config import Grpo
    from trainers.homura.trainer import rollouts

    given = arguments(Training("out", 1e-6, batch=16))
    served = GRPOConfig(**given, **rollouts(Grpo(vllm="http://10.0.0.7:8000")))
    assert (served.use_vllm, served.vllm_mode) == (True, "server")
    assert served.vllm_server_base_url == "http://10.0.0.7:8000"
    assert GRPOConfig(**given, **rollouts(Grpo(vllm="colocate"))).vllm_mode == "colocate"
    assert not GRPOConfig(**given, **rollouts(Grpo())).use_vllm


CONFIG = """
[model]
path = "{model}"
[train]
output = "{output}"
learning_rate = 1e-3
steps = 2
batch = 4
threads = 1
[data]
task = "sandglass_mini_zh_en"
prompt = "plain"
limit = 8
[reward]
quality_weight = 0.0
bounds = [0.0, 9.0]
[grpo]
generations = 4
max_tokens = 24
"""


@pytest.mark.slow
def test_two_processes_train_one_model(tmp_path):
    from tests.tiny_model import build

    build(tmp_path / "tiny", chat_template=False)
    output = tmp_path / "run"
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(model=f"hf/{tmp_path / 'tiny'}", output=output))
    # accelerate starts one process on a CPU, whatever it is asked for; torchrun starts two, and accelerate joins them
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launch, "-m", "harness.cli", "train", "homura", "--config", str(config)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    steps = [row for row in read_history(output / "history.jsonl") if "reward" in row]
    assert [row["step"] for row in steps] == [1, 2]  # one line a step, whatever the number of processes
    assert steps[-1]["epoch"] == pytest.approx(0.5)  # two groups a step, one of each process, of eight
    assert any(row["grad_norm"] > 0 for row in steps)
    card = json.loads((output / "model" / "sandglass.json").read_text())
    assert card["method"] == "homura" and (output / "model" / "model.safetensors").is_file()
