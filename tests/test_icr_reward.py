"""Implicit rewards against TRL's log-ratios and NumPy; masks, padding and batches change nothing."""

import numpy as np
import pytest

pytest.importorskip("trl", reason="the trainers need the extra 'train'")

from harness.errors import UserError
from trainers.common.toy import tiny_model, word_tokenizer
from trainers.icr.loss import dpo_nll_loss
from trainers.icr.reward import implicit_rewards, prompt_ids, response_ids, response_logprobs
from trainers.icr.toy import TEMPLATE

WORDS = "one two three four five six : .".split()
PAIRS = [
    ("one two", "three ."),
    ("three", "four five six . one two"),
    ("one two three four five six one two", "six"),
    ("two", "<eos>"),  # the text of the end of sequence in a response
    ("six six", "one one one one one one one one one one ."),
]


@pytest.fixture(scope="module")
def tokenizer():
    made = word_tokenizer(WORDS)
    made.chat_template = TEMPLATE
    return made


@pytest.fixture(scope="module")
def models(tokenizer):
    return [tiny_model(tokenizer, hidden=32, layers=2, heads=2, length=64, seed=seed).eval() for seed in (1, 2)]


def by_numpy(model, tokenizer, prompt, response):
    """Log-probability of a response from the logits of one sequence without padding, in double precision."""
    import torch

    before, after = prompt_ids(tokenizer, prompt), response_ids(tokenizer, response)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([before + after])).logits[0].double().numpy()
    shifted = logits - logits.max(axis=1, keepdims=True)
    logprobs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return sum(logprobs[len(before) - 1 + n, token] for n, token in enumerate(after))


def test_the_reward_is_numpys(models, tokenizer):
    expected = [by_numpy(models[0], tokenizer, *pair) - by_numpy(models[1], tokenizer, *pair) for pair in PAIRS]
    assert implicit_rewards(*models, tokenizer, PAIRS) == pytest.approx(expected, abs=1e-4)
    assert np.ptp(expected) > 0.1
    assert (implicit_rewards(models[0], models[0], tokenizer, PAIRS) == 0).all()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_batches_and_padding_change_nothing(models, tokenizer, side, batch):
    expected = [by_numpy(models[0], tokenizer, *pair) for pair in PAIRS]
    assert response_logprobs(models[0], tokenizer, PAIRS, batch=batch, side=side) == pytest.approx(expected, abs=1e-4)


def test_padding_with_the_end_of_sequence_changes_nothing(models, tokenizer):
    other = word_tokenizer(WORDS)
    other.chat_template, other.pad_token = TEMPLATE, "<eos>"
    assert response_logprobs(models[0], other, PAIRS, batch=5) == pytest.approx(
        response_logprobs(models[0], tokenizer, PAIRS, batch=5), abs=1e-5
    )


def test_every_token_of_the_response_and_its_end_count(models, tokenizer):
    """A mask one token off, as in the released code, loses the response's first token."""
    import torch

    prompt, response = "one two", "three ."
    ids = prompt_ids(tokenizer, prompt) + response_ids(tokenizer, response)
    with torch.inference_mode():
        logprobs = models[0](input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    whole = [float(logprobs[place - 1, ids[place]]) for place in range(3, 6)]
    assert tokenizer.decode(ids[3:]) == "three . <eos>"
    assert response_logprobs(models[0], tokenizer, [(prompt, response)])[0] == pytest.approx(sum(whole), abs=1e-5)
    assert abs(whole[0]) > 0.1


def test_the_reward_is_trls_log_ratio(models, tokenizer, tmp_path):
    """TRL's own trainer, on its own tokens of the same conversations, reports beta times our rewards."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    pairs = [("one two", "three .", "four"), ("six", "five four .", "one one two three"), ("four five", "six", ".")]
    rows = [
        {
            "prompt": [{"role": "user", "content": prompt}],
            "chosen": [{"role": "assistant", "content": chosen}],
            "rejected": [{"role": "assistant", "content": rejected}],
        }
        for prompt, chosen, rejected in pairs
    ]
    policy, reference = (
        tiny_model(tokenizer, hidden=32, layers=2, heads=2, length=64, seed=seed).eval() for seed in (1, 2)
    )
    args = DPOConfig(output_dir=str(tmp_path), beta=0.5, use_cpu=True, bf16=False, report_to=[], loss_type=["sigmoid"])
    trainer = DPOTrainer(
        model=policy, ref_model=reference, args=args, train_dataset=Dataset.from_list(rows), processing_class=tokenizer
    )
    chosen = implicit_rewards(*models, tokenizer, [(prompt, y) for prompt, y, _ in pairs])
    rejected = implicit_rewards(*models, tokenizer, [(prompt, y) for prompt, _, y in pairs])
    for number, row in enumerate(trainer.train_dataset):
        trainer._metrics["eval"].clear()
        loss = trainer.compute_loss(trainer.model, trainer.data_collator([row]))
        told = trainer._metrics["eval"]
        assert told["rewards/chosen"][0] / 0.5 == pytest.approx(chosen[number], abs=1e-4)
        assert told["rewards/rejected"][0] / 0.5 == pytest.approx(rejected[number], abs=1e-4)
        assert float(loss) == pytest.approx(np.log1p(np.exp(-0.5 * (chosen[number] - rejected[number]))), abs=1e-4)


def test_what_the_model_cannot_read_is_said(models, tokenizer):
    with pytest.raises(UserError, match="the model reads 64"):
        response_logprobs(models[0], tokenizer, [("one", "two " * 70)])


def test_no_pairs_are_no_rewards(models, tokenizer):
    assert implicit_rewards(*models, tokenizer, []).shape == (0,)


def loss_by_numpy(chosen, rejected, ref_chosen, ref_rejected, lengths, beta, alpha):
    """The loss a pair at a time, by plain arithmetic."""
    rows = zip(chosen, rejected, ref_chosen, ref_rejected, lengths, strict=True)
    return [np.logaddexp(0, -beta * ((c - rc) - (r - rr))) + alpha * -c / n for c, r, rc, rr, n in rows]


def test_the_loss_is_numpys_and_its_gradient_right():
    import torch

    rng = np.random.default_rng(0)
    four, lengths = -rng.uniform(1, 60, (4, 6)), rng.integers(1, 40, 6)
    tensors = [torch.tensor(row, dtype=torch.float64, requires_grad=True) for row in four]
    for beta, alpha in ((0.1, 1.0), (0.5, 0.0), (0.01, 0.3)):
        found = dpo_nll_loss(*tensors, torch.tensor(lengths), beta, alpha)
        assert found.tolist() == pytest.approx(loss_by_numpy(*four, lengths, beta, alpha))
    assert torch.autograd.gradcheck(lambda *each: dpo_nll_loss(*each, torch.tensor(lengths), 0.1, 1.0), tensors)


def test_a_huge_margin_is_no_nan():
    import torch

    far = [torch.tensor([value], requires_grad=True) for value in (-1e4, 0.0, 0.0, -1e4)]
    loss = dpo_nll_loss(*far, torch.tensor([3]), 1.0, 0.0)
    loss.sum().backward()
    assert torch.isfinite(loss).all() and all(torch.isfinite(each.grad).all() for each in far[:2])


def trained_losses(tokenizer, tmp_path, batch, accumulation, *, trl=False):
    """The loss of a batch of four pairs, by our trainer or by TRL's own, in parts of ``batch`` pairs."""
    import torch

    from trainers.common.config import Training
    from trainers.icr.pair_trainer import pair_trainer

    pairs = [("one two", "three .", "four"), ("six", "five four . one two three four", "one one two three"),
             ("four five", "six", "."), ("two", "one . one .", "three three")]  # fmt: skip
    policy = tiny_model(tokenizer, hidden=32, layers=2, heads=2, length=64, seed=1)
    training = Training(str(tmp_path), 1e-3, batch=batch, accumulation=accumulation, steps=1)
    trainer = pair_trainer(policy, tokenizer, pairs, training, beta=0.3, alpha=0.7)
    with torch.no_grad():
        for parameter in policy.parameters():  # away from the reference
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)) * 0.05)
    rows = [trainer.train_dataset[n] for n in range(4)]
    if trl:
        from trl import DPOTrainer

        trainer.loss_types, trainer.loss_weights = ["sigmoid", "sft"], [1.0, 0.7]
        compute = lambda part: DPOTrainer.compute_loss(trainer, trainer.model, part)  # noqa: E731
    else:
        compute = lambda part: trainer.compute_loss(trainer.model, part)  # noqa: E731
    parts = [rows[start : start + batch] for start in range(0, 4, batch)]
    losses = [float(compute(trainer.data_collator(part)).detach()) for part in parts]
    if trl:
        return sum(losses) / len(losses)
    policy.eval()
    own = [[response_logprobs(policy, tokenizer, [(x, y)])[0] for x, y in ((x, w), (x, z))] for x, w, z in pairs]
    reference = [(row["ref_chosen_logps"], row["ref_rejected_logps"]) for row in rows]
    columns = [*zip(*own, strict=True), *zip(*reference, strict=True)]
    lengths = [len(response_ids(tokenizer, chosen)) for _, chosen, _ in pairs]
    assert sum(losses) / len(losses) == pytest.approx(np.mean(loss_by_numpy(*columns, lengths, 0.3, 0.7)), abs=1e-4)
    return sum(losses) / len(losses)


def test_the_trainers_loss_is_numpys_however_it_is_batched(tokenizer, tmp_path):
    whole = trained_losses(tokenizer, tmp_path / "a", 4, 1)
    assert trained_losses(tokenizer, tmp_path / "b", 1, 4) == pytest.approx(whole, abs=1e-5)
    assert trained_losses(tokenizer, tmp_path / "c", 2, 2) == pytest.approx(whole, abs=1e-5)


def test_steps_of_uneven_batches_are_means_over_their_pairs(tokenizer, tmp_path):
    """Five pairs at once, or four and then one: the same weights, since each pair counts alike."""
    import torch

    from trainers.common.config import Training
    from trainers.icr.pair_trainer import pair_trainer

    pairs = [(prompt, "three .", "six") for prompt in ("one", "two", "three", "one two")] + [("six", "two " * 9, ".")]
    weights = []
    for batch, accumulation in ((5, 1), (4, 2)):
        policy = tiny_model(tokenizer, hidden=32, layers=2, heads=2, length=64, seed=1)
        training = Training(str(tmp_path / str(batch)), 1e-2, batch=batch, accumulation=accumulation, steps=3)
        pair_trainer(policy, tokenizer, pairs, training, beta=0.3, alpha=0.7).train()
        weights.append(torch.cat([parameter.detach().flatten() for parameter in policy.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=2e-5)


def test_trls_likelihood_agrees_at_one_pair_a_batch_only(tokenizer, tmp_path):
    ours = trained_losses(tokenizer, tmp_path / "a", 4, 1)
    assert trained_losses(tokenizer, tmp_path / "b", 1, 4, trl=True) == pytest.approx(ours, abs=1e-5)
    assert abs(trained_losses(tokenizer, tmp_path / "c", 4, 1, trl=True) - ours) > 1e-3
