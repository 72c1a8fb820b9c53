"""GenRM's models: what they are asked and answer, the probability of a score, fine-tuning, use as a reward."""

import asyncio
import math
import shutil

import pytest

from harness.errors import RunError, UserError
from harness.judges.genrm import read
from harness.llm.types import Decode, Request
from trainers.homura import toy_language as language
from trainers.homura.genrm import toy
from trainers.homura.genrm.data import Judged, Pair, question
from trainers.homura.genrm.toy import Toy, make_pairs
from trainers.homura.parts import Batch, build_part


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


def test_a_fenced_answer_has_its_score_s_probability_too(tiny, monkeypatch):
    from trainers.homura.genrm import evaluate
    from trainers.homura.genrm.generating import Generated

    tokenizer, model = tiny
    pair = make_pairs(1, 4)[0]
    bare = Judged(pair, " . ", 1).answer()
    texts = [bare, f"```json\n{bare}\n```", "nonsense"]
    monkeypatch.setattr(evaluate, "generate", lambda *_, **__: [Generated(text, True) for text in texts])
    plain, fenced, none = evaluate.ask(model, tokenizer, [pair] * 3, max_tokens=1, batch=3)
    assert plain.score == fenced.score == 1 and plain.probability == pytest.approx(fenced.probability)
    assert (none.score, none.probability) == (None, None)


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
        asyncio.run(InProcess(tmp_path / "none").call(Request("hf/x", messages=question(Pair("你好", "Hello"))), 1))


def test_an_untrained_genrm_is_a_part_without_values(checkpoint):
    section = {
        "judge": f"genrm:model=hf/{checkpoint}:max_tokens=12",
        "serve": "process",
        "source": "zh",
        "target": "en",
    }
    part = build_part("genrm", section)
    assert asyncio.run(part(Batch(["警察 看见 小狗"], ["cops see dogs"]))) == [None]
    assert any(name.startswith("model/hf/genrm@") for name in part.optimised_for)


def test_what_a_genrm_learned_from_is_on_the_card_of_what_it_trains(checkpoint, tmp_path):
    folder = shutil.copytree(checkpoint, tmp_path / "genrm")
    (folder / "sandglass.json").write_text('{"optimised_for": ["family/deepseek"]}', encoding="utf-8")
    part = build_part("genrm", {"judge": f"genrm:model=hf/{folder}", "serve": "process"})
    assert {"judge/genrm", "family/deepseek"} <= set(part.optimised_for)


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
