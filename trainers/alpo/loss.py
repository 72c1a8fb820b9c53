"""ALPO's loss: DPO by segment, with a weight and a beta of its own for each pair (arXiv 2602.01068)."""

from torch import Tensor
from torch.nn.functional import logsigmoid


def alpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    weights: Tensor,
    betas: Tensor,
    divisor: float | Tensor,
) -> Tensor:
    """Compute the mean over samples of each sample's sum over segments.

    ::

        L(x) = - sum_i w(s_i) log sigmoid( beta_i [ log pi/pi_ref(t_i^c | p_i) - log pi/pi_ref(t_i^r | p_i) ] )

    Args:
        chosen: log pi of the chosen segments, summed over tokens, [pairs].
        rejected: likewise of the rejected segments.
        reference_chosen: log pi_ref of the chosen segments.
        reference_rejected: likewise of the rejected ones.
        weights: w(s_i).
        betas: beta_i.
        divisor: what the sum over pairs is divided by, see ``divisor``.

    Returns:
        The loss, a scalar.

    Examples:
        >>> import torch
        >>> pair = [torch.tensor([value]) for value in (-1.0, -4.0, -2.0, -2.0)]
        >>> weight, beta = torch.tensor([0.25]), torch.tensor([0.5])
        >>> round(alpo_loss(*pair, weight, beta, divisor=1).item(), 4)  # .25 * log(1 + exp(-.5 * 3))
        0.0504
    """
    margin = margins(chosen, rejected, reference_chosen, reference_rejected)
    return -(weights * logsigmoid(betas * margin)).sum() / divisor


def divisor(weights: Tensor, samples: int, micro_batches: int, reproduce_code: bool) -> float | Tensor:
    """Return what the sums of a micro-batch are divided by.

    It is the number of samples of the whole step, so that the gradient is the same however the samples lie in
    micro-batches. The released code divides by the weights' sum of each micro-batch, and takes the mean over
    micro-batches: at its one sample a micro-batch a sample's weights then sum to 1, whatever its share of gated
    segments.

    Args:
        weights: w(s_i) of the micro-batch.
        samples: of the step.
        micro_batches: of the step.
        reproduce_code: as the released code does.

    Examples:
        >>> import torch
        >>> divisor(torch.tensor([0.25, 0.25]), 8, 4, False), divisor(torch.tensor([0.25, 0.25]), 8, 4, True)
        (8, tensor(2.))
    """
    return weights.sum() * micro_batches if reproduce_code else samples


def margins(chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor) -> Tensor:
    """Compute log pi/pi_ref of the chosen less that of the rejected, [pairs].

    Examples:
        >>> import torch
        >>> margins(*(torch.tensor([value]) for value in (-1.0, -4.0, -2.0, -2.0)))
        tensor([3.])
    """
    return (chosen - reference_chosen) - (rejected - reference_rejected)
