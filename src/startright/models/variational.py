r"""Mean-field variational networks: :math:`q(w) = \prod_j N(\mu_j, s_j^2)`, a Gaussian for every weight.

Two lines make one of a network of your own, one more its loss, with :math:`\lambda = 1/N` for Bayes' rule:

.. code-block:: python

    variational_(net, GaussianPrior("glorot"))
    loss = cross_entropy(net(x), y) + kl(net).value / n_train

and :func:`predict` averages the predictions of sampled networks.
"""

import copy
import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from startright.errors import unknown, whole
from startright.models.passes import on_example, read_elsewhere
from startright.models.untouched import plainly
from startright.models.variational_admission import Leave, convertible
from startright.models.variational_layers import (  # noqa: F401 - what users need is all here
    VARIATIONAL,
    VariationalConv1d,
    VariationalConv2d,
    VariationalLinear,
    sampling,
    variational_layers,
)
from startright.models.variational_priors import GaussianPrior, Prior, divergence, prior_of

LOCAL = ("linear", "all", "none")
PLAIN = {ours: plain for plain, ours in VARIATIONAL.items()}
TOLERANCE = 1e-4  # of an output without noise, relative to the largest


def variational_(
    module: nn.Module,
    prior: Prior | None = None,
    *,
    std: float = 0.05,
    local: Literal["linear", "all", "none"] = "linear",
    leave: Leave = (),
    example: Any = None,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Make the weights of a network independent Gaussians around their values, in place.

    Linear layers and convolutions become variational; their weights and biases, the same parameters as
    before, are the means. Buffers, hooks, dtype, device and mode stay. The network is looked at first, and
    refused with every reason if it cannot be taken whole; then it is tried: without noise it must give the
    outputs of before. What fails is put back. Make the optimizer afterwards: it needs the new parameters.

    Args:
        module: the network.
        prior: of the weights, a :class:`~startright.models.variational_priors.Prior`; by default a
            :class:`~startright.models.variational_priors.GaussianPrior` of variance 1/fan-in.
        std: the first standard deviation of all weights.
        local: where noise is that of outputs, one an example, rather than of weights, one a pass. By default
            in linear layers, where both have one law for inputs (n, features); in convolutions, or linear
            layers that stand at several positions, noise of outputs ignores that positions share weights.
        leave: kinds of modules, or names, that stay as they are.
        example: an input, a tensor or a tuple of arguments: the network as a whole is tried on it, every
            new layer must be called, and its weights be read by nothing else. Without one each layer is
            tried by itself.
        generator: of the noise in training, on the device of the weights; torch's default stream if absent.

    Returns:
        ``module``.

    Raises:
        ValueError: something in the network that has weights and is no plain ``Linear``, ``Conv1d`` or
            ``Conv2d``; weights that are shared, parametrised, frozen, or of half precision; nothing to
            convert; weights that the pass of the example reads elsewhere; or outputs that are not those of
            before.

    >>> net = variational_(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3)))
    >>> list(variational_layers(net)), kl(net).exact
    (['0', '2'], True)
    """
    if local not in LOCAL:
        raise unknown("kind of noise", local, LOCAL)
    layers = convertible(module, leave)
    prior = prior or GaussianPrior("glorot")
    for layer in layers.values():
        prior_of(prior, layer)
    before = _outputs(module, layers, example)
    try:
        for layer in layers.values():
            layer.__class__ = VARIATIONAL[type(layer)]
            own = local == "all" or (local == "linear" and isinstance(layer, VariationalLinear))
            layer.begin(std, prior, own, generator)
        _check_same(before, _outputs(module, layers, example))
    except BaseException:
        detach_(module)
        raise
    return module


def _outputs(module: nn.Module, layers: Mapping[str, nn.Module], example: Any) -> dict[str, Tensor]:
    """Outputs in evaluation mode and without noise: of the network, or of each layer by itself."""
    calls: dict[str, int] = {}

    def silent(shape: torch.Size, like: Tensor) -> Tensor:
        calls["noise"] = calls.get("noise", 0) + 1
        return torch.zeros(shape, dtype=like.dtype, device=like.device)

    hooks = [
        layer.register_forward_hook(lambda *_, name=name: calls.update({name: 1}))
        for name, layer in layers.items()
    ]
    try:
        with plainly(module), sampling(module, silent):
            if example is None:
                return {name: layer(_input_of(layer)) for name, layer in layers.items()}
            with on_example(module, example), read_elsewhere(layers) as readers:
                outputs = module(*(example if isinstance(example, tuple) else (example,)))
    finally:
        for hook in hooks:
            hook.remove()
    if missing := [name for name in layers if name not in calls]:
        raise ValueError(
            f"a pass of the example calls no {', '.join(missing)}: their weights would not be sampled."
            " Name them in leave=, or call them as layers"
        )
    if readers:
        name, function = next(iter(readers.items()))
        raise ValueError(
            f"the values of {name} are read by {function}() as well, past the layer: it would get the means,"
            " and never a sample. Name the layer in leave=, or read nothing but its outputs"
        )
    if not isinstance(outputs, Tensor):
        raise ValueError(f"the network must give a tensor for the example, got {type(outputs).__name__}")
    if not outputs.numel():
        raise ValueError("the example is empty, and shows nothing: give one with an input")
    return {"the network": outputs}


def _input_of(layer: nn.Module) -> Tensor:
    """Inputs that fit one layer, always the same."""
    shape = [2, layer.weight.shape[1] * getattr(layer, "groups", 1)]
    for size, step in zip(layer.weight.shape[2:], getattr(layer, "dilation", ()), strict=True):
        shape.append(2 * step * size + 1)
    ramp = torch.arange(math.prod(shape), dtype=torch.float64).cos().view(shape)
    return ramp.to(layer.weight)


def _check_same(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> None:
    for name, outputs in before.items():
        if not outputs.isfinite().all():
            raise ValueError(f"the outputs of {name} are not finite, so nothing could be compared")
        scale, off = float(outputs.abs().max()), float((after[name] - outputs).abs().max())
        if not off <= TOLERANCE * scale + torch.finfo(outputs.dtype).tiny:
            raise ValueError(
                f"without noise the outputs of {name} are not those of before: they differ by {off:.3g},"
                f" the largest is {scale:.3g}. The forward pass is no function of the input and the weights"
            )


class Divergence(NamedTuple):
    """A divergence from the prior, summed over all weights, with its gradient; and how it was computed.

    It is exact if every layer's prior has a closed form; otherwise it was sampled where one has none.
    """

    value: Tensor
    exact: bool


def kl(module: nn.Module, samples: int = 8, generator: torch.Generator | None = None) -> Divergence:
    r"""The divergence of the weights' law from the prior, :math:`\sum_j KL(q_j\,\|\,p_j)`.

    Args:
        module: with variational layers.
        samples: for priors without a closed form, how many draws of every weight.
        generator: of these draws, on the device of the weights.

    Raises:
        ValueError: no variational layer, or no sample.
    """
    rows = {name: p[None] for name, p in module.named_parameters()}
    value, exact = divergences(module, rows, samples, generator)
    return Divergence(value[0], exact)


def divergences(
    module: nn.Module,
    rows: Mapping[str, Tensor],
    samples: int = 8,
    generator: torch.Generator | None = None,
) -> Divergence:
    """The divergence of each run of a stack, (runs,), as :func:`kl` of one.

    Args:
        module: one of the models, for its layers and priors.
        rows: the parameters by name, (runs, ...).
        samples: as in :func:`kl`.
        generator: likewise.
    """
    layers = variational_layers(module)
    if not layers:
        raise ValueError(f"{type(module).__name__} has no variational layer: call variational_ first")
    if not whole(samples) >= 1:
        raise ValueError(f"samples must be at least 1, got {samples!r}")
    if half := [
        n for n, p in rows.items() if n.endswith("_rho") and p.dtype not in (torch.float32, torch.float64)
    ]:
        raise ValueError(f"{half[0]!r} is {rows[half[0]].dtype}: sums over weights need float32 or float64")
    total, exact = torch.zeros(()), True
    for path, layer in layers.items():
        closed = hasattr(layer.prior, "kl")
        exact = exact and closed
        for name in layer.means():
            mean, rho = (rows[f"{path}.{each}".lstrip(".")] for each in (name, f"{name}_rho"))
            std = nn.functional.softplus(rho)
            terms = divergence(layer.prior, mean, std, 0 if closed else samples, generator)
            total = total.to(terms) + terms.flatten(1).sum(1)
    return Divergence(total, exact)


def sampled_outputs(
    module: nn.Module, x: Tensor, samples: int = 32, generator: torch.Generator | None = None
) -> Tensor:
    """Outputs of sampled networks in evaluation mode, (samples, n, ...), without gradient.

    Each network has one draw of all its weights, the same for all inputs.

    Args:
        module: with variational layers; left in its mode.
        x: inputs, (n, ...).
        samples: how many networks.
        generator: of the weights, on the device of ``x``; torch's default stream if absent.

    Raises:
        ValueError: no variational layer, or no sample.
    """
    if not variational_layers(module):
        raise ValueError(f"{type(module).__name__} has no variational layer: call variational_ first")
    if not whole(samples) >= 1:
        raise ValueError(f"samples must be at least 1, got {samples!r}")
    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        with torch.no_grad(), sampling(module, generator, local=False):
            return torch.stack([module(x) for _ in range(samples)])
    finally:
        for part, training in modes:
            part.training = training


def predict(
    module: nn.Module, x: Tensor, samples: int = 32, generator: torch.Generator | None = None
) -> Tensor:
    r"""Log-probabilities of the classes, (n, classes), averaged over sampled networks.

    .. math:: \log \tfrac1S \sum_k \operatorname{softmax} f_{w_k}(x)

    Args:
        module: gives logits, (n, classes); see :func:`sampled_outputs`.
        x: likewise.
        samples: S.
        generator: likewise.
    """
    outputs = sampled_outputs(module, x, samples, generator)
    return outputs.log_softmax(-1).logsumexp(0) - math.log(samples)


def detach_(module: nn.Module) -> nn.Module:
    """Make the layers plain again, in place, at the means of their weights.

    >>> detach_(variational_(nn.Sequential(nn.Linear(2, 3))))
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
    )
    """
    for layer in variational_layers(module).values():
        for name in ("weight_rho", "bias_rho"):
            layer._parameters.pop(name, None)
        for name in ("prior", "local", "generator", "noise"):
            layer.__dict__.pop(name, None)
        layer.__class__ = PLAIN[type(layer)]
    return module


def mean_network(module: nn.Module) -> nn.Module:
    """A copy of the network with plain layers, at the means of their weights."""
    return detach_(copy.deepcopy(module))
