"""Numbers to stand beside ours: a table computed beforehand, and what a figure of Wenzel et al. shows.

The table of the conjugate test was computed once for this book, apart from its code; no paper prints it. What
Wenzel et al. report is a figure: approximate numbers are all that is known to us.
"""

#: Temperatures of the table.
TEMPERATURES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
#: Mean expected negative log-likelihood over 400 problems, σ² = 1, N = 20, d = 10: by S.
CONJUGATE = {
    1.0: (1.915, 1.875, 1.819, 1.742, 1.717, 1.751, 1.886, 2.028),
    5.0: (1.021, 0.969, 0.944, 1.006, 1.143, 1.342, 1.646, 1.868),
}
NEAR = 0.02  # nats: two means over 400 problems, each with its noise

#: Test accuracies of ResNet-20 on CIFAR-10, stochastic-gradient MCMC: at T = 1, and cold.
WENZEL_ACCURACY = {"T = 1": (0.86, 0.88), "cold": (0.93, 0.95)}

#: What papers say of augmentation and the cold posterior.
AUGMENTATION = {
    "Noci et al. 2021": "sufficient for the effect, not necessary",
    "Izmailov et al. 2021": "the effect is largely an artefact of augmentation",
    "Nabarro et al. 2021": "the effect persists with a likelihood made for augmentation",
}
