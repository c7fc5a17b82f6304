"""A loss surface of 41 × 41 points as one program, against loading and evaluating the model at each point.

A small residual network on 64 digits. To reach on a CPU: 20 seconds for the whole surface, and 3 times as
fast. With more examples a pass is bound by its arithmetic, and the loop is as fast. The loop does the least
that it must. For the ratio it is timed on a row of a plane of 21 × 21 points, so that both ways take turns
often enough on a busy machine.

What the ratio is depends on the state of the heap: glibc gives the memory of the maps of one program back to
the system after a pass, and it is paged in anew. Between 2.0 and 3.2 was seen on one machine, and 3.9 to 4.2
where the process keeps what it has freed (``MALLOC_TRIM_THRESHOLD_=4000000000`` with
``MALLOC_MMAP_THRESHOLD_=33554432`` in its environment).
"""

import argparse

import torch
from timing import alone, alternate, arguments, longest, row, show
from torch import nn

from startright import data
from startright.devices import pick_device
from startright.models import CIFARResNet, build
from startright.papers.residual.surface import filter_normalised, loss_surface
from startright.seeds import generator

POINTS, TIMED = 41, 21


def main() -> None:
    parser = arguments(__doc__, blocks=15)
    parser.add_argument("--examples", type=int, nargs="+", default=[64])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    show((found for count in options.examples for found in rows(count, options, device)), options)


@torch.no_grad()
def by_loop(model: nn.Module, split: data.Split, points: int) -> torch.Tensor:
    """The middle row of the plane, a state loaded for each of its points."""
    first = {name: p.clone() for name, p in model.state_dict().items()}
    d = filter_normalised(model, generator(0, "surface-1"))
    losses = []
    for a in torch.linspace(-1, 1, points):
        moved = {name: value + a * d[name] if name in d else value for name, value in first.items()}
        model.load_state_dict(moved)
        losses.append(nn.functional.cross_entropy(model(split.x), split.y))
    model.load_state_dict(first)
    return torch.stack(losses)


def rows(examples: int, options: argparse.Namespace, device: torch.device) -> list[dict]:
    """The ratio of both ways, and the time of the whole surface."""
    model = build(lambda: CIFARResNet(10, 0.25, 1, depth=8, side=8), 0).to(device).eval()
    train = data.load("digits", device=device).train
    split = data.Split(train.x[:examples], train.y[:examples])
    with torch.no_grad():
        surface = loss_surface(model, split, points=POINTS)
    torch.testing.assert_close(
        surface.losses[:, POINTS // 2], by_loop(model, split, POINTS), rtol=1e-3, atol=1e-4
    )
    kinds = {
        "one program": lambda: loss_surface(model, split, points=TIMED),
        "loop": lambda: by_loop(model, split, TIMED),
    }
    whole = alternate({"all": lambda: loss_surface(model, split, points=POINTS)}, 3, device)["all"]
    seconds = alternate(kinds, options.blocks, device)
    seconds["loop"] = [TIMED * each for each in seconds["loop"]]  # a row each time
    about = {"device": device, "profile": lambda: longest(kinds["one program"]), "examples": examples}
    named = f"of {examples} examples"
    return [
        row("residual_surface", f"{TIMED}² points {named}", seconds, *kinds, goal=">= 3", **about),
        alone("residual_surface", f"{POINTS}² points {named}", whole, goal_s=20.0, **about),
    ]


if __name__ == "__main__":
    main()
