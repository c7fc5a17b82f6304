"""What the slider of the page turns: the strength of a penalty, and σ of the posteriors."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from startright.figures import COLOURS, Sheet, sheet
from startright.papers.priors import divergences, families
from startright.papers.priors.recover import prior_from_penalty

PAIRS = ((1.0, 0.1), (1.0, 0.5), (1.0, 1.0), (3.0, 0.1), (3.0, 0.5), (3.0, 1.0))


def strength(pairs: Sequence[tuple[float, float]] = PAIRS) -> Sheet:
    """The penalty of Laplace's prior ∝ exp(−λ|w|) under N(μ, σ²), and the prior found from it.

    Args:
        pairs: of λ and σ.
    """
    return sheet(_strength, pairs, height=2.4)


def _strength(figure: Figure, pair: tuple[float, float]) -> None:
    strength, sigma = pair
    left, right = figure.subplots(1, 2)
    w = np.linspace(-3, 3, 301)
    left.plot(w, divergences.from_laplace(w, sigma, 1 / strength), color=COLOURS["blue"])
    left.set(xlabel="mean μ", ylabel="penalty", ylim=(0, 12), title=f"λ = {strength:g}, σ = {sigma:g}")
    found = prior_from_penalty(
        lambda mu, nu: divergences.from_laplace(mu, nu, 1 / strength), families.gaussian(), nus=(sigma,)
    )
    right.plot(w, np.interp(w, found.grid.w, np.exp(found.values)), color=COLOURS["green"])
    right.plot(w, np.exp(divergences.laplace_log_density(w, 1 / strength)), "--", color=COLOURS["grey"], lw=1)
    right.set(xlabel="weight w", ylabel="density", ylim=(0, 1.6))
