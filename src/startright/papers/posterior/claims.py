"""Claims C11 to C16 on the penalty factor and the temperature, each beside its measurement.

C1 to C10 are on trajectories, which have no chapter yet.
"""

from startright.papers.posterior import exact_claims, temperature_claims
from startright.statements import in_order

CLAIMS = in_order(exact_claims.claim, temperature_claims.claim)
