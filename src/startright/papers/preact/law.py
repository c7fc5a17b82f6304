r"""The quotient law: what $|\varphi_\theta(Z)|$ must follow for $W\varphi_\theta(Z)$ to be Gaussian.

If $G \sim N(0,1)$ and $|W|$ is Weibull, $P(|W|>t) = e^{-t^\theta}$, then $|G| = |W| A$ in law defines $A$.
It exists for every $\theta \ge 2$: $A = \sqrt2\,|\cos 2\pi U|\, S^{-1/\theta}$ with $S$ positive
$2/\theta$-stable, which is Box and Muller's formula with the radius divided by $|W|$.
Everything is exact: series in the body, steepest descent in the tail, Newton for the quantiles.
"""

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import erf, erfc, gammaln, log_ndtr, ndtr, xlogy

from startright.errors import unknown
from startright.papers.preact.branches import SPLIT, Array, logs, quantile
from startright.papers.preact.limits import (
    arcsine_logs,
    arcsine_quantile,
    half_normal_logs,
    half_normal_quantile,
)
from startright.seeds import generator as seeded


def check_theta(theta: float) -> float:
    """``theta`` as a float, if it is a legitimate Weibull shape.

    Raises:
        ValueError: ``theta`` is not a number in [2, inf].
    """
    try:
        value = float(theta)
    except (TypeError, ValueError):
        value = np.nan
    if not value >= 2:
        raise ValueError(f"theta must be a number in [2, inf] (2 and inf are the limits), got {theta!r}")
    return value


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be real numbers, got {type(values).__name__}: {values!r}") from None
    if np.isnan(array).any():
        raise ValueError(f"{name} must not contain NaN ({int(np.isnan(array).sum())} of {array.size} do)")
    return array


KINDS = ("odd", "positive")
LOG2, LOG_2PI = np.log(2.0), np.log(2 * np.pi)


def check_kind(kind: str) -> str:
    """``kind`` itself, if it is one of ``KINDS``.

    Raises:
        ValueError: it is not.
    """
    if kind not in KINDS:
        raise unknown("kind of activation", kind, KINDS)
    return kind


class QuotientLaw:
    r"""The law of $A = |G|/|W|$ (an equation of Mellin transforms, not of samples).

    Args:
        theta: shape of the Weibull weights. 2: the arcsine law on $[0,\sqrt2]$; ``inf``: the half-normal law.

    Raises:
        ValueError: ``theta`` is not in [2, inf].

    Source: Wolinski and Arbel, *Gaussian Pre-Activations in Neural Networks: Myth or Reality?*, for the
    problem; the closed form follows from the stable law of Kanter (1975).

    Note: exact to 1e-12 (the tail: relative) for $\theta \ge 2.01$ and to 1e-9 for $\theta \ge 2.0002$.
    Closer to 2 the series, cut at 32768 terms, loses digits near $\sqrt2$.

    >>> law = QuotientLaw(3)
    >>> f"{law.sf(1.0):.9f} {law.sf(4.0):.9e}"
    '0.416490881 2.362771070e-36'
    """

    def __init__(self, theta: float) -> None:
        self.theta = check_theta(theta)

    def __repr__(self) -> str:
        return f"QuotientLaw(theta={self.theta:g})"

    def logsf(self, x: ArrayLike) -> Array:
        r"""Log survival function $\log P(A > x)$, elementwise; ``x`` of any shape."""
        return self._logs(x)[1]

    def sf(self, x: ArrayLike) -> Array:
        """Survival function $P(A > x)$, elementwise."""
        return np.exp(self.logsf(x))

    def cdf(self, x: ArrayLike) -> Array:
        r"""Distribution function $P(A \le x)$, elementwise, with full relative accuracy near 0."""
        return np.exp(self._logs(x)[0])

    def logpdf(self, x: ArrayLike) -> Array:
        """Log density, elementwise; ``-inf`` outside the support."""
        return self._logs(x)[2]

    def pdf(self, x: ArrayLike) -> Array:
        """Density, elementwise."""
        return np.exp(self.logpdf(x))

    def ppf(self, q: ArrayLike) -> Array:
        """Quantile of the probability ``q``, elementwise.

        Raises:
            ValueError: a probability outside [0, 1].
        """
        q = _numbers("q", q)
        if ((q < 0) | (q > 1)).any():
            raise ValueError(f"q must lie in [0, 1], got values from {q.min()} to {q.max()}")
        with np.errstate(divide="ignore"):
            return self.quantile(np.log(q), np.log1p(-q))

    def isf(self, log_survival: ArrayLike) -> Array:
        r"""The point beyond which lies the mass $e^s$, elementwise: the quantile for deep tails.

        Args:
            log_survival: $s$, in [-inf, 0].

        Raises:
            ValueError: a positive or NaN log survival.
        """
        s = _numbers("log_survival", log_survival)
        if (s > 0).any():
            raise ValueError(f"log_survival must be at most 0, got {s.max()}")
        with np.errstate(divide="ignore"):
            return self.quantile(np.log(-np.expm1(s)), s)

    def quantile(self, log_cdf: Array, log_sf: Array) -> Array:
        r"""The quantile given both logarithms, so that neither end loses accuracy.

        Args:
            log_cdf: $\log P(A \le x)$, any shape.
            log_sf: $\log P(A > x)$, the same shape.

        Returns:
            $x$, the same shape.
        """
        log_cdf, log_sf = np.broadcast_arrays(log_cdf, log_sf)
        if self.theta == 2:
            return arcsine_quantile(log_cdf, log_sf)
        if np.isinf(self.theta):
            return half_normal_quantile(log_cdf, log_sf)
        return quantile(log_cdf.ravel(), log_sf.ravel(), self.theta).reshape(log_cdf.shape)

    def moment(self, r: float) -> float:
        r"""$E A^r = 2^{r/2}\,\Gamma((r+1)/2) / (\sqrt\pi\,\Gamma(1+r/\theta))$.

        Args:
            r: the order, above -1.

        Raises:
            ValueError: ``r`` is not above -1, where the moment is infinite.

        >>> round(QuotientLaw(2).moment(2), 12), round(QuotientLaw(float("inf")).moment(4), 12)
        (1.0, 3.0)
        """
        if not r > -1:
            raise ValueError(f"the moment of order {r!r} is infinite: r must exceed -1")
        log = r / 2 * np.log(2) + gammaln((r + 1) / 2) - gammaln(0.5) - gammaln(1 + r / self.theta)
        return float(np.exp(log))

    def second_moment_by_quadrature(self) -> float:
        r"""$E A^2 = \int_0^1 F_A^{-1}(u)^2\,du$ from the quantiles alone: :meth:`moment` must agree."""
        z, weight = half_line_rule(400)
        return float(weight @ self.quantile(np.log(erf(z / SPLIT)), LOG2 + log_ndtr(-z)) ** 2)

    def sample(self, n: int, generator: torch.Generator | int = 0) -> Array:
        r"""Exact independent draws, without any table or inversion.

        $A = \sqrt2\,|\cos 2\pi U|\,S^{-\nu/2}$ with $\nu = 2/\theta$ and
        $S^{-\nu} = (E/a(\pi V))^{1-\nu}$, where $U, V$ are uniform, $E$ is exponential and
        $a(u) = \sin((1-\nu)u)\,\sin(\nu u)^{\nu/(1-\nu)}/\sin(u)^{1/(1-\nu)}$.

        Args:
            n: how many draws.
            generator: a generator on the CPU, or a seed.

        Returns:
            The draws, (n,).

        Raises:
            ValueError: ``n`` is negative.

        Source: Kanter, *Stable densities under change of scale and total variation inequalities* (1975);
        Box and Muller (1958).
        """
        if n < 0:
            raise ValueError(f"n must not be negative, got {n}")
        source = seeded(generator, "quotient") if isinstance(generator, int) else generator
        u, v, w = torch.rand(3, n, dtype=torch.float64, generator=source).numpy()
        nu, angle = 2 / self.theta, np.pi * (1 - v)
        log_power = np.zeros(n)  # of S^(-nu), which is 1 at theta = 2
        if nu < 1:
            with np.errstate(divide="ignore"):
                log_power += (1 - nu) * np.log(-np.log1p(-w) / np.sin((1 - nu) * angle))
                log_power += np.log(np.sin(np.pi * np.minimum(v, 1 - v))) - xlogy(nu, np.sin(nu * angle))
        return SPLIT * np.abs(np.cos(2 * np.pi * u)) * np.exp(log_power / 2)

    def _logs(self, x: ArrayLike) -> tuple[Array, Array, Array]:
        x = _numbers("x", x)
        inside = (x >= 0) & np.isfinite(x)
        log_cdf = np.where(x < 0, -np.inf, 0.0)
        log_sf, log_pdf = np.where(x < 0, 0.0, -np.inf), np.full(x.shape, -np.inf)
        if self.theta == 2:
            values = arcsine_logs(x[inside])
        elif np.isinf(self.theta):
            values = half_normal_logs(x[inside])
        else:
            values = logs(x[inside], self.theta)
        log_cdf[inside], log_sf[inside], log_pdf[inside] = values
        return log_cdf, log_sf, log_pdf


def phi(z: ArrayLike, theta: float, kind: str = "odd") -> Array:
    r"""The activation $\varphi_\theta$ such that $W\varphi_\theta(Z) \sim N(0,1)$ for $Z \sim N(0,1)$.

    Odd: $\mathrm{sgn}(z)\,F_A^{-1}(\mathrm{erf}(|z|/\sqrt2))$; positive: $F_A^{-1}(\Phi(z))$, increasing and
    never negative. The odd one is $\sqrt2\sin(\frac\pi2\mathrm{erf}(z/\sqrt2))$ at $\theta = 2$, and the
    identity at infinity.

    Args:
        z: pre-activations, any shape.
        theta: shape of the Weibull weights, in [2, inf].
        kind: ``"odd"`` or ``"positive"``.

    Returns:
        $\varphi_\theta(z)$, the shape of ``z``, float64; exact to about 1e-12 for $\theta \ge 2.01$.

    Raises:
        ValueError: ``theta`` outside [2, inf], an unknown kind, ``z`` with NaN or not numeric.

    Source: Wolinski and Arbel, the pairs $(\varphi_\theta, W(\theta, 1))$.

    Note: each value is an exact root (about 0.2 ms). For networks there is
    :class:`~startright.preact.activation.GaussianActivation`.

    >>> phi([-1.0, 0.0, 2.0], theta=3).round(10).tolist()
    [-1.1820518391, 0.0, 1.8759708348]
    """
    law, z = QuotientLaw(theta), _numbers("z", z)
    log_cdf, log_sf = _levels(z, check_kind(kind))
    magnitude = law.quantile(log_cdf, log_sf)
    return np.copysign(magnitude, z) if kind == "odd" else magnitude


def _levels(z: Array, kind: str) -> tuple[Array, Array]:
    """Logs of the probabilities that A is below and above the magnitude of phi(z)."""
    if kind == "positive":
        return log_ndtr(z), log_ndtr(-z)
    with np.errstate(divide="ignore"):
        return np.log(erf(np.abs(z) / SPLIT)), np.minimum(LOG2 + log_ndtr(-np.abs(z)), 0)


def phi_derivative(z: ArrayLike, theta: float, kind: str = "odd") -> Array:
    r"""The derivative $\varphi_\theta'(z)$, exactly.

    $2 g(z)/f_A(|\varphi_\theta(z)|)$ for the odd kind, $g(z)/f_A(\varphi_\theta(z))$ for the positive one,
    with $g$ the standard normal density. At 0 the odd slope is $\Gamma(1 - 1/\theta)$.

    Args:
        z: pre-activations, any shape.
        theta: shape of the Weibull weights, in [2, inf].
        kind: ``"odd"`` or ``"positive"``.

    Returns:
        The derivative, the shape of ``z``, float64.

    Raises:
        ValueError: as for :func:`phi`.

    >>> phi_derivative([0.0], theta=3).round(10).tolist()  # Gamma(2/3)
    [1.3541179394]
    """
    return phi_and_derivative(z, theta, kind)[1]


def phi_and_derivative(z: ArrayLike, theta: float, kind: str = "odd") -> tuple[Array, Array]:
    r"""$\varphi_\theta(z)$ and $\varphi_\theta'(z)$ for little more than the price of one.

    Args:
        z: pre-activations, any shape.
        theta: shape of the Weibull weights, in [2, inf].
        kind: ``"odd"`` or ``"positive"``.

    Returns:
        What :func:`phi` and :func:`phi_derivative` return, to the last bit.

    Raises:
        ValueError: as for :func:`phi`.
    """
    law, z = QuotientLaw(theta), _numbers("z", z)
    odd = check_kind(kind) == "odd"
    magnitude = law.quantile(*_levels(z, kind))
    value = np.copysign(magnitude, z) if odd else magnitude
    log_density = -z * z / 2 - LOG_2PI / 2
    if law.theta == 2:
        angle = erfc(np.abs(z) / SPLIT) if odd else ndtr(-z)
        return value, (1 + odd) * np.pi / SPLIT * np.sin(np.pi / 2 * angle) * np.exp(log_density)
    return value, np.exp(odd * LOG2 + log_density - law.logpdf(magnitude))


def half_line_rule(nodes: int) -> tuple[Array, Array]:
    r"""Nodes and weights for $E f(|Z|)$, $Z \sim N(0,1)$: double-exponential at both ends, both (nodes,)."""
    s, step = np.linspace(-3.6, 2.6, nodes, retstep=True)
    z = np.exp(s - np.exp(-s))
    weight = step * z * (1 + np.exp(-s)) * np.exp(LOG2 - LOG_2PI / 2 - z * z / 2)
    return z, weight


def line_rule(nodes: int) -> tuple[Array, Array]:
    r"""Nodes and weights for $E f(Z)$, $Z \sim N(0,1)$, by the trapezoid rule on [-10, 10], both (nodes,)."""
    z, step = np.linspace(-10, 10, nodes, retstep=True)
    return z, step * np.exp(-z * z / 2 - LOG_2PI / 2)


def ks_of_product(theta: float, kind: str = "odd") -> float:
    r"""Kolmogorov-Smirnov distance of the law of $W\varphi_\theta(Z)$ from $N(0,1)$, by quadrature.

    Both laws are symmetric, so the distance is half the largest gap between
    $E \exp(-(t/|\varphi_\theta(Z)|)^\theta)$ and $\mathrm{erfc}(t/\sqrt2)$ over $t > 0$.

    Args:
        theta: shape of the Weibull weights, in [2, inf).
        kind: ``"odd"`` or ``"positive"``.

    Returns:
        The distance: 0 up to the errors of ``phi`` and of the rule (about 1e-12).

    Raises:
        ValueError: ``theta`` outside [2, inf) (at infinity $W$ is a sign) or an unknown kind.

    >>> ks_of_product(3.0) < 1e-10
    True
    """
    theta = check_theta(theta)
    if np.isinf(theta):
        raise ValueError(
            "theta must be finite here: at infinity W is a sign and phi the identity, nothing to integrate"
        )
    odd = check_kind(kind) == "odd"  # exp(-(t/phi)^theta) becomes a step as theta grows
    z, weight = half_line_rule(int(400 + 40 * theta)) if odd else line_rule(int(800 + 120 * theta))
    magnitude = phi(z, theta, kind)
    t = np.geomspace(1e-6, 9, 400)
    with np.errstate(over="ignore", divide="ignore"):
        survival = np.array([weight @ np.exp(-((x / magnitude) ** theta)) for x in t])
    return float(np.abs(survival - erfc(t / SPLIT)).max() / 2)
