"""A step of training after pruning against one before: does the time fall with the multiplications?

Networks lose the same share of the units of every hidden layer, by surgery. ``macs`` is the factor by which
the multiplications of a pass shrink, ``ratio`` that by which the time of a step (forward, backward, SGD with
momentum) does. To reach, on a CPU: half of ``macs``, where the time is spent on multiplications.
"""

import copy
from collections.abc import Callable

import torch
from timing import alternate, arguments, longest, row, show
from torch import nn
from torch.nn import functional as F

from startright.devices import pick_device
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
    parser = arguments(__doc__, blocks=21)
    parser.add_argument("--case", choices=CASES, action="append", help="only these; repeat for several")
    options = parser.parse_args()
    device = pick_device(options.device)
    torch.set_num_threads(options.threads)
    pairs = ((name, share) for name in options.case or CASES for share in SHARES)
    show((compare(*pair, device, options.blocks) for pair in pairs), options)


def compare(name: str, share: float, device: torch.device, blocks: int) -> dict:
    """Least times of a step before and after, their ratio, and that of the multiplications."""
    make, shape = CASES[name]
    x = torch.randn(BATCH, *shape, device=device)
    y = torch.randint(CLASSES, (BATCH,), device=device)
    whole = build(make, 0).to(device)
    pruned = copy.deepcopy(whole)
    kinds = {"pruned": step_of(pruned, x, y, share), "whole": step_of(whole, x, y)}
    before, after = (cost(net, x[:2]) for net in (whole, pruned))
    macs = before.macs / after.macs
    return row(
        "scalp_pruned",
        f"{name} without {share:.0%} of its units",
        alternate(kinds, blocks, device),
        *kinds,
        goal=f">= {GOAL * macs:.2f}",
        limit=macs,
        limit_of="the multiplications of a pass",
        device=device,
        profile=lambda: longest(kinds["pruned"]),
        share=share,
        batch=BATCH,
        macs=macs,
        parameters=before.parameters / after.parameters,
    )


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
