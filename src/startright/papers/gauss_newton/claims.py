"""Claims C1 to C8 of Arbel, Menegaux and Wolinski, each stated beside the measurement that settles it.

Losses of different teachers differ by orders of magnitude, so nothing is averaged over teachers but ratios
of two runs on the same one, as logarithms; teachers are the repetitions. The paper prints no table of its
curves: orders and factors are judged, and no check is held against a published number.

A run that diverged, or never came to the relative training loss at which runs are compared, fails the checks
that are about its end.
"""

from startright.papers.gauss_newton import feature_claims, mnist_claims, speed_claims
from startright.statements import in_order

CLAIMS = in_order(speed_claims.claim, feature_claims.claim, mnist_claims.claim)
