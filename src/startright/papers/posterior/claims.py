"""Claims C11 to C16 on the penalty factor and the temperature, each beside its measurement.

They go on where the claims on trajectories, C1 to C10, end.
"""

from startright.papers.posterior import exact_claims, temperature_claims
from startright.statements import in_order

CLAIMS = in_order(exact_claims.claim, temperature_claims.claim)
