"""A step of training with scaling layers against one with plain layers of the same weights.

To reach on a CPU: 1.05 times the plain step. Times are the least of alternating blocks, so that a busy
machine harms both alike; with one thread, the CPU time of the process.
"""

import argparse
import copy
import json
import time

import torch
from torch import nn
from torch.nn import functional as F

from startright.devices import describe_device, pick_device
from startright.papers.scalp import scale_

TO_REACH, BLOCK = 1.05, 5


def networks() -> dict[str, tuple[nn.Module, torch.Tensor]]:
    """Name → a plain network and a batch for it."""
    hidden = nn.Sequential(nn.Linear(784, 1000), nn.ReLU(), nn.Linear(1000, 10))
    maps = [nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()]
    images = nn.Sequential(*maps, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(1024, 10))
    return {"linear": (hidden, torch.randn(128, 784)), "convolutions": (images, torch.randn(32, 32, 16, 16))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    for name, (plain, x) in networks().items():
        row = compare(name, plain.to(device), x.to(device), device, options)
        print(json.dumps(row) if options.json else sentence(row))


def compare(name, plain, x, device, options) -> dict:
    """Least times of a step of both networks, in milliseconds, and their ratio."""
    scaled = scale_(copy.deepcopy(plain), "1/(√k ln k)", x)
    y = torch.zeros(len(x), dtype=torch.long, device=device)
    steps = {"plain_ms": stepper(plain, x, y), "scaled_ms": stepper(scaled, x, y)}
    clock = time.process_time if options.threads == 1 and device.type == "cpu" else time.perf_counter
    times = {name: [] for name in steps}
    for _ in range(options.repeats + 3):
        for which, step in steps.items():
            begin = clock()
            for _ in range(BLOCK):
                step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times[which].append(1e3 * (clock() - begin) / BLOCK)
    least = {which: min(values[3:]) for which, values in times.items()}
    return {
        "benchmark": "scalp_layer",
        "network": name,
        **least,
        "ratio": least["scaled_ms"] / least["plain_ms"],
        "to_reach": TO_REACH,
        "device": describe_device(device),
        "torch": torch.__version__,
    }


def stepper(model, x, y):
    """A function that makes one step of SGD."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def sentence(row: dict) -> str:
    return (
        "{network}: {scaled_ms:.2f} ms scaled, {plain_ms:.2f} ms plain, {ratio:.3f} times plain "
        "(to reach: {to_reach}) on {device}, torch {torch}"
    ).format(**row)


if __name__ == "__main__":
    main()
