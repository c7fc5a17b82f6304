"""Removal time × deficit × seed as one program against the same runs one by one: how many times as fast.

To reach on a CPU with 18 networks of four convolutions: 3 times, which it does not. The limit is the
arithmetic of convolutions and normalisations, nine tenths of a step, which take about as long for a run of a
stack as alone: forward and back, 18 convolutions in groups are 0.8, 2.1, 1.2 and 1.1 times as fast as 18
single ones, from the first layer to the last, and as products of patches slower, by 1.2 to 8 times. What
stacking saves is the rest. Blocks alternate, so that a busy machine harms both alike;
on a CPU the time is that of the process.
"""

import argparse
import json

import torch
from timing import alternate, ratio

from startright.devices import describe_device, pick_device
from startright.papers.critical import experiment
from startright.papers.critical.experiment import DeficitConfig

REMOVALS, DEFICITS, SEEDS, TO_REACH = (1, 2, 3), ("blur", "flip"), (0, 1, 2), 3


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
    runs = [
        (DeficitConfig(deficit, 0, stop, stop + 2), seed)
        for stop in REMOVALS
        for deficit in DEFICITS
        for seed in SEEDS
    ]
    kinds = {
        "together": lambda: experiment.run_deficit_stacked(runs, device),
        "alone": lambda: [experiment.run_deficit(*run, device) for run in runs],
    }
    seconds = alternate(kinds, options.blocks, device)
    return {
        "benchmark": "critical_stacked",
        "runs": len(runs),
        **{f"{name}_s": min(values) for name, values in seconds.items()},
        **ratio(seconds, "alone", "together"),
        "to_reach": TO_REACH,
        "device": describe_device(device),
        "threads": options.threads,
    }


def sentence(row: dict) -> str:
    return (
        "{runs} runs together are {ratio:.1f} times as fast as alone (to reach: {to_reach}) on {device},"
        " {threads} threads"
    ).format(**row)


if __name__ == "__main__":
    main()
