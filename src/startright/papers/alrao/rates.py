"""One learning rate a unit, drawn once.

A unit's parameters are all weights that come into it, and its bias: the row of a linear layer, the filter of
a convolution. Which entries of which tensor belong together is a rule a type of module, see
:func:`register_rule`.

Source: L. Blier, P. Wolinski and Y. Ollivier, *Learning with random learning rates*, 2019; the
rules the paper leaves open are those of the authors' programs.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils import parametrize

from startright.errors import unknown
from startright.models.layers import layers
from startright.papers.alrao.parametrized import plain, still

NORMS = ("independent", "tied", "layer")
LSTMS = ("per_unit", "per_gate_row")
PER = ("unit", "weight")


class Sampler(Protocol):
    """Anything that draws rates."""

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Rates of the given shape, none negative."""


@dataclass(frozen=True)
class LogUniform:
    r"""The law of :math:`e^U`, :math:`U` uniform: density :math:`1/(\eta\,\ln(\eta_{\max}/\eta_{\min}))`.

    Args:
        lo: least rate, positive.
        hi: largest rate, finite.

    Raises:
        ValueError: an interval that is reversed, or reaches zero or infinity.

    >>> rates = LogUniform(1e-5, 10.0).sample((100_000,), torch.Generator().manual_seed(0))
    >>> f"{rates.log10().mean():.2f} ± {rates.log10().std():.2f}"
    '-2.00 ± 1.73'
    """

    lo: float
    hi: float

    def __post_init__(self):
        if not 0 < self.lo <= self.hi < math.inf:
            raise ValueError(
                f"the interval of rates must be 0 < ηmin ≤ ηmax < ∞, got [{self.lo:g}, {self.hi:g}]"
            )

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Rates of the given shape, in float64."""
        u = torch.rand(shape, generator=generator, dtype=torch.float64, device=generator.device)
        return (math.log(self.lo) + u * math.log(self.hi / self.lo)).exp().clamp(self.lo, self.hi)

    def grid(self, n: int) -> torch.Tensor:
        """``n`` rates in geometric progression, in float64: from ``lo`` to ``hi``, to the last digit."""
        grid = torch.logspace(math.log10(self.lo), math.log10(self.hi), n, dtype=torch.float64)
        grid[-1], grid[0] = self.hi, self.lo  # which the powers of ten of their logarithms may miss
        return grid.clamp(self.lo, self.hi)


@dataclass(frozen=True)
class Fraction:
    """The same rate with probability ``p``, else zero: the unit keeps its initial weights.

    Args:
        rate: of the units that learn, positive and finite.
        p: the probability that a unit learns.

    Raises:
        ValueError: a rate or a probability out of its range.
    """

    rate: float
    p: float

    def __post_init__(self):
        if not 0 < self.rate < math.inf or not 0 <= self.p <= 1:
            raise ValueError(
                f"expected a positive rate and a probability, got rate = {self.rate}, p = {self.p}"
            )

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Rates of the given shape, in float64."""
        u = torch.rand(shape, generator=generator, dtype=torch.float64, device=generator.device)
        return (u < self.p).double() * self.rate


Interval = tuple[float, float] | Sampler


def as_sampler(interval: Interval) -> Sampler:
    """A pair (ηmin, ηmax) as a log-uniform law; a sampler as it is.

    Raises:
        ValueError: neither, or an interval that :class:`LogUniform` refuses.
    """
    if hasattr(interval, "sample"):
        return interval
    try:
        lo, hi = (float(bound) for bound in interval)
    except (TypeError, ValueError):
        raise ValueError(
            f"expected a pair (ηmin, ηmax) or an object with a method sample, got {interval!r}"
        ) from None
    return LogUniform(lo, hi)


@dataclass(frozen=True)
class Draw:
    """What a rule draws with: ``draw(n)`` gives n fresh rates, (n,).

    Attributes:
        norm: how the two vectors of a normalisation are treated, see :func:`unit_rates`.
        lstm: ``"per_unit"`` or ``"per_gate_row"``, how recurrent layers are.
    """

    sampler: Sampler
    generator: torch.Generator
    norm: str = "independent"
    lstm: str = "per_unit"

    def __call__(self, n: int) -> torch.Tensor:
        """``n`` fresh rates, (n,)."""
        return self.sampler.sample((n,), self.generator)


Rule = Callable[[nn.Module, Draw], Mapping[str, torch.Tensor]]
_RULES: dict[type[nn.Module], Rule] = {}


def register_rule(*types: type[nn.Module]) -> Callable[[Rule], Rule]:
    """Decorator: which entries of a module's own parameters share a rate.

    The rule is called with a module of one of ``types``, or of a subclass without a rule of its own, and
    with a :class:`Draw`. It returns, for each parameter that is the module's own, rates that broadcast to it.

    >>> class Scale(nn.Module):
    ...     def __init__(self, n):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(torch.ones(n))
    >>> @register_rule(Scale)
    ... def scale(module, draw):
    ...     return {"factor": draw(len(module.factor))}
    """

    def register(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(types, rule))
        return rule

    return register


def _column(rates: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Rates of the first axis of ``like``, to be broadcast over the others."""
    return rates.view(-1, *[1] * (like.dim() - 1))


@register_rule(nn.Linear, nn.Bilinear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
def _rows(module: nn.Module, draw: Draw) -> dict[str, torch.Tensor]:
    """A unit is an entry of the first axis; its bias has its rate."""
    rates = draw(len(module.weight))
    return {name: _column(rates, p) for name, p in module.named_parameters(recurse=False)}


@register_rule(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
def _transposed(module: nn.Module, draw: Draw) -> dict[str, torch.Tensor]:
    """A unit is an output channel: an entry of the second axis, in the rows of its group."""
    weight, groups = module.weight, module.groups
    rates = draw(module.out_channels)
    table = rates.view(groups, -1).repeat_interleave(len(weight) // groups, 0)
    shaped = {"weight": table.view(*table.shape, *[1] * (weight.dim() - 2)), "bias": rates}
    return {name: shaped[name] for name, _ in module.named_parameters(recurse=False)}


@register_rule(
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, nn.LayerNorm, nn.GroupNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d, nn.RMSNorm, nn.PReLU),
)
def _channels(module: nn.Module, draw: Draw) -> dict[str, torch.Tensor]:
    """A unit is a channel; its scale and its shift have a rate each, or one together if tied."""
    own = dict(module.named_parameters(recurse=False))
    shared = draw(next(iter(own.values())).numel()) if draw.norm != "independent" else None
    return {name: (draw(p.numel()) if shared is None else shared).view(p.shape) for name, p in own.items()}


@register_rule(nn.Embedding, nn.EmbeddingBag)
def _columns(module: nn.Module, draw: Draw) -> dict[str, torch.Tensor]:
    """A unit is a dimension of the embedding, not a token."""
    return {"weight": draw(module.embedding_dim)[None, :]}


@register_rule(nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell)
def _recurrent(module: nn.RNNBase | nn.RNNCellBase, draw: Draw) -> dict[str, torch.Tensor]:
    """A unit is a hidden unit with all its gates, or each row of each matrix is one by itself."""
    own, rates = dict(module.named_parameters(recurse=False)), {}
    for suffix in [name.removeprefix("weight_ih") for name in own if name.startswith("weight_ih")]:
        rows, hidden = len(own["weight_ih" + suffix]), module.hidden_size
        if draw.lstm == "per_unit":
            into = across = draw(hidden).repeat(rows // hidden)
        else:
            into, across = draw(rows), draw(rows)
        for end, row in (("ih", into), ("hh", across)):
            rates |= {f"weight_{end}{suffix}": row[:, None], f"bias_{end}{suffix}": row}
        if "weight_hr" + suffix in own:
            rates["weight_hr" + suffix] = draw(module.proj_size)[:, None]
    return {name: rate for name, rate in rates.items() if name in own}


@register_rule(nn.MultiheadAttention)
def _attention(module: nn.MultiheadAttention, draw: Draw) -> dict[str, torch.Tensor]:
    """A unit is a row of the projections to queries, keys and values; its bias has its rate."""
    n = module.embed_dim
    rates = draw(3 * n)
    parts = dict(zip(("q", "k", "v"), rates.split(n), strict=True))
    shaped = {"in_proj_weight": rates[:, None], "in_proj_bias": rates}
    shaped |= {f"{part}_proj_weight": row[:, None] for part, row in parts.items()}
    shaped |= {"bias_k": parts["k"], "bias_v": parts["v"]}
    return {name: shaped[name] for name, _ in module.named_parameters(recurse=False)}


def _rule(module: nn.Module) -> Rule | None:
    return next((_RULES[kind] for kind in type(module).__mro__ if kind in _RULES), None)


def _each_entry(module: nn.Module, draw: Draw) -> dict[str, torch.Tensor]:
    """Every entry of every parameter by itself."""
    return {name: draw(p.numel()).view(p.shape) for name, p in module.named_parameters(recurse=False)}


def _own_rates(path: str, module: nn.Module, rule: Rule | None, draw: Draw) -> dict[str, torch.Tensor]:
    """The rates of a module's own parameters by their full names."""
    own, prefix = dict(module.named_parameters(recurse=False)), path + "." if path else ""
    if rule is None:
        warnings.warn(
            f"no rule says what a unit of {type(module).__name__} ({path or 'the module itself'}) is: each"
            f" entry of {', '.join(own)} gets a rate of its own; startright.alrao.register_rule adds a rule",
            stacklevel=3,
        )
        rule = _each_entry
    rates = rule(module, draw)
    if set(rates) != set(own):
        raise ValueError(
            f"the rule for {type(module).__name__} ({path or 'the module itself'}) gives rates for"
            f" {sorted(rates)}, its parameters are {sorted(own)}"
        )
    return {prefix + name: _fitting(prefix + name, rates[name], p) for name, p in own.items()}


def _parametrized_rates(
    path: str, module: nn.Module, rule: Rule | None, draw: Draw
) -> dict[str, torch.Tensor]:
    """The same of a layer with weight norm or the like: what makes a weight has the rates of its units.

    Where the shapes do not tell the units, as of lengths across them, each entry gets a rate.
    """
    rates, prefix = _own_rates(path, plain(module), rule, draw), path + "." if path else ""
    for name, made in module.parametrizations.items():
        known = rates.pop(prefix + name)
        for source, p in made.named_parameters(recurse=False):
            fits = p.dim() == known.dim() and all(
                n in {1, m} for n, m in zip(known.shape, p.shape, strict=True)
            )
            key = f"{prefix}parametrizations.{name}.{source}"
            rates[key] = _fitting(key, known if fits else draw(p.numel()).view(p.shape), p)
    return rates


def _fitting(name: str, rate: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """The rates in the type and on the device of their parameter."""
    rate = torch.as_tensor(rate)
    try:
        rate.expand(parameter.shape)
    except RuntimeError:
        raise ValueError(
            f"rates of shape {tuple(rate.shape)} do not broadcast to {name}, {tuple(parameter.shape)}"
        ) from None
    return rate.to(parameter.device, real_type(parameter.dtype))


def real_type(dtype: torch.dtype) -> torch.dtype:
    """The type of the real part of numbers of that type."""
    return dtype.to_real() if dtype.is_complex else dtype


def _refuse_tied(module: nn.Module) -> None:
    """One module in two places has one set of units; one tensor in two modules has two."""
    first: dict[int, str] = {}
    for path, part in module.named_modules():
        for own, parameter in part.named_parameters(prefix=path, recurse=False, remove_duplicate=False):
            if isinstance(parameter, UninitializedParameter):
                raise ValueError(f"{own} has no shape yet: run the module once on a batch before")
            if (other := first.setdefault(id(parameter), own)) != own:
                raise ValueError(
                    f"{other} and {own} are one tensor in two layers, which would have two rates: untie them,"
                    " or use one layer in both places, or give the module that shares them a rule of its own"
                    " and register the tensor once"
                )


def _made_by(module: nn.Module, norm: str) -> dict[str, str]:
    """Normalisations that take their rates from a layer, and that layer."""
    if norm != "layer":
        return {}
    return {layer.norm: layer.name for layer in layers(module) if layer.norm is not None}


def _of_layer(
    path: str, norm: nn.Module, layer: str, rates: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The rates of a normalisation's channels, those of the units of the layer before it."""
    units = next(
        rate.flatten()
        for name, rate in rates.items()
        if name.startswith(layer + ".") and rate.numel() == norm.num_features
    )
    return {f"{path}.{name}": units.to(p) for name, p in norm.named_parameters(recurse=False)}


def unit_rates(
    module: nn.Module,
    interval: Interval,
    *,
    norm: str = "independent",
    lstm: str = "per_unit",
    per: str = "unit",
    generator: torch.Generator,
) -> dict[str, torch.Tensor]:
    r"""A learning rate for every unit of ``module``, drawn once.

    Args:
        module: any module. Types without a rule get one rate an entry, with a warning.
        interval: (ηmin, ηmax) of a log-uniform law, or a sampler.
        norm: ``"independent"``: the scale and the shift of a normalised channel have a rate each;
            ``"tied"``: one together; ``"layer"``: that of the unit which they normalise, the one of the layer
            registered before (see :func:`startright.models.layers.layers`), or one together if there is none.
        lstm: ``"per_unit"``: one rate a hidden unit, for all its gates, as the paper has it;
            ``"per_gate_row"``: one a row of each matrix, as the authors' programs have it.
        per: ``"unit"``, or ``"weight"`` for one rate an entry (the paper compares them).
        generator: draws the rates, in the order of ``module.named_modules()``; on the CPU.

    Returns:
        Rates by the parameter's name, each of a shape that broadcasts to the parameter, in its (real) type
        and on its device. One module in two places has one set of rates.

    Raises:
        ValueError: an interval, option or rule that does not fit, a tensor in two modules, or none at all.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    >>> rates = unit_rates(net, (1e-5, 10.0), generator=torch.Generator().manual_seed(0))
    >>> {name: tuple(rate.shape) for name, rate in rates.items()}
    {'0.weight': (8, 1, 1, 1), '0.bias': (8,), '3.weight': (2, 1), '3.bias': (2,)}
    """
    for kind, value, options in (("norm", norm, NORMS), ("lstm", lstm, LSTMS), ("per", per, PER)):
        if value not in options:
            raise unknown(kind, value, options)
    _refuse_tied(module)
    draw = Draw(as_sampler(interval), generator, norm, lstm)
    with still(module):
        rates = _drawn(module, draw, per)
    if not rates:
        raise ValueError(f"{type(module).__name__} has no parameters to give rates to")
    return rates


def _drawn(module: nn.Module, draw: Draw, per: str) -> dict[str, torch.Tensor]:
    """The rates, in the order of the modules."""
    rates: dict[str, torch.Tensor] = {}
    made_by = _made_by(module, draw.norm) if per == "unit" else {}
    for path, part in module.named_modules():
        rule = _each_entry if per == "weight" else _rule(part)
        if parametrize.is_parametrized(part):
            rates |= _parametrized_rates(path, part, rule, draw)
        elif path in made_by:
            rates |= _of_layer(path, part, made_by[path], rates)
        elif not isinstance(part, parametrize.ParametrizationList) and any(
            True for _ in part.parameters(recurse=False)
        ):
            rates |= _own_rates(path, part, rule, draw)
    return rates
