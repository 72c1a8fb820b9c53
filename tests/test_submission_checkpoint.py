"""A served checkpoint is run again: the very weights give the very texts, others are refused."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.cli import main
from tests.submission_case import make_task

ROOT = Path(__file__).parents[1]
PYTHON = os.environ.get("SANDGLASS_SERVE_PYTHON") or (
    sys.executable if find_spec("torch") and find_spec("transformers") else ""
)


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="needs torch and transformers, here or in $SANDGLASS_SERVE_PYTHON")
def test_a_checkpoint_is_run_again(tmp_path, capsys):
    folder = tmp_path / "task"
    task = make_task(folder, 3)
    definition = (folder / "task.toml").read_text(encoding="utf-8")
    (folder / "task.toml").write_text(definition.replace("[data]", "round_trip = false\n\n[data]", 1), encoding="utf-8")
    for name in ("tiny", "other"):
        script = [PYTHON, str(ROOT / "tests" / "tiny_model.py"), str(tmp_path / name)]
        subprocess.run(script, check=True, capture_output=True, timeout=300)
    (tmp_path / "other" / "generation_config.json").write_text("{}")
    model = f"hf/{tmp_path / 'tiny'}"
    command = ["run", task, "--model", model, "--strategy", "unconstrained", "--seeds", "1", "--max-tokens", "1500"]
    assert main([*command, "--out", str(tmp_path / "results")]) == 0
    submission = tmp_path / "out"
    assert main(["submit", str(tmp_path / "results"), "--out", str(submission), "--task", task]) == 0
    (head,) = submission.rglob("submission.json")
    regenerate = ["regenerate", str(head.parent), "--task", task, "--checkpoint"]
    capsys.readouterr()
    assert main([*regenerate, model]) in (0, 3)  # three segments of one cluster have no interval
    assert "equal texts: 1.0000" in capsys.readouterr().out
    assert main([*regenerate, f"hf/{tmp_path / 'other'}"]) == 2
    assert "Get the very checkpoint" in capsys.readouterr().err
