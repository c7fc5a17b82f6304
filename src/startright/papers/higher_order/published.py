"""What the paper prints: the networks and the settings of its experiments.

The losses and accuracies of its trainings are in figures alone, so there is no table of them here.

Source:
    P. Wolinski, *Gathering and exploiting higher-order information when training large structured models*,
    arXiv 2312.03885; the settings are completed from the authors' programs.
"""


def passes(groups: int) -> int:
    """The gradients that the paper counts for ḡ and H̄: one, one more for its graph, one for each group."""
    return groups + 2


#: network → (data, tensors, parameters, epochs, λ₁, λ_int)
NETWORKS = {
    "MLP, 784-1024-200-100-10, tanh": ("MNIST", 8, 1_029_950, "100 to 200", "0.03 to 0.1", "1"),
    "LeNet, tanh": ("CIFAR-10", 10, 62_006, "100 to 200", "0.3", "1"),
    "VGG-11', ELU": ("CIFAR-10", 18, 9_225_610, "100", "0.3", "1"),
    "BigMLP, 20 × 1024, ELU": ("CIFAR-10", 42, 23_099_402, "100", "0.1", "1 to 3"),
}
