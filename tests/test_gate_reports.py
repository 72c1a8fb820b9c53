"""The gate through the real command: exit codes, JUnit, annotations, step summary, JSON, and the GitHub action."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.cli import main
from harness.task import load_task
from tests.test_compare import MINI, scored

ROOT = Path(__file__).parents[1]
ACTION = ".github/actions/sandglass-gate/action.yml"
HOSTILE = (
    "##[error]x ]]> <script>alert(1)</script> ![i](http://tracker.test/x) [l](javascript:x) `a``b @someone #1 |x|\n"
    "::add-mask::everything\n::error::no\x1b[2J\x00\u202ehidden\ufffe and then some words to be far too long "
)
RULES = "schema = 1\nmin_segments = 50\nmin_clusters = 6\n[metrics.ib]\nmargin = 0.02\n[metrics.over]\nmargin = 0.02\n"


@pytest.fixture(scope="module")
def references():
    return {segment.id: segment.reference for segment in load_task(MINI).segments}


@pytest.fixture(scope="module")
def all_scored(tmp_path_factory, references):
    folder = tmp_path_factory.mktemp("scored")
    second = {id_: HOSTILE * (1 + n % 3) if n % 2 else text for n, (id_, text) in enumerate(references.items())}
    for name, texts in {"one": references, "two": references, "two <b>|": second}.items():
        scored(folder, name, texts)
    return folder


@pytest.fixture
def same(tmp_path, all_scored):
    """Two runs of equal translations."""
    return copied(all_scored, tmp_path, "one", "two")


@pytest.fixture
def worse(tmp_path, all_scored):
    """A run, and one with hostile and far too long translations of half of the segments."""
    return copied(all_scored, tmp_path, "one", "two <b>|")


def copied(folder, to, *names):
    return [shutil.copytree(folder / "out" / name, to / "out" / name, dirs_exist_ok=True) for name in names]


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text(RULES)
    return file


def gated(capsys, runs, rules, *more):
    capsys.readouterr()
    code = main(["compare", *map(str, runs), "--gate", str(rules), *map(str, more)])
    return code, *capsys.readouterr()


def test_exit_codes(same, worse, rules, capsys):
    assert gated(capsys, same, rules)[:2][0] == 0
    code, shown, said = gated(capsys, worse, rules)
    assert code == 3 and shown.startswith("Gate failed: ib, over\n") and not said
    rules.write_text(RULES + "alpha = 1\n")
    code, shown, said = gated(capsys, same, rules)
    assert code == 2 and not shown and "unknown field 'alpha'" in said


def test_options_that_do_not_fit(same, worse, rules, capsys):
    assert main(["compare", *map(str, same), "--junit", "x.xml"]) == 2
    assert "--gate" in capsys.readouterr().err
    assert gated(capsys, [*same, worse[1]], rules)[0] == 2
    assert gated(capsys, same, rules, "--junit", rules / "x" / "y.xml")[0] == 2


def test_junit_is_valid_and_tells_what_was_lost(same, worse, rules, tmp_path, capsys):
    from lxml import etree

    schema = etree.XMLSchema(etree.parse(ROOT / "tests" / "data" / "junit.xsd"))
    rules.write_text(RULES + "[metrics.usable]\nmargin = 0.1\n")
    file = tmp_path / "reports" / "gate.xml"
    assert gated(capsys, worse, rules, "--junit", file)[0] == 3
    schema.assertValid(etree.fromstring(file.read_bytes()))
    root = ET.fromstring(file.read_bytes())
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert root.attrib == {"name": "sandglass", "tests": "3", "failures": "2", "errors": "1"}
    failure = cases["ib"].find("failure")
    assert "beyond the margin of 2.0" in failure.get("message") and "<script>alert(1)</script>" in failure.text
    assert failure.text.count("source: ") == 10 and max(map(len, failure.text.splitlines())) < 450
    assert "no value" in cases["usable"].find("error").get("message")
    again = tmp_path / "again.xml"
    gated(capsys, worse, rules, "--junit", again)
    assert again.read_bytes() == file.read_bytes()
    rules.write_text(RULES)
    gated(capsys, same, rules, "--junit", file)
    schema.assertValid(etree.fromstring(file.read_bytes()))
    assert ET.fromstring(file.read_bytes()).get("failures") == "0"


def test_annotations_are_one_command_each(same, worse, rules, capsys):
    code, _, said = gated(capsys, worse, rules, "--annotations")
    pattern = r"::error title=Sandglass gate%3A (ib|over)::(loss [^\r\n]*)"
    found = [re.fullmatch(pattern, line) for line in said.splitlines()]
    assert code == 3 and [match[1] for match in found] == ["ib", "over"]
    assert "[95%25:" in found[0][2] and not re.search("%(?!25|0A|0D)", found[0][2])
    code, _, said = gated(capsys, same, rules, "--annotations")
    assert code == 0 and re.fullmatch("::notice title=Sandglass gate::Gate passed: [^\r\n]*\n", said)


@pytest.mark.parametrize("form", ["table", "markdown", "json"])
def test_nothing_that_a_model_wrote_is_obeyed(worse, rules, tmp_path, capsys, form):
    """Neither by a terminal, nor by a CI runner that reads the log, nor by what renders Markdown."""
    summary = tmp_path / "summary.md"
    _, shown, _ = gated(capsys, worse, rules, "--format", form, "--summary", summary)
    for text in (shown, summary.read_text()):
        assert "add-mask" in text and "##[" not in text
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)
    if form == "json":
        data = json.loads(shown)
        flip = next(flip for flip in data["comparisons"][0]["flips"] if flip["metric"] == "ib" and not flip["better"])
        assert flip["text"].startswith("##[error]x ]]>") and len(flip["text"]) <= 400
        assert [check["status"] for check in data["gate"]["checks"]] == ["failed", "failed"]


def test_markdown_shows_models_texts_as_code_only(worse, rules, capsys):
    markdown = pytest.importorskip("markdown_it", reason="needs markdown-it-py")
    _, shown, _ = gated(capsys, worse, rules, "--format", "markdown")
    tokens = markdown.MarkdownIt("gfm-like", {"linkify": False}).parse(shown)
    inline = [child for token in tokens for child in token.children or ()]
    html = [token.content for token in [*tokens, *inline] if token.type.startswith("html")]
    assert not {"image", "link_open"} & {token.type for token in inline}
    assert {part.strip() for part in html} <= {"<details><summary>All metrics</summary>", "</details>"}
    spans = [child.content for child in inline if child.type == "code_inline"]
    assert any("<script>" in span for span in spans) and "two <b>|" in spans
    texts = "".join(child.content for child in inline if child.type == "text")
    assert "@someone" not in texts and "tracker" not in texts and "add-mask" not in texts


def test_the_summary_is_appended_also_without_a_gate(same, tmp_path, capsys):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    assert main(["compare", *map(str, same), "--summary", str(summary)]) == 0
    assert summary.read_text().startswith("before\n") and "| `ib` |" in summary.read_text()


def test_an_incomplete_run_fails_the_gate_or_is_refused(same, rules, tmp_path, capsys):
    result = next(same[1].rglob("result.json"))
    result.write_text(json.dumps(json.loads(result.read_bytes()) | {"complete": False}))
    junit = tmp_path / "gate.xml"
    code, shown, said = gated(capsys, same, rules, "--junit", junit, "--annotations")
    assert code == 3 and "is not complete" in shown and "::error title=Sandglass gate::" in said
    assert "is not complete" in ET.fromstring(junit.read_bytes()).find(".//error").get("message")
    code, shown, _ = gated(capsys, same, rules, "--format", "json")
    assert code == 3 and json.loads(shown)["gate"]["passed"] is False
    rules.write_text('incomplete = "refuse"\n' + RULES)
    code, shown, said = gated(capsys, same, rules)
    assert code == 2 and not shown and "is not complete" in said


def test_a_run_done_again_is_another_run(tmp_path, references, rules, capsys):
    """The same system under the same protocol has the same ids: what may have changed is behind its name."""
    runs = [scored(tmp_path / place, "one", references) for place in "ab" if not (tmp_path / place).mkdir()]
    code, shown, _ = gated(capsys, runs, rules)
    assert code == 0 and re.search(r"^one \S+ #2 against one \S+ #1$", shown, re.MULTILINE)


# The action and the workflow: their steps, run as a runner would


def expand(text, inputs, github):
    def value(match):
        room, _, name = match[1].strip().partition(".")
        return {"inputs": inputs, "github": github}[room][name]

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


def run_steps(steps, workspace, environment, inputs, ran):
    """Run the steps of a job or a composite action with bash; return the first exit code that is not 0."""
    yaml = pytest.importorskip("yaml")
    for step in steps:
        env = environment | {name: expand(text, inputs, {}) for name, text in step.get("env", {}).items()}
        uses = step.get("uses", "")
        if uses.startswith("./"):
            action = yaml.safe_load((ROOT / uses / "action.yml").read_text())
            defaults = {name: spec.get("default", "") for name, spec in action["inputs"].items()}
            assert set(step["with"]) <= set(defaults)
            code = run_steps(action["runs"]["steps"], workspace, env, defaults | step["with"], ran)
        elif uses:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", uses), f"{uses} is not pinned"
            continue
        elif step.get("name") == "Install":
            continue
        else:
            shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", expand(step["run"], inputs, {})]
            done = subprocess.run(shell, cwd=workspace, env=env, capture_output=True, text=True, check=False)
            ran.append(done)
            code = done.returncode
        if code:
            return code
    return 0


@pytest.mark.slow
@pytest.mark.parametrize("change", ["none", "worse"])
def test_the_workflow_and_its_action_run(tmp_path, references, change):
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load((ROOT / ".github/workflows/gate.yml").read_text())
    job = workflow["jobs"]["gate"]
    assert workflow["permissions"] == {"contents": "read"} and set(workflow[True]) == {"pull_request"}
    workspace, programs = tmp_path / "workspace", tmp_path / "bin"
    programs.mkdir()
    (programs / "sandglass").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m harness.cli "$@"\n')
    (programs / "sandglass").chmod(0o755)
    for place, times in (("base/translations", 1), ("translations", 1 if change == "none" else 3)):
        (workspace / place).mkdir(parents=True)
        rows = [json.dumps({"id": id_, "text": " ".join([text] * times)}) for id_, text in references.items()]
        (workspace / place / f"{job['env']['TASK']}.jsonl").write_text("\n".join(rows) + "\n")
    (workspace / ".github").mkdir()
    (workspace / ".github" / "gate.toml").write_bytes((ROOT / ".github" / "gate.toml").read_bytes())
    summary = tmp_path / "summary.md"
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SANDGLASS_CACHE": os.environ["SANDGLASS_CACHE"],
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(workspace),
        **job["env"],
    }
    ran = []
    code = run_steps(job["steps"], workspace, environment, {}, ran)
    assert code == (0 if change == "none" else 3), ran[-1].stderr
    assert summary.read_text().startswith(f"### Gate {'passed' if change == 'none' else 'failed'}")
    assert ("::error title=Sandglass gate%3A ib::" in ran[-1].stderr) == (change == "worse")
    assert ET.parse(workspace / "gate.xml").getroot().get("failures") == ("0" if change == "none" else "2")


def test_inputs_of_the_action_are_never_part_of_a_script(tmp_path):
    """An input that is shell, such as the name of a branch, is an argument and nothing else."""
    yaml = pytest.importorskip("yaml")
    action = yaml.safe_load((ROOT / ACTION).read_text())
    assert action["runs"]["using"] == "composite" and len((ROOT / ACTION).read_text().splitlines()) < 30
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sandglass").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "bin" / "sandglass").chmod(0o755)
    inputs = {"base": '"; touch owned; "', "new": "$(touch owned)", "gate": "`touch owned`", "junit": "a b.xml"}
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": "s.md"}
    ran = []
    assert run_steps(action["runs"]["steps"], tmp_path, environment, inputs, ran) == 0
    assert not (tmp_path / "owned").exists()
    assert [line for line in ran[0].stdout.splitlines() if line in inputs.values()] == list(inputs.values())
