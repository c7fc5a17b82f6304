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
    """Log-probabilities of the mixture, (..., B), from those of the heads, (..., N, B), and their weights."""
    return (log_probs + log_weights.unsqueeze(-1)).logsumexp(-2)


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

    Args:
        z: features, (..., B, d).
        weight: of the heads, (..., N, K, d).
        bias: of the heads, (..., N, K), or None.
        targets: see ``likelihood``; they broadcast over the heads' axis.
        log_weights: of the mixture, (..., N), from before this minibatch.
        likelihood: with ``with_slope``.
    """
    outputs = z.unsqueeze(-3) @ weight.mT
    if bias is not None:
        outputs = outputs + bias.unsqueeze(-2)
    log_probs, slope = likelihood.with_slope(outputs, targets)
    means = log_probs.mean(-1)
    alive = means.isfinite()
    log_probs = torch.where(alive[..., None], log_probs, NEVER)
    slope = torch.where(alive[..., None, None], slope / z.shape[-2], 0)
    mixed = log_mixture(log_probs, log_weights)
    share = (log_probs + log_weights[..., None] - mixed.unsqueeze(-2)).exp()
    sound = torch.where(alive[..., None, None], weight, 0)  # 0 × NaN is NaN
    return HeadStep(
        loss=-mixed.mean(-1),
        log_likelihoods=torch.where(alive, means, NEVER),
        features=((share[..., None] * slope) @ sound).sum(-3),
        weight=slope.mT @ z.unsqueeze(-3),
        bias=None if bias is None else slope.sum(-2),
    )


class LinearMixture(torch.autograd.Function):
    """:func:`linear_step` as one node of autograd: loss and log-likelihoods of a minibatch."""

    @staticmethod
    def forward(ctx, *tensors_and_mixture):
        """Loss and log-likelihoods, from the arguments of :func:`linear_step`."""
        step = linear_step(*tensors_and_mixture)
        ctx.save_for_backward(step.features, step.weight, step.bias)
        ctx.mark_non_differentiable(step.log_likelihoods)
        return step.loss, step.log_likelihoods

    @staticmethod
    def backward(ctx, slope, _):
        """The gradients of the two kinds of loss, each where it belongs."""
        gradients = (None if g is None else slope * g for g in ctx.saved_tensors)
        return *gradients, None, None, None
