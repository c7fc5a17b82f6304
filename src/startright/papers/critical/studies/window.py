"""Protocol B: a deficit in a window of a training of fixed length (C9)."""

from collections.abc import Sequence

from startright.papers.critical.experiment import DeficitConfig, run_deficit, run_deficit_stacked, stack_key
from startright.papers.critical.studies.removal import NARROW, PUBLISHED
from startright.profiles import by_profile
from startright.studies import Study


def windows(onsets: Sequence[int], length: int, epochs: int, **rest: object) -> list[DeficitConfig]:
    """A blur of ``length`` epochs from each onset, and a training without any."""
    control = DeficitConfig("none", 0, 0, epochs, **rest)
    return [control, *(DeficitConfig("blur", onset, onset + length, epochs, **rest) for onset in onsets)]


WINDOW = Study(
    name="critical-window",
    version=1,
    question="When in a training does a deficit of fixed length cost most?",
    grid=by_profile(
        quick=windows((0, 10, 20), 10, 40),
        full=windows((0, 15, 30, 50), 30, 100),
        paper=windows((0, 25, 50), 30, 80, **NARROW)
        + [config for rest in PUBLISHED.values() for config in windows(range(0, 121, 20), 40, 200, **rest)],
    ),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2, 3), paper=(0, 1, 2, 3, 4)),
    run=run_deficit,
    run_stacked=run_deficit_stacked,
    stack_key=stack_key,
    max_stack=24,
)
