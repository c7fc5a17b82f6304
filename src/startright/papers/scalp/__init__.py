"""ScaLa and ScaLP: Wolinski, Charpiat and Ollivier, *Asymmetrical Scaling Layers* (2019).

A scaling layer before every linear map lets one learning rate do at every width (:func:`scale_`, ScaLa). A
scaling that decreases with the index of a neuron, with a penalty on what is trained, decides which neurons
are cheap to lose: the width that is left then does not depend on the width one began with (ScaLP).
"""

from startright.papers import Paper
from startright.papers.scalp.layers import ScaledConv2d, ScaledLinear
from startright.papers.scalp.place import fold_, scale_
from startright.papers.scalp.scalings import sigma

PAPER = Paper(
    __name__,
    title="Scaling layers and pruning",
    citation="wolinski2019asymmetrical",
    part=2,
    pages=("structure/scalp",),
)

__all__ = ["ScaledConv2d", "ScaledLinear", "fold_", "scale_", "sigma"]
