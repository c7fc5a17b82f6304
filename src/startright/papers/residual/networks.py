"""Networks of fifty layers, dense or convolutional, whose first weights are compared."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from startright.errors import unknown
from startright.models.init import init_gaussian_
from startright.papers.residual.looks_linear import CReLU, looks_linear_
from startright.papers.residual.orthogonal import delta_orthogonal_, gain, orthogonal_
from startright.papers.residual.tailored import tailored_slope
from startright.training.stack_layers import Values, rule

#: The dense ones, and the convolutional ones.
DENSE = ("looks-linear", "residual", "tailored", "crelu", "relu")
CONVOLUTIONAL = ("delta-orthogonal", "gaussian")
BRANCH = 0.1  # β of the residual network
CHANNELS, SIDE = 8, 7  # of the convolutional networks


class Branch(nn.Module):
    r"""A residual block of one layer, :math:`x \mapsto x + \beta\,(W\,\mathrm{ReLU}(x) + b)`.

    Args:
        width: of x.
        beta: :math:`\beta`.
    """

    def __init__(self, width: int, beta: float = BRANCH):
        super().__init__()
        self.beta, self.layer = beta, nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width) from (n, width)."""
        return x + self.beta * self.layer(x.relu())


@rule(Branch)
def _stacked(module: Branch, x: Tensor, values: Values) -> Tensor:
    """The same for many networks at once."""
    return x + module.beta * values.run("layer", module.layer, x.relu())


def network(name: str, inputs: Tensor, *, depth: int, width: int, generator: torch.Generator) -> nn.Module:
    """A network of ``depth`` layers of weights for ten classes, as it is before the first step.

    Args:
        name: ``"looks-linear"``; ``"residual"``, ReLU with He's weights in branches of β = 0.1;
            ``"tailored"``, Leaky ReLU; ``"crelu"`` and ``"relu"``, with He's weights; or, of convolutions
            with tanh on images averaged to 7 × 7, ``"delta-orthogonal"`` and ``"gaussian"``.
        inputs: a few inputs of the shape that it takes.
        depth: layers, 3 or more.
        width: units of a hidden layer.
        generator: of the weights, on the CPU.

    Raises:
        ValueError: an unknown name, fewer than three layers, or too few for ``"tailored"``.
    """
    if name not in DENSE + CONVOLUTIONAL:
        raise unknown("network", name, DENSE + CONVOLUTIONAL)
    if depth < 3:
        raise ValueError(f"these networks have three layers or more, got {depth}")
    if name in CONVOLUTIONAL:
        return _convolutional(name, depth, generator)
    doubled = 2 if name in ("looks-linear", "crelu") else 1
    ends = nn.Linear(inputs[0].numel(), width), nn.Linear(doubled * width, 10)
    if name == "residual":
        net = nn.Sequential(nn.Flatten(), ends[0], *(Branch(width) for _ in range(depth - 2)), ends[1])
        return init_gaussian_(net, 2.0, generator=generator)
    if name == "tailored":
        return _tailored(ends, depth, width, generator)
    if name == "relu":
        return init_gaussian_(_chain(ends, depth, width, width, nn.ReLU), 2.0, generator=generator)
    net = _chain(ends, depth, doubled * width, width, CReLU)
    if name == "crelu":
        return init_gaussian_(net, 2.0, generator=generator)
    return looks_linear_(net, inputs, generator=generator)


def _chain(
    ends: tuple[nn.Linear, nn.Linear], depth: int, n: int, m: int, activation: Callable[[], nn.Module]
) -> nn.Sequential:
    """Layers of n inputs and m units between the two ends, with an activation before each but the first."""
    first, last = ends
    middle = [part for _ in range(depth - 2) for part in (activation(), nn.Linear(n, m))]
    return nn.Sequential(nn.Flatten(), first, *middle, activation(), last)


def _tailored(
    ends: tuple[nn.Linear, nn.Linear], depth: int, width: int, generator: torch.Generator
) -> nn.Sequential:
    alpha = tailored_slope(depth - 1)
    net = _chain(ends, depth, width, width, lambda: nn.LeakyReLU(alpha))
    first, *others = (part for part in net if isinstance(part, nn.Linear))
    orthogonal_(first, generator=generator)
    for layer in others:
        orthogonal_(layer, gain(alpha), generator=generator)
    return net


def _convolutional(name: str, depth: int, generator: torch.Generator) -> nn.Sequential:
    """Networks of tanh on its line χ = 1, at the end where weights have variance 1/fan-in, biases none."""
    parts: list[nn.Module] = [nn.AdaptiveAvgPool2d(SIDE)]
    for layer in range(depth - 1):
        parts += [nn.Conv2d(CHANNELS if layer else 1, CHANNELS, 3, padding=1), nn.Tanh()]
    net = nn.Sequential(*parts, nn.Flatten(), nn.Linear(CHANNELS * SIDE**2, 10))
    init_gaussian_(net, 1.0, generator=generator)
    if name == "delta-orthogonal":
        for part in net:
            if isinstance(part, nn.Conv2d):
                delta_orthogonal_(part, generator=generator)
    return net
