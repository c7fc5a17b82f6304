"""Networks of one hidden layer, as in the paper's experiments on the width, many trained as one program.

Methods: a scaling (``"uniform"``, ``"1/k"``, ``"1/(√k ln k)"``) is ScaLa, or ScaLP with a penalty;
``"standard"`` is the usual parametrisation with weights of the same law, and ``"bn-lasso"`` normalises the
hidden layer and penalises its scales.
"""

from collections.abc import Sequence

import torch
from torch import nn

from startright import data
from startright.errors import unknown
from startright.papers.scalp.layers import RELU_GAIN, ScaledLinear
from startright.papers.scalp.penalties import ColumnLasso, ScaleLasso
from startright.papers.scalp.scalings import NAMED
from startright.seeds import generator
from startright.training.penalties import Penalty
from startright.training.stack import ModelStack

BN_LASSO, STANDARD = "bn-lasso", "standard"
METHODS = (*NAMED, BN_LASSO, STANDARD)
ACTIVATIONS = {"relu": (nn.ReLU, RELU_GAIN), "identity": (nn.Identity, 1.0)}
SLIM = 1e-2  # a neuron of BN-Lasso with a smaller |γ| is pruned
HALF = 0.5  # γ at the start, as network slimming has it


def check_method(name: str) -> str:
    """``name`` itself if it is a method.

    Raises:
        ValueError: it is none.
    """
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    return name


def network(
    method: str, sizes: Sequence[int], *, seed: int, activation: str = "relu", gain: float | None = None
) -> nn.Sequential:
    """Inputs → hidden layer → outputs: linear layer, normalisation if any, activation, linear layer.

    The first layer is scaled uniformly whatever the method: its inputs have no order.

    Args:
        method: one of ``METHODS``.
        sizes: numbers of inputs, of hidden neurons, of outputs.
        seed: of w̃, the same for all scalings and for ``"standard"``.
        activation: ``"relu"`` or ``"identity"``.
        gain: of the second layer; by default √2 behind ReLU.

    Raises:
        ValueError: an unknown method or activation.
    """
    check_method(method)
    if activation not in ACTIVATIONS:
        raise unknown("activation", activation, ACTIVATIONS)
    make, own = ACTIVATIONS[activation]
    gain, rng = own if gain is None else gain, generator(seed, "init")
    (n, m, k), scaling = sizes, method if method in NAMED else "uniform"
    layers = [
        ScaledLinear(n, m, scaling="uniform", generator=rng),
        ScaledLinear(m, k, scaling=scaling, gain=gain, generator=rng),
    ]
    if method not in NAMED:
        layers = [plain(layer) for layer in layers]
    norm = [nn.BatchNorm1d(m)] if method == BN_LASSO else []
    for each in norm:
        nn.init.constant_(each.weight, HALF)
    return nn.Sequential(layers[0], *norm, make(), layers[1])


def plain(layer: ScaledLinear) -> nn.Linear:
    """The linear layer with the same weights w."""
    made = nn.utils.skip_init(nn.Linear, layer.in_features, layer.out_features)
    with torch.no_grad():
        made.weight.copy_(layer.effective_weight())
        made.bias.copy_(layer.bias)
    return made


def penalty(method: str, strengths: Sequence[float]) -> Penalty:
    """The penalty of a method, one strength a run."""
    if method == BN_LASSO:
        return ScaleLasso(tuple(strengths), select=lambda name, values: name == "1.weight")
    return ColumnLasso(tuple(strengths))


def kept(method: str, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
    """Which hidden neurons are left, (runs, neurons).

    Of ScaLP those whose outgoing weights are not exactly 0, of BN-Lasso those with a γ above ``SLIM``.

    Args:
        method: with a penalty.
        parameters: of :func:`network`, by name, (runs, …).
    """
    if method == BN_LASSO:
        return parameters["1.weight"].abs() > SLIM
    return parameters["2.weight"].ne(0).any(1)


def rows(models: Sequence[nn.Module]) -> dict[str, torch.Tensor]:
    """The parameters of models of one shape by name, (runs, …)."""
    names = dict(models[0].named_parameters())
    return {name: torch.stack([model.get_parameter(name).detach() for model in models]) for name in names}


def parameters_left(sizes: Sequence[int], width: int, *, norm: bool) -> int:
    """The parameters of the network with ``width`` hidden neurons left.

    >>> parameters_left((64, 100, 10), 8, norm=False)
    610
    """
    inputs, _, outputs = sizes
    return inputs * width + width + width * outputs + outputs + 2 * width * norm


def images(
    dataset: str, n_train: int | None, device: torch.device, n_test: int | None = None
) -> data.Dataset:
    """Images as rows, normalised; the first ``n_train`` and ``n_test`` of a draw, all by default."""
    return data.load(dataset, device=device, n_train=n_train, n_test=n_test, flatten=True)


class Deaths:
    """When each hidden neuron was last seen alive: a hook before every epoch of a stack.

    Args:
        method: of all runs.
        models: the runs.
    """

    def __init__(self, method: str, models: Sequence[nn.Module]):
        width = models[0][0].out_features
        self.method, self.alive = method, {id(model): torch.zeros(width) for model in models}
        self.counts: dict[int, list[int]] = {id(model): [] for model in models}

    def __call__(self, epoch: int, stack: ModelStack) -> None:
        """Note, before an epoch, which neurons there are."""
        self.note(epoch, stack.models, {name: values.detach() for name, values in stack.parts().items()})

    def note(self, epoch: int, models: Sequence[nn.Module], parameters: dict[str, torch.Tensor]) -> None:
        """Note which neurons there are after so many epochs."""
        for model, found in zip(models, kept(self.method, parameters).cpu(), strict=True):
            self.alive[id(model)][found] = epoch
            self.counts[id(model)].append(int(found.sum()))

    def last(self, model: nn.Module) -> torch.Tensor:
        """After how many epochs each neuron of a model was last seen alive, (neurons,)."""
        return self.alive[id(model)]

    def widths(self, model: nn.Module) -> list[int]:
        """How many neurons a model had before each epoch, and at the end."""
        return self.counts[id(model)]
