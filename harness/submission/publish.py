"""Publishing results on the Hugging Face Hub: a dataset repository of rows, and entries for a model's page.

The client is ``huggingface_hub``; it takes its token and its endpoint (``HF_TOKEN``,
``HF_ENDPOINT``) from the environment or its own login, and nothing here reads them.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.exports import hub
from harness.exports.facts import Run
from harness.exports.hub_client import in_words
from harness.jsonl import write_atomic
from harness.report import render
from harness.run.store import FILES, file_hashes
from harness.submission.rows import SCORES, row_folder
from harness.submission.trust import NAME as TRUST
from harness.submission.trust import read_trust

CARD = """---
license: {licence}
tags:
- sandglass
- evaluation-results
- translation
pretty_name: {title}
---

# {title}

Results of Sandglass (`pip install sandglass-bench`), one folder a run
(`<task>/<system>/<run>/`): `result.json` with every estimate and its interval, `scores.jsonl` with
per-segment statistics, `manifest.json` with what ran. The sources are not part of it.

{table}

Trust: {trust}
"""


@dataclass(frozen=True)
class Address:
    """Where to publish: a dataset repository, and a model's page for its entries, where there is one."""

    repo: str
    private: bool = False
    model_page: str | None = None
    benchmark: str | None = None
    metrics: Sequence[str] = hub.METRICS


def stage(runs: Sequence[Run], out: Path, title: str, licence: str, texts: bool) -> list[Path]:
    """Write what is to be published into a folder.

    Args:
        runs: the runs.
        out: an empty folder.
        title: of the dataset card.
        licence: of the dataset card.
        texts: publish what the stages left, too; the sources never.

    Returns:
        The files.

    Raises:
        UserError: a run may not be published, or its files are not those of its result.
    """
    for run in runs:
        _check(run)
        target = row_folder(run.result, out)
        for name in (*SCORES, TRUST, *(FILES.values() if texts else ())):
            if (run.folder / name).exists():
                write_atomic(target / name, (run.folder / name).read_bytes())
    table = render([run.result for run in runs], "markdown", "main")
    trust = ", ".join(f"{run.result.system_id} {read_trust(run.folder).level}" for run in runs)
    write_atomic(out / "README.md", CARD.format(title=title, licence=licence, table=table, trust=trust).encode())
    return sorted(path for path in out.rglob("*") if path.is_file())


def _check(run: Run) -> None:
    result = run.result
    if not result.publishable:
        reasons = "; ".join(result.notes) or "it is incomplete"
        raise UserError(f"{run.folder} may not be published: {reasons}.", "Leave it out.")
    present = file_hashes(run.folder)
    altered = [name for name in sorted(result.files) if name in present and present[name] != result.files[name]]
    if altered:
        raise UserError(f"{run.folder}: {altered[0]} is not the file that the result was made from.", "Run it again.")


def publish(runs: Sequence[Run], folder: Path, address: Address) -> list[str]:
    """Send a staged folder to the Hub, and the entries to the model's page as a pull request.

    Args:
        runs: the runs.
        folder: what ``stage`` wrote.
        address: where to.

    Returns:
        Links to the commit and, where there is one, the pull request.

    Raises:
        UserError: the Hub refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi()
    with in_words():
        page = api.create_repo(address.repo, repo_type="dataset", private=address.private, exist_ok=True)
        message = f"Add {len(runs)} results"
        sent = api.upload_folder(repo_id=address.repo, repo_type="dataset", folder_path=folder, commit_message=message)
        links = [str(sent.commit_url)]
        if address.model_page is not None:
            with tempfile.TemporaryDirectory() as name:
                benchmark = address.benchmark or address.repo
                files = hub.write(list(runs), Path(name), benchmark, address.metrics, str(page))
                adds = [CommitOperationAdd(str(file.relative_to(name)), file.read_bytes()) for file in files]
            made = api.create_commit(
                address.model_page, operations=adds, commit_message="Add Sandglass results", create_pr=True
            )
            links.append(str(made.pr_url))
    return links
