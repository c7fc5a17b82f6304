"""A step of training with scaling layers against one with plain layers of the same weights.

To reach on a CPU: 1.05 times the plain step.
"""

import argparse
import copy
from collections.abc import Callable

import torch
from timing import alternate, arguments, longest, row, show
from torch import nn
from torch.nn import functional as F

from startright.devices import pick_device
from startright.papers.scalp import scale_


def networks() -> dict[str, tuple[nn.Module, torch.Tensor]]:
    """Name → a plain network and a batch for it."""
    hidden = nn.Sequential(nn.Linear(784, 1000), nn.ReLU(), nn.Linear(1000, 10))
    maps = [nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()]
    images = nn.Sequential(*maps, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(1024, 10))
    return {"linear": (hidden, torch.randn(128, 784)), "convolutions": (images, torch.randn(32, 32, 16, 16))}


def main() -> None:
    options = arguments(__doc__, blocks=30).parse_args()
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    pairs = ((name, plain.to(device), x.to(device)) for name, (plain, x) in networks().items())
    show((compare(*pair, options) for pair in pairs), options)


def compare(name: str, plain: nn.Module, x: torch.Tensor, options: argparse.Namespace) -> dict:
    """Least times of a step of both networks, and their ratio."""
    scaled = scale_(copy.deepcopy(plain), "1/(√k ln k)", x)
    kinds = {"scaled": stepper(scaled, x), "plain": stepper(plain, x)}
    seconds = alternate(kinds, options.blocks, x.device, steps=5)
    about = {"device": x.device, "profile": lambda: longest(kinds["scaled"])}
    return row("scalp_layer", name, seconds, "scaled", "plain", goal="<= 1.05", **about)


def stepper(model: nn.Module, x: torch.Tensor) -> Callable[[], None]:
    """A function that makes one step of SGD."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    y = torch.zeros(len(x), dtype=torch.long, device=x.device)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    main()
