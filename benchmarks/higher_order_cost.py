"""What the reduced derivatives cost, in units of one gradient, against a plain loop and against S.

LeNet on 200 colour images of 32 × 32, one group a tensor (S = 10), float32, one thread. The plain loop is
double backward as one writes it down: the gradient with its graph, its products with the direction, the
gradient of each product for the groups from it on, contracted; then the third derivative within the group.
To reach by what users get without asking, ``tangents``: 3.5 gradients, or 5.5 with third derivatives, and 1.4
times the speed of the loop. The limit is the passes that the sums need: with third derivatives 2.4 gradients
on LeNet (on VGG-11 6.9, and 4.1 without them). Then partitions into S = 1, 2, 5, 10 groups of successive
tensors; the row of the last has the line through them, in gradients.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from timing import alternate, arguments, longest, row, show
from torch.nn import functional as F

from startright.devices import pick_device
from startright.models import LeNet, build
from startright.papers.higher_order import grouped_derivatives, loss_function
from startright.papers.higher_order.reduced import BACKENDS

BATCH, OURS, GOALS = 200, "tangents", {False: "<= 3.5", True: "<= 5.5"}
LIMIT = {"limit": 2.4, "limit_of": "the passes that the reduced Hessian and the third diagonal of LeNet need"}


def main() -> None:
    parser = arguments(__doc__, blocks=10)
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="only these; repeat for several")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    backends = options.backend or list(BACKENDS)
    show(rows(pick_device(options.device), options.blocks, backends), options)


def rows(device: torch.device, blocks: int, backends: list[str]) -> Iterator[dict]:
    """The back-ends beside the gradient and the loop, then the fit over S for each."""
    params, loss_fn, direction = problem(device)

    def gradient() -> list[torch.Tensor]:
        return torch.autograd.grad(loss_fn(params), list(params.values()))

    for third in (False, True):
        runs = {
            "gradient": gradient,
            "plain loop": lambda third=third: plain(loss_fn, params, direction, third),
        }
        for backend in backends:
            runs[backend] = work(loss_fn, params, "canonical", direction, third=third, backend=backend)
        yield from beside(runs, blocks, device, third)
    for backend in backends:
        for third in (False, True):
            yield from fit(
                lambda groups, third=third, backend=backend: work(
                    loss_fn, params, groups, direction, third=third, backend=backend
                ),
                params,
                gradient,
                blocks,
                {"way": backend, "order": 2 + third, "device": device},
            )


def beside(runs: dict, blocks: int, device: torch.device, third: bool) -> Iterator[dict]:
    """The loop and each back-end in gradients, and each back-end beside the loop."""
    seconds, case = alternate(runs, blocks, device), f"order {2 + third}, S = 10"
    for name in list(runs)[1:]:
        ours = name == OURS
        about = {
            "device": device,
            "order": 2 + third,
            "S": 10,
            "profile": lambda name=name: longest(runs[name]),
        }
        limit = LIMIT if third and ours else {}
        goal = GOALS[third] if ours else None
        yield row(
            "higher_order_cost", case, seconds, name, "gradient", goal=goal, cost=True, **about, **limit
        )
        if name != "plain loop":
            goal = ">= 1.4" if ours else None
            yield row("higher_order_cost", case, seconds, name, "plain loop", goal=goal, **about)


def fit(of_groups: Callable, params: dict, gradient: Callable, blocks: int, about: dict) -> Iterator[dict]:
    """Cost against S; the last row has the least-squares line."""
    names, way, order = list(params), about["way"], about["order"]
    groups = {s: [names[k : k + 10 // s] for k in range(0, 10, 10 // s)] for s in (1, 2, 5, 10)}
    runs = {f"{way}, S = {s}": of_groups(groups[s]) for s in groups}
    seconds = alternate({"gradient": gradient} | runs, blocks, about["device"])
    found = [
        row(
            "higher_order_cost",
            f"order {order}, successive tensors",
            seconds,
            name,
            "gradient",
            cost=True,
            device=about["device"],
            order=order,
            S=s,
        )
        for name, s in zip(runs, groups, strict=True)
    ]
    x, y = np.array(list(groups)), np.array([each["ratio"] for each in found])
    slope, intercept = np.polyfit(x, y, 1)
    r2 = 1 - ((y - slope * x - intercept) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    found[-1] |= {"slope": float(slope), "intercept": float(intercept), "R2": float(r2)}
    yield from found


def problem(device: torch.device):
    model = build(lambda: LeNet(3, 10, image_size=32), 0).to(device)
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(BATCH, 3, 32, 32, generator=rng).to(device)
    y = torch.randint(10, (BATCH,), generator=rng).to(device)
    params, loss_fn = dict(model.named_parameters()), loss_function(model, F.cross_entropy, x, y)
    direction = dict(zip(params, torch.autograd.grad(loss_fn(params), list(params.values())), strict=True))
    return params, loss_fn, direction


def work(loss_fn, params, groups, direction, *, third: bool, backend: str) -> Callable[[], object]:
    return lambda: grouped_derivatives(loss_fn, params, groups, direction, third=third, backend=backend)


def plain(loss_fn, params, direction, third: bool):
    """Double backward, written down; one group a tensor."""
    tensors, u = list(params.values()), list(direction.values())
    grads = torch.autograd.grad(loss_fn(params), tensors, create_graph=True)
    products = [(g * v).sum() for g, v in zip(grads, u, strict=True)]
    H = torch.zeros(len(u), len(u), dtype=torch.float64)
    d3 = torch.zeros(len(u), dtype=torch.float64)
    for s, product in enumerate(products):
        parts = torch.autograd.grad(product, tensors[s:], create_graph=True)
        row = [(part * v).sum() for part, v in zip(parts, u[s:], strict=True)]
        for t, entry in enumerate(row, s):
            H[s, t] = H[t, s] = entry.item()
        if third:
            [part] = torch.autograd.grad(row[0], [tensors[s]], retain_graph=True, allow_unused=True)
            d3[s] = 0 if part is None else (part * u[s]).sum().item()
    return H, d3


if __name__ == "__main__":
    main()
