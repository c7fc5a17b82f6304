"""The exact trace of the Fisher information against a backward pass for every input and class.

To reach with four convolutions on 150 inputs and ten classes: 2 seconds, and 5 times as fast.
"""

import argparse

import torch
from timing import alternate, arguments, longest, row, show

from startright import data
from startright.devices import pick_device
from startright.models import DigitsCNN, build
from startright.papers.critical import fisher_trace, reference

INPUTS = 150


def main() -> None:
    options = arguments(__doc__, blocks=6).parse_args()
    torch.set_num_threads(options.threads)
    show([compare(options, pick_device(options.device))], options)


def compare(options: argparse.Namespace, device: torch.device) -> dict:
    """Least seconds of both ways, and their ratio."""
    x = data.load("digits", device=device).train.x[:INPUTS]
    net = build(DigitsCNN, 0).to(device).eval()
    kinds = {"exact trace": lambda: fisher_trace(net, x), "loop": lambda: reference.fisher_trace(net, x)}
    return row(
        "critical_fisher",
        f"{INPUTS} inputs",
        alternate(kinds, options.blocks, device),
        "exact trace",
        "loop",
        goal=">= 5",
        goal_s=2.0,
        device=device,
        profile=lambda: longest(kinds["exact trace"]),
        inputs=INPUTS,
    )


if __name__ == "__main__":
    main()
