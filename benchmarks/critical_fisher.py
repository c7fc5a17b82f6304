"""The exact trace of the Fisher information against a backward pass for every input and class.

To reach with four convolutions on 150 inputs and ten classes: 2 seconds, and 5 times as fast. Blocks
alternate, so that a busy machine harms both alike; on a CPU the time is that of the process.
"""

import argparse
import json

import torch
from timing import alternate, ratio

from startright import data
from startright.devices import describe_device, pick_device
from startright.models import DigitsCNN, build
from startright.papers.critical import fisher_trace, reference

INPUTS, TO_REACH, SECONDS = 150, 5, 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    row = compare(options, pick_device(options.device))
    print(json.dumps(row) if options.json else sentence(row))


def compare(options: argparse.Namespace, device: torch.device) -> dict:
    """Least seconds of both ways, and their ratio."""
    x = data.load("digits", device=device).train.x[:INPUTS]
    net = build(DigitsCNN, 0).to(device).eval()
    kinds = {"fast": lambda: fisher_trace(net, x), "loop": lambda: reference.fisher_trace(net, x)}
    seconds = alternate(kinds, options.blocks, device)
    return {
        "benchmark": "critical_fisher",
        "inputs": INPUTS,
        **{f"{name}_s": min(values) for name, values in seconds.items()},
        **ratio(seconds, "loop", "fast"),
        "to_reach": TO_REACH,
        "seconds_to_reach": SECONDS,
        "device": describe_device(device),
        "threads": options.threads,
    }


def sentence(row: dict) -> str:
    return (
        "the exact trace on {inputs} inputs takes {fast_s:.2f} s (to reach: {seconds_to_reach:g}),"
        " {ratio:.1f} times as fast as a loop (to reach: {to_reach}), on {device}, {threads} threads"
    ).format(**row)


if __name__ == "__main__":
    main()
