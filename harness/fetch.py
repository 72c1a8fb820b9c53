"""Fetching a pinned public file once into the user's cache."""

import hashlib
import re
import urllib.request
from pathlib import Path

from harness.errors import UserError
from harness.jsonl import write_atomic
from harness.llm.cache import default_cache_dir

MAX_BYTES = 256 << 20
TIMEOUT_S = 60


HUB = re.compile(r"hf://datasets/(?P<repo>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{7,40})/(?P<file>[\w./-]+)")


def cached_download(url: str, sha256: str, name: str, folder: Path | None = None) -> Path:
    """Return a local copy of a pinned file, fetching it on the first use.

    Args:
        url: address of the file at a fixed revision, or ``hf://datasets/OWNER/NAME@REVISION/FILE``.
        sha256: what the content must hash to; with a Hub's revision it may be empty.
        name: file name in the cache.
        folder: where it goes, instead of a folder of its own in the cache.

    Returns:
        Path of the verified copy.

    Raises:
        UserError: no network, too large, or other content than pinned; nothing is kept then.
    """
    if (hub := HUB.fullmatch(url)) is not None:
        return _from_hub(hub["repo"], hub["revision"], hub["file"])
    path = (folder or default_cache_dir() / "data" / sha256[:16]) / Path(name).name
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
        return path
    fix = f"Download {url} yourself and give it with --data PATH."
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
            content = response.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(f"{name} could not be fetched ({reason}).", fix) from error
    if len(content) > MAX_BYTES:
        raise UserError(f"{url} is larger than {MAX_BYTES >> 20} MB.", fix)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(f"{url} does not hold the pinned content.", fix)
    try:
        write_atomic(path, content)
    except OSError as error:
        raise UserError(f"The cache {path.parent} cannot be written.", "Set SANDGLASS_CACHE to a folder.") from error
    return path


def _from_hub(repo: str, revision: str, file: str) -> Path:
    """Fetch a file of a dataset repository at a revision, by the Hub's own client and into its cache."""
    fix = f"Download {file} of {repo} yourself and give it with --data PATH."
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise UserError("huggingface-hub is not installed.", "Run: pip install huggingface-hub.") from error
    try:
        return Path(hf_hub_download(repo, file, repo_type="dataset", revision=revision))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} of {repo} could not be fetched ({type(error).__name__}).", fix) from error
