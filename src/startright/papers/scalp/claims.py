"""Claims C1 to C8 of Wolinski, Charpiat and Ollivier, each stated beside the measurement that settles it.

Of the paper's figures no numbers are known to us: shapes are compared, and no check is held against a
published number. The wrong methods that fail the checks (``control``) are run in the tests.
"""

from startright.papers.scalp import exact_claims, trained_claims
from startright.statements import in_order

CLAIMS = in_order(exact_claims.claim, trained_claims.claim)
