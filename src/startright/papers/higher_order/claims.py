"""Claims C1 to C8 of Wolinski (2025), each stated beside the measurement that settles it.

Identities (C1, C3, C8) and the cost (C2) are settled on any network. The others are about trainings: on
digits their measurement is shown and not judged (``comparable=False``). Single steps (C4, C5) are judged on
the paper's data; whole trainings (C6, C7) only if network and length are the paper's as well. The paper
prints no table of losses, so orderings are what is checked, and sizes against those of a reference run.
"""

from startright.papers.higher_order import exact_claims, step_claims, training_claims
from startright.statements import in_order

CLAIMS = in_order(exact_claims.claim, step_claims.claim, training_claims.claim)
