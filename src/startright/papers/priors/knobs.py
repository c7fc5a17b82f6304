"""What the slider of the page turns: the strength of a penalty, for posteriors of three widths."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from startright.figures import COLOURS, Sheet, sheet
from startright.papers.priors import divergences, families
from startright.papers.priors.recover import prior_from_penalty

STRENGTHS = (0.5, 1.0, 2.0, 4.0)
SIGMAS = {0.1: COLOURS["blue"], 0.5: COLOURS["green"], 1.0: COLOURS["red"]}


def strength(strengths: Sequence[float] = STRENGTHS) -> Sheet:
    """The penalty of Laplace's prior ∝ exp(−λ|w|) under N(μ, σ²) for three σ, and the priors found from it.

    Args:
        strengths: values of λ.
    """
    return sheet(_strength, strengths)


def _strength(figure: Figure, strength: float) -> None:
    left, right = figure.subplots(1, 2)
    w = np.linspace(-2, 2, 301)
    for sigma, colour in SIGMAS.items():
        left.plot(w, divergences.from_laplace(w, sigma, 1 / strength), color=colour, label=f"σ = {sigma:g}")
        found = prior_from_penalty(
            lambda mu, nu: divergences.from_laplace(mu, nu, 1 / strength), families.gaussian(), nus=(sigma,)
        )
        right.plot(w, np.interp(w, found.grid.w, np.exp(found.values)), color=colour)
    right.plot(w, np.exp(divergences.laplace_log_density(w, 1 / strength)), "--", color=COLOURS["grey"], lw=1)
    left.set(xlabel="mean μ", ylabel="penalty", ylim=(0, 10), title=f"λ = {strength:g}")
    right.set(xlabel="weight w", ylabel="density of the prior", ylim=(0, 2.1))
    left.legend(fontsize="x-small")
