r"""The scalings: how much of its freedom each neuron gets, by its index.

A scaling is a sequence :math:`\sigma_1 \ge \sigma_2 \ge \dots > 0`. Signals and first steps stay bounded at
every width where :math:`\sum_k\sigma_k^2 < \infty`. The decreasing ones are normalised by the sum over
**all** k, not by that over the neurons that there are: :math:`\sigma_k` then does not depend on the width.

Source: P. Wolinski, G. Charpiat and Y. Ollivier, *Asymmetrical scaling layers for stable network pruning*,
2019.
"""

import math
from collections.abc import Callable, Sequence

import torch

from startright.errors import unknown, whole

SUM_OF_LOGS = 2.109742801236892  # Σ 1/(k ln²k) over k ≥ 2

#: A name, one value a neuron, or a function of k = 1, 2, …
Scaling = str | Sequence[float] | torch.Tensor | Callable[[torch.Tensor], torch.Tensor]


def uniform(n: int) -> torch.Tensor:
    r""":math:`1/\sqrt n`, the same for all: the scaling of Glorot's initialisation."""
    return torch.full((n,), n**-0.5, dtype=torch.float64)


def harmonic(n: int) -> torch.Tensor:
    r""":math:`c/k` with :math:`c^2 = 6/\pi^2`."""
    return 6**0.5 / math.pi / _index(n)


def logarithmic(n: int) -> torch.Tensor:
    r""":math:`c/(\sqrt{k+1}\,\ln(k+1))` with :math:`c^{-2} = \sum_{k\ge2} 1/(k\ln^2k)`.

    The paper writes :math:`1/(\sqrt k\ln k)`, which has no value at k = 1; that it starts at 2 is our choice.
    """
    k = _index(n) + 1
    return SUM_OF_LOGS**-0.5 / (k.sqrt() * k.log())


def _index(n: int) -> torch.Tensor:
    return torch.arange(1, n + 1, dtype=torch.float64)


NAMED = {"uniform": uniform, "1/k": harmonic, "1/(√k ln k)": logarithmic}
ASYMMETRIC = ("1/k", "1/(√k ln k)")


def sigma(kind: Scaling, n: int) -> torch.Tensor:
    r"""The first n numbers of a scaling, (n,), in float64.

    Args:
        kind: ``"uniform"``, ``"1/k"``, ``"1/(√k ln k)"``; or a sequence of n numbers or more; or a function
            of k, (n,), from 1. One's own scaling is taken as it is, without normalisation.
        n: how many neurons.

    Raises:
        ValueError: an unknown name, n below 1, or a scaling that is too short, not positive or not
            decreasing.

    >>> [round(value, 3) for value in sigma("1/k", 3).tolist()]
    [0.78, 0.39, 0.26]
    """
    if not whole(n) >= 1:
        raise ValueError(f"a scaling needs at least one neuron, and a whole number, got n = {n!r}")
    if isinstance(kind, str):
        if kind not in NAMED:
            raise unknown("scaling", kind, NAMED)
        return NAMED[kind](n)
    values = kind(_index(n)) if callable(kind) else kind
    try:
        values = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"a scaling is a name, {n} numbers or a function of k, got {values!r}") from error
    if values.is_complex():
        raise ValueError(f"a scaling must be real, got {str(values.dtype).removeprefix('torch.')}")
    values = torch.as_tensor(values, dtype=torch.float64).detach().cpu()
    if values.dim() != 1 or len(values) < n:
        raise ValueError(f"the scaling has shape {tuple(values.shape)}: {n} neurons need {n} numbers")
    values = values[:n].clone()
    if not (values.isfinite().all() and (values > 0).all() and (values.diff() <= 0).all()):
        raise ValueError(f"a scaling must be positive, finite and never increase, got {_begin(values)}")
    return values


def _begin(values: torch.Tensor) -> str:
    shown = ", ".join(f"{value:g}" for value in values[:5].tolist())
    return f"({shown}{', …' if len(values) > 5 else ''})"


def name(kind: Scaling) -> str:
    """A scaling as a message calls it."""
    return kind if isinstance(kind, str) else "custom"
