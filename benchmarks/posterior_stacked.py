"""Variational networks trained as one program against the same runs one by one: how many times as fast.

To reach on a CPU with 18 small networks: 3 times.
"""

import argparse

import torch
from timing import alternate, arguments, longest, row, show

from startright import data
from startright.devices import pick_device
from startright.papers.posterior import networks, training
from startright.seeds import generator

RUNS = 18


def main() -> None:
    parser = arguments(__doc__, blocks=6)
    parser.add_argument("--steps", type=int, default=50)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    show([compare(options, pick_device(options.device))], options)


def train(seeds: range, steps: int, device: torch.device) -> None:
    """Networks of the digits at τ = 0.1, a seed each, as one program."""
    images = data.load("digits", device=device).train
    models = [networks.network("mlp", generator(seed, "init")).to(device) for seed in seeds]
    task = training.Task(torch.arange(300, device=device), 300, 0.1)
    training.train(models, images, [task] * len(models), training.Settings(steps), list(seeds))


def compare(options: argparse.Namespace, device: torch.device) -> dict:
    """Least seconds of both ways, and their ratio."""

    def together() -> None:
        train(range(RUNS), options.steps, device)

    def alone() -> None:
        for seed in range(RUNS):
            train(range(seed, seed + 1), options.steps, device)

    return row(
        "posterior_stacked",
        f"{RUNS} variational MLPs",
        alternate({"stacked": together, "one by one": alone}, options.blocks, device),
        "stacked",
        "one by one",
        goal=">= 3",
        device=device,
        profile=lambda: longest(together),
        runs=RUNS,
        steps=options.steps,
    )


if __name__ == "__main__":
    main()
