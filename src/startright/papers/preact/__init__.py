"""Gaussian pre-activations: Wolinski and Arbel, *Myth or Reality?* (TMLR 2025), exactly.

The law behind the activations is :class:`~startright.preact.law.QuotientLaw`; the activations are
:func:`~startright.preact.law.phi` and, as a module,
:class:`~startright.preact.activation.GaussianActivation`;
the weights that go with them, :func:`~startright.preact.init.symmetric_weibull_`. Both at once, on a network
of your own: :func:`~startright.preact.init.init_gaussian_preact_`.
"""

from startright.papers import Paper
from startright.papers.preact.activation import GaussianActivation
from startright.papers.preact.init import init_gaussian_preact_, symmetric_weibull_
from startright.papers.preact.law import QuotientLaw, ks_of_product, phi, phi_derivative

PAPER = Paper(
    __name__,
    title="Gaussian pre-activations",
    citation="wolinski2025gaussian",
    part=3,
    pages=("signal/gaussian-preact", "signal/edge-of-chaos"),
)

__all__ = [
    "GaussianActivation",
    "QuotientLaw",
    "init_gaussian_preact_",
    "ks_of_product",
    "phi",
    "phi_derivative",
    "symmetric_weibull_",
]
