"""A small hub on 127.0.0.1, real HTTP, for the real ``huggingface_hub`` client.

It creates repositories, takes commits (plain files, LFS files, deletions, pull requests),
lists and serves files. It knows one token; everything it was asked is kept::

    with Hub() as hub, hub.environment(monkeypatch):
        HfApi(endpoint=hub.url).create_repo("me/data", repo_type="dataset")
    assert hub.repos["datasets/me/data"].files["README.md"] == b"..."

Files end up in ``files``, those of other branches in ``branches``, those of pull requests in
``pull_requests``. Xet storage is not
spoken: ``environment`` turns it off, so that large files go by LFS.
"""

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

TOKEN = "hf_loopbackTokenOfTests"
LFS = (".parquet", ".arrow", ".bin", ".safetensors", ".zip", ".gz")


@dataclass
class Repo:
    """One repository: its files by path, those of other branches, and those of every pull request."""

    private: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    branches: dict[str, dict[str, bytes]] = field(default_factory=dict)
    pull_requests: list[dict[str, bytes]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @property
    def sha(self) -> str:
        """A commit id that follows from the content."""
        return self.commit_id(self.files)

    def commit_id(self, files: dict[str, bytes]) -> str:
        """Return the commit id of a branch's files."""
        digest = hashlib.sha1(repr(self.messages).encode())
        for path, content in sorted(files.items()):
            digest.update(path.encode() + content)
        return digest.hexdigest()

    def at(self, revision: str | None) -> dict[str, bytes]:
        """Return the files at a branch or a commit; those of ``main`` for any other."""
        by_commit = {self.commit_id(files): files for files in self.branches.values()}
        return self.branches.get(revision or "", by_commit.get(revision or "", self.files))


class Hub:
    """The server, running between ``with`` and its end.

    Args:
        refuse: status with which every commit is refused, and the words of the refusal.

    Attributes:
        url: the endpoint.
        repos: repositories by kind and id, as ``datasets/me/data`` or ``models/me/model``.
        asked: method, path and authorization of every request, in order.
    """

    def __init__(self, refuse: tuple[int, str] | None = None) -> None:
        self.refuse = refuse
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Hub":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextlib.contextmanager
    def environment(self, monkeypatch: pytest.MonkeyPatch, token: str | None = TOKEN) -> Iterator[None]:
        """Point the client here, with a token or without, also where it is imported already."""
        import huggingface_hub.constants as constants

        with monkeypatch.context() as patch:
            patch.setenv("HF_ENDPOINT", self.url)
            patch.setattr(constants, "ENDPOINT", self.url)
            template = "/{repo_id}/resolve/{revision}/{filename}"
            patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", self.url + template)
            patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
            patch.setattr(constants, "HF_TOKEN_PATH", "/nonexistent")
            patch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
            if token is None:
                patch.delenv("HF_TOKEN", raising=False)
            else:
                patch.setenv("HF_TOKEN", token)
            yield


class _Server(ThreadingHTTPServer):
    hub: Hub
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name: str) -> Any:
        if name in ("do_GET", "do_HEAD", "do_POST", "do_PUT"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        hub, url = self.server.hub, urlsplit(self.path)
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.query = parse_qs(url.query)
        hub.asked.append((self.command, self.path, self.headers.get("authorization")))
        for method, pattern, act in ROUTES:
            found = re.fullmatch(pattern, url.path)
            if found and self.command in method:
                act(self, hub, **{name: part and unquote(part) for name, part in found.groupdict().items()})
                return
        self._json(404, {"error": f"no such address: {self.command} {url.path}"})

    def _json(self, status: int, data: Any, **headers: str) -> None:
        self._send(status, json.dumps(data).encode(), {"content-type": "application/json", **headers})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"content-length": str(len(content))}).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _may_write(self) -> bool:
        if self.headers.get("authorization") == f"Bearer {TOKEN}":
            return True
        self._json(401, {"error": "Invalid username or password."})
        return False

    def _repo(self, hub: Hub, kind: str | None, repo: str) -> Repo | None:
        found = hub.repos.get(f"{kind or 'models'}/{repo}")
        if found is None:
            self._json(404, {"error": "Repository not found"}, x_error_code="RepoNotFound")
        return found

    def who(self, hub: Hub) -> None:
        if self._may_write():
            self._json(200, {"name": "me", "type": "user", "auth": {}, "orgs": []})

    def create(self, hub: Hub) -> None:
        if not self._may_write():
            return
        asked = json.loads(self.body)
        kind = f"{asked.get('type') or 'model'}s"
        repo = f"{asked.get('organization') or 'me'}/{asked['name']}"
        prefix = "" if kind == "models" else f"{kind}/"
        known = f"{kind}/{repo}" in hub.repos
        hub.repos.setdefault(f"{kind}/{repo}", Repo(asked.get("private") or asked.get("visibility") == "private"))
        self._json(409 if known else 200, {"url": f"{hub.url}/{prefix}{repo}"})

    def validate(self, hub: Hub) -> None:
        self._json(200, {"errors": [], "warnings": []})

    def preupload(self, hub: Hub, kind: str, repo: str, revision: str) -> None:
        found = self._may_write() and self._repo(hub, kind, repo)
        if found:
            files = json.loads(self.body)["files"]
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(LFS) else "regular",
                    "shouldIgnore": False,
                    "oid": _oid(file["path"], found.files[file["path"]]) if file["path"] in found.files else None,
                }
                for file in files
            ]
            self._json(200, {"files": modes})

    def batch(self, hub: Hub, kind: str | None, repo: str) -> None:
        if self._may_write():
            objects = [
                {"oid": one["oid"], "size": one["size"], "actions": {"upload": {"href": f"{hub.url}/lfs/{one['oid']}"}}}
                for one in json.loads(self.body)["objects"]
            ]
            self._json(200, {"transfer": "basic", "objects": objects})

    def store(self, hub: Hub, oid: str) -> None:
        assert hashlib.sha256(self.body).hexdigest() == oid
        hub.blobs[oid] = self.body
        self._send(200, b"", {})

    def commit(self, hub: Hub, kind: str, repo: str, revision: str) -> None:
        found = self._may_write() and self._repo(hub, kind, repo)
        if not found:
            return
        if hub.refuse is not None:
            self._json(hub.refuse[0], {"error": hub.refuse[1]})
            return
        proposed = "create_pr" in self.query
        files = dict(found.at(revision))
        for line in self.body.decode().splitlines():
            operation = json.loads(line)
            value = operation["value"]
            match operation["key"]:
                case "header":
                    found.messages.append(value["summary"])
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = hub.blobs[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
                case "deletedFolder":
                    files = {name: content for name, content in files.items() if not name.startswith(value["path"])}
        if proposed:
            found.pull_requests.append(files)
        elif revision in found.branches:
            found.branches[revision] = files
        else:
            found.files = files
        commit = found.commit_id(found.files if proposed else files)
        prefix = "" if kind == "models" else f"{kind}/"
        address = f"{hub.url}/{prefix}{repo}"
        self._json(
            200,
            {
                "success": True,
                "commitOid": commit,
                "commitUrl": f"{address}/commit/{commit}",
                "pullRequestUrl": f"{address}/discussions/{len(found.pull_requests)}" if proposed else None,
            },
        )

    def branch(self, hub: Hub, kind: str, repo: str, branch: str) -> None:
        found = self._may_write() and self._repo(hub, kind, repo)
        if found:
            known = branch in found.branches
            found.branches.setdefault(branch, dict(found.files))
            self._json(409 if known else 200, {})

    def info(self, hub: Hub, kind: str, repo: str, revision: str | None = None) -> None:
        found = self._repo(hub, kind, repo)
        if found:
            files = found.at(revision)
            siblings = [{"rfilename": path} for path in sorted(files)]
            sha = found.commit_id(files)
            self._json(
                200,
                {"id": repo, "_id": "0", "sha": sha, "private": found.private, "siblings": siblings, "tags": []},
            )

    def tree(self, hub: Hub, kind: str, repo: str, revision: str, folder: str | None = None) -> None:
        found = self._repo(hub, kind, repo)
        if not found:
            return
        start = f"{folder}/" if folder else ""
        below = {path: content for path, content in found.at(revision).items() if path.startswith(start)}
        if self.query.get("recursive") == ["false"]:
            inner = {start + path[len(start) :].partition("/")[0] for path in below} - below.keys()
            folders = [{"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in sorted(inner)]
            below = {path: content for path, content in below.items() if "/" not in path[len(start) :]}
        else:
            folders = []
        if folders or below:
            self._json(200, [*folders, *(_entry(path, content) for path, content in sorted(below.items()))])
        else:
            self._json(404, {"error": "Entry not found"}, x_error_code="EntryNotFound")

    def paths(self, hub: Hub, kind: str, repo: str, revision: str) -> None:
        found = self._repo(hub, kind, repo)
        if found:
            asked, files = json.loads(self.body)["paths"], found.at(revision)
            self._json(200, [_entry(path, files[path]) for path in asked if path in files])

    def file(self, hub: Hub, kind: str | None, repo: str, revision: str, path: str) -> None:
        found = self._repo(hub, kind, repo)
        if not found:
            return
        files = found.at(revision)
        if path not in files:
            self._json(404, {"error": "Entry not found"}, x_error_code="EntryNotFound")
            return
        content = files[path]
        headers = {"etag": f'"{_oid(path, content)}"', "x-repo-commit": found.commit_id(files), "accept-ranges": "none"}
        self._send(200, content, headers)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _oid(path: str, content: bytes) -> str:
    """An LFS file's SHA-256, or the id that git gives a plain file."""
    if path.endswith(LFS):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def _entry(path: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(content), "oid": _oid(path, content)}


API = r"/api/(?P<kind>models|datasets|spaces)/(?P<repo>[^/]+/[^/]+)"
ROUTES: tuple[tuple[tuple[str, ...], str, Any], ...] = (
    (("GET",), r"/api/whoami-v2", _Handler.who),
    (("POST",), r"/api/repos/create", _Handler.create),
    (("POST",), r"/api/validate-yaml", _Handler.validate),
    (("POST",), API + r"/preupload/(?P<revision>[^/]+)", _Handler.preupload),
    (("POST",), API + r"/commit/(?P<revision>[^/]+)", _Handler.commit),
    (("POST",), API + r"/branch/(?P<branch>[^/]+)", _Handler.branch),
    (("POST",), API + r"/paths-info/(?P<revision>[^/]+)", _Handler.paths),
    (("GET",), API + r"/tree/(?P<revision>[^/]+)(/(?P<folder>.+?)?)?/?", _Handler.tree),
    (("GET",), API + r"(/revision/(?P<revision>[^/]+))?", _Handler.info),
    (("POST",), r"/((?P<kind>datasets|spaces)/)?(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", _Handler.batch),
    (("PUT",), r"/lfs/(?P<oid>[0-9a-f]{64})", _Handler.store),
    (
        ("GET", "HEAD"),
        r"/((?P<kind>datasets|spaces)/)?(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)",
        _Handler.file,
    ),
)
