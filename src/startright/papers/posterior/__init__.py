"""The cold posterior: the temperature at which variational networks predict best, and where it is known.

Closed forms for linear regression are in :mod:`startright.posterior.conjugate`, the two ways to temper and
how one is the other in :mod:`startright.posterior.tempering`; many variational networks are trained at once
by :func:`startright.posterior.training.train`. The layers are in :mod:`startright.models.variational`.
"""

from startright.papers import Paper
from startright.papers.posterior.conjugate import Regression, expected_nll, posterior
from startright.papers.posterior.stack import VariationalStack
from startright.papers.posterior.tempering import (
    deconvolved,
    effective_copies,
    full_as_factor,
    fully_tempered_variance,
    orbit_correlation,
    tempered_variance,
)

PAPER = Paper(
    __name__,
    title="The cold posterior",
    citation="wenzel2020how",
    part=5,
    pages=("depth/cold-posterior",),
)

__all__ = [
    "Regression",
    "VariationalStack",
    "deconvolved",
    "effective_copies",
    "expected_nll",
    "full_as_factor",
    "fully_tempered_variance",
    "orbit_correlation",
    "posterior",
    "tempered_variance",
]
