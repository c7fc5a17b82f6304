"""Claims C1 to C15 of Blier, Wolinski and Ollivier, each stated beside the measurement that settles it.

On another data set, network or length of training than the paper's the checks say what holds *here* and
are no verdict on the paper (``comparable=False``). Every check names the wrong method that fails it; the
tests run these.
"""

from startright.papers.alrao import (
    exact_claims,
    learning_claims,
    selection_claims,
    task_claims,
    variant_claims,
)
from startright.statements import in_order

MODULES = (learning_claims, selection_claims, task_claims, variant_claims, exact_claims)
CLAIMS = in_order(*(module.claim for module in MODULES))
