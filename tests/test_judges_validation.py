"""Judges with known faults, behind a real server: validation finds each of them, and none in a good one."""

import argparse
import json
import random
import xml.dom.minidom

import numpy as np
import pytest

from harness.commands import judge_command
from harness.errors import UserError
from harness.judges.validation import findings, measures
from harness.judges.validation.probes import injections, sentinels
from harness.judges.validation.ratings import group
from tests.judge_server import JudgeServer, numbered
from tests.loopback import Loopback, fails

SYSTEMS = {"alpha": "openai/gpt-x", "beta": "anthropic/claude-x", "gamma": "google/gemini-x", "delta": "qwen-x"}
LINES = 30


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(measures, "RESAMPLES", 100)


def ratings(path, seed=1, people=3):
    """Write ratings by noisy people; the true quality ends each hypothesis."""
    chance, rows = random.Random(seed), []
    for line in range(LINES):
        for place, (system, model) in enumerate(SYSTEMS.items()):
            quality = min(100, max(0, round(chance.gauss(50 + 4 * place, 25))))
            for rater in range(people):
                score = min(100, max(0, round(quality + chance.gauss(0, 3))))
                text = {"source": f"第{line}行", "hypothesis": f"{system} {line} {quality}", "model": model}
                rows.append({"line": f"l{line}", "system": system, **text, "rater": f"r{rater}", "score": score})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def truth(text):
    """Know the quality of every text that is asked about: rated, known answer or injection."""
    good = {probe.good for probe in sentinels()} | {probe.clean for probe in injections()}
    bad = {probe.bad for probe in sentinels()} | {probe.injected for probe in injections()}
    return 92.0 if text in good else 25.0 if text in bad else numbered(text)


def sandglass(*words):
    """Run ``sandglass judge`` as the command line would."""
    parser = argparse.ArgumentParser()
    judge_command.add_arguments(parser)
    return judge_command.main(parser.parse_args([*map(str, words)]))


def validate(tmp_path, behave, *more, judges=("accuracy",), model="openai/judge"):
    file = ratings(tmp_path / "ratings.jsonl")
    with Loopback(behave) as server:
        return ask(server, tmp_path, file, *more, judges=judges, model=model)


def ask(server, tmp_path, file, *more, judges=("accuracy",), model="openai/judge"):
    before = len(server.seen)
    words = ["validate", "--ratings", file, "--model", model, "--api-base", server.url, "--out", tmp_path / "out"]
    code = sandglass(*words, "--judge", *judges, *more)
    path = tmp_path / "out" / "validation.json"
    return code, json.loads(path.read_text()) if path.exists() else [], len(server.seen) - before


def test_a_good_judge_has_no_fault_and_reaches_the_bar(tmp_path, capsys):
    code, [found], calls = validate(tmp_path, JudgeServer(truth, noise=4), "--gate")
    assert code == 0 and found.get("faults", []) == [] and found["bar"] == "reached"
    numbers = found["measures"]
    for name in ("spearman_within", "spearman_pooled", "kendall_within", "soft_pairwise_accuracy", "bias", "retest_sd"):
        assert numbers[name]["low"] <= numbers[name]["value"] <= numbers[name]["high"], name
    assert 0.9 < numbers["ceiling_within"]["value"] <= 1
    assert numbers["known_answers"]["value"] == 1 and numbers["injection_shift"]["high"] < 0
    assert found["usage"]["calls"] == calls > found["judgements"] + 2 * len(sentinels())
    assert "role judge" in capsys.readouterr().out


def test_a_noisy_judge(tmp_path):
    _, [found], _ = validate(tmp_path, JudgeServer(truth, noise=60), "--no-probes", "--repeats", "3")
    assert {"noisy", "below the bar"} <= set(found["faults"])
    assert found["measures"]["retest_sd"]["low"] > 10


def test_a_judge_of_chance_alone(tmp_path):
    _, [found], _ = validate(tmp_path, JudgeServer(lambda text: 50, noise=50), "--no-probes")
    within = found["measures"]["spearman_within"]
    assert within["low"] < 0 < within["high"] and found["bar"] == "missed"


def test_a_constant_judge_agrees_with_nobody(tmp_path):
    _, [found], _ = validate(tmp_path, JudgeServer(lambda text: 50), "--no-probes")
    assert found["measures"]["spearman_within"]["value"] == 0 and "below the bar" in found["faults"]
    assert found["measures"]["spearman_pooled"].get("value") is None


@pytest.mark.slow
def test_a_broken_judge(tmp_path):
    code, [found], _ = validate(tmp_path, JudgeServer(truth, broken=0.6), "--no-probes", "--gate")
    assert code == 3 and found["faults"][0].startswith("unparsable")
    assert 0.1 < found["unparsable"] / found["judgements"] < 0.35  # .6 to the power of three
    code, [found], _ = validate(tmp_path, JudgeServer(truth, broken=1), "--no-probes", "--cache", tmp_path / "other")
    assert found["unparsable"] == found["judgements"] and found["measures"]["spearman_within"].get("value") is None


@pytest.mark.slow
def test_a_judge_that_prefers_its_own_family(tmp_path):
    own = {f"alpha {line} {quality}" for line in range(LINES) for quality in range(101)}
    behave = JudgeServer(truth, noise=4, bonus=9, own=own)
    _, [found], _ = validate(tmp_path, behave, "--no-probes", model="openai/gpt-judge")
    assert found["faults"] == ["prefers its own family"]
    assert found["measures"]["self_preference"]["low"] > 4
    again = ["--no-probes", "--cache", tmp_path / "other"]
    _, [found], _ = validate(tmp_path, JudgeServer(truth, noise=4), *again, model="openai/gpt-judge")
    assert "faults" not in found or not found["faults"]


@pytest.mark.slow
def test_a_judge_that_drifts_is_found_though_its_answers_are_cached(tmp_path):
    behave, file = JudgeServer(truth, noise=6), ratings(tmp_path / "ratings.jsonl")
    with Loopback(behave) as server:
        words = [server, tmp_path, file, "--baseline", tmp_path / "baseline.json", "--repeats", "1"]
        _, [before], first = ask(*words)
        assert "drift" not in before["measures"]
        _, [same], second = ask(*words)
        assert not same.get("faults") and second < first and same["measures"]["drift"]["low"] <= 0
        behave.shift = -5
        kept = (tmp_path / "baseline.json").read_text()
        _, [after], third = ask(*words)
    assert after["faults"] == ["has drifted"] and third == second
    assert after["measures"]["drift"]["value"] == pytest.approx(-5, abs=1)
    assert (tmp_path / "baseline.json").read_text() == kept


def test_a_judge_that_can_be_talked_into_more(tmp_path):
    dirty = {probe.injected for probe in injections()}
    behave = JudgeServer(lambda text: 100 if text in dirty else truth(text))
    _, [found], _ = validate(tmp_path, behave)
    assert found["faults"] == ["can be talked into higher values"]


def test_a_judge_that_misses_known_answers(tmp_path):
    known = {text for probe in sentinels() for text in (probe.good, probe.bad)}
    _, [found], _ = validate(tmp_path, JudgeServer(lambda text: 50 if text in known else truth(text)))
    assert found["faults"] == ["misses known answers"]


def test_a_judge_that_likes_the_first_place(tmp_path):
    _, [found], _ = validate(tmp_path, JudgeServer(truth, always_first=True), judges=["pairwise"])
    assert found["faults"] == ["prefers the first place"]
    assert found["measures"]["first_place"]["value"] == 1 == found["measures"]["inconsistent"]["value"]
    assert found["measures"]["pairwise_accuracy"]["value"] == 0.5
    _, [found], _ = validate(tmp_path, JudgeServer(truth), "--cache", tmp_path / "o", judges=["pairwise"])
    assert not found.get("faults") and found["measures"]["first_place"]["value"] == 0.5
    assert found["measures"]["pairwise_accuracy"]["value"] > 0.9


@pytest.mark.slow
def test_scales_stand_side_by_side_and_are_drawn(tmp_path):
    kinds = ["accuracy", "accuracy:scale=5", "accuracy:scale=checklist", "candidates:votes=2", "error_spans", "genrm"]
    _, found, _ = validate(tmp_path, JudgeServer(truth), "--no-probes", "--repeats", "1", judges=kinds)
    within = [row["measures"]["spearman_within"]["value"] for row in found]
    assert len(found) == 6 and within[0] == within[3] > within[1] > within[5] > 0.3
    pictures = sorted((tmp_path / "out").glob("*.svg"))
    assert len(pictures) == 6
    for picture in pictures:
        drawn = xml.dom.minidom.parse(str(picture))
        assert len(drawn.getElementsByTagName("circle")) == 2 * LINES * len(SYSTEMS)
    rows = (tmp_path / "out" / "judgements.jsonl").read_text().splitlines()
    assert len(rows) == 6 * LINES * len(SYSTEMS)


def test_wrong_ratings_are_said_at_once(tmp_path):
    base = {"line": "1", "system": "s", "source": "你", "hypothesis": "You", "rater": "a", "score": 5}
    wrong = [
        [{**base, "score": "5"}],
        [{**base, "score": True}],
        [{**base, "colour": "red"}],
        [{name: value for name, value in base.items() if name != "rater"}],
        [base, base],
        [base, {**base, "rater": "b", "hypothesis": "He"}],
        [],
    ]
    for rows in wrong:
        with pytest.raises(UserError):
            group(((str(number), row) for number, row in enumerate(rows)), "ratings")
    file = tmp_path / "r.jsonl"
    file.write_text(json.dumps({**base, "score": 101}) + "\n")
    words = [
        "validate",
        "--ratings",
        file,
        "--model",
        "openai/m",
        "--api-base",
        "http://127.0.0.1:1",
        "--out",
        tmp_path,
    ]
    with pytest.raises(UserError, match="--range"):
        sandglass(*words)
    with pytest.raises(UserError, match="no model"):
        sandglass("validate", "--ratings", file, "--out", tmp_path, "--range", "0,200")


def test_a_call_that_fails_stops_it_and_the_next_time_goes_on(tmp_path):
    behave = JudgeServer(truth)
    left = [50]

    def tired(request):
        left[0] -= 1
        return behave(request) if left[0] > 0 else fails(400)

    file = ratings(tmp_path / "ratings.jsonl")
    with Loopback(tired) as server:
        words = [server, tmp_path, file, "--no-probes", "--repeats", "1"]
        code, found, _ = ask(*words)
        assert code == 4 and not found
        left[0] = 10_000
        code, [found], calls = ask(*words)
    assert code == 0 and calls < LINES * len(SYSTEMS) - 30 and found["unparsable"] == 0


def test_agreement_against_values_worked_by_hand():
    rows = [("1", "a", 10, 30), ("1", "b", 20, 20), ("1", "c", 30, 40), ("2", "a", 5, 1), ("2", "b", 5, 2)]
    data = measures.table([(line, system, float(x), float(y)) for line, system, x, y in rows])
    assert measures.within(data).value == pytest.approx(0.5)  # people see no difference on line 2
    numbers = measures.agreement(data)
    assert numbers["bias"].value == pytest.approx(np.mean([20, 0, 10, -4, -3]))
    spread = np.std([20, 0, 10, -4, -3], ddof=1)
    assert numbers["limit_high"].value == pytest.approx(4.6 + 1.96 * spread, rel=1e-3)


def test_the_ceiling_is_one_rater_against_the_others():
    base = {"source": "", "hypothesis": ""}
    table = {"a": [1, 2, 3], "b": [1, 2, 3], "c": [3, 2, 1]}
    rows = [
        {"line": "1", "system": f"s{n}", "rater": rater, "score": score, **base}
        for rater, scores in table.items()
        for n, score in enumerate(scores)
    ]
    found = findings.ceiling(group(enumerate(rows), "x"))
    # a and b against the mean of the others, which is flat, say nothing; c is opposed to both.
    assert found["ceiling_within"].value == -1
