"""Gauss-Newton over many parameters: Arbel, Menegaux and Wolinski, *Rethinking Gauss-Newton* (2023).

On a module of your own: :class:`~startright.gauss_newton.optim.GaussNewton`, an optimizer of torch.

The paper's own network, in closed form and stacked over runs:
:class:`~startright.gauss_newton.network.MeanField`,
:func:`~startright.gauss_newton.network.tangent_kernel`,
:func:`~startright.gauss_newton.dual.gauss_newton_step`.
What its features are worth: :func:`~startright.gauss_newton.evaluation.refit`,
:func:`~startright.gauss_newton.evaluation.linear_cka`.
"""

from startright.papers import Paper
from startright.papers.gauss_newton.dual import Damping, gauss_newton_step, predicted_steps
from startright.papers.gauss_newton.evaluation import linear_cka, refit, weighted_cka
from startright.papers.gauss_newton.network import MeanField, tangent_kernel
from startright.papers.gauss_newton.optim import GaussNewton

PAPER = Paper(
    __name__,
    title="Gauss-Newton learns fast, and learns something else",
    citation="arbel2023rethinking",
    part=4,
    pages=("curvature/gauss-newton",),
)

__all__ = [
    "Damping",
    "GaussNewton",
    "MeanField",
    "gauss_newton_step",
    "linear_cka",
    "predicted_steps",
    "refit",
    "tangent_kernel",
    "weighted_cka",
]
