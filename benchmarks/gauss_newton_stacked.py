"""A sweep of Gauss-Newton over seeds, initial scales and steps: stacked against one run after another.

The quick size of the study ``gauss-newton-grid``: both compute the same runs, to the same number of steps
(checked here). Stacking cannot make it 5 times faster: the time is arithmetic, that of the evaluation (36 %),
the kernel (16 %) and its eigenvalues (15 %), which a stack has as well; a run fills a core by itself.
Two workers are what brings a factor of two. Times are the least of alternating repeats.
"""

import argparse
import json
import time

import torch

from startright.devices import describe_device, pick_device
from startright.papers.gauss_newton.studies import GRID
from startright.papers.gauss_newton.studies.descent import run_descent, run_descents


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    row = compare(pick_device(options.device), options.repeats)
    print(
        json.dumps(row)
        if options.json
        else "{runs} runs: one by one {serial_s:.2f} s, {stack} at a time {stacked_s:.2f} s, {ratio:.1f}"
        " times faster on {device}, {threads} threads, torch {torch}".format(**row)
    )


def compare(device: torch.device, repeats: int) -> dict:
    runs = [(run.config, run.seed) for run in GRID.runs("quick")]
    size = GRID.max_stack or len(runs)
    stacks = [runs[k : k + size] for k in range(0, len(runs), size)]
    serial, stacked = [], []
    for _ in range(repeats):
        one_by_one, seconds = timed(lambda: [run_descent(*run, device) for run in runs], device)
        serial.append(seconds)
        together, seconds = timed(
            lambda: [end for stack in stacks for end in run_descents(stack, device)], device
        )
        stacked.append(seconds)
    for alone, beside in zip(one_by_one, together, strict=True):
        assert alone.metrics["steps"] == beside.metrics["steps"], (alone.metrics, beside.metrics)
    return {
        "benchmark": "gauss_newton_stacked",
        "runs": len(runs),
        "stack": size,
        "serial_s": min(serial),
        "stacked_s": min(stacked),
        "ratio": min(serial) / min(stacked),
        "threads": torch.get_num_threads(),
        "device": describe_device(device),
        "torch": torch.__version__,
    }


def timed(run, device: torch.device) -> tuple:
    begin = time.perf_counter()
    result = run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return result, time.perf_counter() - begin


if __name__ == "__main__":
    main()
