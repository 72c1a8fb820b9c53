"""CPO's losses: against TRL's, against NumPy, against finite differences, and the theorem behind them."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("trl", reason="the extra 'train' is not installed")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from trainers.common.config import Training  # noqa: E402
from trainers.common.toy import tiny_model, word_tokenizer  # noqa: E402
from trainers.cpo.config import Data, Loss  # noqa: E402
from trainers.cpo.loss import Preference, cpo_loss, dpo_losses, preference_losses  # noqa: E402
from trainers.cpo.trainer import ContrastiveTrainer, build, rows  # noqa: E402
from trainers.cpo.triplets import Triplet  # noqa: E402

KINDS = ("sigmoid", "hinge", "ipo", "simpo", "alphapo")
WORDS = "a b c d e f".split()
TRIPLETS = [
    Triplet("1", "xx", "yy", "a b c", "d e f a b", "f"),
    Triplet("2", "xx", "yy", "b", "e", "d d d f a"),
    Triplet("3", "xx", "yy", "c a", "f d", "e a"),
    Triplet("4", "xx", "yy", "a a b", "d d e", "e f a b"),
]
logprobs = st.floats(-200, -0.01)
counts = st.integers(1, 60)


def by_hand(chosen, rejected, n_chosen, n_rejected, how):
    """The losses once more, in NumPy and from the papers' formulas."""
    w, m = np.float64(chosen), np.float64(rejected)
    if how.kind in ("ipo", "simpo", "alphapo"):
        w, m = w / n_chosen, m / n_rejected
    if how.kind == "alphapo":
        w, m = ((1 - np.exp(x) ** -how.alpha) / how.alpha for x in (w, m))
    if how.kind == "hinge":
        return max(0.0, 1 - how.beta * (w - m))
    if how.kind == "ipo":
        return (w - m - 1 / (2 * how.beta)) ** 2
    gamma = how.gamma if how.kind in ("simpo", "alphapo") else 0.0
    x = how.beta * (w - m) - gamma
    return (1 - how.label_smoothing) * np.logaddexp(0, -x) + how.label_smoothing * np.logaddexp(0, x)


def doubles(*values):
    return (torch.tensor([value], dtype=torch.float64) for value in values)


@given(st.sampled_from(KINDS), logprobs, logprobs, counts, counts, st.floats(0.01, 3), st.sampled_from([0.0, 0.1]))
def test_equals_numpy(kind, chosen, rejected, n_chosen, n_rejected, beta, smoothing):
    how = Preference(kind, beta, smoothing if kind in ("sigmoid", "simpo", "alphapo") else 0.0)
    # Beyond this AlphaPO's p^-alpha leaves the range that NumPy's way round through p has digits for.
    if kind == "alphapo" and min(chosen / n_chosen, rejected / n_rejected) < -50:
        return
    ours = preference_losses(*doubles(chosen, rejected, n_chosen, n_rejected), how)
    assert ours.item() == pytest.approx(by_hand(chosen, rejected, n_chosen, n_rejected, how), rel=1e-7, abs=1e-10)


@given(st.lists(st.tuples(logprobs, logprobs, counts, counts), min_size=1, max_size=6), st.floats(0, 2))
def test_likelihood_is_averaged_over_tokens_or_sequences(pairs, weight):
    columns = [torch.tensor(column, dtype=torch.float64) for column in zip(*pairs, strict=True)]
    prefer = np.mean([by_hand(*pair, Preference()) for pair in pairs])
    total = -sum(pair[0] for pair in pairs)
    token = cpo_loss(*columns, Preference(), cpo_alpha=weight).item()
    sequence = cpo_loss(*columns, Preference(), cpo_alpha=weight, nll="sequence_sum").item()
    assert token == pytest.approx(prefer + weight * total / sum(pair[2] for pair in pairs))
    assert sequence == pytest.approx(prefer + weight * total / len(pairs))


@given(st.lists(st.tuples(logprobs, logprobs, counts, counts), min_size=2, max_size=7), st.data())
def test_parts_of_a_batch_sum_to_the_whole(pairs, data):
    cut = data.draw(st.integers(1, len(pairs) - 1))
    kind, nll = data.draw(st.sampled_from(KINDS)), data.draw(st.sampled_from(["token_mean", "sequence_sum"]))
    columns = [torch.tensor(column, dtype=torch.float64) for column in zip(*pairs, strict=True)]
    totals = {"pairs": len(pairs), "tokens": float(columns[2].sum())}
    how = Preference(kind, alpha=0.01)
    parts = [cpo_loss(*(c[:cut] for c in columns), how, nll=nll, **totals)]
    parts.append(cpo_loss(*(c[cut:] for c in columns), how, nll=nll, **totals))
    whole = cpo_loss(*columns, how, nll=nll)
    assert sum(parts).item() == pytest.approx(whole.item(), rel=1e-9)


@pytest.mark.parametrize("nll", ["token_mean", "sequence_sum"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind, nll):
    drawn = np.random.default_rng(0)
    chosen, rejected = (torch.tensor(-drawn.uniform(1, 9, 4), requires_grad=True) for _ in range(2))
    lengths = [torch.tensor(drawn.integers(2, 9, 4), dtype=torch.float64) for _ in range(2)]
    how = Preference(kind, beta=0.3, label_smoothing=0.1 if kind in ("sigmoid", "simpo", "alphapo") else 0.0)
    assert torch.autograd.gradcheck(lambda w, m: cpo_loss(w, m, *lengths, how, nll=nll), (chosen, rejected))


@given(logprobs, logprobs, logprobs, st.floats(0.01, 3))
def test_theorem_bounds_dpo_by_the_uniform_reference(chosen, rejected, reference_rejected, beta):
    """Where the reference is sure of the preferred answer, DPO's loss plus a constant of the data is bounded."""
    w, m, sure, ref = doubles(chosen, rejected, 0.0, reference_rejected)
    uniform = preference_losses(w, m, torch.ones(1), torch.ones(1), Preference(beta=beta)).item()
    with_constant = dpo_losses(w, m, sure, ref, beta).item() + beta * reference_rejected
    assert with_constant <= uniform + 1e-9
    assert dpo_losses(w, m, ref, ref, beta).item() == pytest.approx(uniform)  # any uniform reference cancels


def test_theorem_needs_its_constant():
    w, m, sure, ref = doubles(-5.0, -5.0, 0.0, -100.0)
    assert dpo_losses(w, m, sure, ref, 0.1).item() > math.log(2)


@pytest.mark.parametrize(
    "wrong", [{"beta": 0.0}, {"beta": math.nan}, {"label_smoothing": 0.5}, {"kind": "ipo", "label_smoothing": 0.1}]
)
def test_meaningless_constants_are_refused(wrong):
    with pytest.raises(ValueError, match=r"beta|label_smoothing"):
        Preference(**wrong)


# Against TRL, on a model


def training(folder, **changes):
    return Training(
        **{"output": str(folder), "learning_rate": 1e-3, "batch": 4, "steps": 2, "schedule": "constant"} | changes
    )


def trainer(folder, loss, **changes):
    tokenizer = word_tokenizer([*WORDS, "=>"])
    model = tiny_model(tokenizer, hidden=16, layers=1, heads=2, length=32)
    how = training(folder, **changes)
    return build(model, tokenizer, TRIPLETS, lambda one: f"<bos> {one.text} =>", loss, how, Data())


def of_trl(ours, loss, folder):
    """TRL's own trainer of the same model, data and constants."""
    from trl.experimental.cpo import CPOConfig, CPOTrainer

    arguments = CPOConfig(
        output_dir=str(folder), beta=loss.beta, loss_type=loss.kind, cpo_alpha=loss.cpo_alpha, simpo_gamma=loss.gamma,
        alpha=loss.alpha if loss.kind == "alphapo" else 0.0, max_length=512, use_cpu=True, bf16=False, report_to=[],
    )  # fmt: skip
    data = rows(TRIPLETS, lambda one: f"<bos> {one.text} =>", "cpo")
    return CPOTrainer(model=ours.model, args=arguments, train_dataset=data, processing_class=ours.processing_class)


@pytest.mark.parametrize("kind", KINDS)
def test_equals_trl(kind, tmp_path):
    loss = Loss(kind=kind, beta=0.3, cpo_alpha=0.0 if kind == "alphapo" else 0.7)
    ours = trainer(tmp_path / "ours", loss)
    theirs = of_trl(ours, loss, tmp_path / "trl")
    batch = next(iter(ours.get_train_dataloader()))
    (mine, seen), (wanted, told) = (one.get_batch_loss_metrics(one.model, batch) for one in (ours, theirs))
    assert mine.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert seen["nll_loss"] == pytest.approx(told["nll_loss"], rel=1e-5) or loss.cpo_alpha == 0
    slopes = [torch.autograd.grad(loss, list(ours.model.parameters())) for loss in (mine, wanted)]
    for a, b in zip(*slopes, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6)


def test_sequence_sum_is_the_papers_expectation(tmp_path):
    """TRL has no such switch: the term is computed from a plain forward pass instead."""
    one = trainer(tmp_path, Loss(nll="sequence_sum", cpo_alpha=1.0))
    batch = next(iter(one.get_train_dataloader()))
    ids, labels = batch["chosen_input_ids"], batch["chosen_labels"]
    with torch.no_grad():
        logits = one.model(ids, attention_mask=batch["chosen_attention_mask"]).logits.double().log_softmax(-1)
    expected = -sum(
        logits[b, t - 1, ids[b, t]].item() for b, t in zip(*np.nonzero(labels.numpy() != -100), strict=True)
    ) / len(ids)
    whole, _ = one.get_batch_loss_metrics(one.model, batch)
    one.loss = Loss(cpo_alpha=0.0)
    bare, _ = one.get_batch_loss_metrics(one.model, batch)
    assert (whole - bare).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("nll", ["token_mean", "sequence_sum"])
def test_accumulation_changes_nothing_but_rounding(nll, tmp_path):
    """Four pairs at once, one by one, or two by two: the same weights; answers are of very different lengths."""
    weights = []
    for batch, accumulation in ((4, 1), (1, 4), (2, 2)):
        one = trainer(tmp_path / str(batch), Loss(nll=nll), batch=batch, accumulation=accumulation)
        one.train()
        assert one.state.global_step == 2
        weights.append(torch.cat([p.detach().flatten() for p in one.model.parameters()]))
    for other in weights[1:]:
        torch.testing.assert_close(other, weights[0], rtol=0, atol=2e-5)


def test_trl_averages_means_of_parts_where_we_average_the_whole(tmp_path):
    """Where our token mean differs: TRL's loss of a step depends on how the step is cut into parts."""
    ours = trainer(tmp_path / "ours", Loss(cpo_alpha=1.0))
    theirs = of_trl(ours, Loss(cpo_alpha=1.0), tmp_path / "trl")
    batch = next(iter(ours.get_train_dataloader()))
    parts = [{name: value[i : i + 1] for name, value in batch.items()} for i in range(4)]
    totals = torch.tensor([4.0, float((batch["chosen_labels"] != -100).sum())])
    whole = ours.get_batch_loss_metrics(ours.model, batch)[0].item()
    assert theirs.get_batch_loss_metrics(theirs.model, batch)[0].item() == pytest.approx(whole, rel=1e-5)
    summed = sum(ours.get_batch_loss_metrics(ours.model, part, totals=totals)[0].item() for part in parts)
    meaned = sum(theirs.get_batch_loss_metrics(theirs.model, part)[0].item() for part in parts) / 4
    assert summed == pytest.approx(whole, rel=1e-5)
    assert abs(meaned - whole) > 1e-3


def test_is_a_cpo_trainer(tmp_path):
    from trl.experimental.cpo import CPOTrainer

    assert issubclass(ContrastiveTrainer, CPOTrainer)
    assert trainer(tmp_path, Loss()).beta == 0.1
