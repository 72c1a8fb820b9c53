"""Responses and translations through the door; X-AlpacaEval's languages put together."""

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import UserError
from harness.llm.cache import ResponseCache
from harness.llm.door import Door
from harness.llm.serve import ServedBackend
from harness.stats.intervals import Interval
from tests.loopback import Loopback, Reply, says
from trainers.icr.config import Sampling
from trainers.icr.evaluate import GROUPS, evaluate, lines_of
from trainers.icr.evaluate import main as main_of_evaluate
from trainers.icr.sampling import DoorSampler
from trainers.icr.translating import door_translator


def asked(request):
    return request["messages"][-1]["content"]


def test_responses_through_the_door(tmp_path):
    seen = []

    def behaviour(request):
        seen.append(request)
        return Reply(400, {"error": {"message": "no"}}) if asked(request) == "bad" else says(f"{asked(request)}!")

    with Loopback(behaviour) as server:
        door = Door(ResponseCache(tmp_path), retries=0, backends={"hf": ServedBackend(server.url)})
        sampler = DoorSampler(door, "hf/m@1", Sampling(responses=3, max_tokens=7, temperature=0.9))
        found = sampler(["one", "bad"], 5)
        assert found == [["one!"] * 3, [None] * 3]
        mine = [request for request in seen if asked(request) == "one"]
        assert len({request["seed"] for request in mine}) == 3
        assert {(request["temperature"], request["max_tokens"]) for request in mine} == {(0.9, 7)}
        before = len(mine)
        assert sampler(["one"], 5) == [["one!"] * 3]  # from the cache
        assert len([request for request in seen if asked(request) == "one"]) == before
        assert sampler(["two"], 5) == [["two!"] * 3]  # by new connections
        with pytest.raises(UserError, match=r"answers nothing: .*HTTP 400"):
            sampler(["bad"], 5)


def test_translations_through_the_door(tmp_path):
    def behaviour(request):
        text = asked(request)
        if "kaputt" in text:
            return Reply(400, {"error": {"message": "no"}})
        reply = says("Hello.")
        if "lang" in text:
            reply.body["choices"][0]["finish_reason"] = "length"
        return reply

    with Loopback(behaviour) as server:
        translate = door_translator(Door(ResponseCache(tmp_path), retries=0), "hosted_vllm/m", server.url, 64)
        assert translate(["Hallo.", "kaputt", "", "zu lang"], "de") == ["Hello.", None, None, None]
        assert translate(["", " "], "de") == [None, None]
        with pytest.raises(UserError, match="answers nothing"):
            translate(["", "kaputt"], "de")


def interval(estimate):
    return Interval(estimate, estimate - 2, estimate + 2, 0.95, "t", 805, 805.0)


def test_groups_are_means_of_their_languages():
    table2 = {"en": 26.4, "es": 19.49, "ru": 22.5, "de": 19.69, "fr": 21.2}  # the paper's Table 2, one iteration
    lines = lines_of({("a", name): (interval(rate), interval(rate / 2)) for name, rate in table2.items()})
    assert [line.where for line in lines] == [*table2, "main"]
    assert lines[-1].win_rate.estimate == pytest.approx(21.86, abs=0.005)
    assert lines[-1].win_rate.high - lines[-1].win_rate.estimate == pytest.approx(2)
    assert lines[-1].length_controlled.estimate == pytest.approx(21.856 / 2)
    assert set(GROUPS) == {"main", "low-resource"}


def test_published_averages():
    path = Path(__file__).parents[1] / "baselines" / "published" / "icr_paper_table5_lowresource_winrate.csv"
    lines = [line.split(",") for line in path.read_text().splitlines() if line and not line.startswith("#")]
    header, rows = lines[0], lines[1:]
    for row in rows:
        rates = {
            (row[0], name): (interval(float(value)),) * 2 for name, value in zip(header[1:-1], row[1:-1], strict=True)
        }
        assert lines_of(rates)[-1].where == "low-resource"
        assert lines_of(rates)[-1].win_rate.estimate == pytest.approx(float(row[-1]), abs=0.006)


def test_runs_of_several_languages(tmp_path, capsys):
    def behaviour(request):
        user = asked(request)
        return says("m" if "outputs" in user else f"To {user}: so it is, and more of it.")

    with Loopback(behaviour) as server:
        for language in ("en", "bn", "sw", "th"):
            data = tmp_path / f"{language}.json"
            rows = [{"instruction": f"{language} {n}", "output": "Short."} for n in range(6)]
            data.write_text(json.dumps(rows), encoding="utf-8")
            assert main([
                "run", f"x_alpaca_eval_{language}", "--data", str(data), "--model", "hosted_vllm/m",
                "--api-base", server.url, "--strategy", "respond", "--seeds", "1",
                "--judge", f"preference:model=hosted_vllm/j:api_base={server.url}",
                "--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out"),
            ]) == 0  # fmt: skip
    folders = sorted(path.parent for path in tmp_path.glob("out/*/*/*/result.json"))
    lines = evaluate(folders)
    assert [line.where for line in lines][-1] == "low-resource" and len(lines) == 5
    mean = sum(line.win_rate.estimate for line in lines[:-1]) / 4
    assert lines[-1].win_rate.estimate == pytest.approx(mean)
    assert lines[-1].length_controlled.low <= lines[-1].length_controlled.estimate
    assert main_of_evaluate([str(folder) for folder in folders]) == 0
    assert "low-resource" in capsys.readouterr().out
    assert main_of_evaluate([str(tmp_path)]) == 2
    assert "no run of X-AlpacaEval" in capsys.readouterr().err
    with pytest.raises(UserError, match="has en twice"):
        evaluate([*folders, next(f for f in folders if "eval_en" in str(f))])
