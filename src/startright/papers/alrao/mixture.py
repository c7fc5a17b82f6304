r"""The loss of a mixture of heads: what the backbone learns from, and what each head learns from.

The backbone descends the mixture's loss, in which a head counts by its responsibility
:math:`r_{ij} \propto a_j\,p_j(y_i \mid z_i)`; each head descends its own loss as if it were alone, however
small its weight. Both are had from one forward pass:

.. math::
    \frac{\partial L}{\partial z_i} = \frac1B \sum_j r_{ij}\,
    \frac{\partial(-\log p_j(y_i \mid z_i))}{\partial z_i}, \qquad
    \frac{\partial L_j}{\partial \phi_j} = \frac1B \sum_i
    \frac{\partial(-\log p_j(y_i \mid z_i))}{\partial \phi_j}.

Source: L. Blier, P. Wolinski and Y. Ollivier, *Learning with random learning rates*, 2019.
"""

from typing import NamedTuple

import torch

from startright.papers.alrao.likelihoods import Likelihood, example_shares

NEVER = -torch.inf


class HeadStep(NamedTuple):
    """What one minibatch says of N linear heads; any leading axes."""

    loss: torch.Tensor  # (...), the mixture's mean loss
    log_likelihoods: torch.Tensor  # (..., N), each head's mean; −inf where it is not finite
    features: torch.Tensor  # (..., B, d), gradient of the mixture's loss
    weight: torch.Tensor  # (..., N, K, d), gradients of the heads' own losses
    bias: torch.Tensor | None  # (..., N, K), if the heads have one


@torch.no_grad()
def linear_step(  # noqa: PLR0917 - four tensors of one product, and what to make of it
    z: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    targets: torch.Tensor,
    log_weights: torch.Tensor,
    likelihood: Likelihood,
) -> HeadStep:
    """Losses and gradients of N linear heads on the same features, in closed form.

    A head whose mean log-likelihood is not finite takes no part: its gradient is zero, so that it stays
    as it is, and the backbone does not see it. Nothing waits for the device.

    All heads are one matrix of N K rows, and every sum over heads is part of a product with it: for small
    networks the number of operations is the cost. The examples stand last, as the likelihood wants them.

    Args:
        z: features, (..., B, d).
        weight: of the heads, (..., N, K, d).
        bias: of the heads, (..., N, K), or None.
        targets: of the examples, (..., B) or (..., B, D), see ``likelihood``.
        log_weights: of the mixture, (..., N), from before this minibatch.
        likelihood: in closed form, see :func:`startright.alrao.likelihoods.in_closed_form`.
    """
    rows = weight.flatten(-3, -2)
    outputs = (rows @ z.mT).view(*weight.shape[:-1], -1)
    if bias is not None:
        outputs += bias.unsqueeze(-1)
    log_probs, slope = likelihood.with_slope(outputs, targets)  # (..., N, B), (..., N, K, B)
    parts = example_shares(likelihood, targets, outputs.dtype)
    means = log_probs.mean(-1) if parts is None else (log_probs * parts.unsqueeze(-2)).sum(-1)
    failed = (means - means) != 0  # as ∞ − ∞ is NaN
    mask = failed.unsqueeze(-1)
    joint = log_probs.masked_fill_(mask, NEVER).add_(log_weights.unsqueeze(-1))
    slope.masked_fill_(mask.unsqueeze(-1), 0)
    slope = slope.div_(z.shape[-2]) if parts is None else slope * parts[..., None, None, :]
    share = joint.softmax(-2)
    loss = share.amax(-2).log_().sub_(joint.amax(-2))  # −logsumexp: the largest share is exp(largest − sum)
    sound = rows.nan_to_num(0, 0, 0)  # the slope of a failed head is zero, but 0 × NaN is NaN
    slopes = slope.flatten(-3, -2)
    return HeadStep(
        loss=loss.mean(-1) if parts is None else (loss * parts).sum(-1),
        log_likelihoods=means.masked_fill_(failed, NEVER),
        features=(share.unsqueeze(-2) * slope).view_as(slopes).mT @ sound,
        weight=(slopes @ z).view_as(weight),
        bias=None if bias is None else slope.sum(-1),
    )
