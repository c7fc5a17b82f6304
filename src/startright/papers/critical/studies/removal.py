"""Protocol A: a deficit until epoch t₀, then clean data for as long as the control has in all (C7, C8)."""

from collections.abc import Sequence

from startright.papers.critical.deficits import DEFICITS
from startright.papers.critical.experiment import DeficitConfig, run_deficit, run_deficit_stacked, stack_key
from startright.profiles import by_profile
from startright.studies import Study

#: All-CNN of a quarter of its channels, and a tenth of the images: what a GPU trains in minutes.
NARROW = {"network": "allcnn-quarter", "dataset": "cifar10", "images": 5_000}
PUBLISHED = {
    "allcnn": {"network": "allcnn", "dataset": "cifar10", "images": 0},
    "resnet18": {"network": "resnet18", "dataset": "cifar10", "images": 0, "weight_decay": 5e-4},
}


def until(
    deficits: Sequence[str], removals: Sequence[int], clean: int, restart: bool = False, **rest: object
) -> list[DeficitConfig]:
    """Each deficit until each epoch of removal, and then ``clean`` epochs."""
    return [
        DeficitConfig(deficit, 0, removal, removal + clean, restart=restart, **rest)
        for removal in removals
        for deficit in deficits
    ]


def never(clean: int, **rest: object) -> DeficitConfig:
    """The control, t₀ = 0."""
    return DeficitConfig("none", 0, 0, clean, **rest)


FULL, SOME, SHORT = (20, 40, 60, 80, 100), (20, 60, 100), (10, 20, 40, 60, 80)
OTHERS = tuple(name for name in DEFICITS if name != "blur")
PAPER = (20, 40, 60, 80, 100, 120, 140)
REMOVAL = Study(
    name="critical-removal",
    version=1,
    question="What does a deficit that ends at epoch t0 leave, after clean data for as long as ever?",
    grid=by_profile(
        quick=[never(15), *until(["blur"], (10, 30), 15), *until(["blur"], (30,), 15, restart=True)],
        full=[
            never(40),
            *until(["blur"], FULL, 40),
            *until(OTHERS, SOME, 40),
            *until(["blur"], FULL, 40, restart=True),
            *until(["noise"], FULL[-1:], 40, restart=True),
        ],
        paper=[
            never(40, **NARROW),
            *until(["blur"], SHORT, 40, **NARROW),
            *until(OTHERS, SHORT[-1:], 40, **NARROW),
            *until(["blur"], (20, 40, 80), 40, restart=True, **NARROW),
        ]
        + [
            config
            for rest in PUBLISHED.values()
            for config in (
                never(160, **rest),
                *until(DEFICITS, PAPER, 160, **rest),
                *until(["blur"], PAPER, 160, restart=True, **rest),
            )
        ],
    ),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2, 3), paper=(0, 1, 2, 3, 4)),
    run=run_deficit,
    run_stacked=run_deficit_stacked,
    stack_key=stack_key,
    max_stack=24,
)
