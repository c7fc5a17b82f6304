"""Variational networks trained as one program against the same runs one by one: how many times as fast.

To reach on a CPU with 18 small networks: 3 times. Times are the least of alternating repeats, so that a busy
machine harms both alike; on the CPU with one thread, the CPU time of the process.
"""

import argparse
import json
import time

import torch

from startright import data
from startright.devices import describe_device, pick_device
from startright.papers.posterior import networks, training
from startright.seeds import generator

RUNS, TO_REACH = 18, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    row = compare(options, pick_device(options.device))
    print(json.dumps(row) if options.json else sentence(row))


def train(seeds: range, options: argparse.Namespace, device: torch.device) -> None:
    """Networks of the digits at τ = 0.1, a seed each, as one program."""
    images = data.load("digits", device=device).train
    models = [networks.network("mlp", generator(seed, "init")).to(device) for seed in seeds]
    task = training.Task(torch.arange(300, device=device), 300, 0.1)
    training.train(models, images, [task] * len(models), training.Settings(options.steps), list(seeds))
    if device.type == "cuda":
        torch.cuda.synchronize()


def compare(options: argparse.Namespace, device: torch.device) -> dict:
    """Least seconds of both ways, and their ratio."""
    clock = time.process_time if options.threads == 1 and device.type == "cpu" else time.perf_counter
    ways = {"alone_s": [range(k, k + 1) for k in range(RUNS)], "together_s": [range(RUNS)]}
    times = {name: [] for name in ways}
    for _ in range(options.repeats + 1):
        for name, groups in ways.items():
            begin = clock()
            for seeds in groups:
                train(seeds, options, device)
            times[name].append(clock() - begin)
    least = {name: min(values[1:]) for name, values in times.items()}
    return {
        "benchmark": "posterior_stacked",
        "runs": RUNS,
        **least,
        "ratio": least["alone_s"] / least["together_s"],
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
