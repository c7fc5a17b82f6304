r"""An activation with infinitely many stable variances: a counter-example to "the" fixed point.

.. math:: \varphi_{\delta,\omega}(x) = x \exp\bigl(\tfrac{\delta}{\omega}\sin(\omega \ln|x|)\bigr)

It is strictly increasing for $0 \le \delta < 1$, and
$\varphi(e^{2\pi/\omega}x) = e^{2\pi/\omega}\varphi(x)$.
With $\sigma_b = 0$, V(v)/v is periodic in ln v with period $4\pi/\omega$.

Source: Wolinski and Arbel (2025) for the claim and the parameters; the formula is a reconstruction.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

# ln|z|: V needs its quadrature here, since the oscillation at 0 defeats every rule in z
_LOG_Z, _STEP = np.linspace(-14, 2.25, 1201, retstep=True)
_WEIGHT = 2 * np.exp(3 * _LOG_Z - np.exp(2 * _LOG_Z) / 2) / np.sqrt(2 * np.pi) * _STEP  # E[Z² ...] d ln|z|


class FixedPoint(NamedTuple):
    """A fixed point of the variance map: ln v and the slope $V'$ there; stable if $|V'| < 1$."""

    log_v: float
    slope: float


def _check(delta: float, omega: float) -> None:
    if not 0 <= delta < 1:
        raise ValueError(f"delta must lie in [0, 1), where the function increases, got {delta!r}")
    if not omega > 0:
        raise ValueError(f"omega must be positive, got {omega!r}")


def log_periodic(x: np.ndarray, delta: float = 0.99, omega: float = 2.0) -> np.ndarray:
    r"""$x\exp((\delta/\omega)\sin(\omega\ln|x|))$, elementwise, 0 at 0.

    Raises:
        ValueError: ``delta`` outside [0, 1) or ``omega`` not positive.
    """
    _check(delta, omega)
    x = np.asarray(x, dtype=np.float64)
    log = np.log(np.abs(np.where(x == 0, 1, x)))
    return x * np.exp(delta / omega * np.sin(omega * log))


def ratio(log_v: np.ndarray, delta: float = 0.99, omega: float = 2.0) -> np.ndarray:
    r"""$R = E[\varphi(\sqrt v Z)^2]/v$ at the given ln v, elementwise; periodic with period $4\pi/\omega$."""
    return _ratio_and_slope(log_v, delta, omega)[0]


def _ratio_and_slope(log_v, delta: float, omega: float) -> tuple[np.ndarray, np.ndarray]:
    """R and dR/d ln v."""
    _check(delta, omega)
    phase = omega * (np.asarray(log_v, dtype=np.float64)[..., None] / 2 + _LOG_Z)
    value = np.exp(2 * delta / omega * np.sin(phase))
    return value @ _WEIGHT, (value * delta * np.cos(phase)) @ _WEIGHT


def ratio_range(delta: float = 0.99, omega: float = 2.0) -> tuple[float, float]:
    r"""The range of R. There are infinitely many fixed points if $1/\sigma_w^2$ lies strictly inside."""
    values = ratio(np.linspace(0, 4 * np.pi / omega, 2001), delta, omega)
    return float(values.min()), float(values.max())


def fixed_points(delta: float, omega: float, sigma_w: float, periods: int = 1) -> list[FixedPoint]:
    r"""All v with $\sigma_w^2 R(v) = 1$ and ln v in ``periods`` periods from 0.

    Args:
        delta: in [0, 1).
        omega: positive.
        sigma_w: standard deviation of the weights.
        periods: how many periods $4\pi/\omega$ to search.

    Returns:
        The fixed points in increasing order; the slope is $V' = 1 + \sigma_w^2\,dR/d\ln v$.

    Raises:
        ValueError: a parameter out of its range.
    """
    if not sigma_w > 0 or periods < 1:
        raise ValueError(f"sigma_w and periods must be positive, got {sigma_w!r} and {periods!r}")
    grid = np.linspace(0, 4 * np.pi / omega * periods, 200 * periods + 1)
    excess = sigma_w**2 * ratio(grid, delta, omega) - 1
    found = []
    for k in np.flatnonzero((excess[:-1] > 0) != (excess[1:] > 0)):
        root = brentq(
            lambda u: float(sigma_w**2 * ratio(u, delta, omega) - 1), grid[k], grid[k + 1], xtol=1e-12
        )
        slope = 1 + sigma_w**2 * float(_ratio_and_slope(root, delta, omega)[1])
        found.append(FixedPoint(float(root), slope))
    return found


def curve(
    omega: float, sigma_w: float, delta: float = 0.99, periods: int = 3
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What a picture of the variance map needs: ln v, V(v)/v, ln v of the fixed points, the slopes V' there.

    Args:
        omega: positive.
        sigma_w: standard deviation of the weights.
        delta: in [0, 1).
        periods: how many periods to show.
    """
    log_v = np.linspace(0, 4 * np.pi / omega * periods, 400)
    points = fixed_points(delta, omega, sigma_w, periods)
    at, slopes = np.array(points, dtype=float).reshape(-1, 2).T
    return log_v, sigma_w**2 * ratio(log_v, delta, omega), at, slopes
