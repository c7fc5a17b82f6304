"""Claims C11 to C16 on the penalty factor and the temperature, each beside its measurement.

The numbers C1 to C10 are kept for claims on trajectories, which this book does not have.
"""

from startright.papers.posterior import exact_claims, temperature_claims
from startright.statements import in_order

CLAIMS = in_order(exact_claims.claim, temperature_claims.claim)
