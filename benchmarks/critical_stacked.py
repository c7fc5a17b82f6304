"""Removal time × deficit × seed as one program against the same runs one by one: how many times as fast.

To reach on a CPU with 18 networks of four convolutions: 3 times, which it does not. The limit is the
arithmetic of convolutions and normalisations, most of a step: they take about as long for a run of a stack as
alone: forward and back, 18 convolutions in groups are 0.8, 2.1, 1.2 and 1.1 times as fast as 18 single
ones, from the first layer to the last, and as products of patches slower, by 1.2 to 8 times. What stacking
saves is the rest.
"""

import argparse
from collections.abc import Callable

import torch
from stacking import ALONE, PARTS, TOGETHER
from timing import alternate, arguments, operations, profile, row, show

from startright.devices import pick_device
from startright.papers.critical import experiment
from startright.papers.critical.experiment import BATCH, DeficitConfig

REMOVALS, DEFICITS, SEEDS = (1, 2, 3), ("blur", "flip"), (0, 1, 2)
HEAVY = ("conv", "batch_norm")


def main() -> None:
    options = arguments(__doc__, blocks=3).parse_args()
    torch.set_num_threads(options.threads)
    show([compare(options, pick_device(options.device))], options)


def compare(options: argparse.Namespace, device: torch.device) -> dict:
    """Least seconds of both ways, and their ratio."""
    runs = [
        (DeficitConfig(deficit, 0, stop, stop + 2), seed)
        for stop in REMOVALS
        for deficit in DEFICITS
        for seed in SEEDS
    ]

    def alone() -> None:
        for run in runs:
            experiment.run_deficit(*run, device)

    kinds = {TOGETHER: lambda: experiment.run_deficit_stacked(runs, device), ALONE: alone}
    steps = -(-runs[0][0].images // BATCH) * max(config.epochs for config, _ in runs)
    seconds = alternate(kinds, options.blocks, device)
    return row(
        "critical_stacked",
        f"{len(runs)} networks of four convolutions",
        seconds,
        TOGETHER,
        ALONE,
        goal=">= 3",
        device=device,
        profile=lambda: profile(kinds[TOGETHER], PARTS[TOGETHER], steps=steps),
        runs=len(runs),
        steps=steps,
        **limit(kinds[TOGETHER], min(seconds[ALONE])),
    )


def limit(together: Callable[[], object], alone_s: float) -> dict:
    """The ratio if of the stack nothing but the heavy operations were left."""
    heavy = sum(us for name, us in operations(together).items() if any(word in name for word in HEAVY)) / 1e6
    return {
        "limit": alone_s / heavy,
        "limit_of": f"convolutions and normalisations alone are {heavy:.2f} s of the stack",
    }


if __name__ == "__main__":
    main()
