r"""The penalty of a whole network, with the factor that each of its layers needs, on any module.

.. math:: \text{mean loss} + \lambda \sum_l \lambda_l\, \tilde r(W_l)

It is a :class:`startright.training.penalties.Penalty`: the loops of this package take it as it is, and in
another ``loss + penalty(model)`` does the same by subgradients.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.utils import parametrize

from startright.errors import number, unknown
from startright.models.surgery_checks import is_scaled
from startright.papers.priors import factors
from startright.training.penalties import L1, L2, GroupLasso, Penalty

#: What has parameters beside weights: one number a unit, which no penalty here is about.
PLAIN = (
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.PReLU,
)
Factor = Callable[[str, nn.Module], float]


def bayesian_penalty(
    model: nn.Module,
    kind: str,
    n_train: int,
    *,
    temperature: float = 1.0,
    bias: bool = False,
    proximal: bool = False,
) -> Penalty:
    r"""The penalty of a prior by Glorot's condition, with :math:`\lambda = T\lambda_{\mathrm{Th}} = T/n`.

    Args:
        model: whose linear and convolutional weights are penalised; biases and normalisations are not.
        kind: ``"l2"``, ``"l1"``, ``"rows"`` or ``"columns"``.
        n_train: examples that are really trained on, without those held out.
        temperature: T, at least 0; 1 is what the theory says, and mostly too strong.
        bias: whether the bias counts in P, see :func:`startright.papers.priors.factors.sizes`.
        proximal: act by a step after that of the optimizer, which makes exact zeros, and not in the loss. For
            plain SGD: beside a momentum m it would weigh 1 − m of λ.

    Returns:
        The penalty: for a mean loss, in :class:`startright.training.TrainConfig` or added to it.

    Raises:
        ValueError: an unknown kind or layer, parameters that are shared, parametrised or of half precision,
            or a number out of its range.

    >>> penalty = bayesian_penalty(nn.Linear(3, 2), "rows", 100)
    >>> penalty.strength, round(penalty.factors["weight"], 3)
    (0.01, 3.464)
    """
    if not 0 <= number(temperature) < torch.inf:
        raise ValueError(f"a temperature must be at least 0 and finite, got {temperature!r}")
    strength = temperature * factors.lambda_th(n_train)
    return layerwise_penalty(model, kind, strength, bias=bias, proximal=proximal)


def layerwise_penalty(
    model: nn.Module,
    kind: str,
    strength: float | tuple[float, ...],
    *,
    setup: str = "bayesian",
    bias: bool = False,
    proximal: bool = False,
) -> Penalty:
    r"""λ times the sum of the layers' penalties, each by its factor.

    Args:
        model: as for :func:`bayesian_penalty`.
        kind: likewise.
        strength: λ, or one a run of a stack.
        setup: ``"bayesian"`` or ``"usual"``, the factors of :mod:`startright.papers.priors.factors`.
        bias: likewise.
        proximal: likewise.

    Raises:
        ValueError: as :func:`bayesian_penalty`, or an unknown set-up.
    """
    setups: dict[str, Factor] = {"bayesian": factors.penalty_factor, "usual": factors.usual_factor}
    if setup not in setups:
        raise unknown("set-up", setup, setups)
    layers = penalised_layers(model)
    each = {f"{name}.weight".lstrip("."): setups[setup](kind, at, bias=bias) for name, at in layers.items()}
    if kind == "l2":  # that of training has a factor ½
        return L2(strength, factors={name: 2 * factor for name, factor in each.items()})
    how = {"factors": each, "in_loss": not proximal}
    if kind == "l1":
        return L1(strength, **how)
    return GroupLasso(strength, **how, weighted=False, columns=_second_axis(layers, kind))


def _second_axis(layers: dict[str, nn.Module], kind: str) -> dict[str, int]:
    """The weights whose groups lie along their second axis, with the number of their blocks."""
    along = {}
    for name, layer in layers.items():
        inputs_first = isinstance(layer, factors.TRANSPOSED)
        if inputs_first == (kind == "rows"):
            along[f"{name}.weight".lstrip(".")] = getattr(layer, "groups", 1)
    return along


def penalised_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The linear and convolutional layers that are trained, by name.

    Raises:
        ValueError: a trainable parameter that belongs to no known layer, that two modules share, that is
            computed from others, that is no tensor yet, or whose precision is less than float32's.
    """
    found: dict[str, nn.Module] = {}
    owners: dict[int, str] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        _check_own(name or type(model).__name__, module)
        for leaf, value in module.named_parameters(recurse=False):
            full = f"{name}.{leaf}".lstrip(".")
            if id(value) in owners:
                raise ValueError(
                    f"{full} is {owners[id(value)]}: it is shared, so two layers would each give it a prior"
                )
            owners[id(value)] = full
            if isinstance(module, factors.WEIGHTED) and leaf == "weight" and value.requires_grad:
                found[name] = module
    if not found:
        raise ValueError(f"{type(model).__name__} trains no linear or convolutional weight to be penalised")
    return found


def _check_own(name: str, module: nn.Module) -> None:
    """Refuse what has parameters and no factor, and weights that are not what they seem."""
    trained = [leaf for leaf, value in module.named_parameters(recurse=False) if value.requires_grad]
    if parametrize.is_parametrized(module) or any(leaf.endswith(("_g", "_v", "_orig")) for leaf in trained):
        raise ValueError(
            f"{name} computes its weight from other parameters: remove the parametrisation,"
            " or penalise it yourself"
        )
    if isinstance(module, factors.WEIGHTED):
        _check_weight(name, module)
    elif trained and not isinstance(module, PLAIN):
        raise ValueError(
            f"{name} is a {type(module).__name__} with a parameter {trained[0]!r}: no factor is known for it,"
            " freeze it (requires_grad_(False)) or give the penalty the part of the model without it"
        )


def _check_weight(name: str, layer: nn.Module) -> None:
    weight = layer.weight
    others = ["sigma"] if is_scaled(layer) else [leaf for leaf in layer._parameters if leaf.endswith("_rho")]
    if others:
        raise ValueError(
            f"{name} is a {type(layer).__name__} with {others[0]!r}: its weight is not what acts, or has a"
            " prior already. Make it plain first (fold_, detach_), or take one without factors, such as L1"
        )
    if nn.parameter.is_lazy(weight):
        raise ValueError(f"{name} has no weights yet: pass a batch through the model first")
    if not weight.numel():
        raise ValueError(
            f"{name} has no inputs or no outputs: its weight has the shape {tuple(weight.shape)}"
        )
    if weight.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"{name} has weights in {weight.dtype}: sums of their sizes need float32 or float64"
            " (train in mixed precision instead)"
        )
