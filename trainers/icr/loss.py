"""The loss of a round: DPO, and the chosen response's likelihood beside it."""

import torch
from torch import Tensor


def dpo_nll_loss(
    chosen: Tensor,
    rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    lengths: Tensor,
    beta: float,
    alpha: float,
) -> Tensor:
    r"""Return the loss of each pair.

    ``-log sigmoid(beta * ((chosen - ref_chosen) - (rejected - ref_rejected))) - alpha * chosen / lengths``

    The likelihood is normalised by each chosen response's own length, as in the framework the paper
    trained with. TRL's loss ``sft`` averages over the tokens of a batch instead, so that a
    response's weight hangs on what it is batched with; the two agree at one pair a batch.

    Args:
        chosen: log pi(y+ | x), [batch].
        rejected: log pi(y- | x), [batch].
        ref_chosen: log pi_ref(y+ | x), [batch].
        ref_rejected: log pi_ref(y- | x), [batch].
        lengths: tokens of y+, its end of sequence included, [batch].
        beta: of DPO.
        alpha: weight of the likelihood; 0 is plain DPO.

    Returns:
        [batch].

    Examples:
        >>> one, two, none = torch.tensor([-2.0]), torch.tensor([-3.0]), torch.tensor([0.0])
        >>> round(float(dpo_nll_loss(one, two, none, none, torch.tensor([4]), 0.1, 1.0)), 4)
        1.1444
    """
    margin = (chosen - ref_chosen) - (rejected - ref_rejected)
    return -torch.nn.functional.logsigmoid(beta * margin) - alpha * chosen / lengths
