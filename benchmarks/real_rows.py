"""Make the board's first rows from outputs at hand, as a submission goes: score, submit, check.

    python benchmarks/real_rows.py CORPORA [--results leaderboard/results]

CORPORA holds ``wmt/wmt22_outputs``, ``isometric`` and ``sandglass-v1``, as tests find them. The rows keep
scores and hashes, no texts. A row that is there already stays.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.run.store import read_result
from harness.submission.rows import SCORES, row_folder
from harness.submission.trust import sign

WMT = {"zh_en": ("zhen", "test.zh-en.en"), "en_de": ("ende", "test.en-de.de")}
QE = ("--qe", "embed_qe")


def systems(data: Path) -> list[tuple[str, str, str, list[str]]]:
    """List what is scored: task, name, its data, and where its translations are."""
    found = []
    for pair, (folder, file) in WMT.items():
        source = f"data/wmt/wmt22_outputs/wmt-testset/{folder}"
        for system in sorted(path.name for path in (data / "wmt" / "wmt22_outputs").iterdir()):
            given = f"data/wmt/wmt22_outputs/{system}/{folder}/{file}"
            where = ["--reference"] if system == "wmt-testset" else ["--translations", given, "--name", system]
            found.append((f"wmt22_{pair}", system, source, [*where, *QE]))
    for pair in ("en-de", "en-es", "en-fr"):
        source, task = f"data/isometric/dataset/isometric-mt-test/{pair}", f"isometric_{pair.replace('-', '_')}"
        found.append((task, "reference", source, ["--reference", *QE]))
        for path in sorted((data / "isometric" / "submissions").glob(f"*/{pair}/**/*.{pair[-2:]}")):
            parts = path.relative_to(data / "isometric" / "submissions").parts
            name = "-".join([parts[0], *parts[2:-1], path.stem.removeprefix("isometric-slt-")])
            given = str(Path("data") / path.relative_to(data))
            found.append((task, name, source, ["--translations", given, "--name", name, *QE]))
    source = "data/sandglass-v1/Sandglass.json"
    for track in ("", "duration_"):
        found.append((f"sandglass_{track}zh_en", "reference", source, ["--reference", "--no-model"]))
    return found


def make(work: Path, results: Path, task: str, name: str, source: str, where: list[str]) -> None:
    """Score one system, and bring it among the rows."""
    if any((results / task).glob(f"{re.sub('[^a-z0-9.-]+', '-', name.lower())}-submitted-*")):
        return
    for folder in ("out", "submissions"):
        shutil.rmtree(work / folder, ignore_errors=True)
    if "--reference" in where:
        said = reference(work, results, task, source, where)
    else:
        said = submitted(work, results, task, source, where)
    print(f"{task} {name}: {said}", flush=True)


def submitted(work: Path, results: Path, task: str, source: str, where: list[str]) -> str:
    """Score, submit and check a system's translations."""
    sandglass(work, "score", task, "--data", source, *where, "--out", "out")
    sandglass(work, "submit", "out", "--data", source)
    packed = next((work / "submissions").glob("*/*/*"))
    check = ["check", str(packed), "--data", source, "--results", str(results), "--grant"]
    return sandglass(work, "submission", *check).splitlines()[-1]


def reference(work: Path, results: Path, task: str, source: str, where: list[str]) -> str:
    """Score the references, which no submission may be, recompute the run, and keep its scores."""
    sandglass(work, "score", task, "--data", source, *where, "--out", "out")
    sandglass(work, "verify", "out")
    run = next((work / "out").glob("*/*/*"))
    row = row_folder(read_result(run), results)
    row.mkdir(parents=True)
    for file in SCORES:
        shutil.copyfile(run / file, row / file)
    sign(row, "recomputed", True, "verify", {"waived": ["copy: it is the reference"]})
    return f"Added {row}"


def sandglass(work: Path, *command: str) -> str:
    """Run a command as a user would, from a folder that tells nothing of this machine."""
    said = subprocess.run([sys.executable, "-m", "harness.cli", *command], cwd=work, capture_output=True, text=True)
    if said.returncode:
        raise SystemExit(f"{' '.join(command)}: {said.stderr.strip() or said.stdout.strip()}")
    return said.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--results", type=Path, default=Path("leaderboard/results"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "data").symlink_to(args.corpora.resolve())
        for row in systems(args.corpora):
            make(Path(name), args.results.resolve(), *row)


if __name__ == "__main__":
    main()
