"""A step of Alrao against a step of SGD on the same network: time, and memory of weights and rates.

SGD is ``torch.optim.SGD`` on the network with one linear layer as its head and the cross-entropy; Alrao has
N such heads. To reach, at batch 32 on a CPU: 1.36 times the step of SGD for a small MLP, 1.1 times with
Alrao's compiled, 1.05 times for VGG19. ``memory`` is that of weights and rates over that of SGD's weights, to
reach 2.1 where the heads are small beside the network. The limit adds to the step of SGD, as it is, the
arithmetic of the further heads, at the speed of such a product, and what the optimizer reads of the rates and
of those heads; compiled, arithmetic and memory are counted for all of the step, as it is one program.
"""

import copy
from collections.abc import Callable, Iterator

import torch
from timing import CPU, alternate, arguments, profile, row, show, speeds
from torch import nn
from torch.nn import functional as F

from startright.devices import pick_device
from startright.models import VGG19, build
from startright.papers.alrao import wrap
from startright.papers.alrao.switch import Switch

BATCH, CLASSES, HEADS, INTERVAL = 32, 10, 10, (1e-5, 10.0)
EAGER, COMPILED = "Alrao", "Alrao, compiled"


def mlp(norm: bool) -> nn.Module:
    def layer(n: int, m: int) -> list[nn.Module]:
        return [nn.Linear(n, m), *([nn.BatchNorm1d(m)] if norm else []), nn.ReLU()]

    return nn.Sequential(*layer(64, 128), *layer(128, 128))


SMALL = {EAGER: "<= 1.36", COMPILED: "<= 1.1"}
# name: backbone, its features, shape of an input, ratios to reach, steps of a block
CASES = {
    "MLP 64-128-128": (lambda: mlp(norm=False), 128, (64,), SMALL, 20),
    "MLP 64-128-128 with BatchNorm": (lambda: mlp(norm=True), 128, (64,), SMALL, 20),
    "VGG19": (lambda: VGG19(n_classes=None), 512, (3, 32, 32), {EAGER: "<= 1.05"}, 1),
}


def main() -> None:
    parser = arguments(__doc__, blocks=90)
    parser.add_argument("--case", choices=CASES, action="append", help="only these; repeat for several")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    show((found for name in options.case or CASES for found in rows(name, device, options.blocks)), options)


def rows(name: str, device: torch.device, blocks: int) -> Iterator[dict]:
    """A row for each way of making the step of Alrao."""
    make, width, shape, goals, steps = CASES[name]
    x = torch.randn(BATCH, *shape, device=device)
    y = torch.randint(CLASSES, (BATCH,), device=device)
    backbone = build(make, 0).to(device)
    plain = nn.Sequential(copy.deepcopy(backbone), nn.Linear(width, CLASSES)).to(device)
    sgd = torch.optim.SGD(plain.parameters(), lr=0.01)

    def sgd_step() -> None:
        sgd.zero_grad()
        F.cross_entropy(plain(x), y).backward()
        sgd.step()

    made = {
        way: wrap(
            copy.deepcopy(backbone),
            lambda: nn.Linear(width, CLASSES),
            INTERVAL,
            HEADS,
            compile=way == COMPILED,
        )
        for way in goals
    }

    def stepper(way: str) -> Callable[[], object]:
        model, optimizer = made[way]
        return lambda: model.training_step(x, y, optimizer)

    kinds = {"SGD": sgd_step} | {way: stepper(way) for way in goals}
    seconds = alternate(kinds, blocks if steps > 1 else max(3, blocks // 10), device, steps=steps)
    about = {"heads": HEADS, "batch": BATCH, "device": device}
    for way, goal in goals.items():
        if device == CPU:
            about |= limit(backbone, width, min(seconds["SGD"]), whole=way == COMPILED)
        memory = size(made[way][0].parameters()) + size(s["rate"] for s in made[way][1].state.values())
        found = row("alrao_step", name, seconds, way, "SGD", goal=goal, **about)
        found["memory"] = memory / size(plain.parameters())
        if not found["reached"]:
            found["profile"] = profile(repeat(kinds[way], 20), parts(*made[way]), steps=20, blocks=20)
            found["baseline_profile"] = profile(
                repeat(sgd_step, 20), sgd_parts(plain, sgd), steps=20, blocks=20
            )
        yield found


def repeat(step: Callable[[], object], times: int) -> Callable[[], object]:
    return lambda: [step() for _ in range(times)]


def parts(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[tuple]:
    """What a step of Alrao calls; the checks, the zeroing of gradients and the rest of the calls are left."""
    return [
        ("forward", model.backbone, "forward"),
        ("heads", model, "_differentiate"),
        ("backward", torch.autograd, "backward"),
        ("optimizer", optimizer, "step"),
        ("Switch", Switch, "update"),
    ]


def sgd_parts(net: nn.Module, optimizer: torch.optim.Optimizer) -> list[tuple]:
    return [
        ("forward", net, "forward"),
        ("backward", torch.autograd, "backward"),
        ("optimizer", optimizer, "step"),
        ("loss", F, "cross_entropy"),
    ]


def limit(backbone: nn.Module, width: int, step_s: float, *, whole: bool) -> dict:
    """The ratio if arithmetic and memory were all: of what is added to the step of SGD, or of the whole."""
    head, others = width * CLASSES, sum(p.numel() for p in backbone.parameters())
    weights = (others if whole else 0) + head * (HEADS if whole else HEADS - 1)
    rates = others + head * HEADS
    flop, moved = 6 * BATCH * weights, 4 * (3 * weights + rates)
    speed, stream = speeds(torch.randn(BATCH, width), torch.randn(width, CLASSES * HEADS), moved // 4)
    what = "the whole step" if whole else "nine further heads"
    return {
        "limit": (0 if whole else 1) + (flop / speed + moved / stream) / step_s,
        "limit_of": f"{flop / 1e6:.2f} MFLOP of {what} at {speed / 1e9:.0f} GFLOP/s, and {moved / 1e3:.0f} kB"
        f" of the optimizer for it and the rates at {stream / 1e9:.0f} GB/s",
    }


def size(tensors) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


if __name__ == "__main__":
    main()
