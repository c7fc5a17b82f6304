r"""Laws of the first weights: the variance each asks for, drawn from a normal or a uniform law.

Source: T. Lopès-Quintas, *Recent advances in machine learning* (lecture, 2025), exercises 2 to 5 and the
annex on Leaky ReLU; X. Glorot and Y. Bengio (2010); K. He et al. (2015).
"""

import math

import torch
from torch import Tensor, nn

from startright.errors import unknown
from startright.models.layers import WEIGHTED, fan_in, fan_out, why_not_plain

LAWS = ("naive", "glorot", "he")
SHAPES = ("normal", "uniform")
FANS = ("in", "out")


def weight_variance(law: str, n_in: int, n_out: int, *, slope: float = 0.0, fan: str = "in") -> float:
    r"""The variance of a weight.

    .. math::

        \text{naive: } \frac1{3 n_{in}}, \qquad \text{Glorot: } \frac2{n_{in} + n_{out}}, \qquad
        \text{He: } \frac2{(1 + \alpha^2)\, n}

    Args:
        law: ``"naive"``, what :class:`torch.nn.Linear` draws, uniform on :math:`\pm1/\sqrt{n_{in}}`;
            ``"glorot"``; or ``"he"``.
        n_in: inputs of a unit, :math:`n_{in}`.
        n_out: units fed by an input, :math:`n_{out}`.
        slope: :math:`\alpha`, of Leaky ReLU below 0; He's law alone asks for it.
        fan: whose number n is in He's law, ``"in"`` (the signal is kept) or ``"out"`` (the gradient is).

    Raises:
        ValueError: an unknown law or fan, a number below 1, or a slope that is not finite.

    Source: lecture, exercises 2 (Glorot) and 4 (He), annex on Leaky ReLU; Glorot and Bengio (2010),
    equation 1 for the naive law and 12 for theirs; He et al. (2015), equations 10, 14 and 15.

    >>> weight_variance("he", 50, 10, slope=1.0)
    0.02
    """
    if fan not in FANS:
        raise unknown("fan", fan, FANS)
    if min(n_in, n_out) < 1:
        raise ValueError(f"a layer has at least one input and one output, got {n_in} and {n_out}")
    if not math.isfinite(slope):
        raise ValueError(f"the slope of Leaky ReLU must be finite, got {slope}")
    if law == "naive":
        return 1 / (3 * n_in)
    if law == "glorot":
        return 2 / (n_in + n_out)
    if law == "he":
        return 2 / ((1 + slope**2) * (n_in if fan == "in" else n_out))
    raise unknown("law", law, LAWS)


@torch.no_grad()
def draw_(
    tensor: Tensor, variance: float, shape: str = "normal", *, generator: torch.Generator | None = None
) -> Tensor:
    r"""Fill a tensor with independent centred draws of a variance, in place.

    .. math:: \mathcal N(0, v) \qquad\text{or}\qquad \mathcal U(-a, a),\ a = \sqrt{3v}

    Args:
        tensor: any shape and floating dtype.
        variance: v, not negative.
        shape: ``"normal"`` or ``"uniform"``.
        generator: on the tensor's device; torch's default stream if absent.

    Returns:
        ``tensor``.

    Raises:
        ValueError: a negative variance, or an unknown shape.

    Source: lecture, exercises 3 and 5: a uniform law on (−a, a) has variance a²/3.
    """
    if not 0 <= variance < math.inf:
        raise ValueError(f"a variance must be at least 0 and finite, got {variance}")
    if shape == "normal":
        return tensor.normal_(0, math.sqrt(variance), generator=generator)
    if shape == "uniform":
        reach = math.sqrt(3 * variance)
        return tensor.uniform_(-reach, reach, generator=generator)
    raise unknown("shape of a law", shape, SHAPES)


@torch.no_grad()
def initialise_(
    module: nn.Module,
    law: str,
    shape: str = "normal",
    *,
    slope: float = 0.0,
    fan: str = "in",
    generator: torch.Generator | None = None,
) -> nn.Module:
    r"""Draw the weights of every linear and convolutional layer afresh, and set their biases to 0, in place.

    Args:
        module: the network; its normalisations and activations stay as they are.
        law: as in :func:`weight_variance`.
        shape: as in :func:`draw_`.
        slope: α of Leaky ReLU, for He's law.
        fan: of He's law.
        generator: on the device of the weights; torch's default stream if absent.

    Returns:
        ``module``.

    Raises:
        ValueError: a law, shape, slope or fan that is none; no layer; or a layer whose weight is not a plain
            parameter of its own: nothing is changed then.

    >>> net = initialise_(nn.Sequential(nn.Linear(400, 400), nn.ReLU()), "he", generator=torch.Generator())
    >>> round(float(net[0].weight.var() * 400), 1), float(net[0].bias.abs().max())
    (2.0, 0.0)
    """
    layers = {name: part for name, part in module.named_modules() if isinstance(part, WEIGHTED)}
    if not layers:
        raise ValueError(f"{type(module).__name__} has no linear or convolutional layer to initialise")
    _check(layers)
    wanted = {
        name: weight_variance(law, fan_in(layer), fan_out(layer), slope=slope, fan=fan)
        for name, layer in layers.items()
    }
    if shape not in SHAPES:
        raise unknown("shape of a law", shape, SHAPES)
    for name, layer in layers.items():
        draw_(layer.weight, wanted[name], shape, generator=generator)
        if layer.bias is not None:
            layer.bias.zero_()
    return module


def _check(layers: dict[str, nn.Module]) -> None:
    """Refuse layers whose drawn weight the next pass would not use, or would use twice."""
    owners: dict[int, str] = {}
    for name, layer in layers.items():
        if why := why_not_plain(layer):
            raise ValueError(f"layer {name!r} ({type(layer).__name__}) cannot be initialised: {why}")
        other = owners.setdefault(id(layer.weight), name)
        if other != name:
            raise ValueError(
                f"layers {other!r} and {name!r} share one weight, which has two fans:"
                " draw it by hand, with draw_"
            )
