"""Values to stand beside ours.

Source:
    Test errors of residual networks on CIFAR-10: Li et al. (2018), to the digits known to us. The others
    were computed beforehand by another program: autocorrelations over 20 networks, accuracies
    on the digits of scikit-learn with 50 layers of 64 units, Adam at 3e-4, 300 steps, the seeds not stated.
"""

#: (kind, normalised, β, depth) → autocorrelation of df/dx at lags 1, 5 and 15.
AUTOCORRELATION = {
    ("plain", True, 1.0, 4): (0.92, 0.65, 0.21),
    ("plain", True, 1.0, 10): (0.48, -0.02, -0.03),
    ("plain", True, 1.0, 24): (-0.02, -0.01, 0.01),
    ("residual", True, 1.0, 24): (0.79, 0.34, 0.02),
    ("residual", True, 1.0, 50): (0.72, 0.21, 0.00),
    ("residual", True, 0.1, 50): (0.90, 0.61, 0.30),
    ("plain", False, 1.0, 50): (0.77, 0.43, 0.24),
}
#: start → test accuracy in percent on digits, at learning rates 3e-4 and 1e-3.
ACCURACY = {
    "looks-linear": (97.9, 96.7),
    "residual": (96.4, 95.4),
    "crelu": (78.7, 22.5),
    "relu": (66.4, 19.3),
}
#: layers → test error in percent on CIFAR-10 with skips, and without.
TEST_ERROR = {20: (7.37, 8.18), 56: (5.89, 13.31), 110: (5.79, 16.44)}
