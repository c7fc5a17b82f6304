r"""The method as its equations say it, without speed and without questions: to read, and to test against.

What runs is :class:`~startright.alrao.model.Alrao`; the tests hold the two equal. Targets are classes here.

Source: L. Blier, P. Wolinski and Y. Ollivier, *Learning with random learning rates*, 2019; T. van Erven,
P. Grünwald and S. de Rooij, *Catching up faster in Bayesian model selection and model averaging*, 2007.
"""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

Rates = tuple[Iterable[Tensor], Tensor]  # of the backbone's parameters, of the heads
Batch = tuple[Tensor, Tensor]


def sample_rates(interval: tuple[float, float], units: int, generator: torch.Generator) -> Tensor:
    r"""A rate for each unit of a layer, :math:`\eta = e^U`, :math:`U \sim \mathcal U(\ln\eta_{\min},
    \ln\eta_{\max})`: :eq:`alrao-law`.

    Args:
        interval: :math:`(\eta_{\min}, \eta_{\max})`.
        units: of the layer.
        generator: on the CPU.

    Returns:
        The rates, (units,).
    """
    low, high = math.log(interval[0]), math.log(interval[1])
    return (low + (high - low) * torch.rand(units, generator=generator, dtype=torch.float64)).exp()


def head_rates(interval: tuple[float, float], heads: int) -> Tensor:
    r"""The rates of the heads, :math:`\eta_j = \eta_{\min}(\eta_{\max}/\eta_{\min})^{(j-1)/(N-1)}`, (N,):
    :eq:`alrao-heads`.

    Args:
        interval: :math:`(\eta_{\min}, \eta_{\max})`.
        heads: N, two or more.
    """
    low, high = interval
    return low * (high / low) ** (torch.arange(heads, dtype=torch.float64) / (heads - 1))


def predict(backbone: nn.Module, heads: Sequence[nn.Module], a: Tensor, x: Tensor) -> Tensor:
    r"""The mixture, :math:`p(y\mid x) = \sum_j a_j\,p_j(y\mid z)` with :math:`z` the features of :math:`x`.

    Args:
        backbone: gives features, (B, d).
        heads: N of them, each from features to logits, (B, K).
        a: their weights, (N,).
        x: inputs, (B, …).

    Returns:
        Probabilities of the classes, (B, K).
    """
    z = backbone(x)
    return sum(a_j * head(z).softmax(1) for a_j, head in zip(a, heads, strict=True))


def descend(moving: Iterable[tuple[Tensor, Tensor]], loss: Tensor) -> None:
    r"""SGD with rates of their own, in place: :math:`\theta \leftarrow \theta - \eta\odot\nabla_\theta L`.

    Args:
        moving: parameters, each with its rates, which broadcast to it.
        loss: L.
    """
    moving = list(moving)
    slopes = torch.autograd.grad(loss, [theta for theta, _ in moving], retain_graph=True)
    for (theta, eta), slope in zip(moving, slopes, strict=True):
        theta.data -= eta * slope


def training_step(
    backbone: nn.Module, heads: Sequence[nn.Module], rates: Rates, a: Tensor, batch: Batch
) -> Tensor:
    r"""One step, in place: the backbone learns from the mixture's loss, each head as if it were alone.

    .. math::
        L = -\tfrac1B\sum_i \ln\sum_j a_j\,p_j(y_i\mid z_i), \qquad
        L_j = -\tfrac1B\sum_i \ln p_j(y_i\mid z_i).

    Args:
        backbone: gives features, (B, d).
        heads: N of them, each from features to logits, (B, K).
        rates: of the backbone's parameters, in their order; of the heads, (N,).
        a: the weights of the heads, (N,), from before this minibatch.
        batch: inputs, (B, …), and class numbers, (B,).

    Returns:
        The mean log-likelihood of each head before the step, (N,): the outcome for :func:`switch_update`.
    """
    (x, y), (unit_rates, head_rates) = batch, rates
    z = backbone(x)
    # p_j(y_i | z_i), (N, B)
    p = torch.stack([head(z).softmax(1)[range(len(y)), y] for head in heads])
    L = -(a @ p).log().mean()
    descend(zip(backbone.parameters(), unit_rates, strict=True), L)
    for head, eta_j, p_j in zip(heads, head_rates, p, strict=True):
        L_j = -p_j.log().mean()
        descend([(phi, eta_j) for phi in head.parameters()], L_j)
    return p.log().mean(1).detach()


def switch_update(A: Tensor, B: Tensor, t: int, likelihoods: Tensor, theta: float) -> tuple[Tensor, Tensor]:
    r"""The masses of the sequences that now use each head, after one more outcome; its weight is their sum.

    .. math::
        A_k \leftarrow (1-h)\,A_k\,p_k + \tfrac{\theta}{N}\,h\textstyle\sum_j A_j\,p_j, \qquad
        B_k \leftarrow B_k\,p_k + \tfrac{1-\theta}{N}\,h\textstyle\sum_j A_j\,p_j, \qquad h = \tfrac1{t+1},

    normalised. Before the first outcome :math:`A_k = \theta/N` and :math:`B_k = (1-\theta)/N`.

    Args:
        A: of the sequences that will switch again, (N,).
        B: of those that will not, (N,).
        t: the number of the outcome, from 1.
        likelihoods: of the outcome under each head, (N,).
        theta: the probability that a stretch is followed by another.

    Returns:
        A and B.
    """
    A, B, h = A * likelihoods, B * likelihoods, 1 / (t + 1)
    switching = h * A.sum()  # of all heads, to any head alike
    A = (1 - h) * A + theta * switching / len(A)  # those that will switch again
    B = B + (1 - theta) * switching / len(B)  # those that will not
    total = A.sum() + B.sum()
    return A / total, B / total
