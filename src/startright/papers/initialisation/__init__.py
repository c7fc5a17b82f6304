"""Starting right, after the lecture: back-propagation, and the laws of the first weights.

T. Lopès-Quintas, *Recent advances in machine learning*, lecture at Université Paris Dauphine (2025), « Rien
ne sert de courir, il faut partir à point ». On a network of your own:
:func:`~startright.initialisation.laws.initialise_`; what a law does through depth:
:func:`~startright.initialisation.propagation.propagate` and, at infinite width,
:func:`~startright.initialisation.propagation.mean_field`; gradients by hand:
:mod:`startright.initialisation.backprop`.
"""

from startright.papers import Paper
from startright.papers.initialisation.laws import draw_, initialise_, weight_variance
from startright.papers.initialisation.propagation import mean_field, propagate

PAPER = Paper(
    __name__,
    title="The first weights",
    citation="lopesquintas2025recent",
    part=1,
    pages=("starting/initialisation", "starting/backpropagation"),
)

__all__ = ["draw_", "initialise_", "mean_field", "propagate", "weight_variance"]
