r"""Random networks without keeping them: samples of pre-activations at initialisation, layer by layer.

Every sample is an independent network, all see the same input with $\|x\|^2 = n_0$, and one fixed neuron a
layer is kept. Tensors are float32 on the device of the generator.
"""

import torch
from torch import Tensor

from startright.errors import unknown
from startright.papers.preact.schemes import Scheme, normal

LAYOUTS = {"A": (1, None), "B": (None, 2), "C": (None, None)}  # (n0, n1); None stands for n
CHUNK = 1 << 22  # weights alive at once: 16 MB


def _check(**sizes: int) -> None:
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} must be a positive integer, got {size!r}")


def scalar_chain(scheme: Scheme, width: int, depth: int, draws: int, *, generator: torch.Generator) -> Tensor:
    r"""Pre-activations of networks with Gaussian weights, through the chain of one number a layer.

    Given $q_l = \frac1n\sum_j\varphi(Z^l_j)^2$, layer $l+1$ is i.i.d. $N(0, \sigma_w^2 q_l + \sigma_b^2)$:
    n draws a layer do the work of n² weights, exactly.

    Args:
        scheme: with Gaussian weights.
        width: neurons a layer.
        depth: layers.
        draws: independent networks.
        generator: its device is where the chain runs.

    Returns:
        One neuron a layer and network, (depth, draws).

    Raises:
        ValueError: Weibull weights, or a size that is not a positive integer.

    Source: Wolinski and Arbel (2025) for the question; the chain is the conditional Gaussian law.
    """
    _check(width=width, depth=depth, draws=draws)
    if not scheme.gaussian_weights:
        raise ValueError(f"scheme {scheme.name!r} has Weibull weights: use matrix_chain")
    parts = []
    for size in _chunks(draws, width):
        q = torch.ones(size, 1, device=generator.device)
        layers = []
        for _ in range(depth):
            scale = (scheme.sigma_w2 * q + scheme.sigma_b2).sqrt()
            z = normal(size, width, generator=generator).mul_(scale)
            layers.append(z[:, 0].clone())
            q = scheme.activation(z).square_().mean(1, keepdim=True)
        parts.append(torch.stack(layers))
    return torch.cat(parts, 1)


def matrix_chain(
    scheme: Scheme,
    width: int,
    depth: int,
    draws: int,
    *,
    generator: torch.Generator,
    x: Tensor | None = None,
) -> Tensor:
    """Pre-activations of networks with any weights, every matrix drawn in full, chunk by chunk.

    Args:
        scheme: the activation and the law of the weights.
        width: neurons a layer.
        depth: layers.
        draws: independent networks.
        generator: its device is where the networks are drawn.
        x: an input, (n0,), that goes through a full first layer of Gaussian weights; by default the first
            layer is drawn from its law, which depends on the norm of the input alone.

    Returns:
        One neuron a layer and network, (depth, draws).

    Raises:
        ValueError: a size that is not a positive integer, or an input that is not a vector.
    """
    _check(width=width, depth=depth, draws=draws)
    if x is not None and (x.ndim != 1 or x.numel() == 0):
        raise ValueError(f"x must be one input, a vector, got shape {tuple(x.shape)}")
    parts = []
    for size in _chunks(draws, width * max(width, 0 if x is None else x.numel())):
        z = _first_layer(scheme, size, width, x, generator)
        layers = [z[:, 0].clone()]
        for _ in range(depth - 1):
            weights = scheme.weights(size, width, width, generator=generator)
            z = torch.bmm(weights, scheme.activation(z)[:, :, None])[:, :, 0].div_(width**0.5)
            layers.append(scheme.add_bias_(z, generator)[:, 0].clone())
        parts.append(torch.stack(layers))
    return torch.cat(parts, 1)


def _first_layer(
    scheme: Scheme, size: int, width: int, x: Tensor | None, generator: torch.Generator
) -> Tensor:
    if x is None:
        return normal(size, width, generator=generator).mul_(scheme.first_variance**0.5)
    variance = 1.0 if scheme.theta is not None else scheme.sigma_w2
    weights = normal(size * width, x.numel(), generator=generator)
    z = (weights @ x.float()).view(size, width).mul_((variance / x.numel()) ** 0.5)
    return scheme.add_bias_(z, generator)


def _chunks(draws: int, weights: int) -> list[int]:
    """Sizes of the chunks that hold at most about ``CHUNK`` of the ``weights`` a network has a layer."""
    size = max(1, min(draws, CHUNK // weights))
    return [size] * (draws // size) + ([draws % size] if draws % size else [])


def two_step(
    scheme: Scheme,
    layout: str,
    width: int,
    draws: int,
    *,
    generator: torch.Generator,
    independent: bool = False,
) -> Tensor:
    r"""The output of networks of sizes $(n_0, n_1, 1)$, where dependence inside a layer first matters.

    Args:
        scheme: the activation and the law of the weights.
        layout: ``"A"``: $n_0 = 1$, $n_1 = n$; ``"B"``: $n_0 = n$, $n_1 = 2$; ``"C"``: both n.
        width: n.
        draws: independent networks.
        generator: its device is where they are drawn.
        independent: give each of the $n_1$ neurons fresh inputs of its own instead of the shared ones.

    Returns:
        One output a network, (draws,).

    Raises:
        ValueError: an unknown layout, or a size that is not a positive integer.

    Source: Wolinski and Arbel (2025), the dependence test of the released code.
    """
    _check(width=width, draws=draws)
    if layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    n0, n1 = (n or width for n in LAYOUTS[layout])
    z0 = [(size, n1 if independent else 1, n0) for size in _chunks(draws, n0 * n1)]
    return torch.cat([_two_step(scheme, shape, n1, generator) for shape in z0])


def _two_step(scheme, shape, n1, rng):
    draws = shape[0]

    def step(z, neurons):  # z: (draws, 1 if the neurons share their inputs, inputs)
        weights = scheme.weights(draws, neurons, z.shape[2], generator=rng)
        z = (weights * scheme.activation(z)).sum(2).div_(z.shape[2] ** 0.5)
        return scheme.add_bias_(z, rng)

    z = normal(*shape, generator=rng).mul_(scheme.first_variance**0.5)
    return step(step(z, n1)[:, None, :], 1)[:, 0]


def correlation_chain(
    scheme: Scheme, x: Tensor, width: int, depth: int, *, generator: torch.Generator
) -> Tensor:
    r"""Correlations of the pre-activations that one random network gives to several inputs.

    $c_{ab} = \langle z_a, z_b\rangle / (\|z_a\|\,\|z_b\|)$ over the neurons of a layer.

    Args:
        scheme: the activation and the law of the weights.
        x: inputs, (m, n0), each with squared norm n0.
        width: neurons a layer.
        depth: layers.
        generator: its device is where the network is drawn.

    Returns:
        Correlation matrices, (depth, m, m); ``nan`` for an input to which no neuron of a layer responds
        any more, as happens to ReLU in narrow networks.

    Raises:
        ValueError: a size that is not a positive integer, or inputs that are not a matrix.
    """
    _check(width=width, depth=depth)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"x must be inputs of shape (m, n0), got shape {tuple(x.shape)}")
    variance = 1.0 if scheme.theta is not None else scheme.sigma_w2
    weights = normal(width, x.shape[1], generator=generator).mul_(variance**0.5)
    layers, a = [], x.float()
    for _ in range(depth):
        bias = scheme.add_bias_(torch.zeros(1, width, device=x.device), generator)
        z = a @ weights.T / a.shape[1] ** 0.5 + bias
        unit = z / z.norm(dim=1, keepdim=True)
        layers.append(unit @ unit.T)
        a, weights = scheme.activation(z), scheme.weights(width, width, generator=generator)
    return torch.stack(layers)
