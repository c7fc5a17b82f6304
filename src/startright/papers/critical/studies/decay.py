"""What weight decay does to the critical period (C11)."""

from collections.abc import Sequence

from startright.papers.critical.experiment import DeficitConfig, run_deficit, run_deficit_stacked, stack_key
from startright.papers.critical.studies.removal import NARROW, PUBLISHED, never, until
from startright.profiles import by_profile
from startright.studies import Study

DECAYS = (0.0, 5e-4)  # 1e-3 is that of the other studies


def panel(removals: Sequence[int], clean: int, **rest: object) -> list[DeficitConfig]:
    """A blur until each epoch of removal, and the control, for each weight decay but the usual one."""
    return [
        config
        for decay in DECAYS
        for how in [rest | {"weight_decay": decay}]
        for config in (never(clean, **how), *until(["blur"], removals, clean, **how))
    ]


DECAY = Study(
    name="critical-decay",
    version=1,
    question="Does weight decay change what an early blur leaves?",
    grid=by_profile(
        quick=panel((30,), 15),
        full=panel((60, 100), 40),
        paper=panel((80,), 40, **NARROW)
        + [config for rest in PUBLISHED.values() for config in panel((40, 80, 120), 160, **rest)],
    ),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2, 3), paper=(0, 1, 2, 3, 4)),
    run=run_deficit,
    run_stacked=run_deficit_stacked,
    stack_key=stack_key,
    max_stack=24,
)
