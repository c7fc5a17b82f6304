r"""The loss of a mixture of heads: what the backbone learns from, and what each head learns from.

The backbone descends the mixture's loss, in which a head counts by its responsibility
:math:`r_{ij} \propto a_j\,p_j(y_i \mid z_i)`; each head descends its own loss as if it were alone, however
small its weight. Both are had from one forward pass:

.. math::
    \frac{\partial L}{\partial z_i} = \frac1B \sum_j r_{ij}\,
    \frac{\partial(-\log p_j(y_i \mid z_i))}{\partial z_i}, \qquad
    \frac{\partial L_j}{\partial \phi_j} = \frac1B \sum_i
    \frac{\partial(-\log p_j(y_i \mid z_i))}{\partial \phi_j}.

Source: L. Blier, P. Wolinski and Y. Ollivier, *Learning with random learning rates*, 2019, section 3 and
algorithm 1.
"""

from typing import NamedTuple

import torch

from startright.alrao.likelihoods import Likelihood

NEVER = -torch.inf


class HeadStep(NamedTuple):
    """What one minibatch says of N linear heads; any leading axes."""

    loss: torch.Tensor  # (...), the mixture's mean loss
    log_likelihoods: torch.Tensor  # (..., N), each head's mean; −inf where it is not finite
    features: torch.Tensor  # (..., B, d), gradient of the mixture's loss
    weight: torch.Tensor  # (..., N, K, d), gradients of the heads' own losses
    bias: torch.Tensor | None  # (..., N, K), if the heads have one


def log_mixture(log_probs: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
    """Log-probabilities of the mixture, (...), from those of the heads, (..., N), and their weights, (N,)."""
    return (log_probs + log_weights).logsumexp(-1)


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
    networks the number of operations is the cost.

    Args:
        z: features, (..., B, d).
        weight: of the heads, (..., N, K, d).
        bias: of the heads, (..., N, K), or None.
        targets: of the examples, (..., B) or (..., B, D), see ``likelihood``.
        log_weights: of the mixture, (..., N), from before this minibatch.
        likelihood: with ``with_slope``.
    """
    rows, size = weight.flatten(-3, -2), weight.shape[-3:-1]
    outputs = z @ rows.mT
    if bias is not None:
        outputs += bias.flatten(-2).unsqueeze(-2)
    log_probs, slope = likelihood.with_slope(
        outputs.unflatten(-1, size), targets
    )  # (..., B, N), (..., B, N, K)
    means = log_probs.mean(-2)
    failed = (means > NEVER).logical_not_()  # a log-likelihood is NaN or −inf if it is not finite
    log_probs.masked_fill_(failed.unsqueeze(-2), NEVER)
    slope.masked_fill_(failed[..., None, :, None], 0).mul_(1 / z.shape[-2])
    joint = log_probs + log_weights.unsqueeze(-2)
    share = joint.softmax(-1)
    mixed = joint.amax(-1) - share.amax(-1).log()  # logsumexp: the largest share is exp(largest − sum)
    sound = rows.masked_fill(failed.repeat_interleave(size[1], -1).unsqueeze(-1), 0)  # 0 × NaN is NaN
    return HeadStep(
        loss=-mixed.mean(-1),
        log_likelihoods=means.masked_fill_(failed, NEVER),
        features=(share.unsqueeze(-1) * slope).flatten(-2) @ sound,
        weight=(slope.flatten(-2).mT @ z).view_as(weight),
        bias=None if bias is None else slope.sum(-3),
    )
