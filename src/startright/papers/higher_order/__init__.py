"""Reduced higher-order information: Wolinski, *Gathering and exploiting higher-order information* (2025).

To train a network: :class:`~startright.higher_order.optim.GroupedNewton`. To look at its learning rates:
:func:`~startright.higher_order.suggest.suggest_learning_rates`. The parts by themselves:
:class:`~startright.higher_order.partition.Partition`,
:func:`~startright.higher_order.reduced.grouped_derivatives`,
:func:`~startright.higher_order.cubic.cubic_step`.
"""

from startright.papers import Paper
from startright.papers.higher_order.cubic import CubicStep, InfeasibleModel, anisotropy, cubic_step
from startright.papers.higher_order.optim import GroupedNewton, Update
from startright.papers.higher_order.partition import Partition
from startright.papers.higher_order.reduced import (
    BACKENDS,
    Derivatives,
    add_derivatives,
    grouped_derivatives,
    loss_function,
    third_order_tensor,
)
from startright.papers.higher_order.suggest import suggest_learning_rates
from startright.papers.higher_order.verify import WrongDerivatives, verify_derivatives

PAPER = Paper(
    __name__,
    title="Higher orders, a group at a time",
    citation="wolinski2025gathering",
    part=4,
    pages=("curvature/higher-order",),
)

__all__ = [
    "BACKENDS",
    "CubicStep",
    "Derivatives",
    "GroupedNewton",
    "InfeasibleModel",
    "Partition",
    "Update",
    "WrongDerivatives",
    "add_derivatives",
    "anisotropy",
    "cubic_step",
    "grouped_derivatives",
    "loss_function",
    "suggest_learning_rates",
    "third_order_tensor",
    "verify_derivatives",
]
