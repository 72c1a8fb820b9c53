"""Sending folders to the Hub by its own client, which finds its token and endpoint in the environment or its login."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.llm.redact import redact


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a folder went: the commit, and a link to it."""

    commit: str
    url: str


def push_folder(folder: Path, repo: str, message: str, *, private: bool = False, branch: str | None = None) -> Sent:
    """Send a folder to a dataset repository, made where there is none.

    Args:
        folder: what is sent, all of it.
        repo: NAMESPACE/NAME.
        message: of the commit.
        private: make the repository private.
        branch: instead of ``main``; made where there is none.

    Returns:
        Where it went.

    Raises:
        UserError: the Hub refuses, or its client is not installed.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise UserError("huggingface-hub is not installed.", "Run: pip install 'sandglass-bench[export]'.") from error
    if repo.count("/") != 1:
        raise UserError(f"{repo!r} is no repository.", "Give NAMESPACE/NAME.")
    api = HfApi()
    with in_words():
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        if branch is not None:
            api.create_branch(repo, branch=branch, repo_type="dataset", exist_ok=True)
        sent = api.upload_folder(
            repo_id=repo, repo_type="dataset", folder_path=folder, commit_message=message, revision=branch
        )
    return Sent(str(sent.oid), str(sent.commit_url))


@contextmanager
def in_words() -> Iterator[None]:
    """Say what the Hub refuses in one sentence, without secrets.

    Raises:
        UserError: instead of the client's own errors.
    """
    import httpx
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    try:
        yield
    except HFValidationError as error:
        raise UserError(f"That is no repository: {redact(str(error))}", "Give NAMESPACE/NAME.") from error
    except (HfHubHTTPError, LocalTokenNotFoundError, httpx.HTTPError, OSError) as error:
        raise UserError(
            f"The Hub refuses: {redact(str(error))}", "Log in with hf auth login, or set HF_TOKEN."
        ) from error
