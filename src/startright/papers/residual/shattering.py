r"""Shattered gradients: what is left, at depth, of the likeness of gradients at neighbouring inputs.

A network of scalar inputs is run on a grid, and its slope :math:`df/dx` is found by forward differentiation,
for many draws of the weights at once. What the paper's assumption says of the correlation of two gradients,
and what is exact at infinite width, are recursions over the layers.

Source: D. Balduzzi et al., *The shattered gradients problem: if resnets are the answer, then what is the
question?* (2017).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

KINDS = ("plain", "residual")
EPS = 1e-5


class Slopes(NamedTuple):
    """``x``: the grid, (points,). ``slopes``: df/dx read out after each layer, (runs, depth, points)."""

    x: Tensor
    slopes: Tensor


@torch.no_grad()
def slopes(
    kind: str,
    generators: Sequence[torch.Generator],
    *,
    depth: int,
    norm: bool = True,
    beta: float = 1.0,
    width: int = 200,
    points: int = 256,
    reach: float = 2.0,
) -> Slopes:
    r"""df/dx of random rectifier networks on a grid of scalar inputs, after every one of their layers.

    .. math::

        h_0 = wx + b, \qquad h_{l+1} = W_l\,\mathrm{ReLU}(B(h_l)) \quad\text{or}\quad
        h_l + \beta\, W_l\,\mathrm{ReLU}(B(h_l)), \qquad W_l \sim N(0, 2/n)

    with B batch normalisation over the grid, its mean and deviation constants in the derivative, or the
    identity. Plain networks of depth L have L rectifiers and a linear output; residual ones L blocks.

    Args:
        kind: ``"plain"`` or ``"residual"``.
        generators: of the weights, one a network.
        depth: L, of the deepest network.
        norm: whether B normalises.
        beta: :math:`\beta`, of the branches.
        width: n.
        points: of the grid.
        reach: the grid goes from minus this to this.

    Raises:
        ValueError: an unknown kind; no network, layer or unit; or fewer than two points.

    Source: the paper; where b enters, and the law of w, b and the output, N(0, 1), N(0, 1)
    and N(0, 1/n), are our choice.
    """
    if kind not in KINDS or min(depth, width, len(generators)) < 1 or points < 2:
        raise ValueError(
            f"expected a kind of {KINDS}, a depth, a width and a network at least, and two points, got"
            f" {kind!r}, depth {depth}, width {width}, {len(generators)} networks, {points} points"
        )
    x = torch.linspace(-reach, reach, points, device=generators[0].device)
    w, b, out = (_draw(generators, width, 1) for _ in range(3))
    h, t = w * x + b, w.expand(-1, -1, points)  # units, and their derivatives, (runs, width, points)
    out, found = out.mT / width**0.5, []
    for _ in range(depth):
        weight = _draw(generators, width, width) * (2 / width) ** 0.5
        u, v = _normalised(h, t) if norm else (h, t)
        active, slope = u.relu(), (u > 0) * v
        if kind == "plain":
            found.append(out @ slope)
            h, t = weight @ active, weight @ slope
        else:
            h, t = h + beta * (weight @ active), t + beta * (weight @ slope)
            found.append(out @ t)
    return Slopes(x, torch.cat(found, 1))


def _draw(generators: Sequence[torch.Generator], rows: int, columns: int) -> Tensor:
    """Standard normal matrices, one a network."""
    return torch.stack([torch.randn(rows, columns, generator=g, device=g.device) for g in generators])


def _normalised(h: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    scale = (h.var(-1, keepdim=True, correction=0) + EPS).rsqrt()
    return (h - h.mean(-1, keepdim=True)) * scale, t * scale


def autocorrelation(series: Tensor, lags: int) -> Tensor:
    r"""Autocorrelation of series along their last axis, (..., lags + 1), from lag 0 on.

    .. math:: R(k) = \frac{\sum_i (g_i - \bar g)(g_{i+k} - \bar g)}{\sum_i (g_i - \bar g)^2}

    Args:
        series: (..., points).
        lags: the largest lag.

    Raises:
        ValueError: as many lags as points.

    >>> autocorrelation(torch.tensor([1.0, -1.0, 1.0, -1.0]), 1)
    tensor([ 1.0000, -0.7500])
    """
    points = series.shape[-1]
    if not 0 <= lags < points:
        raise ValueError(f"lags go from 0 to {points - 1} for {points} points, got {lags}")
    g = series - series.mean(-1, keepdim=True)
    sums = [(g[..., : points - k] * g[..., k:]).sum(-1) for k in range(lags + 1)]
    return torch.stack(sums, -1) / sums[0][..., None]


def assumed_correlation(kind: str, depth: int, beta: float | None = None) -> np.ndarray:
    r"""Correlation of two gradients by depth, 1 to L, if half the units are active and a quarter for both.

    .. math::

        \text{plain: } 2^{-L}, \qquad \text{residual: } (3/4)^L, \qquad
        \text{with normalised branches: } \prod_{l=1}^{L} \frac{1 + \beta^2/(2 v_l)}{1 + \beta^2/v_l}
        \approx \frac1{\beta\sqrt L}, \quad v_l = 1 + \beta^2(l-1)

    Args:
        kind: ``"plain"`` or ``"residual"``.
        depth: L.
        beta: :math:`\beta` of residual networks whose branches are normalised; None: no normalisation.

    Raises:
        ValueError: an unknown kind, no layer, a plain network with β, or a β that is not positive.

    Source: the paper.

    >>> assumed_correlation("plain", 3), assumed_correlation("residual", 2)
    (array([0.5  , 0.25 , 0.125]), array([0.75  , 0.5625]))
    """
    if kind not in KINDS or depth < 1 or (beta is not None and (kind == "plain" or not 0 < beta < math.inf)):
        raise ValueError(
            f"expected a kind of {KINDS}, a depth of 1 or more, and a positive β of a residual network or"
            f" None, got {kind!r}, {depth} and {beta}"
        )
    if beta is None:
        return np.full(depth, 0.5 if kind == "plain" else 0.75).cumprod()
    gain = beta**2 / (1 + beta**2 * np.arange(depth))  # of a branch over what comes in
    return ((1 + gain / 2) / (1 + gain)).cumprod()


def exact_correlation(kind: str, depth: int, angle: float = math.pi / 2) -> np.ndarray:
    r"""Correlation of two gradients by depth at infinite width, under He's law and without normalisation.

    .. math::

        \text{plain: } \prod_l \Bigl(1 - \frac{\theta_l}{\pi}\Bigr), \quad
        \cos\theta_{l+1} = \frac{\sin\theta_l + (\pi - \theta_l)\cos\theta_l}{\pi}, \qquad
        \text{residual: } \prod_l \Bigl(1 - \frac{\theta_l}{2\pi}\Bigr)

    with, for residual networks, the mean of :math:`\cos\theta_l` and of the right side as the next cosine.

    Args:
        kind: ``"plain"`` or ``"residual"`` (β = 1).
        depth: L.
        angle: :math:`\theta_1` between the two inputs, in radians.

    Raises:
        ValueError: an unknown kind, no layer, or an angle outside 0 to π.

    Source: the arc-cosine kernel (Cho and Saul, 2009); the paper's assumption is the case of a right angle.

    >>> exact_correlation("plain", 1), exact_correlation("residual", 1)
    (array([0.5]), array([0.75]))
    """
    if kind not in KINDS or depth < 1 or not 0 <= angle <= math.pi:
        raise ValueError(
            f"expected a kind of {KINDS}, a depth of 1 or more and an angle from 0 to π, got {kind!r},"
            f" {depth} and {angle}"
        )
    share = 1.0 if kind == "plain" else 0.5
    factors, theta = [], angle
    for _ in range(depth):
        factors.append(1 - share * theta / math.pi)
        apart = 2 * math.sin(theta / 2) ** 2  # 1 - cos θ, exact for small angles
        missing = apart - share * (math.sin(theta) - theta * math.cos(theta)) / math.pi
        theta = 2 * math.asin(math.sqrt(min(max(missing, 0.0) / 2, 1.0)))
    return np.cumprod(factors)


@torch.no_grad()
def sampled_correlation(
    kind: str,
    depth: int,
    *,
    width: int,
    generator: torch.Generator,
    angle: float = math.pi / 2,
    changes: int = 20,
) -> Tensor:
    r"""Correlation of the gradients at two inputs in one network without normalisation, by depth.

    Args:
        kind: ``"plain"`` or ``"residual"`` (β = 1).
        depth: L.
        width: of the network and its inputs, 2 or more.
        generator: of the weights; its device is where they are.
        angle: between the inputs, in radians.
        changes: random directions along which both inputs are changed.

    Returns:
        For L = 1 to ``depth`` the cosine between the changes of layer L at one input and at the other, all
        directions taken together, (depth,).

    Raises:
        ValueError: an unknown kind, no layer, no direction, or fewer than two units.
    """
    if kind not in KINDS or min(depth, changes, width - 1) < 1:
        raise ValueError(
            f"expected a kind of {KINDS}, a layer and a direction at least, and two units, got {kind!r},"
            f" depth {depth}, {changes} directions, width {width}"
        )
    make = {"generator": generator, "device": generator.device}
    axes = torch.linalg.qr(torch.randn(width, 2, **make))[0].T * width**0.5
    h = torch.stack([axes[0], math.cos(angle) * axes[0] + math.sin(angle) * axes[1]])[..., None]
    t = torch.randn(width, changes, **make).expand(2, -1, -1)
    found = []
    for _ in range(depth):
        weight = torch.randn(width, width, **make) * (2 / width) ** 0.5
        change, slope = weight @ h.relu(), weight @ ((h > 0) * t)
        if kind == "plain":
            h, t = change, slope
        else:  # over √2: the scale would double with every block, and does not matter
            h, t = (h + change) / 2**0.5, (t + slope) / 2**0.5
        found.append(torch.nn.functional.cosine_similarity(*t.flatten(1), dim=0))
    return torch.stack(found)
