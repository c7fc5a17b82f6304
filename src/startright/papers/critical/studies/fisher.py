"""The trace of the Fisher information over a training, with a deficit at its beginning and without (C10)."""

from startright.papers.critical.experiment import DeficitConfig, run_deficit, run_deficit_stacked, stack_key
from startright.papers.critical.studies.removal import NARROW, PUBLISHED
from startright.profiles import by_profile
from startright.studies import Study


def courses(removal: int, clean: int, **rest: object) -> list[DeficitConfig]:
    """A blur until ``removal`` and then clean data; clean data alone, for as long, and for as long in all."""
    how = {"every": 1, "probes": 150} | rest
    return [
        DeficitConfig("none", 0, 0, clean, **how),
        DeficitConfig("blur", 0, removal, removal + clean, **how),
        DeficitConfig("none", 0, 0, removal + clean, **how),
    ]


FISHER = Study(
    name="critical-fisher",
    version=1,
    question="How does the trace of the Fisher information go over a training, by layer?",
    grid=by_profile(
        quick=courses(15, 25)[:2],
        full=courses(60, 40),
        paper=courses(40, 40, **NARROW)
        + [config for rest in PUBLISHED.values() for config in courses(60, 160, **rest)],
    ),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2, 3), paper=(0, 1, 2, 3, 4)),
    run=run_deficit,
    run_stacked=run_deficit_stacked,
    stack_key=stack_key,
    max_stack=12,
)
