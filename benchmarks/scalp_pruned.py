"""A step of training after pruning against one before: does the time fall with the multiplications?

Networks lose the same share of the units of every hidden layer, by surgery. ``macs`` is the factor by which
the multiplications of a pass shrink, ``ratio`` that by which the time of a step (forward, backward, SGD with
momentum) does. To reach, on a CPU: half of ``macs``, where the time is spent on multiplications. Times are
the least of alternating repeats, so that a busy machine harms both alike.
"""

import argparse
import copy
import json
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from startright.devices import describe_device, pick_device
from startright.models import MLP, VGG19, LeNet, build
from startright.models.surgery import chain, remove_
from startright.models.surgery_cost import cost

BATCH, CLASSES, GOAL = 64, 10, 0.5
CASES = {
    "MLP 784-2000-2000": (lambda: MLP((784, 2000, 2000, CLASSES)), (784,)),
    "LeNet": (LeNet, (1, 28, 28)),
    "VGG19 of half width": (lambda: VGG19(CLASSES, 0.5), (3, 32, 32)),
}
SHARES = (0.5, 0.75)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--case", choices=CASES, action="append", help="only these; repeat for several")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    options = parser.parse_args()
    device = pick_device(options.device)
    torch.set_num_threads(1)
    for name in options.case or CASES:
        for share in SHARES:
            row = compare(name, share, device, options.repeats)
            print(
                json.dumps(row)
                if options.json
                else "{case} without {share:.0%} of its units: {whole_ms:.1f} ms, then {pruned_ms:.1f} ms,"
                " {ratio:.1f} times faster for {macs:.1f} times fewer multiplications (to reach: {goal:.1f});"
                " {device}, torch {torch}".format(**row)
            )


def compare(name: str, share: float, device: torch.device, repeats: int) -> dict:
    make, shape = CASES[name]
    x = torch.randn(BATCH, *shape, device=device)
    y = torch.randint(CLASSES, (BATCH,), device=device)
    whole = build(make, 0).to(device)
    pruned = copy.deepcopy(whole)
    steps = [step_of(whole, x, y), step_of(pruned, x, y, share)]
    least = [float("inf")] * 2
    for _ in range(repeats + 1):  # the first is for warming up, and least all the same
        for k, step in enumerate(steps):
            begin = time.perf_counter()
            step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            least[k] = min(least[k], time.perf_counter() - begin)
    before, after = (cost(net, x[:2]) for net in (whole, pruned))
    return {
        "benchmark": "scalp_pruned",
        "case": name,
        "share": share,
        "batch": BATCH,
        "whole_ms": 1e3 * least[0],
        "pruned_ms": 1e3 * least[1],
        "ratio": least[0] / least[1],
        "macs": before.macs / after.macs,
        "goal": GOAL * before.macs / after.macs,
        "parameters": before.parameters / after.parameters,
        "device": describe_device(device),
        "torch": torch.__version__,
    }


def step_of(net: nn.Module, x: torch.Tensor, y: torch.Tensor, share: float = 0.0) -> Callable[[], None]:
    """A step of training; with a share, that of the units is taken out after the first step."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

    step()
    if share:
        sites = chain(net, x[:2]).sites
        masks = {name: torch.arange(site.units) >= round(share * site.units) for name, site in sites.items()}
        remove_(net, masks, optimizer, example=x[:2])
        step()
    return step


if __name__ == "__main__":
    main()
