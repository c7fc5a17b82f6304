"""Penalties as priors: which belief about the weights a penalty stands for, and how strong it should be.

P. Wolinski, G. Charpiat and Y. Ollivier, *Interpreting a penalty* (2020), and its later versions.

Which prior a penalty stands for, or why for none:
:func:`~startright.papers.priors.recover.prior_from_penalty`.
The strength of a penalty without a search, on a network of your own:
:func:`~startright.papers.priors.networks.bayesian_penalty`.
"""

from startright.models.variational import variational_
from startright.papers import Paper
from startright.papers.priors.backgrounds import Background
from startright.papers.priors.factors import lambda_th, penalty_factor, usual_factor
from startright.papers.priors.families import Family, dirac, exponential, gaussian, laplace, uniform
from startright.papers.priors.grids import Grid
from startright.papers.priors.laws import GaussianPrior, GroupPrior, LaplacePrior
from startright.papers.priors.networks import bayesian_penalty, layerwise_penalty
from startright.papers.priors.recover import RecoveredPrior, prior_from_penalty
from startright.papers.priors.verdicts import Verdict

PAPER = Paper(
    __name__,
    title="Penalties as priors",
    citation="wolinski2020interpreting",
    part=2,
    pages=("structure/penalty-prior",),
)

__all__ = [
    "Background",
    "Family",
    "GaussianPrior",
    "Grid",
    "GroupPrior",
    "LaplacePrior",
    "RecoveredPrior",
    "Verdict",
    "bayesian_penalty",
    "dirac",
    "exponential",
    "gaussian",
    "lambda_th",
    "laplace",
    "layerwise_penalty",
    "penalty_factor",
    "prior_from_penalty",
    "uniform",
    "usual_factor",
    "variational_",
]
