import importlib.util
import json
import os
import pickle
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.bridge import tasks as bridge
from harness.bridge import yaml_files
from harness.bridge.model import Incomplete, Runner
from harness.bridge.requests import Options, chat_text, cut, foreign_request
from harness.errors import UserError
from harness.languages import LANGUAGES
from harness.llm.types import Decode
from harness.prompts import one_line
from harness.records import Segment, Translation, Usage
from harness.registry import names
from harness.score import Records, estimates, score
from harness.task import load_task
from tests.loopback import Loopback, fails, says
from tests.task_data import data_for

ROOT = Path(__file__).parents[1]
INSTALLED = all(importlib.util.find_spec(module) for module in ("lm_eval", "datasets"))
needs_lm_eval = pytest.mark.skipif(not INSTALLED, reason="needs the lm-eval extra")
V1 = [name for name in names("tasks") if name.startswith("sandglass_zh_")]
LINE = "We go out to eat good food by the sea."


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("SANDGLASS_DATA", raising=False)
    bridge.plan_of.cache_clear()
    yield
    bridge.plan_of.cache_clear()


# ------------------------------------------------------------------ our tasks as lm-eval's


def loaded_by_lm_eval(wanted, metadata=None):
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(ROOT / "tasks"), include_defaults=False, metadata=metadata)
    assert set(wanted) <= set(manager.all_tasks)
    return manager.load(list(wanted))["tasks"]


def check_agreement(theirs, ours):
    docs = theirs.eval_docs
    assert list(docs["id"]) == [segment.id for segment in ours.segments]
    assert list(docs["text"]) == [segment.text for segment in ours.segments]
    assert list(docs["reference"]) == [segment.reference or "" for segment in ours.segments]
    assert list(docs["cluster"]) == [segment.cluster for segment in ours.segments]
    metadata = theirs.config.metadata
    facts = bridge.describe(ours)
    assert {fact: metadata.get(fact, value) for fact, value in facts.items()} == facts
    assert set(facts) - set(metadata) <= {"data_sha256"}
    assert ours.version == theirs.VERSION
    assert metadata["task"] == theirs.config.task == ours.name
    assert docs[0]["protocol_line"].startswith(f"task={ours.line()}|selection=by lm-eval|")
    assert theirs.doc_to_text(docs[0]) == docs[0]["prompt"]
    reported = {metric.removesuffix("_low").removesuffix("_high") for metric in theirs.aggregation()}
    assert reported == set(bridge.METRICS)


def test_every_task_has_its_yaml():
    found = set((ROOT / "tasks").rglob("*.yaml"))
    assert found == {yaml_files.yaml_path(name) for name in names("tasks")}
    for name in names("tasks"):
        text = yaml_files.yaml_path(name).read_text(encoding="utf-8")
        assert text == yaml_files.registered_text(name), "run: python -m harness.bridge.yaml_files"


@pytest.fixture(scope="module")
def manager():
    if not INSTALLED:
        pytest.skip("needs the lm-eval extra")
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(ROOT / "tasks"), include_defaults=False)


def one_language_first():
    """All tasks; one language (pair) of each is a unit test, the others are slow."""
    seen = set()
    for name in names("tasks"):
        kind = re.sub(r"(_[a-z]{2}){1,2}$", "", name)
        yield pytest.param(name, marks=[pytest.mark.slow] if kind in seen else [])
        seen.add(kind)


@pytest.mark.parametrize("name", list(one_language_first()))
def test_every_task_agrees_with_its_yaml_and_runs(name, manager, monkeypatch, tmp_path):
    """Through lm-eval's own evaluator and one of its own models, two documents."""
    from lm_eval import simple_evaluate

    data = data_for(name, tmp_path)
    monkeypatch.setenv("SANDGLASS_DATA", str(data or ""))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    (theirs,) = manager.load([name])["tasks"].values()
    task = load_task(name, data)
    check_agreement(theirs, task)
    with Loopback(lambda _: says(LINE)) as server:
        model = {"model": "some", "base_url": f"{server.url}/chat/completions", "num_concurrent": 1, "max_retries": 1}
        asking = {"limit": 2, "apply_chat_template": True, "bootstrap_iters": 0, "task_manager": manager}
        found = simple_evaluate("local-chat-completions", model, [theirs], **asking)
    assert len(server.seen) == found["n-samples"][name]["effective"] == 2
    asked = [seen.json["messages"][-1]["content"] for seen in server.seen]
    for segment, text in zip(task.segments, asked, strict=False):
        assert json.dumps(one_line(segment.text))[1:-1] in json.dumps(text)
    values = found["results"][name]
    assert values["ok,none"] == 1 or not (task.kind == "instructions" or task.target == "en")
    assert ("ib,none" in values) == (task.track != "none")
    assert ("hit,none" in values) == (task.track == "count")
    if task.kind == "translation":
        assert ("chrf_ref,none" in values) == all(segment.reference for segment in task.segments)


@needs_lm_eval
def test_data_is_found_among_several_places(sandglass_json, monkeypatch, tmp_path):
    monkeypatch.setenv("SANDGLASS_DATA", os.pathsep.join([str(tmp_path), str(sandglass_json.parent)]))
    assert bridge.given_data(V1[0]) == sandglass_json
    monkeypatch.setenv("SANDGLASS_DATA", str(sandglass_json))
    assert bridge.given_data(V1[0]) == sandglass_json
    assert bridge.given_data("sandglass_mini_zh_en") is None
    with pytest.raises(UserError, match="comes without data"):
        bridge.given_data("musc_ko_zh")


@needs_lm_eval
@pytest.mark.parametrize("wrong", [{"version": "0.9"}, {"bounds": [0.7, 0.9]}, {"data_sha256": "0"}, {"track": "none"}])
def test_a_yaml_that_contradicts_its_task_is_refused(wrong):
    with pytest.raises(UserError, match=f"says {next(iter(wrong))} is"):
        bridge.load("sandglass_mini_zh_en", **wrong)


@needs_lm_eval
def test_prompts_are_the_strategies_own():
    from baselines.asking import plain_prompt
    from harness.budget_prompts import budget_prompt

    plan = bridge.plan_of("sandglass_mini_zh_de", "phonetic")
    for prompt in ("prompted", "unconstrained"):
        setting = bridge.plan_for(plan, "m", prompt, Decode(), 1).strategies[1].setting
        docs = bridge.load("sandglass_mini_zh_de", "phonetic", prompt)["test"]
        for doc in docs.select(range(5)):
            counts = setting.budget.wanted(Segment(doc["id"], doc["text"], doc["cluster"]))
            stated = budget_prompt(setting.budget, doc["text"], counts[len(counts) // 2])
            assert doc["prompt"] == (stated if prompt == "prompted" else plain_prompt(setting, doc["text"]))
    assert LANGUAGES["de"] in docs[0]["prompt"]


@needs_lm_eval
def test_metadata_chooses_prompt_and_protocol():
    task = loaded_by_lm_eval(["sandglass_mini_zh_en"], {"prompt": "unconstrained", "protocol": "phonetic"})
    doc = task["sandglass_mini_zh_en"].eval_docs[0]
    assert "syllables" not in doc["prompt"] and "|counter=phonetic" in doc["protocol_line"]
    with pytest.raises(UserError, match="Unknown strategy"):
        bridge.load("sandglass_mini_zh_en", prompt="none")


def test_values_are_those_of_the_harness():
    name = "sandglass_mini_zh_en"
    plan, outputs, translations = bridge.plan_of(name, "paper"), {}, {}
    for number, segment in enumerate(plan.task.segments):
        words = segment.reference.split()
        text = ["", "我们出去吃饭", " ".join(words), " ".join(words[:-1]), " ".join(words * 2)][number % 5]
        outputs[segment.id] = bridge.process_results({"task": name, "protocol": "paper", "id": segment.id}, [text])
        translations[segment.id, 1] = bridge._read(segment.id, text, plan.task)
    records = Records(translations, {}, {})
    scored = score(plan.task.segments, records, plan.metrics, plan.frame, "zh", "pyphen")
    expected = estimates(scored, plan.metrics, (1,))
    for metric in ("ok", "ib", "ib_within_1", "over", "under", "rho_fwd"):
        values = [output[metric] for output in outputs.values() if metric in output]
        assert bridge.value(values) == pytest.approx(expected[metric].value, abs=1e-15)
        assert (bridge.low(values), bridge.high(values)) == (expected[metric].low, expected[metric].high)
    assert expected["ok"].value == 0.6 and expected["rho_fwd"].n == 0.6 * len(plan.task.segments)
    assert not any("tokens_total" in output for output in outputs.values())  # lm-eval drops usage


def test_one_video_has_no_interval():
    doc = {"task": "sandglass_mini_zh_en", "protocol": "paper", "id": "acgn-01-01"}
    value = bridge.process_results(doc, ["A line that is in English and far too long for its budget."])["ib"]
    assert (bridge.value([value]), bridge.low([value]), bridge.high([value])) == (0.0, "N/A", "N/A")


# ------------------------------------------------------------------ our strategies as its model


def instance(context, arguments, doc=None):
    return SimpleNamespace(doc=doc or {"question": context}, args=(context, arguments))


def our_doc(id_="acgn-01-01", task="sandglass_mini_zh_en"):
    return {"task": task, "protocol": "paper", "protocol_line": "p", "id": id_}


def test_usage_state_and_repeats_reach_the_caller():
    ours = instance("ignored", {"until": ["\n"]}, our_doc())
    theirs = instance("Say yes.", {"until": ["\n"], "max_gen_toks": 5, "temperature": 0.0})

    def behave(request):
        return says('{"translation": "Good morning."}' if len(request["messages"]) == 2 else "yes\nno")

    with Loopback(behave) as server:
        runner = Runner(Options("openai/some", "unconstrained", server.url))
        answers = runner.answer([ours, ours, theirs])
        again = runner.answer([ours])
    assert answers == ["Good morning.", "Good morning.", "yes"]
    assert [answer.translation.seed for answer in answers[:2]] == [1, 2]
    assert answers[0].translation.usage.output == 5 and again[0].translation.usage.output == 5
    assert len(server.seen) == 3  # the fourth came from the cache
    info = runner.info()["sandglass"]
    assert (info["usage"]["calls"], info["paid"]["calls"], info["usage"]["output"]) == (4, 3, 20)
    assert info["states"] == {"sandglass_mini_zh_en": {"ok": 3}}
    assert "strategy=unconstrained" in info["tasks"]["sandglass_mini_zh_en"]["system"]
    values = bridge.process_results(our_doc(), answers[:1])
    assert values["tokens_total"] == 5.0
    foreign = next(seen.json for seen in server.seen if len(seen.json["messages"]) == 1)
    assert (foreign["max_tokens"], foreign["temperature"], foreign["stop"]) == (5, 0.0, ["\n"])


def test_failures_are_never_left_out_in_silence():
    with Loopback(lambda _: fails(400, "no such thing")) as server:
        runner = Runner(Options("openai/some", "prompted", server.url))
        with pytest.raises(Incomplete, match="1 of 1 requests failed"):
            runner.answer([instance("c", {}, our_doc())])


def test_a_state_that_is_not_ok_counts():
    with Loopback(lambda _: says("I'm sorry, but I cannot.")) as server:
        answers = Runner(Options("openai/some", "prompted", server.url)).answer([instance("c", {}, our_doc())])
    assert answers[0].translation.state == "refused"
    values = bridge.process_results(our_doc(), answers)
    assert (values["ok"], values["ib"], values["over"], values["under"]) == (0, 0, 1, 1)


def test_foreign_requests():
    options = Options("local/gemma-3-270m", temperature=0.5)
    request = foreign_request(options, "completion", "Q: a\nA:", {"until": "Q:", "temperature": 0.0}, 3)
    assert (request.prompt, request.messages, request.repeat) == ("Q: a\nA:", (), 3)
    assert (request.decode.temperature, request.decode.stop, request.decode.max_tokens) == (0.5, ("Q:",), 256)
    assert cut("abc", ["c", "b"]) == "a" and cut("abc", []) == "abc"
    chat = chat_text([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}])
    messages = foreign_request(Options("openai/some"), "chat", chat, {}).messages
    assert [(message.role, message.content) for message in messages] == [("system", "s"), ("user", "u")]
    with pytest.raises(UserError, match="takes no chats"):
        foreign_request(options, "completion", chat, {})


def test_an_answer_survives_lm_evals_own_cache():
    answer = bridge.Answer("Hi")
    answer.translation = Translation("a", 1, "Hi", "ok", "", Usage(1, 2, 0, 3, 0))
    read = pickle.loads(pickle.dumps(answer))
    assert read == "Hi" and read.translation == answer.translation and json.dumps(read) == '"Hi"'


@needs_lm_eval
def test_failed_requests_end_in_exit_code_4(monkeypatch, capsys):
    import lm_eval.__main__ as theirs

    from harness.commands.lm_eval_command import hand_over

    def fail():
        raise Incomplete("1 of 2 requests failed")

    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(theirs, "cli_evaluate", fail)
    assert hand_over(["run", "--tasks", "t"]) == 4
    assert "1 of 2 requests failed" in capsys.readouterr().err
    assert sys.argv == ["lm-eval", "run", "--tasks", "t", "--include_path", str(ROOT / "tasks")]
    from lm_eval.api.registry import model_registry

    assert "sandglass" in model_registry and "local-chat-completions" in model_registry
