"""ALPO's loss against NumPy, and its gradient against finite differences."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")

from trainers.alpo.loss import alpo_loss, divisor, margins  # noqa: E402


def drawn(pairs, seed=0):
    rng = np.random.default_rng(seed)
    logs = -rng.uniform(0, 40, (4, pairs))
    return logs, rng.uniform(0, 0.5, pairs), rng.uniform(0, 1, pairs)


def expected(logs, weights, betas):
    chosen, rejected, reference_chosen, reference_rejected = logs
    margin = (chosen - reference_chosen) - (rejected - reference_rejected)
    return float(np.sum(weights * np.logaddexp(0, -betas * margin)))


def test_the_loss_equals_numpy():
    logs, weights, betas = drawn(50)
    found = alpo_loss(*map(torch.tensor, logs), torch.tensor(weights), torch.tensor(betas), 8)
    assert found.item() == pytest.approx(expected(logs, weights, betas) / 8, rel=1e-12)


def test_the_gradient_is_that_of_finite_differences():
    logs, weights, betas = drawn(6, seed=1)
    leaves = [torch.tensor(values / 10, requires_grad=True) for values in logs]
    rest = torch.tensor(weights), torch.tensor(betas)
    assert torch.autograd.gradcheck(lambda *own: alpo_loss(*own, *rest, 3), leaves)


def test_at_the_reference_the_gradient_is_half_of_weight_and_beta():
    logs, weights, betas = drawn(5, seed=2)
    chosen, rejected = (torch.tensor(values, requires_grad=True) for values in logs[:2])
    loss = alpo_loss(
        chosen, rejected, chosen.detach(), rejected.detach(), torch.tensor(weights), torch.tensor(betas), 1
    )
    loss.backward()
    np.testing.assert_allclose(chosen.grad, -weights * betas / 2)
    np.testing.assert_allclose(rejected.grad, weights * betas / 2)


def test_a_gated_segment_moves_nothing():
    logs, _, _ = drawn(2, seed=3)
    chosen = torch.tensor(logs[0], requires_grad=True)
    rest = map(torch.tensor, logs[1:])
    alpo_loss(chosen, *rest, torch.tensor([0.5, 0.0]), torch.tensor([1.0, 0.0]), 1).backward()
    assert chosen.grad[0] != 0
    assert chosen.grad[1] == 0


def test_huge_margins_stay_finite():
    far = torch.tensor([-1e4, 0.0]), torch.tensor([0.0, -1e4]), torch.zeros(2), torch.zeros(2)
    loss = alpo_loss(*far, torch.tensor([0.5, 0.5]), torch.ones(2), 1)
    assert loss.item() == pytest.approx(5000)


def test_the_margin_is_that_of_dpo():
    assert margins(*(torch.tensor([v]) for v in (-3.0, -9.0, -4.0, -8.0))).item() == 2.0


def test_the_code_of_the_authors_cancels_the_share_of_gated_segments():
    weights = torch.tensor([0.1, 0.05])
    assert divisor(weights, 96, 96, reproduce_code=False) == 96
    # one sample a micro-batch: w / (sum w * 96), so a sample's weights sum to 1 in the mean over 96
    assert (weights / divisor(weights, 96, 96, reproduce_code=True)).sum().item() == pytest.approx(1 / 96)
