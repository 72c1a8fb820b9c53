"""Results on the Hub, with the real client against a loopback hub: what is there afterwards, and what never is."""

import json

import pytest

from harness.cli import main
from tests.hub_server import TOKEN, Hub, Repo
from tests.submission_case import make_task, score_file, submit, write

pytest.importorskip("huggingface_hub", reason="needs the extra 'export'")
yaml = pytest.importorskip("yaml", reason="needs the extra 'export'")


@pytest.fixture
def made(tmp_path):
    """A scored file and its submission."""
    task = make_task(tmp_path / "task")
    ids = [json.loads(line)["id"] for line in (tmp_path / "task" / "segments.jsonl").read_text().splitlines()]
    texts = {id_: f"we go out to see the {number} old towns" for number, id_ in enumerate(ids)}
    run = score_file(task, tmp_path / "results", texts, "me/model")
    return run, submit(task, run, tmp_path / "submissions")


def place(run):
    return "/".join(run.parts[-3:])


def test_a_run_goes_to_a_dataset_and_a_model_page(made, monkeypatch, capsys):
    run, _ = made
    with Hub() as hub, hub.environment(monkeypatch):
        hub.repos["models/me/model"] = Repo()
        command = ["publish", str(run), "--repo", "me/results", "--model-page", "me/model", "--metrics", "ib,ok"]
        assert main(command) == 0
        printed = capsys.readouterr()
        data, model = hub.repos["datasets/me/results"], hub.repos["models/me/model"]
        assert {name for name in data.files if name != "README.md"} == {
            f"{place(run)}/{name}" for name in ("result.json", "manifest.json", "scores.jsonl")
        }
        assert data.files[f"{place(run)}/result.json"] == (run / "result.json").read_bytes()
        card = data.files["README.md"].decode()
        assert yaml.safe_load(card.split("---")[1])["license"] == "cc-by-4.0"
        assert "| me/model | submitted |" in card and "self-reported" in card
        (proposed,) = model.pull_requests
        ((name, content),) = proposed.items()
        entries = yaml.safe_load(content)
        assert name.startswith(".eval_results/small_zh_en-me-model-submitted") and not model.files
        assert [entry["dataset"]["task_id"] for entry in entries] == ["small_zh_en.ib", "small_zh_en.ok"]
        assert entries[1]["value"] == 1 and entries[0]["dataset"]["id"] == "me/results"
        assert entries[0]["source"]["url"] == f"{hub.url}/datasets/me/results"
        assert printed.out.splitlines()[1] == f"{hub.url}/me/model/discussions/1"
        assert TOKEN not in printed.out + printed.err
        assert TOKEN.encode() not in b"".join([*data.files.values(), content])


def test_a_submission_goes_up_with_its_outputs_and_without_sources(made, monkeypatch):
    run, submission = made
    with Hub() as hub, hub.environment(monkeypatch):
        assert main(["publish", str(submission), "--repo", "me/results", "--texts", "--private"]) == 0
        data = hub.repos["datasets/me/results"]
        assert data.private and f"{place(run)}/translations.jsonl" in data.files
        assert main(["publish", str(run), "--repo", "me/results", "--texts"]) == 0  # the run has its sources
        assert not any(name.endswith("segments.jsonl") for name in data.files)


def test_a_dry_run_asks_nobody(made, monkeypatch, capsys):
    with Hub() as hub, hub.environment(monkeypatch):
        assert main(["publish", str(made[0]), "--repo", "me/results", "--dry-run"]) == 0
        assert not hub.asked
    assert "README.md" in capsys.readouterr().out


@pytest.mark.parametrize("token", [None, "hf_aWrongTokenThatNobodyMayRead"])
def test_without_the_right_token_the_reason_is_said_and_the_token_is_not(made, monkeypatch, capsys, token):
    with Hub() as hub, hub.environment(monkeypatch, token):
        assert main(["publish", str(made[0]), "--repo", "me/results"]) == 2
    printed = capsys.readouterr()
    assert "The Hub refuses: " in printed.err and "401" in printed.err
    assert token is None or token not in printed.out + printed.err


def test_a_hub_that_repeats_the_token_does_not_get_it_printed(made, monkeypatch, capsys):
    with Hub(refuse=(400, f"bad token {TOKEN}")) as hub, hub.environment(monkeypatch):
        assert main(["publish", str(made[0]), "--repo", "me/results"]) == 2
    printed = capsys.readouterr()
    assert "The Hub refuses: " in printed.err and TOKEN not in printed.out + printed.err


def test_what_may_not_be_published_is_not(made, monkeypatch, capsys):
    run, _ = made
    result = json.loads((run / "result.json").read_bytes())
    write(run / "result.json", {**result, "publishable": False, "notes": ["synthetic data: ranks nothing"]})
    with Hub() as hub, hub.environment(monkeypatch):
        assert main(["publish", str(run), "--repo", "me/results"]) == 2
        assert "may not be published: synthetic data" in capsys.readouterr().err
        write(run / "result.json", result)
        (run / "scores.jsonl").write_text("{}\n")
        assert main(["publish", str(run), "--repo", "me/results"]) == 2
        assert "scores.jsonl is not the file" in capsys.readouterr().err
        assert not hub.asked


def test_no_repository(made, monkeypatch, capsys):
    with Hub() as hub, hub.environment(monkeypatch):
        assert main(["publish", str(made[0]), "--repo", "a/b/c"]) == 2
    assert "That is no repository" in capsys.readouterr().err


def test_a_hub_that_is_not_there(made, monkeypatch, capsys):
    with Hub() as hub:
        pass
    with hub.environment(monkeypatch):
        assert main(["publish", str(made[0]), "--repo", "me/results"]) == 2
    assert "The Hub refuses: " in capsys.readouterr().err
