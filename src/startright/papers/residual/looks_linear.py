r"""Looks-linear networks: deep rectifier networks that are linear, and orthogonal, before the first step.

.. math::

    \varphi(z) = [\mathrm{ReLU}(z), \mathrm{ReLU}(-z)], \qquad W = [V, -V] \quad\Rightarrow\quad
    W\varphi(z) = V z

Source: D. Balduzzi et al., *The shattered gradients problem* (2017).
"""

from typing import Any

import torch
from torch import Tensor, nn

from startright.models.layers import WEIGHTED
from startright.models.untouched import untouched
from startright.papers.residual.orthogonal import _middle, orthogonal
from startright.training.stack_layers import Values, rule

AFFINE = (*WEIGHTED, nn.Identity, nn.Flatten, nn.Unflatten)  # and what else is so is found by trying


class CReLU(nn.Module):
    """ReLU of the inputs and of their negatives, one behind the other: as many channels again.

    Args:
        dim: along which they are put together.
    """

    def __init__(self, dim: int = 1):
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """(n, 2 channels, ...) from (n, channels, ...)."""
        return torch.cat((x.relu(), (-x).relu()), self.dim)

    def extra_repr(self) -> str:
        """Its axis."""
        return f"dim={self.dim}"


@rule(CReLU)
def _stacked(module: CReLU, x: Tensor, values: Values) -> Tensor:
    """The same for many networks at once: the axis is one further on."""
    return torch.cat((x.relu(), (-x).relu()), module.dim + (module.dim >= 0))


def looks_linear_(
    net: nn.Module, example: Tensor, *, generator: torch.Generator | None = None, tolerance: float = 1e-3
) -> nn.Module:
    r"""Make a network of :class:`CReLU` linear before its first step, in place, and see that it is.

    Layers behind a CReLU get :math:`[V, -V]`, the others :math:`V`, with V orthogonal; kernels have it in
    their middle; biases are 0. Square layers of a chain without skips then give the network a Jacobian all of
    whose singular values are 1.

    Args:
        net: of linear and convolutional layers with CReLU between, all in the mode that it will start in.
        example: inputs of the shape that it takes, (n, ...); their values do not matter.
        generator: of V and of the inputs that it is tried on, on the device of the weights.
        tolerance: of the relative difference to a linear map.

    Returns:
        ``net``.

    Raises:
        ValueError: no CReLU, or a layer that cannot have such a weight; or a network that is not linear with
            them, for the reason that the message names. Nothing is changed then.

    >>> net = nn.Sequential(nn.Linear(8, 8), CReLU(), nn.Linear(16, 8), CReLU(), nn.Linear(16, 3))
    >>> x = torch.randn(2, 8)
    >>> bool(torch.allclose(looks_linear_(net, x)(-x), -net(x), atol=1e-6))
    True
    """
    mirrored, called = _follow(net, example)
    if not any(isinstance(part, CReLU) for part in called.values()):
        raise ValueError(
            f"{type(net).__name__} has no CReLU: put startright.residual.CReLU in the place of its"
            " activations, and give the layers behind them as many inputs again"
        )
    layers = {name: part for name, part in called.items() if isinstance(part, WEIGHTED)}
    for name, layer in layers.items():
        _middle(layer)  # refuses what cannot have one
        if name in mirrored and layer.weight.shape[1] % 2:
            raise ValueError(f"layer {name!r} stands behind a CReLU and has an odd number of inputs: {layer}")
    before = {key: value.detach().clone() for key, value in net.state_dict().items()}
    for name, layer in layers.items():
        _fill(layer, name in mirrored, generator)
    if (off := _nonlinearity(net, example, generator)) > tolerance:
        net.load_state_dict(before)
        raise ValueError(f"with mirrored weights the network is not linear, by {off:.2g}: {_why(called)}")
    return net


def _follow(net: nn.Module, example: Tensor) -> tuple[set[str], dict[str, nn.Module]]:
    """Layers whose inputs come from a CReLU with no layer between, and all leaves in the order of calls."""
    called: dict[str, nn.Module] = {}
    mirrored, state = set(), {"behind": False}

    def note(name: str, part: nn.Module) -> Any:
        def hook(module: nn.Module, args: tuple, output: Tensor) -> None:
            if name in called and isinstance(part, WEIGHTED):
                raise ValueError(
                    f"layer {name!r} is used more than once in a pass: its weight can mirror one"
                )
            called[name] = part
            if isinstance(part, WEIGHTED) and state["behind"]:
                mirrored.add(name)
            if isinstance(part, (CReLU, *WEIGHTED)):
                state["behind"] = isinstance(part, CReLU)

        return part.register_forward_hook(hook)

    leaves = {name: part for name, part in net.named_modules() if not any(part.children())}
    hooks = [note(name, part) for name, part in leaves.items()]
    try:
        with untouched(net), torch.no_grad():
            net(example)
    finally:
        for hook in hooks:
            hook.remove()
    return mirrored, called


@torch.no_grad()
def _fill(layer: nn.Module, mirrored: bool, generator: torch.Generator | None) -> None:
    outputs, inputs = layer.weight.shape[:2]
    like = {"dtype": layer.weight.dtype, "device": layer.weight.device}
    v = orthogonal(outputs, inputs // 2 if mirrored else inputs, generator=generator, **like)
    middle = _middle(layer)
    layer.weight.zero_()
    layer.weight[middle] = torch.cat((v, -v), 1) if mirrored else v
    if layer.bias is not None:
        layer.bias.zero_()


@torch.no_grad()
def _nonlinearity(net: nn.Module, example: Tensor, generator: torch.Generator | None) -> float:
    r"""Largest difference of f(a - 2b) and f(a) - 2f(b) + 2f(0), over the largest of f(a) - f(0)."""
    device = example.device if generator is None else generator.device
    a, b = (
        torch.randn(example.shape, generator=generator, device=device).to(example.device, example.dtype)
        for _ in range(2)
    )
    with untouched(net):
        base, one, other, both = (net(x) for x in (torch.zeros_like(a), a, b, a - 2 * b))
    scale = float((one - base).abs().max())
    off = float((both - (one - 2 * other + 2 * base)).abs().max())
    return off / scale if scale > 0 else float("inf")


def _why(called: dict[str, nn.Module]) -> str:
    """The parts that are not known to be linear, in words."""
    others = [f"{name!r} ({part})" for name, part in called.items() if not isinstance(part, (*AFFINE, CReLU))]
    if others:
        return f"look at {', '.join(others[:3])}, which stands beside CReLU"
    return "a function in its forward pass is not, or what a CReLU gives is not what the next layer takes"
