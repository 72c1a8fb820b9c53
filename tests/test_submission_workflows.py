"""The workflows: parsed, held to what keeps them safe, and their steps run as a runner would run them."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from harness import __version__
from harness.cli import main
from tests.submission_case import make_task, score_file, segments, submit

yaml = pytest.importorskip("yaml", reason="needs the extra 'export'")

ROOT = Path(__file__).parents[1]
NAMES = ("pages", "release", "submission")
NOT_HERE = ("Install", "Test", "Release")
"""Steps that set up or reach out: packages, the whole test suite, the release page."""


def workflow(name):
    data = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
    return data | {"on": data.pop(True)}  # YAML 1.1 reads "on" as true


@pytest.fixture
def runner(tmp_path):
    """Runs the steps of a job in a workspace, with the harness as it stands here as the installed one."""
    programs, workspace = tmp_path / "bin", tmp_path / "workspace"
    programs.mkdir()
    workspace.mkdir()

    def run(name, job, *options, **environment):
        more = " ".join(f"'{option}'" for option in options)
        (programs / "sandglass").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m harness.cli "$@" {more}\n')
        (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        for program in programs.iterdir():
            program.chmod(0o755)
        env = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        env |= {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), **environment}
        for step in workflow(name)["jobs"][job]["steps"]:
            if "uses" in step or step["name"] in NOT_HERE:
                continue
            shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(shell, cwd=workspace, env=env, capture_output=True, text=True, check=False)
            if done.returncode:
                return done
        return done

    run.workspace = workspace
    return run


@pytest.fixture
def submission(tmp_path):
    """A task and a submission to it, in the places of a pull request."""
    task = make_task(tmp_path / "task")
    texts = {row["id"]: f"we go out to see the {n} old towns" for n, row in enumerate(segments(task))}
    folder = tmp_path / "workspace" / "incoming" / "submissions"
    return task, submit(task, score_file(task, tmp_path / "results", texts, "mine"), folder)


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_pinned_and_rights_are_few(name):
    found = workflow(name)
    assert found["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in found["on"]
    for job in found["jobs"].values():
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), f"{step['uses']} is not pinned"
            else:
                assert "${{" not in step["run"], "what others name is never part of a script"
    writers = {key for job in found["jobs"].values() for key, right in job.get("permissions", {}).items()}
    assert writers == {"pages": {"pages", "id-token"}, "release": {"id-token", "contents"}, "submission": set()}[name]


def test_a_good_submission_passes(runner, submission, tmp_path):
    done = runner("submission", "check", "--task", submission[0])
    assert done.returncode == 0, done.stderr
    assert ": accepted" in (tmp_path / "summary.md").read_text()


def test_a_tampered_one_fails_with_its_reason(runner, submission, tmp_path):
    path = submission[1] / "translations.jsonl"
    path.write_text(path.read_text().replace("old towns", "new towns", 1))
    assert runner("submission", "check", "--task", submission[0]).returncode == 3
    assert "refused, hashes: translations.jsonl" in (tmp_path / "summary.md").read_text()


def test_what_was_there_before_is_not_checked_again(runner, submission, tmp_path):
    shutil.copytree(runner.workspace / "incoming" / "submissions", runner.workspace / "submissions")
    assert runner("submission", "check", "--task", submission[0]).returncode == 3
    assert "no folder in it is new" in (tmp_path / "summary.md").read_text()


def test_names_in_a_pull_request_are_no_commands(runner, submission, tmp_path):
    folder = submission[1].rename(submission[1].parent / "$(touch owned);`touch owned` --grant")
    assert folder.exists() and runner("submission", "check", "--task", submission[0]).returncode == 0
    assert not list(tmp_path.rglob("owned"))


def test_the_site_is_built_from_the_accepted_rows(runner, submission, capsys):
    pytest.importorskip("jinja2")
    task, folder = submission
    rows = runner.workspace / "leaderboard" / "results"
    assert main(["submission", "check", str(folder), "--task", task, "--results", str(rows), "--grant"]) == 0
    done = runner("pages", "build")
    assert done.returncode == 0, done.stderr
    (page,) = (runner.workspace / "site").glob("*/runs/mine-*.html")
    assert "recomputed: every deterministic score" in page.read_text()


def test_a_release_needs_its_version_a_date_and_notes(runner):
    changes = runner.workspace / "CHANGELOG.md"
    changes.write_text(f"# Changelog\n\n## {__version__} (2030-01-01)\n\n- New.\n\n## 0.0.1 (2029-01-01)\n\n- Old.\n")
    runner("release", "build", GITHUB_REF_NAME=f"v{__version__}")  # there is nothing to build here
    assert (runner.workspace / "notes.md").read_text() == "\n- New.\n\n"
    assert runner("release", "build", GITHUB_REF_NAME="v9.9.9").returncode == 1
    changes.write_text(f"# Changelog\n\n## {__version__} (unreleased)\n\n- New.\n")
    done = runner("release", "build", GITHUB_REF_NAME=f"v{__version__}")
    assert done.returncode == 1 and "is not dated" in done.stdout
    changes.write_text("# Changelog\n")
    assert runner("release", "build", GITHUB_REF_NAME=f"v{__version__}").returncode == 1


@pytest.mark.slow
def test_a_release_builds_a_wheel_with_every_room(runner):
    pytest.importorskip("build", reason="needs build and hatchling")
    pytest.importorskip("hatchling", reason="needs build and hatchling")
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for room in packages["packages"]:
        shutil.copytree(ROOT / room, runner.workspace / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, runner.workspace)
    (runner.workspace / "CHANGELOG.md").write_text(f"## {__version__} (2030-01-01)\n\n- New.\n")
    done = runner("release", "build", GITHUB_REF_NAME=f"v{__version__}")
    assert done.returncode == 0, done.stderr
    (wheel,) = (runner.workspace / "dist").glob(f"sandglass_bench-{__version__}-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert all(any(name.startswith(f"{room}/") for name in names) for room in packages["packages"])
    assert "harness/submission/check.py" in names
