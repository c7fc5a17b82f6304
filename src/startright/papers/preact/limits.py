r"""The quotient law at its two ends: arcsine for $\theta = 2$, half-normal for $\theta = \infty$."""

import numpy as np
from scipy.special import erf, erfinv, log_ndtr, ndtri_exp

from startright.papers.preact.branches import SPLIT, Array

LOG2 = np.log(2.0)


def arcsine_logs(x: Array) -> tuple[Array, Array, Array]:
    r"""Logs of $F$, $S$ and $f$ for $A = \sqrt2|\cos 2\pi U|$ at $x \ge 0$, each of the shape of ``x``."""
    inside = np.minimum(x / SPLIT, 1.0)
    with np.errstate(divide="ignore"):
        density = np.where(x < SPLIT, LOG2 - np.log(np.pi * SPLIT) - np.log1p(-(inside**2)) / 2, -np.inf)
        return (
            np.log(np.arcsin(inside)) - np.log(np.pi / 2),
            np.log(np.arccos(inside)) - np.log(np.pi / 2),
            density,
        )


def arcsine_quantile(log_cdf: Array, log_sf: Array) -> Array:
    r"""$\sqrt2 \sin(\pi F/2)$, from the smaller of $F$ and $S$."""
    below = SPLIT * np.sin(np.pi / 2 * np.exp(log_cdf))
    return np.where(log_cdf < log_sf, below, SPLIT * np.cos(np.pi / 2 * np.exp(log_sf)))


def half_normal_logs(x: Array) -> tuple[Array, Array, Array]:
    r"""Logs of $F$, $S$ and $f$ for $A = |G|$ at $x \ge 0$, each of the shape of ``x``."""
    log_sf = LOG2 + log_ndtr(-x)
    with np.errstate(divide="ignore"):
        return np.log(erf(x / SPLIT)), log_sf, np.log(2 / np.pi) / 2 - x * x / 2


def half_normal_quantile(log_cdf: Array, log_sf: Array) -> Array:
    r"""$\sqrt2\,\mathrm{erf}^{-1}(F)$, from the smaller of $F$ and $S$."""
    lower = log_cdf < log_sf
    return np.where(lower, SPLIT * erfinv(np.exp(log_cdf)), -ndtri_exp(np.minimum(log_sf, 0) - LOG2))
