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
    samples: int,
    reproduce_code: bool = False,
) -> Tensor:
    """Compute the mean over samples of each sample's sum over segments.

    ::

        L(x) = - sum_i w(s_i) log sigmoid( beta_i [ log pi/pi_ref(t_i^c | p_i) - log pi/pi_ref(t_i^r | p_i) ] )

    The sum is divided by the number of samples alone, so that a step's gradient is the same however its samples lie in
    micro-batches. The released code divides by the weights' sum of each micro-batch: at its one sample a micro-batch
    this makes every sample's weights sum to 1, whatever the share of gated segments.

    Args:
        chosen: log pi of the chosen segments, summed over tokens, [pairs].
        rejected: likewise of the rejected segments.
        reference_chosen: log pi_ref of the chosen segments.
        reference_rejected: likewise of the rejected ones.
        weights: w(s_i).
        betas: beta_i.
        samples: samples of the whole step, over all of its micro-batches.
        reproduce_code: divide by ``weights.sum()`` instead.

    Returns:
        The loss, a scalar; 0 where there is no pair.

    Examples:
        >>> import torch
        >>> pair = [torch.tensor([value]) for value in (-1.0, -4.0, -2.0, -2.0)]
        >>> weight, beta = torch.tensor([0.25]), torch.tensor([0.5])
        >>> round(alpo_loss(*pair, weight, beta, samples=1).item(), 4)  # .25 * log(1 + exp(-.5 * 3))
        0.0504
        >>> round(alpo_loss(*pair, weight, beta, samples=1, reproduce_code=True).item(), 4)
        0.2014
    """
    total = -(weights * logsigmoid(betas * margins(chosen, rejected, reference_chosen, reference_rejected))).sum()
    return total / weights.sum().clamp(min=1e-12) if reproduce_code else total / samples


def margins(chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor) -> Tensor:
    """Compute log pi/pi_ref of the chosen less that of the rejected, [pairs].

    Examples:
        >>> import torch
        >>> margins(*(torch.tensor([value]) for value in (-1.0, -4.0, -2.0, -2.0)))
        tensor([3.])
    """
    return (chosen - reference_chosen) - (rejected - reference_rejected)
