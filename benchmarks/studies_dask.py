"""Two Dask workers against one on a study of equal runs: digits MLPs trained one after another.

Only the sweep is timed, on the wall, not the start of the workers (``start_s``): it begins when all of them
have computed runs. To reach: 1.8 times faster; the limit is 2. Workers are processes of one thread.
"""

from dataclasses import dataclass

import torch
from sweeps import sweep, workers
from timing import alternate, arguments, longest, row, show
from torch import nn

from startright.data import load
from startright.models import MLP, build
from startright.studies import Outcome, Study
from startright.training import TrainConfig, train

WIDTHS = (64, 256, 256, 10)


@dataclass(frozen=True)
class Training:
    """A training of so many epochs."""

    epochs: int


def compute(config, seed, device):
    """Trains one MLP on the digits."""
    data = load("digits", device=device, flatten=True)
    model = build(lambda: MLP(WIDTHS, nn.Tanh), seed)
    return Outcome(train(model.to(device), data, TrainConfig(config.epochs, 32, 0.1), seed=seed).last)


def main() -> None:
    parser = arguments(__doc__, blocks=3)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    show([compare(options.runs, options.epochs, options.blocks)], options)


def compare(runs: int, epochs: int, blocks: int) -> dict:
    """Least seconds of a sweep by two workers and by one."""
    study = Study(
        "bench-digits", 1, "?", lambda profile: [Training(epochs)], lambda profile: range(runs), compute
    )
    with workers(1) as (one, _), workers(2) as (two, start_s):
        kinds = {"two workers": lambda: sweep(study, two), "one worker": lambda: sweep(study, one)}
        seconds = alternate(kinds, blocks, wall=True)  # the block before has them import torch, load the data
    return row(
        "studies_dask",
        f"{runs} MLPs {'-'.join(map(str, WIDTHS))}",
        seconds,
        *kinds,
        goal=">= 1.8",
        limit=2.0,
        limit_of="two workers",
        profile=lambda: longest(lambda: compute(Training(epochs), 0, torch.device("cpu"))),
        runs=runs,
        start_s=start_s,
    )


if __name__ == "__main__":
    main()
