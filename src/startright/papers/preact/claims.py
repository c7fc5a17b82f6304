"""Claims C1 to C10 of Wolinski and Arbel, each stated beside the measurement that settles it.

A check is stated so that it can fail: a threshold of a test, an order between two means, a closed form. The
wrong methods that fail them (``control``) are run in the tests.
"""

from startright.papers.preact import exact_claims, sampled_claims
from startright.statements import in_order

CLAIMS = in_order(sampled_claims.claim, exact_claims.claim)
