"""What the paper prints of its networks on CIFAR-10.

Source:
    P. Wolinski, slides of the defence of *Structural Learning of Neural Networks*, 2020. The label of the row
    of accuracies at λ_Th is not clear there; ours is the only reading under which the rows agree. The layers
    of the small network (CVNN), the optimiser, the epochs and the augmentation are not known to us.
"""

from typing import NamedTuple


class Column(NamedTuple):
    """One penalty on one network: accuracies in percent with their spreads, and log₁₀ λ_Th/λ*."""

    usual: tuple[float, float]
    bayesian: tuple[float, float]
    theoretical: tuple[float, float]
    exponent: float


#: (penalty, network) → the paper's column
ACCURACY = {
    ("l2", "cvnn"): Column((88.00, 0.4), (88.69, 0.12), (88.25, 0.3), 0.5),
    ("l2", "vgg19"): Column((93.35, 0.15), (93.48, 0.09), (93.28, 0.17), 1.0),
    ("l1", "cvnn"): Column((88.36, 0.3), (88.41, 0.3), (87.48, 0.08), 1.0),
    ("l1", "vgg19"): Column((93.17, 0.3), (92.89, 0.2), (92.74, 0.19), 1.0),
    ("rows", "cvnn"): Column((88.43, 0.14), (88.67, 0.09), (87.45, 0.17), 2.0),
    ("rows", "vgg19"): Column((92.78, 0.19), (92.35, 0.18), (92.24, 0.14), 2.0),
    ("columns", "cvnn"): Column((88.04, 0.4), (88.32, 0.16), (85.49, 0.3), 1.5),
    ("columns", "vgg19"): Column((93.37, 0.09), (93.03, 0.15), (92.85, 0.06), 1.0),
}
#: differences between the set-ups that the paper calls the same, in points
LEVEL = 0.7
#: powers of 10 between λ_Th and λ*, over all columns
RATIOS = (0.5, 2.0)
#: what λ_Th costs the small network, in points
COST = (0.4, 2.8)
#: and VGG19, at most
COST_VGG19 = 0.2
