"""Claims C1 to C8 of Wolinski, Charpiat and Ollivier, each stated beside the measurement that settles it."""

from startright.papers.priors import exact_claims, training_claims
from startright.statements import in_order

CLAIMS = in_order(exact_claims.claim, training_claims.claim)
