"""Deep networks, with skips or without: shattered gradients, loss surfaces, and what a start can do instead.

D. Balduzzi et al., *The shattered gradients problem* (2017); H. Li et al., *Visualizing the loss landscape of
neural nets* (2018). On a model of your own: :func:`~startright.residual.surface.loss_surface`,
:func:`~startright.residual.looks_linear.looks_linear_`,
:func:`~startright.residual.orthogonal.delta_orthogonal_` and
:func:`~startright.residual.tailored.tailored_slope`.
"""

from startright.papers import Paper
from startright.papers.residual.looks_linear import CReLU, looks_linear_
from startright.papers.residual.orthogonal import delta_orthogonal_, orthogonal, orthogonal_
from startright.papers.residual.shattering import autocorrelation, slopes
from startright.papers.residual.surface import Surface, loss_surface
from startright.papers.residual.tailored import tailored_slope

PAPER = Paper(
    __name__,
    title="Skips, and what replaces them",
    citation="balduzzi2017shattered",
    part=1,
    rank=4,
    pages=("starting/residual",),
)

__all__ = [
    "CReLU",
    "Surface",
    "autocorrelation",
    "delta_orthogonal_",
    "looks_linear_",
    "loss_surface",
    "orthogonal",
    "orthogonal_",
    "slopes",
    "tailored_slope",
]
