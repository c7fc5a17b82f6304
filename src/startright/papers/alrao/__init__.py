"""All learning rates at once: Blier, Wolinski and Ollivier, *Learning with random learning rates* (2019).

On a module of your own: :func:`~startright.alrao.model.wrap` and
:func:`~startright.alrao.model.wrap_classifier`. Its parts by themselves:
:func:`~startright.alrao.rates.unit_rates`, :class:`~startright.alrao.optim.PerUnitSGD` and
:class:`~startright.alrao.optim.PerUnitAdam`, :class:`~startright.alrao.switch.Switch`,
:class:`~startright.alrao.heads.HeadBank`, :class:`~startright.alrao.likelihoods.CrossEntropy`.
"""

from startright.papers import Paper
from startright.papers.alrao.heads import HeadBank
from startright.papers.alrao.likelihoods import CrossEntropy
from startright.papers.alrao.model import Alrao, wrap, wrap_classifier
from startright.papers.alrao.optim import PerUnitAdam, PerUnitSGD
from startright.papers.alrao.rates import LogUniform, register_rule, unit_rates
from startright.papers.alrao.switch import Switch

PAPER = Paper(
    __name__,
    title="Learning with random learning rates",
    citation="blier2019learning",
    part=2,
    pages=("structure/alrao",),
)

__all__ = [
    "Alrao",
    "CrossEntropy",
    "HeadBank",
    "LogUniform",
    "PerUnitAdam",
    "PerUnitSGD",
    "Switch",
    "register_rule",
    "unit_rates",
    "wrap",
    "wrap_classifier",
]
