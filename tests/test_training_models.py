"""What trainers share of models: log-probabilities, tiny models, adapters, loading."""

import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

import torch

from harness.errors import UserError
from trainers.common.config import Lora, Model
from trainers.common.logprobs import summed_logprobs
from trainers.common.models import load_model, lora_config, save_model
from trainers.common.toy import fit, sample, tiny_model, word_tokenizer

WORDS = "the a cat dog sees finds small red".split()


@pytest.fixture(scope="module")
def tiny():
    tokenizer = word_tokenizer(WORDS)
    return tiny_model(tokenizer, hidden=32, layers=1, heads=2), tokenizer


@pytest.mark.parametrize("side", ["left", "right"])
def test_summed_logprobs_are_those_of_the_whole_softmax(tiny, side, monkeypatch):
    model, _ = tiny
    monkeypatch.setattr("trainers.common.logprobs.ROWS", 2)  # so that there are several pieces
    sequences, prompts = [[4, 5, 6, 7, 2], [8, 9, 2], [4, 4, 4, 4, 5, 6, 2]], [2, 1, 4]
    width, ids, attention, completion = 8, [], [], []
    for sequence, prompt in zip(sequences, prompts, strict=True):
        padding, after = [0] * (width - len(sequence)), [0] * prompt + [1] * (len(sequence) - prompt)
        for into, row, filler in (
            (ids, sequence, padding),
            (attention, [1] * len(sequence), padding),
            (completion, after, padding),
        ):
            into.append(filler + row if side == "left" else row + filler)
    got = summed_logprobs(model, *map(torch.tensor, (ids, attention, completion))).tolist()
    for value, sequence, prompt in zip(got, sequences, prompts, strict=True):
        logprobs = model(input_ids=torch.tensor([sequence])).logits[0].log_softmax(-1)
        expected = sum(logprobs[place - 1, sequence[place]] for place in range(prompt, len(sequence)))
        assert value == pytest.approx(float(expected.detach()), abs=1e-5)


def test_summed_logprobs_have_the_gradient_of_the_whole_softmax(tiny):
    model, _ = tiny
    ids = torch.tensor([[4, 5, 6, 7]])
    mask = torch.tensor([[0, 0, 1, 1]])
    model.zero_grad()
    summed_logprobs(model, ids, torch.ones_like(ids), mask).sum().backward()
    ours = model.get_input_embeddings().weight.grad.clone()
    model.zero_grad()
    logprobs = model(input_ids=ids).logits[0].log_softmax(-1)
    (logprobs[1, 6] + logprobs[2, 7]).backward()
    assert torch.allclose(ours, model.get_input_embeddings().weight.grad, atol=1e-6)


def test_a_model_that_scales_its_logits_is_refused_and_not_computed_wrong():
    from transformers import GraniteConfig, GraniteForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = GraniteForCausalLM(GraniteConfig(vocab_size=12, num_key_value_heads=2, logits_scaling=8.0, **sizes))
    ids = torch.tensor([[4, 5]])
    with pytest.raises(UserError, match="granite scales its logits"):
        summed_logprobs(model, ids, torch.ones_like(ids), torch.ones_like(ids))


def test_an_empty_completion_has_probability_one(tiny):
    ids = torch.tensor([[4, 5]])
    assert float(summed_logprobs(tiny[0], ids, torch.ones_like(ids), torch.zeros_like(ids)).detach()) == 0


def test_a_tiny_model_learns_what_it_is_fitted_to():
    tokenizer = word_tokenizer(WORDS)
    model = tiny_model(tokenizer, hidden=32, layers=1, heads=2)
    pairs = [("the cat", "sees a dog"), ("the dog", "finds a cat")]
    assert fit(model, tokenizer, pairs, steps=150, batch=8, learning_rate=5e-3) < 0.05
    assert sample(model, tokenizer, [p for p, _ in pairs], max_new_tokens=6, temperature=0) == [[c] for _, c in pairs]
    drawn = sample(model, tokenizer, ["the cat"], max_new_tokens=6, per_prompt=4, seed=3)
    assert drawn == sample(model, tokenizer, ["the cat"], max_new_tokens=6, per_prompt=4, seed=3) and len(drawn[0]) == 4


def test_adapters_are_merged_and_pickles_refused(tmp_path, tiny):
    from peft import get_peft_model

    adapted = get_peft_model(tiny_model(tiny[1], hidden=32, layers=1, heads=2), lora_config(Model("x", Lora(r=2))))
    save_model(adapted, tiny[1], tmp_path / "merged")
    assert not (tmp_path / "merged" / "adapter_config.json").exists()
    with pytest.raises(UserError, match="no modules named 'query'"):
        load_model(Model(str(tmp_path / "merged"), Lora(targets=("q_proj", "query"))))
    weights, tokenizer = load_model(Model(str(tmp_path / "merged")))
    assert sum(p.numel() for p in weights.parameters()) == sum(p.numel() for p in tiny[0].parameters())
    assert tokenizer("the cat")["input_ids"] == [4, 6]
    (tmp_path / "merged" / "model.safetensors").rename(tmp_path / "merged" / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors"):
        load_model(Model(str(tmp_path / "merged")))
