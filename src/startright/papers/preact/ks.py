r"""Kolmogorov-Smirnov distance of samples to $N(0,1)$, as they are or standardised, and its thresholds."""

import math

import torch
from torch import Tensor


def distance(samples: Tensor) -> Tensor:
    r"""$D = \sup_t |F_N(t) - \Phi(t)|$ along the last axis.

    Args:
        samples: independent draws, (..., N), of a floating dtype.

    Returns:
        The distances, (...), float64.

    Raises:
        ValueError: no draws, NaN among them, or a dtype that is not floating.

    >>> distance(torch.zeros(5)).item()
    0.5
    """
    _check(samples)
    ordered = samples.double().sort(dim=-1).values
    n = ordered.shape[-1]
    reference = torch.special.ndtr(ordered)
    steps = torch.arange(n + 1, dtype=torch.float64, device=samples.device) / n
    return torch.maximum((steps[1:] - reference).amax(-1), (reference - steps[:-1]).amax(-1))


def distance_standardised(samples: Tensor) -> Tensor:
    """:func:`distance` after subtracting the sample mean and dividing by the sample standard deviation.

    Args:
        samples: independent draws, (..., N) with N at least 2.

    Returns:
        The distances, (...), float64; to be compared with :func:`lilliefors_threshold`.

    Raises:
        ValueError: fewer than two draws, all draws equal, or as for :func:`distance`.
    """
    _check(samples)
    draws = samples.double()
    if draws.shape[-1] < 2:
        raise ValueError("standardising needs at least 2 draws, got 1")
    spread = draws.std(dim=-1, keepdim=True)
    if bool((spread == 0).any()):
        raise ValueError("samples are constant: they have no standardised form")
    return distance((draws - draws.mean(dim=-1, keepdim=True)) / spread)


def _check(samples: Tensor) -> None:
    if not samples.is_floating_point():
        raise ValueError(f"samples must have a floating dtype, got {samples.dtype}")
    if samples.ndim == 0 or samples.shape[-1] == 0:
        raise ValueError(
            f"samples must hold at least one draw on the last axis, got shape {tuple(samples.shape)}"
        )
    if bool(samples.isnan().any()):
        raise ValueError("samples must not contain NaN")


def _over_root(constant: float, n: int) -> float:
    if not n >= 1:
        raise ValueError(f"the number of draws must be at least 1, got {n!r}")
    return constant / math.sqrt(n)


def threshold(n: int) -> float:
    """The 5 % point of :func:`distance` for ``n`` Gaussian draws (large ``n``): 1.358/√n.

    >>> round(threshold(10_000), 5)
    0.01358
    """
    return _over_root(1.358, n)


def lilliefors_threshold(n: int) -> float:
    """The 5 % point of :func:`distance_standardised` for ``n`` Gaussian draws (large ``n``): 0.886/√n.

    Source: Lilliefors, *On the Kolmogorov-Smirnov test for normality with mean and variance unknown* (1967).
    """
    return _over_root(0.886, n)


def noise_floor(n: int) -> float:
    r"""The mean of :func:`distance` for ``n`` Gaussian draws (large ``n``): $\sqrt{\pi/2}\,\ln 2/\sqrt n$."""
    return _over_root(math.sqrt(math.pi / 2) * math.log(2), n)
