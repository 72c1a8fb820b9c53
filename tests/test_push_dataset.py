"""A task goes to the Hub and comes back: by ``datasets``, by ``sandglass run``, and as pinned data of another task."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cli import main
from harness.convert import load
from harness.exports.dataset import stage, write_parquet
from harness.fetch import cached_download
from harness.records import Argument, Event, Segment
from harness.task import load_task, task_folder
from tests.hub_server import TOKEN, Hub
from tests.transcripts import write_transcripts

datasets = pytest.importorskip("datasets", reason="needs the extra 'export'")
pyarrow = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'export'")
REPO = "me/mini"
MINI = {"sandglass_mini_zh": ("en", "de", "es"), "musc_mini_en": ("zh", "de", "fr")}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with Hub() as server, server.environment(monkeypatch):
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", server.url)
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        yield server


@pytest.fixture
def mini(tmp_path):
    """A copy of the mini set that a test may change."""
    folder = tmp_path / "mini-folder"
    shutil.copytree(task_folder("sandglass_mini_zh_en"), folder)
    return folder


def segment(row):
    """Return the segment that a row was made from."""
    return load(Segment, row | {"terms": [[term["source"], term["target"]] for term in row["terms"]]})


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def refused(capsys, *argv):
    assert main(["push-dataset", *map(str, argv)]) == 2
    said = capsys.readouterr().err
    assert TOKEN not in said and "Traceback" not in said
    return said


@pytest.mark.parametrize("family", MINI)
def test_datasets_loads_what_was_published(family, hub, tmp_path, capsys):
    name = f"{family}_{MINI[family][0]}"
    assert main(["push-dataset", str(task_folder(name)), "--repo", REPO]) == 0
    repo = hub.repos[f"datasets/{REPO}"]
    captured = capsys.readouterr()
    link, download = captured.out.splitlines()
    assert link == f"{hub.url}/datasets/{REPO}/commit/{repo.sha}"
    assert download == f"hf download {REPO} --repo-type dataset --revision {repo.sha} --local-dir mini"
    assert TOKEN not in captured.out + captured.err and not any(TOKEN.encode() in data for data in repo.files.values())
    assert tuple(datasets.get_dataset_config_names(REPO)) == MINI[family]
    for target in MINI[family]:
        rows = datasets.load_dataset(REPO, target, split="test", revision=repo.sha, cache_dir=str(tmp_path / "data"))
        assert tuple(map(segment, rows)) == load_task(f"{family}_{target}").segments


def test_the_harness_runs_what_was_published(hub, tmp_path, capsys):
    from huggingface_hub import snapshot_download

    assert main(["push-dataset", "sandglass_mini_count_zh_en", "--repo", REPO]) == 0
    repo = hub.repos[f"datasets/{REPO}"]
    assert {"README.md", "NOTE.md", "card.toml", "task.toml", "count.toml", "duration.toml", "segments.jsonl"} < set(
        repo.files
    )
    assert not any(path.endswith((".py", ".yaml")) for path in repo.files)
    folder = snapshot_download(REPO, repo_type="dataset", revision=repo.sha, local_dir=tmp_path / "back")
    for definition, name in (("task.toml", "sandglass_mini_zh_en"), ("count.toml", "sandglass_mini_count_zh_en")):
        assert load_task(f"{folder}/{definition}:en").segments == load_task(name).segments
        assert load_task(f"{folder}/{definition}:en").line() == load_task(name).line()
    command = ["score", f"{folder}:de", "--reference", "--no-model", "--limit", "2", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    rows = datasets.load_dataset(REPO, "en", split="test", cache_dir=str(tmp_path / "data"))
    assert len(rows) == 3 * len(load_task("sandglass_mini_zh_en").segments)  # of the definition that was named


def test_a_definition_pins_data_on_the_hub(hub, mini, tmp_path):
    assert main(["push-dataset", str(mini), "--repo", REPO, "--revision", "draft/1", "--private"]) == 0
    repo = hub.repos[f"datasets/{REPO}"]
    assert repo.private and not repo.files and "segments.jsonl" in repo.branches["draft/1"]
    commit = repo.commit_id(repo.branches["draft/1"])
    whole = load_task(f"{mini}:en")
    (mini / "segments.jsonl").unlink()
    address = f"hf://datasets/{REPO}@{commit}/segments.jsonl"
    edit(mini / "task.toml", 'sha256 = ""', f'sha256 = "{whole.data_hash}"\nurl = "{address}"')
    fetched = load_task(f"{mini}:en")
    assert fetched.segments == whole.segments and fetched.data_hash == whole.data_hash
    edit(mini / "task.toml", whole.data_hash, "0" * 64)
    assert main(["score", f"{mini}:en", "--reference", "--no-model", "--out", str(tmp_path / "out")]) == 2


def test_what_the_hub_does_not_have_is_said(hub, capsys):
    assert main(["push-dataset", "sandglass_mini_zh_en", "--repo", REPO]) == 0
    commit = hub.repos[f"datasets/{REPO}"].sha
    from harness.errors import UserError

    for address in (f"hf://datasets/{REPO}@{commit}/none.jsonl", f"hf://datasets/me/none@{commit}/segments.jsonl"):
        with pytest.raises(UserError, match=r"could not be fetched .*--data PATH"):
            cached_download(address, "", "segments.jsonl")


def test_the_page_says_what_the_card_says(mini, tmp_path):
    yaml = pytest.importorskip("yaml")
    edit(mini / "card.toml", 'licence = "Apache-2.0', 'bibtex = "@misc{mini}"\nlicence = "CC BY 4.0')
    stage(str(mini), tmp_path / "out", REPO)
    _, front, page = (tmp_path / "out" / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    data, card = yaml.safe_load(front), load_task(f"{mini}:en").card
    assert (data["license"], data["language"]) == ("cc-by-4.0", ["zh", "en", "de", "es"])
    assert data["size_categories"] == ["n<1K"] and {"sandglass", "synthetic"} <= set(data["tags"])
    assert [config["config_name"] for config in data["configs"]] == ["en", "de", "es"]
    for words in (card.description, card.source, card.annotators, card.date, *card.caveats, card.bibtex):
        assert words in page
    (mini / "settings.toml").write_text("own = 1\n", encoding="utf-8")
    edit(mini / "card.toml", "CC BY 4.0, written for this project", "as agreed with the owner")
    shutil.rmtree(tmp_path / "out")
    stage(str(mini), tmp_path / "out", REPO)
    front = (tmp_path / "out" / "README.md").read_text(encoding="utf-8").split("---\n", 2)[1]
    assert yaml.safe_load(front)["license"] == "other" and not (tmp_path / "out" / "settings.toml").exists()


TEXT = st.text(max_size=20)
SECONDS = st.none() | st.floats(0, 1e6)
EVENT = st.builds(
    Event, TEXT, st.booleans(), st.lists(st.builds(Argument, TEXT, st.sampled_from(["noun", "name"]))).map(tuple)
)
SEGMENT = st.builds(
    Segment,
    *(TEXT, TEXT, TEXT, TEXT),
    before=st.lists(TEXT, max_size=3).map(tuple),
    after=st.lists(TEXT, max_size=3).map(tuple),
    start=SECONDS,
    end=SECONDS,
    gap=SECONDS,
    reference=st.none() | TEXT,
    events=st.none() | st.lists(EVENT, max_size=2).map(tuple),
    pace=st.floats(0.1, 2),
    terms=st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(SEGMENT, min_size=1, max_size=4))
def test_any_segment_survives_parquet(segments):
    with tempfile.TemporaryDirectory() as folder:
        write_parquet(segments, Path(folder) / "test.parquet")
        rows = pyarrow.read_table(Path(folder) / "test.parquet").to_pylist()
    assert [segment(row) for row in rows] == segments


def test_same_task_same_bytes(tmp_path):
    made = [stage("musc_mini_zh_en", tmp_path / name, REPO) for name in ("one", "two")]
    assert [file.read_bytes() for file in made[0]] == [file.read_bytes() for file in made[1]]


def test_what_was_built_goes_up_with_its_training_data(hub, tmp_path):
    built = tmp_path / "built"
    options = ["--name", "own", "--events", "none", "--licence", "CC0", "--items", "60", "--split", "train=0.4"]
    assert main(["build", "sandglass", *write_transcripts(tmp_path / "in"), "--out", str(built), *options]) == 0
    assert main(["push-dataset", str(built), "--repo", REPO]) == 0
    files = hub.repos[f"datasets/{REPO}"].files
    assert "license: cc0-1.0\n" in files["README.md"].decode()
    assert {path for path in files if "/" not in path} == {
        *("README.md", "card.toml", "task.toml", "segments.jsonl", "train.jsonl")
    }
    loaded = datasets.load_dataset(REPO, "de", cache_dir=str(tmp_path / "data"))
    assert tuple(map(segment, loaded["test"])) == load_task(f"{built}:de").segments
    lines = (built / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(loaded["train"]["text"]) == [json.loads(line)["text"] for line in lines]


@pytest.mark.parametrize(
    "name,words",
    [
        ("sandglass_zh_en", "fetched from https://raw.githubusercontent.com/"),
        ("isometric_en_de", "fetched from https://raw.githubusercontent.com/"),
        ("musc_ko_zh", "holds no data"),
        ("iwslt_compression_de", "holds no data"),
        ("x_alpaca_eval_de", "Not redistributed"),
        ("nothing", "no task 'nothing'"),
    ],
)
def test_data_of_others_is_not_published(name, words, hub, capsys):
    assert words in refused(capsys, name, "--repo", REPO)
    assert not hub.asked


@pytest.mark.parametrize(
    "licence",
    [
        "not stated: not to be passed on",
        "All rights reserved",
        "for research; may not be redistributed",
        "Confidential, internal use",
        "no redistribution",
    ],
)
def test_a_card_that_forbids_it_is_obeyed(licence, hub, mini, capsys):
    edit(mini / "card.toml", 'licence = "Apache-2.0, written for this project"', f'licence = "{licence}"')
    assert licence in refused(capsys, mini, "--repo", REPO, "--private")
    assert not hub.asked


def test_no_file_outside_the_folder_is_sent(hub, mini, tmp_path, capsys):
    (tmp_path / "secret.jsonl").write_text('{"id": "a", "video": "v", "text": "秘密"}\n', encoding="utf-8")
    edit(mini / "task.toml", 'file = "segments.jsonl"', 'file = "../secret.jsonl"')
    assert "leaves the task's folder" in refused(capsys, mini, "--repo", REPO)
    assert not hub.asked


def test_the_hubs_refusals_are_said_in_words(hub, monkeypatch, capsys):
    assert "is no repository" in refused(capsys, "musc_mini_zh_en", "--repo", "mini")
    assert "no repository" in refused(capsys, "musc_mini_zh_en", "--repo", "me/../x")
    hub.refuse = (403, f"no rights for {TOKEN}")
    assert "The Hub refuses" in refused(capsys, "musc_mini_zh_en", "--repo", REPO)
    monkeypatch.setenv("HF_TOKEN", "hf_aWrongTokenOfSomebody")
    said = refused(capsys, "musc_mini_zh_en", "--repo", REPO)
    assert "hf auth login" in said and "hf_aWrongToken" not in said


def test_a_dry_run_sends_nothing(hub, capsys):
    assert main(["push-dataset", "musc_mini_zh_en", "--repo", REPO, "--dry-run"]) == 0
    assert "en/test.parquet " in capsys.readouterr().out and not hub.asked
