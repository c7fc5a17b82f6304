"""A step of Alrao against a step of SGD on the same network: time, and memory of weights and rates.

SGD is ``torch.optim.SGD`` on the network with one linear layer as its head and the cross-entropy; Alrao has
N such heads. To reach, at batch 32 on a CPU: 1.5 times the step of SGD for a small MLP, 1.05 times for VGG19;
2.1 times the memory of the weights. Times are the least of short alternating repeats, so that a busy machine
harms both alike.
"""

import argparse
import copy
import json
import time

import torch
from torch import nn
from torch.nn import functional as F

from startright.devices import describe_device, pick_device
from startright.models import VGG19, build
from startright.papers.alrao import wrap

BATCH, CLASSES, HEADS, INTERVAL = 32, 10, 10, (1e-5, 10.0)


def mlp(norm: bool) -> nn.Module:
    def layer(n: int, m: int) -> list[nn.Module]:
        return [nn.Linear(n, m), *([nn.BatchNorm1d(m)] if norm else []), nn.ReLU()]

    return nn.Sequential(*layer(64, 128), *layer(128, 128))


# name: backbone, its features, shape of an input, ratio to reach
CASES = {
    "MLP 64-128-128": (lambda: mlp(norm=False), 128, (64,), 1.5),
    "MLP 64-128-128 with BatchNorm": (lambda: mlp(norm=True), 128, (64,), 1.5),
    "VGG19": (lambda: VGG19(n_classes=None), 512, (3, 32, 32), 1.05),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--case", choices=CASES, action="append", help="only these; repeat for several")
    parser.add_argument("--repeats", type=int, default=300, help="a fiftieth of them for VGG19")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    options = parser.parse_args()
    device = pick_device(options.device)
    torch.set_num_threads(1)  # for small networks threads cost more than they save
    for name in options.case or CASES:
        row = compare(name, device, options.repeats // (50 if name == "VGG19" else 1))
        print(
            json.dumps(row)
            if options.json
            else "{case}: SGD {sgd_us:.0f} µs, Alrao {alrao_us:.0f} µs a step, {ratio:.2f} times"
            " (to reach: {goal}); memory {memory:.3f} times (to reach: 2.1); {device}, torch {torch}".format(
                **row
            )
        )


def compare(name: str, device: torch.device, repeats: int) -> dict:
    make, width, shape, goal = CASES[name]
    x = torch.randn(BATCH, *shape, device=device)
    y = torch.randint(CLASSES, (BATCH,), device=device)
    backbone = build(make, 0).to(device)
    plain = nn.Sequential(copy.deepcopy(backbone), nn.Linear(width, CLASSES)).to(device)
    sgd = torch.optim.SGD(plain.parameters(), lr=0.01)
    model, optimizer = wrap(backbone, lambda: nn.Linear(width, CLASSES), INTERVAL, HEADS)

    def sgd_step() -> None:
        sgd.zero_grad()
        F.cross_entropy(plain(x), y).backward()
        sgd.step()

    kinds = (sgd_step, lambda: model.training_step(x, y, optimizer))
    sgd_s, alrao_s = alternate(kinds, repeats, 1 if name == "VGG19" else 5, device)
    return {
        "benchmark": "alrao_step",
        "case": name,
        "heads": HEADS,
        "batch": BATCH,
        "sgd_us": 1e6 * sgd_s,
        "alrao_us": 1e6 * alrao_s,
        "ratio": alrao_s / sgd_s,
        "goal": goal,
        "memory": (size(model.parameters()) + size(s["rate"] for s in optimizer.state.values()))
        / size(plain.parameters()),
        "device": describe_device(device),
        "torch": torch.__version__,
    }


def alternate(kinds, repeats: int, block: int, device: torch.device) -> list[float]:
    """The least seconds a step of each kind, over repeats of a few steps in which the kinds take turns."""
    least = [float("inf")] * len(kinds)
    for _ in range(repeats):
        for index, step in enumerate(kinds):
            begin = time.perf_counter()
            for _ in range(block):
                step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            least[index] = min(least[index], (time.perf_counter() - begin) / block)
    return least


def size(tensors) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


if __name__ == "__main__":
    main()
