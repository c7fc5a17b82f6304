"""ScaLa and ScaLP: layers whose inputs are scaled, one learning rate at every width, and pruning.

P. Wolinski, G. Charpiat and Y. Ollivier, *Asymmetrical scaling layers for stable network pruning* (2019).

A scaling layer before every linear map lets one learning rate do at every width (ScaLa,
:func:`~startright.papers.scalp.place.scale_`). A
scaling that decreases with the index of a neuron, with a penalty on what is trained, decides which neurons
are cheap to lose (ScaLP): on a network of your own, :func:`~startright.papers.scalp.prune.prune_` takes them
out, and :func:`~startright.papers.scalp.slimming.slim_` is the comparator, network slimming.
"""

from startright.papers import Paper
from startright.papers.scalp.layers import ScaledConv2d, ScaledLinear
from startright.papers.scalp.place import fold_, scale_
from startright.papers.scalp.prune import Start, prune_
from startright.papers.scalp.scalings import sigma
from startright.papers.scalp.slimming import slim_

PAPER = Paper(
    __name__,
    title="Scaling layers and pruning",
    citation="wolinski2019asymmetrical",
    part=2,
    pages=("structure/scalp",),
)

__all__ = ["ScaledConv2d", "ScaledLinear", "Start", "fold_", "prune_", "scale_", "sigma", "slim_"]
