"""What the paper prints, as far as it is known to us: values read off its figures, approximate.

Source:
    A. Achille, M. Rovere and S. Soatto, *Critical learning periods in deep networks*, 2019: All-CNN on
    CIFAR-10. The accuracies on the axes of its figures and the sizes of the Fisher information are not known
    to us.
"""

#: Test error over that of a network without deficit, by deficit; None where only an order is known.
ERROR_RATIO = {
    "blur": 3.0,  # at most, about, from a removal at epoch 40 to 60 on
    "noise": None,  # a smaller gap than that of the blur
    "flip": 1.0,  # almost no gap
    "labels": 1.0,  # almost no gap
}
