"""X-AlpacaEval: instructions answered, held against a stored baseline by m and M, and win rates of it."""

import json
import math

import pytest

from harness.cli import main
from harness.judges.preference import read
from harness.judges.reading import Unreadable
from harness.llm.types import Request
from harness.preferred import win_rates
from harness.run.store import read_result
from harness.stats.length_control import length_controlled_win_rates
from harness.task import load_task
from harness.verify import verify_run
from tests.loopback import Loopback, Reply, says

BASELINE = "Die Antwort der Grundlage."


class AlpacaServer:
    """Answers instructions with one or two lines, and prefers as it is told: by log-probabilities or by name.

    Args:
        own: probability given to the longer answer.
        logprobs: whether the first token's alternatives are told.
        broken: answer the judge's question with a sentence.
    """

    def __init__(self, own: float = 0.8, logprobs: bool = True, broken: bool = False) -> None:
        self.own, self.logprobs, self.broken = own, logprobs, broken
        self.asked: list[dict] = []

    def __call__(self, request: dict) -> Reply:
        """Answer or judge."""
        user = request["messages"][-1]["content"]
        if "outputs" not in user:
            assert len(request["messages"]) == 1
            return says(f"Zur Frage: {user}\nMehr dazu gibt es nicht zu sagen.")
        self.asked.append(request)
        if self.broken:
            return says("I prefer the first one.")
        outputs = json.loads(user)["outputs"]
        longer = max(outputs, key=lambda name: len(outputs[name]))
        reply = says(longer)
        if not (self.logprobs and request.get("logprobs")):
            return reply
        other = {"m": "M", "M": "m"}[longer]
        told = [{"token": longer, "logprob": math.log(self.own)}, {"token": other, "logprob": math.log(1 - self.own)}]
        content = [{"token": longer, "logprob": math.log(self.own), "top_logprobs": told}]
        reply.body["choices"][0]["logprobs"] = {"content": content}
        return reply


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "de.json"
    rows = [{"instruction": f"Erkläre Frage {n}.\nBitte kurz.", "output": BASELINE, "dataset": "a"} for n in range(12)]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def run(data, out, server, name="m", *more):
    return main([
        "run", "x_alpaca_eval_de", "--data", str(data), "--model", f"hosted_vllm/{name}", "--api-base", server.url,
        "--strategy", "respond", "--seeds", "1", "--judge", f"preference:model=hosted_vllm/j:api_base={server.url}",
        "--cache", str(out / "cache"), "--out", str(out), *more,
    ])  # fmt: skip


def test_answers_are_held_against_the_baseline(data, tmp_path):
    behaviour = AlpacaServer()
    with Loopback(behaviour) as server:
        assert run(data, tmp_path, server) == 0
    folder = next(tmp_path.glob("x_alpaca_eval_de/*/*"))
    result = read_result(folder)
    assert result.metrics["preference"].value == pytest.approx(0.8)
    assert set(result.states) and result.states["ok"] == 12
    assert not {"ib", "rho_fwd", "bleu_ref", "bleu", "usable"} & set(result.metrics)
    texts = [json.loads(line)["text"] for line in (folder / "translations.jsonl").read_text().splitlines()]
    assert all("\nMehr dazu" in text for text in texts)  # an answer keeps its lines
    places = {json.loads(request["messages"][-1]["content"])["outputs"]["m"] == BASELINE for request in behaviour.asked}
    assert places == {True, False}  # the order is random
    assert verify_run(folder) == []


def test_a_dry_run_answers_instructions_in_plain_words(data, tmp_path, capsys):
    behaviour = AlpacaServer()
    with Loopback(behaviour) as server:
        assert run(data, tmp_path, server, "m", "--dry-run") == 0
    assert not behaviour.asked and "hosted_vllm/m: 12 calls" in capsys.readouterr().out


def test_without_log_probabilities_a_verdict_is_one_or_nothing(data, tmp_path):
    with Loopback(AlpacaServer(logprobs=False)) as server:
        assert run(data, tmp_path, server) == 0
    assert read_result(next(tmp_path.glob("x_alpaca_eval_de/*/*"))).metrics["preference"].value == 1.0


def test_a_judge_that_says_something_else_is_unread_and_never_zero(data, tmp_path):
    behaviour = AlpacaServer(broken=True)
    with Loopback(behaviour) as server:
        run(data, tmp_path, server)
    result = read_result(next(tmp_path.glob("x_alpaca_eval_de/*/*")))
    assert result.metrics["preference"].value is None and result.metrics["preference_unread"].value == 1.0
    assert len(behaviour.asked) == 36 and not result.publishable  # three tries each


def test_win_rates_of_several_runs(data, tmp_path, capsys):
    with Loopback(AlpacaServer()) as server:
        assert run(data, tmp_path, server, "a") == run(data, tmp_path, server, "b", "--temperature", "0.6") == 0
    folders = sorted(tmp_path.glob("x_alpaca_eval_de/*/*"))
    found = win_rates(folders)
    answers = [f"Zur Frage: Erkläre Frage {n}.\nBitte kurz.\nMehr dazu gibt es nicht zu sagen." for n in range(12)]
    rows = [
        (line.system, f"{n:04}", 0.8, len(BASELINE), len(answer)) for line in found for n, answer in enumerate(answers)
    ]
    controlled = length_controlled_win_rates(rows)
    for line in found:
        assert line.win_rate.estimate == pytest.approx(80)
        assert line.length_controlled.estimate == pytest.approx(controlled[line.system])
        assert line.length_controlled.low < line.length_controlled.estimate < line.length_controlled.high
        assert line.length_controlled.estimate < 80  # the answers are longer than the baseline's
    capsys.readouterr()
    assert main(["win-rate", *map(str, folders)]) == 0
    shown = capsys.readouterr().out
    assert "hosted_vllm/a" in shown and "80.0 [" in shown
    assert main(["win-rate", str(folders[0])]) == 0


@pytest.mark.parametrize("content", ["{", "[]", '[{"output": "x"}]', '[{"instruction": "x", "output": 3}]'])
def test_bad_data_is_refused(tmp_path, content, capsys):
    path = tmp_path / "de.json"
    path.write_text(content)
    assert main(["score", "x_alpaca_eval_de", "--data", str(path), "--reference", "--no-model", "--out", "o"]) == 2
    assert "AlpacaEval's format" in capsys.readouterr().err


def test_what_does_not_suit_the_task_is_refused(data, tmp_path, capsys):
    common = ["--model", "hosted_vllm/m", "--api-base", "http://127.0.0.1:9/v1", "--out", str(tmp_path)]
    assert main(["run", "x_alpaca_eval_de", "--data", str(data), "--strategy", "unconstrained", *common]) == 2
    assert main(["run", "sandglass_mini_zh_en", "--protocol", "offline", "--strategy", "respond", *common]) == 2
    prompts = tmp_path / "prompts.json"
    prompts.write_text(json.dumps([{"instruction": "Was?"}]))
    judge = ["--judge", "preference:model=hosted_vllm/j:api_base=http://127.0.0.1:9/v1"]
    assert main(["run", "x_alpaca_eval_de", "--data", str(prompts), "--strategy", "respond", *judge, *common]) == 2
    assert "baseline" in capsys.readouterr().err
    assert load_task("x_alpaca_eval_de", prompts).segments[0].reference is None


@pytest.mark.parametrize("answer", ["", "mM", "A", "m\n[1]", "m\n{", 'm\n{"m": "x"}', "I prefer m"])
def test_other_answers_are_unreadable(answer):
    with pytest.raises(Unreadable):
        read(answer, 0)


def test_a_missing_alternative_weighs_nothing():
    assert read('m\n{"m": -0.5, "x": -1.0}', 0) == 1.0
    assert read('m\n{"x": -1.0}', 1) == 0.0  # no identifier among the alternatives: the word counts


def test_requests_of_before_keep_their_key():
    plain = Request("m", prompt="a")
    assert plain.key() == Request("m", prompt="a", top_logprobs=0).key()
    assert plain.key() != Request("m", prompt="a", top_logprobs=5).key()
    import hashlib

    old = {"model": "m", "messages": [], "prompt": "a", "decode": {"max_tokens": 1024, "temperature": None,
           "top_p": None, "stop": [], "reasoning_effort": None}, "seed": 1, "repeat": 0, "api_base": None}  # fmt: skip
    canonical = json.dumps(old, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert plain.key() == hashlib.sha256(canonical.encode()).hexdigest()
