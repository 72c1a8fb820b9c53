"""Everything in a submission is hostile: bombs, links, ways out, broken JSON, and each is refused by name."""

import json
import os
import shutil
import stat
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.jsonl import to_line
from harness.submission import parcel
from harness.submission.check import check, task_loader
from harness.submission.parcel import Refusal, check_lines, read_json, shown, unpack

HEAD = {"format": 1, "task": "t", "system_id": "s", "run_id": "r", "sandglass": "0", "files": {}}


@pytest.fixture
def folder(tmp_path):
    """The files of a submission, without sense: they are read before they are understood."""
    path = tmp_path / "submission"
    path.mkdir()
    for name in parcel.NEEDED:
        (path / name).write_text("{}\n" if name.endswith("l") else json.dumps(HEAD))
    return path


def refusal(path, tmp_path):
    into = tmp_path / f"into-{len(list(tmp_path.iterdir()))}"
    into.mkdir()
    with pytest.raises(Refusal) as found:
        unpack(path, into)
    return str(found.value)


def test_a_symbolic_link(folder, tmp_path):
    (tmp_path / "secret").write_text("key")
    (folder / "scores.jsonl").unlink()
    (folder / "scores.jsonl").symlink_to(tmp_path / "secret")
    assert refusal(folder, tmp_path) == "files: scores.jsonl is a link, a folder or a device, not a plain file"
    (tmp_path / "door").symlink_to(folder)
    assert "door is a symbolic link" in refusal(tmp_path / "door", tmp_path)


def test_a_hard_link_a_folder_and_a_pipe(folder, tmp_path):
    (folder / "events.jsonl").hardlink_to(folder / "scores.jsonl")
    assert "not a plain file" in refusal(folder, tmp_path)
    (folder / "events.jsonl").unlink()
    (folder / "events.jsonl").mkdir()
    assert "events.jsonl is a link, a folder or a device" in refusal(folder, tmp_path)
    (folder / "events.jsonl").rmdir()
    os.mkfifo(folder / "events.jsonl")
    assert "events.jsonl is a link, a folder or a device" in refusal(folder, tmp_path)


@pytest.mark.parametrize("name", ["trust.json", "run.py", ".git", "segments.jsonl", "évents.jsonl"])
def test_a_file_that_does_not_belong(folder, tmp_path, name):
    (folder / name).write_text("{}")
    assert f"{name} does not belong in a submission" in refusal(folder, tmp_path)


def test_a_file_missing(folder, tmp_path):
    (folder / "scores.jsonl").unlink()
    assert "scores.jsonl missing" in refusal(folder, tmp_path)


@pytest.mark.parametrize(
    "name", ["../translations.jsonl", "/etc/passwd", "a/translations.jsonl", "..\\x.jsonl", "\u202ex"]
)
def test_a_way_out_of_the_archive(folder, tmp_path, name):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "x")
    assert refusal(path, tmp_path) == f"files: {shown(name)} does not belong in a submission"
    assert not list(tmp_path.rglob("passwd"))


def test_a_zip_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(parcel, "MAX_FILE", 1 << 20)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("translations.jsonl", b"\0" * (8 << 20))
    assert path.stat().st_size < 1 << 15
    assert "translations.jsonl is too large" in refusal(path, tmp_path)
    written = max(file.stat().st_size for file in tmp_path.rglob("translations.jsonl"))
    assert written <= 1 << 20  # stopped on the way, whatever the archive says of itself


def test_many_files_are_bounded_together(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(parcel, "MAX_TOTAL", 1000)
    (folder / "scores.jsonl").write_bytes(b"x" * 600)
    (folder / "translations.jsonl").write_bytes(b"x" * 600)
    assert "is too large" in refusal(folder, tmp_path)


def test_an_archive_that_lies(folder, tmp_path):
    path = tmp_path / "x.zip"
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("scores.jsonl", "a")
        archive.writestr("scores.jsonl", "b")
    assert "scores.jsonl is in the archive twice" in refusal(path, tmp_path)
    link = zipfile.ZipInfo("scores.jsonl")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "scores.jsonl is a link, encrypted, or not a plain file" in refusal(path, tmp_path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("scores.jsonl", "a")
    assert "neither stored nor deflated" in refusal(path, tmp_path)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + b"\0" * 40, b"\x1f\x8b\x08" + b"\0" * 40])
def test_no_archive(tmp_path, content):
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    assert "neither a folder nor a sound zip archive" in refusal(path, tmp_path)


@settings(deadline=None)
@given(damage=st.binary(max_size=40), place=st.integers(0, 400))
def test_a_damaged_archive_is_refused_or_read(tmp_path_factory, damage, place):
    tmp_path = tmp_path_factory.mktemp("zip")
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(parcel.NEEDED):
            archive.writestr(name, "x" * 50)
    content = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(content[:place] + damage + content[place + len(damage) :])
    (tmp_path / "into").mkdir()
    try:
        unpack(tmp_path / "x.zip", tmp_path / "into")
    except Refusal as refusal:
        assert refusal.kind in ("files", "size")
    assert {path.name for path in (tmp_path / "into").iterdir()} <= parcel.NAMES
    shutil.rmtree(tmp_path)


DEEP = b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"


@pytest.mark.parametrize(
    "line,words",
    [
        ('{"a": "é"}\n'.encode("latin-1"), "encoding: x.jsonl, line 2 is not UTF-8 (byte 7)"),
        ("\ufeff{}\n".encode(), "format"),
        (b'{"a": NaN}\n', "holds NaN"),
        (b'{"a": -Infinity}\n', "holds -Infinity"),
        (b'{"a": 1e999}\n', "cannot be read as JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}\n", "cannot be read as JSON"),
        (b'{"a": 1, "a": 2}\n', "has a key twice"),
        (b'{"b": {"a": 1, "a": 1}}\n', "has a key twice"),
        (b'{"a": "\\ud800"}\n', "not"),
        (DEEP, "cannot be read as JSON (RecursionError)"),
        (b'{"a":1}\n', "is not as sandglass writes it"),
        (b'{"b": 1, "a": 1}\n', "is not as sandglass writes it"),
        (b'{"a": "\\u0041"}\n', "is not as sandglass writes it"),
        (b'{"a": 1}', "is not as sandglass writes it"),  # a torn line would be passed over
        (b'{"a": 1}\r\n', "is not as sandglass writes it"),
        (b"\n", "cannot be read as JSON"),
        (b"[1]\n", "is not as sandglass writes it"),
        (b'{"a": "' + b"x" * (1 << 20) + b'"}\n', "beyond the bounds"),
    ],
)
def test_a_line_that_sandglass_would_not_write(tmp_path, line, words):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line)
    with pytest.raises(Refusal, match="line 2") as found:
        check_lines(path)
    assert words in str(found.value)


def test_too_many_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(parcel, "MAX_LINES", 10)
    (tmp_path / "x.jsonl").write_bytes(b"{}\n" * 11)
    with pytest.raises(Refusal, match="line 11 is beyond the bounds"):
        check_lines(tmp_path / "x.jsonl")


def test_a_json_file_is_bounded_before_it_is_read(tmp_path):
    (tmp_path / "x.json").write_bytes(b"[" * ((4 << 20) + 1))
    with pytest.raises(Refusal, match="more than 4 MiB"):
        read_json(tmp_path / "x.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_what_sandglass_writes_is_read(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("line") / "x.jsonl"
    try:
        line = to_line(data)
    except UnicodeEncodeError:
        return  # lone surrogates are never written
    path.write_bytes(line)
    check_lines(path)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_a_head_of_any_bytes_is_refused_and_nothing_breaks(tmp_path_factory, content):
    tmp_path = tmp_path_factory.mktemp("any")
    submission = tmp_path / "submission"
    submission.mkdir()
    for name in parcel.NEEDED:
        (submission / name).write_bytes(content)
    checked = check(submission, task_loader(None, None), tmp_path / "work")
    assert checked.refusals and checked.result is None
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("name", ["../../x", "/etc", "tasks/sandglass_mini", "", "a/b"])
def test_no_folder_is_taken_for_a_task(name):
    with pytest.raises(Refusal, match="there is no task"):
        task_loader(None, None)(name)
