"""Penalties with the prior they have, or the reason why they have none: the cases of the theorem.

Source: the corollaries and examples of P. Wolinski, G. Charpiat and Y. Ollivier, arXiv 2002.00178; tempering,
and the numbers of the examples, were worked out for this book.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from startright.errors import unknown
from startright.papers.priors import divergences, families, verdicts
from startright.papers.priors.deconvolution import Penalty
from startright.papers.priors.families import Family
from startright.papers.priors.grids import Grid
from startright.papers.priors.recover import RecoveredPrior, prior_from_penalty

OMEGA = 2 * np.pi / 3  # of the oscillations: a period of 3, four of them on each side of the window
TEMPERATURE = 0.5


@dataclass(frozen=True)
class Case:
    """A penalty, the posteriors it goes with, and what the theorem says of it.

    Args:
        title: in words.
        formula: r, as mathematics.
        penalty: the function.
        family: of the posteriors.
        expected: the reason why it has no prior; empty where it has one.
        prior: the logarithm of that prior, up to a constant; None where there is none.
        settings: of :func:`startright.papers.priors.recover.prior_from_penalty`.
    """

    title: str
    formula: str
    penalty: Penalty
    family: Family
    expected: str = ""
    prior: Callable[[np.ndarray], np.ndarray] | None = None
    settings: dict = field(default_factory=dict)

    def recover(self, **changes: object) -> RecoveredPrior:
        """What :func:`startright.papers.priors.recover.prior_from_penalty` makes of it."""
        return prior_from_penalty(self.penalty, self.family, **(self.settings | changes))


def _damped(mu: np.ndarray, sigma: float) -> np.ndarray:
    return divergences.from_gaussian(mu, sigma) + np.exp(-((sigma * OMEGA) ** 2) / 2) * np.cos(OMEGA * mu)


def _undamped(mu: np.ndarray, sigma: float) -> np.ndarray:
    return divergences.from_gaussian(mu, sigma) + np.cos(OMEGA * mu)


def _tempered(mu: np.ndarray, sigma: float) -> np.ndarray:
    return TEMPERATURE * divergences.from_gaussian(mu, sigma)


def _no_logarithm(mu: np.ndarray, sigma: float) -> np.ndarray:
    return (sigma**2 + mu**2) / 2


def _one_over_variance(mu: np.ndarray, sigma: float) -> np.ndarray:
    return divergences.from_gaussian(mu, sigma) + mu**2 * (1 / sigma - 1) / 2


WIDE = {"grid": Grid(400.0, 2**14)}

CASES: dict[str, Case] = {
    "gaussian": Case(
        "KL to a Gaussian", r"\mathrm{KL}(\cdot\|\mathcal{N}(0,1))", divergences.from_gaussian,
        families.gaussian(), prior=divergences.gaussian_log_density,
    ),
    "laplace": Case(
        "KL to Laplace's law", r"\mathrm{KL}(\cdot\|\mathrm{Laplace})", divergences.from_laplace,
        families.gaussian(), prior=divergences.laplace_log_density,
    ),
    "cosine": Case(
        "KL with a damped cosine", r"\mathrm{KL} + e^{-\sigma^2\omega^2/2}\cos\omega\mu", _damped,
        families.gaussian(), prior=lambda w: -(w**2) / 2 - np.cos(OMEGA * w), settings={"waves": (OMEGA,)},
    ),
    "dirac-l1": Case(
        "L1, point masses", r"|\mu|", lambda mu, nu: np.abs(mu), families.dirac(),
        prior=lambda w: -np.abs(w), settings={"grid": Grid(24.0, 8192)},
    ),
    "dirac-cauchy": Case(
        "logarithm of the square, a = 1", r"\ln(1+\mu^2)", lambda mu, nu: np.log1p(mu**2), families.dirac(),
        prior=lambda w: -np.log1p(w**2), settings=WIDE,
    ),
    "undamped": Case(
        "KL with a cosine that is not damped", r"\mathrm{KL} + \cos\omega\mu", _undamped, families.gaussian(),
        verdicts.DEPENDS, settings={"waves": (OMEGA,)},
    ),
    "tempered": Case(
        "half the KL", r"\frac{1}{2}\mathrm{KL}(\cdot\|\mathcal{N}(0,1))", _tempered, families.gaussian(),
        verdicts.DEPENDS,
    ),
    "no-logarithm": Case(
        "L2 without the logarithm", r"\frac{1}{2}(\sigma^2+\mu^2)", _no_logarithm, families.gaussian(),
        verdicts.DEPENDS,
    ),
    "one-over-variance": Case(
        "L2 by a factor of the variance", r"f_1(\sigma^2)+\mu^2/2\sigma", _one_over_variance,
        families.gaussian(), verdicts.DEPENDS,
    ),
    "l1-mean": Case(
        "L1 on the mean", r"\sqrt{2}\,|\mu|", lambda mu, sigma: np.sqrt(2) * np.abs(mu), families.gaussian(),
        verdicts.BLOWS_UP,
    ),
    "pure-cosine": Case(
        "a cosine alone", r"\cos\omega\mu", lambda mu, sigma: np.cos(OMEGA * mu), families.gaussian(),
        verdicts.NOT_INTEGRABLE, settings={"waves": (OMEGA,), "nus": (0.5,)},
    ),
    "dirac-log": Case(
        "logarithm, point masses", r"\ln(1+|\mu|)", lambda mu, nu: np.log1p(np.abs(mu)), families.dirac(),
        verdicts.NOT_INTEGRABLE, settings=WIDE,
    ),
    "dirac-half": Case(
        "logarithm of the square, a = ½", r"\frac{1}{2}\ln(1+\mu^2)", lambda mu, nu: np.log1p(mu**2) / 2,
        families.dirac(), verdicts.NOT_INTEGRABLE, settings=WIDE,
    ),
}  # fmt: skip


def case(name: str) -> Case:
    """The case called ``name``.

    Raises:
        ValueError: there is none.
    """
    if name not in CASES:
        raise unknown("case", name, CASES)
    return CASES[name]
