"""CPO's loss and its relatives, as plain functions of summed log-probabilities.

Everything below is a function of four numbers a pair: ``log pi(y_w|x)`` and ``log pi(y_l|x)``, summed
over the tokens of the answer with its end, and the numbers of those tokens. Functions return one value
a pair and leave averaging to the caller, who knows the whole batch::

    L_CPO = mean L_prefer(pair) + cpo_alpha * L_NLL                        (arXiv 2401.08417)
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

Kind = Literal["sigmoid", "hinge", "ipo", "simpo", "alphapo"]
Nll = Literal["token_mean", "sequence_sum"]
AVERAGED = ("ipo", "simpo", "alphapo")
"""Kinds that compare log-probabilities a token, not a sequence."""


@dataclass(frozen=True)
class Preference:
    """The preference term.

    Attributes:
        kind: ``sigmoid`` is CPO's; ``hinge`` SLiC's (arXiv 2305.10425), ``ipo`` IPO's (arXiv 2310.12036),
            ``simpo`` SimPO's (arXiv 2405.14734), ``alphapo`` AlphaPO's (arXiv 2501.03884).
        beta: inverse temperature, above 0.
        label_smoothing: share of labels taken to be wrong, in [0, .5); of sigmoid, simpo and alphapo.
        gamma: wanted reward margin of simpo and alphapo.
        alpha: shape of alphapo's reward.
    """

    kind: Kind = "sigmoid"
    beta: float = 0.1
    label_smoothing: float = 0.0
    gamma: float = 0.5
    alpha: float = 0.25

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            ValueError: a value is out of range.
        """
        if not self.beta > 0:
            raise ValueError(f"beta is {self.beta:g} and must be above 0")
        if not 0 <= self.label_smoothing < 0.5:
            raise ValueError(f"label_smoothing is {self.label_smoothing:g} and must be in [0, 0.5)")
        if self.label_smoothing and self.kind in ("hinge", "ipo"):
            raise ValueError(f"{self.kind} has no label_smoothing")
        if self.kind == "alphapo" and self.alpha == 0:
            raise ValueError("alphapo with alpha 0 is simpo; name that")


def preference_losses(
    chosen: Tensor, rejected: Tensor, chosen_tokens: Tensor, rejected_tokens: Tensor, how: Preference
) -> Tensor:
    """Compute the preference term of each pair.

    With ``m = r(y_w) - r(y_l)``, ``r = log pi(y|x)``, a token's mean of it for ``AVERAGED``::

        sigmoid         -log sigmoid(beta m)                         L_prefer of CPO
        hinge           max(0, 1 - beta m)
        ipo             (m - 1 / (2 beta))^2
        simpo, alphapo  -log sigmoid(beta m - gamma)                 alphapo: r = (1 - pi^-alpha) / alpha

    Label smoothing e turns ``-log sigmoid(z)`` into ``-(1 - e) log sigmoid(z) - e log sigmoid(-z)``.

    Args:
        chosen: [B], ``log pi(y_w|x)`` summed over tokens, nats.
        rejected: [B], ``log pi(y_l|x)``.
        chosen_tokens: [B], tokens of ``y_w`` with its end.
        rejected_tokens: [B], tokens of ``y_l``.
        how: which term, and its constants.

    Returns:
        [B], differentiable in the log-probabilities; at least 0.

    Examples:
        >>> w, l, n = torch.tensor([-4.0]), torch.tensor([-14.0]), torch.tensor([2.0])
        >>> round(preference_losses(w, l, n, n, Preference()).item(), 4)  # log(1 + e^-1)
        0.3133
        >>> preference_losses(w, l, n, n, Preference("hinge", beta=0.05)).item()
        0.5
    """
    if how.kind in AVERAGED:
        chosen, rejected = chosen / chosen_tokens, rejected / rejected_tokens
    if how.kind == "alphapo":
        chosen, rejected = shaped(chosen, how.alpha), shaped(rejected, how.alpha)
    margin = chosen - rejected
    if how.kind == "hinge":
        return torch.relu(1 - how.beta * margin)
    if how.kind == "ipo":
        return (margin - 1 / (2 * how.beta)) ** 2
    scaled = how.beta * margin
    if how.kind in ("simpo", "alphapo"):
        scaled = scaled - how.gamma
    right, wrong = logsigmoid(scaled), logsigmoid(-scaled)
    return -(1 - how.label_smoothing) * right - how.label_smoothing * wrong


def cpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    chosen_tokens: Tensor,
    rejected_tokens: Tensor,
    how: Preference,
    *,
    cpo_alpha: float = 1.0,
    nll: Nll = "token_mean",
    pairs: float | Tensor | None = None,
    tokens: float | Tensor | None = None,
) -> Tensor:
    """Compute ``L_prefer + cpo_alpha * L_NLL`` of a batch, or a part's share of it.

    ``L_NLL`` is ``-sum log pi(y_w|x)`` over the pairs (``sequence_sum``, the paper's expectation) or over the
    tokens (``token_mean``, what ALMA's and TRL's code compute). A batch seen in parts is given its totals,
    and the parts' losses then sum to the loss of the whole.

    Args:
        chosen: [B], as in ``preference_losses``, and so are the next three.
        rejected: [B].
        chosen_tokens: [B].
        rejected_tokens: [B].
        how: the preference term.
        cpo_alpha: weight of the second term, 0 or more.
        nll: what it is averaged over.
        pairs: of the whole batch; this part's where None.
        tokens: preferred tokens of the whole batch; this part's where None.

    Returns:
        A scalar.

    Examples:
        >>> w, l, n = torch.tensor([-4.0]), torch.tensor([-14.0]), torch.tensor([2.0])
        >>> round(cpo_loss(w, l, n, n, Preference()).item(), 4)  # .3133 + 4 / 2
        2.3133
        >>> round(cpo_loss(w, l, n, n, Preference(), nll="sequence_sum").item(), 4)
        4.3133
    """
    pairs = len(chosen) if pairs is None else pairs
    tokens = chosen_tokens.sum() if tokens is None else tokens
    prefer = preference_losses(chosen, rejected, chosen_tokens, rejected_tokens, how).sum() / pairs
    return prefer - cpo_alpha * chosen.sum() / (tokens if nll == "token_mean" else pairs)


def shaped(logprob: Tensor, alpha: float) -> Tensor:
    """Compute AlphaPO's reward ``(1 - p^-alpha) / alpha`` of ``log p``, without leaving log space for ``p``.

    Examples:
        >>> round(shaped(torch.tensor(-1.0), 0.5).item(), 4)  # (1 - e^.5) / .5
        -1.2974
        >>> round(shaped(torch.tensor(-1.0), 1e-6).item(), 4)  # goes to log p
        -1.0
    """
    return -torch.expm1(-alpha * logprob) / alpha


def dpo_losses(
    chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor, beta: float
) -> Tensor:
    """Compute DPO's loss (arXiv 2305.18290), which CPO's preference term approximates.

    ``-log sigmoid(beta (log pi(y_w) - log ref(y_w)) - beta (log pi(y_l) - log ref(y_l)))``. A uniform
    reference leaves ``L_prefer``. A reference that is sure of the preferred answer (``log ref(y_w) = 0``)
    gives the theorem of arXiv 2401.08417: ``L(pi; ref) + beta log ref(y_l) <= L_prefer``, the addend a
    constant of the data.

    Args:
        chosen: [B], ``log pi(y_w|x)``.
        rejected: [B], ``log pi(y_l|x)``.
        reference_chosen: [B], ``log ref(y_w|x)``.
        reference_rejected: [B], ``log ref(y_l|x)``.
        beta: above 0.

    Returns:
        [B], at least 0.

    Examples:
        >>> w, l, same = torch.tensor([-4.0]), torch.tensor([-14.0]), torch.tensor([-7.0])
        >>> round(dpo_losses(w, l, same, same, 0.1).item(), 4)
        0.3133
    """
    return -logsigmoid(beta * ((chosen - reference_chosen) - (rejected - reference_rejected)))
