"""Building a MuSC-style task from pairs of subtitle files, as a user does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.errors import UserError
from harness.prompts import one_line
from harness.task import load_task
from tasks.musc.merging import LONGEST, MOST_LINES, Aligned, by_rule
from tasks.musc.terms import Terms, read_terms
from tests.loopback import Loopback, Reply, in_turn, says
from tests.musc_server import MuscServer


def stamp(seconds, comma=","):
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{comma}{ms % 1000:03}"


def srt(path, cues):
    """Write (start, end, text) as a .srt file."""
    rows = [f"{n}\n{stamp(start)} --> {stamp(end)}\n{text}\n" for n, (start, end, text) in enumerate(cues, 1)]
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def ass(path, cues):
    """Write cues as an .ass file."""
    head = "[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
    rows = [f"Dialogue: 0,{stamp(s, '.')[1:-1]},{stamp(e, '.')[1:-1]},Default,{text}" for s, e, text in cues]
    path.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def film(folder, name, lines, shift=0.3, who="他"):
    """Write a film of so many lines: a Chinese .srt and an English .ass that starts a little later."""
    source = [(4.0 * n, 4.0 * n + 2, f"{who}今天说了第{n}句话") for n in range(lines)]
    target = [(4.0 * n + shift, 4.0 * n + 2, rf"{{\an8}}He says\Nsentence {n} today.") for n in range(lines)]
    return [str(srt(folder / f"{name}.zh.srt", source)), str(ass(folder / f"{name}.en.ass", target))]


def build(out, *pairs, more=(), name="talks_zh"):
    given = [word for pair in pairs for word in ("--pair", *pair)]
    languages = ["--source-language", "zh", "--target-language", "en"]
    return main(["build", "musc", *given, "--out", str(out), "--name", name, *languages, "--date", "2026-01-01", *more])


def lines(out, name="segments.jsonl"):
    return [json.loads(line) for line in (out / name).read_text(encoding="utf-8").splitlines()]


def removed(out):
    steps = json.loads((out / "funnel.json").read_text())["steps"]
    return {(step["name"], why): found["count"] for step in steps for why, found in step["removed"].items()}


def test_two_tracks_become_a_task(tmp_path):
    out = tmp_path / "task"
    assert build(out, ["drama", *film(tmp_path, "a", 60)], ["comedy", *film(tmp_path, "b", 33)]) == 0
    task = load_task(str(out))
    assert (task.source, task.target, task.track, task.window, len(task.segments)) == ("zh", "en", "none", 25, 85)
    assert [len(item.segments) for item in task.items(25)] == [25, 25, 10, 25]  # 8 of b are under 10
    chunk = task.items(25)[1].segments
    assert chunk[0].before == tuple(f"他今天说了第{n}句话" for n in range(20, 25))
    assert chunk[-1].after == tuple(f"他今天说了第{n}句话" for n in range(50, 55))
    assert chunk[0].reference == "He says sentence 25 today." and chunk[0].domain == "drama"
    assert removed(out) == {("chunked", "a fragment under 10"): 8}
    assert task.card.statistics["chunks"] == 4 and "effective" in " ".join(task.card.caveats)


def test_same_seed_same_bytes_and_a_second_run_does_nothing(tmp_path):
    pairs = [["drama", *film(tmp_path, name, 30)] for name in "abcde"]
    for out in ("one", "two"):
        assert build(tmp_path / out, *pairs, more=["--split", "train=.4"]) == 0
    assert build(tmp_path / "three", *pairs[::-1], more=["--split", "train=.4"]) == 0
    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert {"segments.jsonl", "train.jsonl", "task.toml", "card.toml", "funnel.svg", "statistics.json"} <= set(files)
    for out in ("two", "three"):
        assert {path.name: path.read_bytes() for path in (tmp_path / out).iterdir()} == files
    before = (tmp_path / "one" / "segments.jsonl").stat().st_mtime_ns
    assert build(tmp_path / "one", *pairs, more=["--split", "train=.4"]) == 0
    assert (tmp_path / "one" / "segments.jsonl").stat().st_mtime_ns == before
    assert build(tmp_path / "one", *pairs) == 2  # other settings in the same folder
    kept = {
        name: {line["video"] for line in lines(tmp_path / "one", name)} for name in ("segments.jsonl", "train.jsonl")
    }
    assert len(kept["train.jsonl"]) == 2 and not kept["train.jsonl"] & kept["segments.jsonl"]


def test_what_nobody_says_is_removed_and_counted(tmp_path):
    good = [(4.0 * n, 4.0 * n + 2, f"他今天说了第{n}句话") for n in range(12)]
    odd = [
        (100, 101, "♪ 啦啦啦 ♪"),
        (104, 105, "[音乐]"),
        (108, 109, "……"),
        (112, 113, "JOHN: <i>走吧</i>"),
        (116, 117, "我们没有伙伴"),
        (120, 121, "我们在说英文吗"),
        (124, 125, "This line is in English, of all things."),
    ]
    english = [(start, end, f"He says sentence {n} today.") for n, (start, end, _) in enumerate(good)]
    english += [(start, end, "Let us go home now.") for start, end, _ in odd if start not in (116, 120)]
    english += [(120, 121, "我们在说英文吗")]
    source, target = srt(tmp_path / "f.srt", good + odd), srt(tmp_path / "g.srt", english)
    assert build(tmp_path / "task", ["drama", str(source), str(target)]) == 0
    assert [line["text"] for line in lines(tmp_path / "task")][12:] == ["走吧"]
    assert removed(tmp_path / "task") == {
        ("cleaned", "music"): 1,
        ("cleaned", "sound"): 1,
        ("cleaned", "no letters"): 1,
        ("aligned", "no partner within 0.7 s"): 1,
        ("checked", "not translated"): 1,
        ("checked", "not zh"): 1,
    }


def test_starts_too_far_apart_and_other_cuts(tmp_path, capsys):
    near, far = film(tmp_path, "near", 20, 0.7), film(tmp_path, "far", 20, 0.72)
    assert build(tmp_path / "task", ["x", *near], ["x", *far]) == 0
    assert {line["video"] for line in lines(tmp_path / "task")} == {"near.zh"}
    assert removed(tmp_path / "task") == {("aligned", "the tracks do not match"): 20}
    assert build(tmp_path / "none", ["x", *far]) == 2
    assert "No line is left; removed were: the tracks do not match (20, such as: far.zh)" in capsys.readouterr().err
    assert build(tmp_path / "wide", ["x", *far], more=["--tolerance", ".8", "--split", "train=.5"]) == 0
    assert len(lines(tmp_path / "wide")) == 20 and not (tmp_path / "wide" / "train.jsonl").exists()


def test_terms_stand_at_their_lines(tmp_path, capsys):
    (tmp_path / "terms.tsv").write_text("# names\n第7句\tthe seventh\n今天\ttoday\n", encoding="utf-8")
    assert build(tmp_path / "task", ["x", *film(tmp_path, "a", 20)], more=["--terms", str(tmp_path / "terms.tsv")]) == 0
    segments = load_task(str(tmp_path / "task")).segments
    assert segments[7].terms == (("今天", "today"), ("第7句", "the seventh"))
    assert segments[17].terms == (("今天", "today"),)  # 第17句 is another one
    (tmp_path / "bad.tsv").write_text("今天\ttoday\n今天\tnow\n", encoding="utf-8")
    assert build(tmp_path / "other", ["x", *film(tmp_path, "a", 20)], more=["--terms", str(tmp_path / "bad.tsv")]) == 2
    assert "line 2: '今天' has two translations" in capsys.readouterr().err


@pytest.mark.parametrize("content,what", [(b"one column", "line 1"), (b"a\t\n", "line 1"), (b"\xff\xfe", "UTF-8")])
def test_bad_lists_of_terms(tmp_path, content, what):
    (tmp_path / "terms.tsv").write_bytes(content)
    with pytest.raises(UserError, match=what):
        read_terms(tmp_path / "terms.tsv")


def test_terms_in_words_and_in_letters():
    assert Terms([("art", "Kunst")], "en").of("The art party is smart.") == (("art", "Kunst"),)
    assert Terms([("a.c", "x")], "en").of("abc") == ()
    assert Terms([], "en").of("abc") == ()


# merging


LINE = st.builds(
    lambda text, other, pause, length: (text, other, pause, length),
    st.sampled_from(["我们去", "好，", "……然后", "没人。"]),
    st.sampled_from(["We go", "well,", "to the sea.", "...and then", "Nobody."]),
    st.integers(0, 30).map(lambda tenths: tenths / 10),
    st.integers(1, 60).map(lambda tenths: tenths / 10),
)


@given(st.lists(LINE, max_size=30))
def test_rules_keep_every_word_in_order_and_their_limits(drawn):
    given_lines, at = [], 0.0
    for text, other, pause, length in drawn:
        given_lines.append(Aligned(text, other, at + pause, at + pause + length))
        at += pause + length
    merged = by_rule(given_lines, ("zh", "en"))
    assert "".join(line.source for line in merged) == "".join(line.source for line in given_lines)
    assert " ".join(line.target for line in merged) == " ".join(line.target for line in given_lines)
    for line in merged:
        inside = [one for one in given_lines if line.start <= one.start < line.end]
        assert len(inside) <= MOST_LINES and (len(inside) == 1 or line.end - line.start <= LONGEST + 1e-9)


def test_merging_by_rule_in_a_build(tmp_path):
    source = [(2.0 * n, 2.0 * n + 1.8, f"第{n}句" + ("，" if n % 2 == 0 else "。")) for n in range(40)]
    target = [(start, end, f"sentence number {n}.") for n, (start, end, _) in enumerate(source)]
    pair = ["x", str(srt(tmp_path / "a.srt", source)), str(srt(tmp_path / "b.srt", target))]
    assert build(tmp_path / "task", pair, more=["--merge", "rule"]) == 0
    first = lines(tmp_path / "task")[0]
    assert first["text"] == "第0句，第1句。" and first["references"]["en"] == "sentence number 0. sentence number 1."
    assert (first["start"], first["end"], len(lines(tmp_path / "task"))) == (0.0, 3.8, 20)


def groups(*sizes):
    """Return the answer that joins lines in groups of these sizes."""
    rows, at = [], 1
    for size in sizes:
        rows.append(list(range(at, at + size)))
        at += size
    return json.dumps({"groups": rows})


def merge_options(server, *more):
    return ["--merge", "llm", "--model", "openai/test", "--api-base", server.url, *more]


def test_merging_by_a_model_is_asked_once(tmp_path):
    pair = ["x", *film(tmp_path, "a", 25)]
    with Loopback(lambda request: says(groups(3, 2, *[1] * 20))) as server:
        assert build(tmp_path / "one", pair, more=merge_options(server)) == 0
        assert build(tmp_path / "two", pair, more=merge_options(server)) == 0  # from the cache
        assert len(server.seen) == 1
        asked = json.loads(server.seen[0].json["messages"][1]["content"])
    assert [line["id"] for line in asked["lines"]] == list(range(1, 26))
    found = lines(tmp_path / "one")
    assert len(found) == 22 and found[1]["text"] == "他今天说了第3句话他今天说了第4句话"
    assert found == lines(tmp_path / "two")


@pytest.mark.parametrize(
    "answer",
    [
        groups(*[1] * 24),
        groups(*[1] * 26),
        groups(4, *[1] * 21),
        json.dumps({"groups": [[2, 1], *[[n] for n in range(3, 26)]]}),
        json.dumps({"groups": [[1.0], *[[n] for n in range(2, 26)]]}),
        json.dumps({"groups": [[], *[[n] for n in range(1, 26)]]}),
        json.dumps({"groups": [1, 2]}),
        json.dumps({"groups": [[1]] * 25}),
        "I would leave them as they are.",
        "",
        "[" * 100_000,
    ],
)
def test_an_unreadable_merging_is_asked_again_then_counted(tmp_path, answer):
    pairs = [["x", *film(tmp_path, "a", 25)], ["x", *film(tmp_path, "b", 25, who="她")]]
    good = groups(2, *[1] * 23)
    with Loopback(in_turn([says(answer), says(answer), says(answer), says(good)])) as server:
        assert build(tmp_path / "task", *pairs, more=merge_options(server)) == 0
        assert len(server.seen) == 4  # twice again, and the other film
    assert removed(tmp_path / "task") == {("merged", "no readable answer"): 25}
    assert {line["video"] for line in lines(tmp_path / "task")} == {"b.zh"}


def test_a_failed_call_stops_the_build_and_the_same_command_goes_on(tmp_path, capsys):
    pairs = [["x", *film(tmp_path, "a", 25)], ["x", *film(tmp_path, "b", 25, who="她")]]
    good = says(groups(*[1] * 25))
    with Loopback(in_turn([good, Reply(400, {}, {"error": {"message": "no"}}), good])) as server:
        assert build(tmp_path / "task", *pairs, more=merge_options(server)) == 4
        assert "a call failed" in capsys.readouterr().out and not (tmp_path / "task" / "task.toml").exists()
        assert build(tmp_path / "task", *pairs, more=merge_options(server)) == 0
        assert len(server.seen) == 3  # the first answer was not asked for again
    assert len(lines(tmp_path / "task")) == 50


# what is refused


@pytest.mark.parametrize(
    "more,what",
    [
        (["--least-lines", "30"], "do not fit"),
        (["--tolerance", "nan"], "out of range"),
        (["--seed", "-1"], "below 0"),
        (["--date", "tomorrow"], "no date"),
        (["--split", "train=1"], "no share"),
        (["--merge", "llm"], "belong together"),
        (["--model", "openai/x"], "belong together"),
        (["--version", "../1"], "no name"),
        (["--target-language", "zh"], "Both tracks are in 'zh'"),
        (["--manifest", "films.tsv"], "Both --pair and --manifest"),
        (["--terms", "nowhere.tsv"], "nowhere.tsv"),
    ],
)
def test_arguments_that_cannot_be(tmp_path, capsys, more, what):
    assert build(tmp_path / "task", ["x", *film(tmp_path, "a", 12)], more=more) == 2
    assert what in capsys.readouterr().err
    assert not (tmp_path / "task" / "task.toml").exists()


def test_manifests(tmp_path, capsys):
    film(tmp_path, "a", 12), film(tmp_path, "b", 12)
    manifest, base = tmp_path / "films.tsv", ["--manifest", str(tmp_path / "films.tsv")]
    manifest.write_text("name\tdomain\tsource\ttarget\none\tx\ta.zh.srt\ta.en.ass\ntwo\ty\tb.zh.srt\tb.en.ass\n")
    assert build(tmp_path / "task", more=base) == 0
    assert {line["video"]: line["domain"] for line in lines(tmp_path / "task")} == {"one": "x", "two": "y"}
    for text, what in (
        ("domain\tsource\nx\ta.zh.srt\n", "line 1 does not name"),
        ("domain\tsource\ttarget\nx\ta.zh.srt\t\n", "line 2 has an empty cell"),
        ("domain\tsource\ttarget\nx\ta.zh.srt\tc.srt\n", "no file"),
        ("domain\tsource\ttarget\n", "nothing to build from"),
        ("domain\tsource\ttarget\n" + "x\ta.zh.srt\ta.en.ass\n" * 2, "2 films would be named"),
    ):
        manifest.write_text(text)
        assert build(tmp_path / "other", more=base) == 2
        assert what in capsys.readouterr().err


def test_a_file_that_is_no_subtitle(tmp_path, capsys):
    (tmp_path / "a.srt").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "b.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHi.\n")
    assert build(tmp_path / "task", ["x", str(tmp_path / "a.srt"), str(tmp_path / "b.srt")]) == 2
    assert "a.srt" in capsys.readouterr().err


# and on


@pytest.mark.parametrize("by_name", [False, True])
def test_a_built_task_runs(tmp_path, by_name):
    english = [(4.0 * n, 4.0 * n + 2, f"He says sentence {n} today.") for n in range(35)]
    german = [(4.0 * n, 4.0 * n + 2, f"Er sagt heute Satz {n}.") for n in range(35)]
    pair = ["x", str(srt(tmp_path / "a.srt", english)), str(srt(tmp_path / "b.srt", german))]
    languages = ["--source-language", "en", "--target-language", "de"]
    assert main(["build", "musc", "--pair", *pair, "--out", str(tmp_path / "task"), "--name", "t", *languages]) == 0
    task = ["musc_en_de", "--data", str(tmp_path / "task")] if by_name else [str(tmp_path / "task")]
    with Loopback(MuscServer()) as server:
        model = ["--model", "openai/m", "--api-base", server.url, "--strategy", "musc", "--seeds", "1"]
        back = ["--protocol", "offline", "--back-translator", "openai/b", "--back-translator-api-base", server.url]
        assert main(["run", *task, *model, *back, "--out", str(tmp_path / "out")]) == 0
    (found,) = (json.loads(path.read_bytes()) for path in (tmp_path / "out").rglob("result.json"))
    assert found["states"]["ok"] == 35 and found["metrics"]["line_count"]["value"] == 1
    assert found["task"] == ("musc_en_de" if by_name else "t_de")


@pytest.mark.parametrize("source,target", [("zh", "en"), ("en", "zh"), ("en", "de"), ("en", "fr")])
def test_subtitles_of_the_mini_set_become_the_mini_set(tmp_path, source, target):
    """Nothing that somebody says is cleaned away, and every line finds its own translation."""
    segments = load_task(f"musc_mini_{source}_{target}").segments
    pairs = []
    for scene in sorted({segment.cluster for segment in segments}):
        said = [segment for segment in segments if segment.cluster == scene]
        first = srt(tmp_path / f"{scene}.srt", [(s.start, s.end, s.text) for s in said])
        other = ass(tmp_path / f"{scene}.ass", [(s.start + 0.25, s.end, s.reference) for s in said])
        pairs += ["--pair", said[0].domain, str(first), str(other)]
    languages = ["--source-language", source, "--target-language", target]
    assert main(["build", "musc", *pairs, "--out", str(tmp_path / "task"), "--name", "t", *languages]) == 0
    found = load_task(str(tmp_path / "task")).segments
    expected = {segment.id: (one_line(segment.text), one_line(segment.reference)) for segment in segments}
    assert [(one.text, one.reference) for one in found] == [
        expected[segment.id] for segment in sorted(segments, key=lambda s: (s.cluster, s.start))
    ]
