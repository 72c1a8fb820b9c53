"""The loopback hub speaks what the real client asks, so that tests of publishing mean something."""

from pathlib import Path

import pytest

from tests.hub_server import TOKEN, Hub

hub_client = pytest.importorskip("huggingface_hub", reason="needs the extra 'export'")


def test_a_folder_goes_up_and_comes_back(tmp_path, monkeypatch):
    (tmp_path / "up" / "data").mkdir(parents=True)
    (tmp_path / "up" / "README.md").write_text("---\nlicense: mit\n---\nHello\n")
    (tmp_path / "up" / "data" / "a.parquet").write_bytes(b"PAR1" * 1000)
    (tmp_path / "up" / "empty.txt").write_bytes(b"")
    with Hub() as hub, hub.environment(monkeypatch):
        api = hub_client.HfApi(endpoint=hub.url)
        assert api.create_repo("me/data", repo_type="dataset") == f"{hub.url}/datasets/me/data"
        api.create_repo("me/data", repo_type="dataset", exist_ok=True)
        api.upload_folder(repo_id="me/data", repo_type="dataset", folder_path=tmp_path / "up", commit_message="One")
        repo = hub.repos["datasets/me/data"]
        assert set(repo.files) == {"README.md", "data/a.parquet", "empty.txt"} and repo.messages == ["One"]
        assert any(path.startswith("/lfs/") for _, path, _ in hub.asked)
        assert api.list_repo_files("me/data", repo_type="dataset") == ["README.md", "data/a.parquet", "empty.txt"]
        local = api.snapshot_download("me/data", repo_type="dataset", cache_dir=tmp_path / "cache")
        assert (tmp_path / "up" / "README.md").read_bytes() == (Path(local) / "README.md").read_bytes()
        again = api.upload_folder(repo_id="me/data", repo_type="dataset", folder_path=tmp_path / "up")
        assert repo.messages == ["One"] and again.oid == repo.sha  # nothing changed, nothing committed


def test_a_pull_request_leaves_the_branch_alone(monkeypatch):
    with Hub() as hub, hub.environment(monkeypatch):
        api = hub_client.HfApi(endpoint=hub.url)
        api.create_repo("me/model")
        add = hub_client.CommitOperationAdd(".eval_results/a.yaml", b"- value: 1\n")
        made = api.create_commit("me/model", operations=[add], commit_message="Add", create_pr=True)
        assert made.pr_url == f"{hub.url}/me/model/discussions/1"
        repo = hub.repos["models/me/model"]
        assert not repo.files and repo.pull_requests == [{".eval_results/a.yaml": b"- value: 1\n"}]


def test_without_the_token_nothing_is_written(monkeypatch):
    with Hub() as hub, hub.environment(monkeypatch, token=None):
        with pytest.raises(hub_client.errors.HfHubHTTPError, match="401"):
            hub_client.HfApi(endpoint=hub.url).create_repo("me/data", repo_type="dataset")
        assert not hub.repos
        assert TOKEN not in str(hub.asked)
