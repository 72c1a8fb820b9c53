"""A small real run and its submission, and ways to spoil them, for tests of submissions."""

import hashlib
import json
import shutil
from pathlib import Path

from harness.cli import main
from tests.loopback import Loopback
from tests.translator import WORDS, Translator

MINI = Path(__file__).parents[1] / "tasks" / "sandglass_mini"
TASK = "small_zh_en"


def make_task(folder, segments=16):
    """A task that may rank something: the synthetic mini's first segments, said to be real."""
    shutil.copytree(MINI, folder, ignore=shutil.ignore_patterns("__*", "*.yaml", "*.md"))
    definition = (folder / "task.toml").read_text(encoding="utf-8")
    definition = definition.replace("sandglass_mini_zh", "small_zh").replace("synthetic = true", "synthetic = false")
    (folder / "task.toml").write_text(definition, encoding="utf-8")
    lines = (folder / "segments.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "segments.jsonl").write_text("".join(lines[:segments]), encoding="utf-8")
    return f"{folder}:en"


def segments(task):
    """The segments of such a task, as its file has them."""
    return read_lines(Path(task.removesuffix(":en")) / "segments.jsonl")


def make_run(task, out, *more, model="openai/test", strategy="prompted", translator=None, back="openai/back"):
    """A run against a translator on loopback, back-translated by another model."""
    with Loopback(translator or Translator()) as server:
        offline = ["--protocol", "offline", "--back-translator", back]
        servers = ["--back-translator-api-base", server.url, "--api-base", server.url]
        command = ["run", task, "--model", model, "--strategy", strategy, "--seeds", "1", "--out", str(out)]
        assert main([*command, *offline, *servers, *more]) == 0
    return next(path.parent for path in out.rglob("result.json"))


def score_file(task, out, texts, name):
    """A file of translations scored without models."""
    file = out.with_suffix(".jsonl")
    rows = [json.dumps({"id": id_, "text": text}, ensure_ascii=False) for id_, text in texts.items()]
    file.write_text("\n".join(rows), encoding="utf-8")
    assert main(["score", task, "--translations", str(file), "--name", name, "--no-model", "--out", str(out)]) == 0
    return next(path.parent for path in out.rglob("result.json"))


def submit(task, run, out):
    """Pack a run; the folder of its submission."""
    assert main(["submit", str(run), "--out", str(out), "--task", task, "--contact", "me@example.org"]) == 0
    return next(path.parent for path in out.rglob("submission.json"))


def rehash(folder):
    """Put the present files' hashes everywhere, as a careful forger would."""
    result = json.loads((folder / "result.json").read_bytes())
    present = {path.name: digest(path) for path in folder.iterdir()}
    for name in result["files"]:
        result["files"][name] = present.get(name, result["files"][name])
    write(folder / "result.json", result)
    head = json.loads((folder / "submission.json").read_bytes())
    head["files"] = {path.name: digest(path) for path in folder.iterdir() if path.name != "submission.json"}
    write(folder / "submission.json", head)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path, data):
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_lines(path, rows):
    lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")


def edit(folder, name, change):
    """Change the records of a stage, or a JSON file, and put the hashes right."""
    path = folder / name
    if name.endswith(".jsonl"):
        rows = read_lines(path)
        write_lines(path, change(rows) or rows)
    else:
        data = json.loads(path.read_bytes())
        write(path, change(data) or data)
    rehash(folder)


OTHER = dict(zip(WORDS, reversed(WORDS), strict=True))


class OtherTranslator(Translator):
    """The same lengths in other words, for a second honest system; ``long`` adds a word to every line."""

    def __init__(self, long=0):
        super().__init__()
        self.long = long

    def _line(self, line, back):
        text = super()._line(line, back)
        if back:
            return text
        words = [OTHER[word] for word in text.split()] + ["now"] * self.long
        other = " ".join(reversed(words))
        self._sources[other] = line["text"]
        return other
