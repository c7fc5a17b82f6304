"""Stacked training of 32 small MLPs against training them one after another with the same loop's settings.

Both train the same networks on the same batches to the same curves (checked here). To reach: 3 times faster.
The limit, that of arithmetic and memory, is some 11 times: 1.43 MFLOP a step of a run at 80 GFLOP/s, and
180 kB that the optimizer moves. Times are the least of alternating repeats, so that a busy machine harms both
alike.
"""

import argparse
import json
import time

import torch
from torch import nn

from startright.data import load
from startright.devices import describe_device, pick_device
from startright.models import MLP, build
from startright.training import TrainConfig, train, train_stacked

RUNS, WIDTHS = 32, (64, 64, 64, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    device = pick_device(options.device)
    torch.set_num_threads(1)  # as the trainers would; a busy machine makes a second one wait
    data = load("digits", device=device, flatten=True)
    rows = [
        compare(data, TrainConfig(options.epochs, 32, lr, optimizer, momentum), device, options.repeats)
        for optimizer, lr, momentum in (("sgd", 0.1, 0.9), ("adam", 1e-3, 0.0))
    ]
    for row in rows:
        print(
            json.dumps(row)
            if options.json
            else "{runs} MLPs {widths}, {optimizer}: one by one {serial_s:.2f} s, stacked {stacked_s:.2f} s, "
            "{ratio:.1f} times faster (to reach: 3) on {device}, torch {torch}".format(**row)
        )


def compare(data, config, device, repeats) -> dict:
    serial, stacked = [], []
    for _ in range(repeats):
        one_by_one, seconds = timed(lambda: [train(m, data, config, seed=s) for s, m in networks()], device)
        serial.append(seconds)
        together, seconds = timed(lambda: stacked_run(data, config), device)
        stacked.append(seconds)
    for alone, beside in zip(one_by_one, together, strict=True):
        torch.testing.assert_close(
            alone.curves["test_loss"], beside.curves["test_loss"], rtol=1e-3, atol=1e-4
        )
    return {
        "benchmark": "training_stacked",
        "optimizer": config.optimizer,
        "runs": RUNS,
        "widths": "-".join(map(str, WIDTHS)),
        "serial_s": min(serial),
        "stacked_s": min(stacked),
        "ratio": min(serial) / min(stacked),
        "ratios": [round(a / b, 2) for a, b in zip(serial, stacked, strict=True)],
        "limit": 11,
        "threads": torch.get_num_threads(),
        "device": describe_device(device),
        "torch": torch.__version__,
    }


def networks():
    return [(seed, build(lambda: MLP(WIDTHS, nn.Tanh), seed)) for seed in range(RUNS)]


def stacked_run(data, config):
    seeds, models = zip(*networks(), strict=True)
    return train_stacked(models, data, config, seeds=seeds)


def timed(run, device) -> tuple:
    begin = time.perf_counter()
    result = run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return result, time.perf_counter() - begin


if __name__ == "__main__":
    main()
