"""A loss surface of 41 × 41 points as one program, against loading and evaluating the model at each point.

A small residual network on 64 digits. To reach on a CPU: 20 seconds for the whole surface, and 3 times as
fast. With more examples a pass is bound by its arithmetic, and the loop is as fast. The loop does the least
that it must. For the ratio it is timed on a row of a plane of 21 × 21 points, so that both ways take turns
often enough on a busy machine.
"""

import argparse
import json

import torch
from timing import alternate, ratio
from torch import nn

from startright import data
from startright.devices import describe_device, pick_device
from startright.models import CIFARResNet, build
from startright.papers.residual.surface import filter_normalised, loss_surface
from startright.seeds import generator

POINTS, TIMED, TO_REACH, SECONDS = 41, 21, 3, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--examples", type=int, nargs="+", default=[64])
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for examples in options.examples:
        row = compare(examples, options, pick_device(options.device))
        print(json.dumps(row) if options.json else sentence(row))


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


def compare(examples: int, options: argparse.Namespace, device: torch.device) -> dict:
    """Least seconds of both ways for the whole surface, and their ratio."""
    model = build(lambda: CIFARResNet(10, 0.25, 1, depth=8, side=8), 0).to(device).eval()
    train = data.load("digits", device=device).train
    split = data.Split(train.x[:examples], train.y[:examples])
    with torch.no_grad():
        surface = loss_surface(model, split, points=POINTS)
    torch.testing.assert_close(
        surface.losses[:, POINTS // 2], by_loop(model, split, POINTS), rtol=1e-3, atol=1e-4
    )
    kinds = {
        "loop": lambda: by_loop(model, split, TIMED),
        "together": lambda: loss_surface(model, split, points=TIMED),
    }
    whole = min(alternate({"all": lambda: loss_surface(model, split, points=POINTS)}, 3, device)["all"])
    seconds = alternate(kinds, options.blocks, device)
    seconds["loop"] = [TIMED * each for each in seconds["loop"]]  # a row each time
    return {
        "benchmark": "residual_surface",
        "examples": examples,
        "surface_s": whole,
        **ratio(seconds, "loop", "together"),
        "to_reach": TO_REACH,
        "seconds_to_reach": SECONDS,
        "device": describe_device(device),
        "threads": options.threads,
    }


def sentence(row: dict) -> str:
    return (
        "{examples} examples: a surface in {surface_s:.1f} s ({seconds_to_reach} to reach),"
        " {ratio:.1f} times as fast as a loop ({to_reach} to reach), on {device}"
    ).format(**row)


if __name__ == "__main__":
    main()
