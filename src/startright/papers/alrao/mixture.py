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

import math
from typing import NamedTuple

import torch

from startright.papers.alrao.likelihoods import Likelihood, example_shares
from startright.training.compiled import recording

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
    means = _mean(log_probs, parts if parts is None else parts.unsqueeze(-2))
    slope = slope.mul_(1 / z.shape[-2]) if parts is None else slope * parts[..., None, None, :]
    if not _all_sound(outputs, means):
        means, rows = _without_failed_(means, log_probs, slope, rows)
    joint = log_probs.add_(log_weights.unsqueeze(-1))
    share = joint.softmax(-2)
    loss = share.amax(-2).log_().sub_(joint.amax(-2))  # −logsumexp: the largest share is exp(largest − sum)
    slopes = slope.flatten(-3, -2)
    return HeadStep(
        loss=_mean(loss, parts),
        log_likelihoods=means,
        features=(share.unsqueeze(-2) * slope).view_as(slopes).mT @ rows,
        weight=(slopes @ z).view_as(weight),
        bias=None if bias is None else slope.sum(-1),
    )


def _mean(values: torch.Tensor, parts: torch.Tensor | None) -> torch.Tensor:
    """Over the examples, which stand last; on a CPU ``mean`` takes twice the time of a sum."""
    return values.sum(-1) / values.shape[-1] if parts is None else (values * parts).sum(-1)


def _all_sound(outputs: torch.Tensor, means: torch.Tensor) -> bool:
    """Whether it is known that no head has failed: on a CPU, where a look costs less than the masks.

    Finite outputs come from finite weights; the sums may overflow where all is well, and nothing is lost.
    """
    if outputs.device.type != "cpu" or torch.compiler.is_compiling() or recording():
        return False
    return math.isfinite(float(outputs.sum() + means.sum()))


def _without_failed_(
    means: torch.Tensor, log_probs: torch.Tensor, slope: torch.Tensor, rows: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take the failed heads out of probabilities and slopes, in place; the means, and weights without NaN."""
    failed = (means - means) != 0  # as ∞ − ∞ is NaN
    log_probs.masked_fill_(failed.unsqueeze(-1), NEVER)
    slope.masked_fill_(failed.unsqueeze(-1).unsqueeze(-1), 0)
    return means.masked_fill_(failed, NEVER), rows.nan_to_num(0, 0, 0)  # a slope of 0 does: 0 × NaN is NaN
