"""Gauss-Newton over many parameters: Arbel, Menegaux and Wolinski, *Rethinking Gauss-Newton* (2023).

The paper's own network, in closed form and stacked over runs:
:class:`~startright.gauss_newton.network.MeanField`,
:func:`~startright.gauss_newton.network.tangent_kernel`,
:func:`~startright.gauss_newton.dual.gauss_newton_step`.
What its features are worth: :func:`~startright.gauss_newton.evaluation.refit`,
:func:`~startright.gauss_newton.evaluation.linear_cka`.
"""

from startright.gauss_newton.dual import Damping, gauss_newton_step, predicted_steps
from startright.gauss_newton.evaluation import linear_cka, refit, weighted_cka
from startright.gauss_newton.network import MeanField, tangent_kernel

__all__ = [
    "Damping",
    "MeanField",
    "gauss_newton_step",
    "linear_cka",
    "predicted_steps",
    "refit",
    "tangent_kernel",
    "weighted_cka",
]
