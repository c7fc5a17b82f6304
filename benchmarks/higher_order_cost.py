"""What the reduced derivatives cost, in units of one gradient, against a plain loop and against S.

LeNet on 200 colour images of 32 × 32, one group a tensor (S = 10), float32, one thread. The plain loop is
double backward as one writes it down: the gradient with its graph, its products with the direction, the
gradient of each product for the groups from it on, contracted; then the third derivative within the group.
To reach: 3.5 gradients, or 5.5 with third derivatives, and 1.4 times the speed of the loop on the same
machine. The limit on LeNet is about 2.4 gradients with third derivatives: the passes that the sums need.
Then partitions into S = 1, 2, 5, 10 groups of successive tensors, with the line through them.
Times are the least of alternating repeats, so that a busy machine harms all alike.
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from startright.devices import describe_device, pick_device
from startright.models import LeNet, build
from startright.papers.higher_order import grouped_derivatives, loss_function
from startright.papers.higher_order.reduced import BACKENDS

BATCH, GOALS = 200, {False: 3.5, True: 5.5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="only these; repeat for several")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = pick_device(options.device)
    about = {"benchmark": "higher_order_cost", "batch": BATCH, "device": describe_device(device)}
    about["torch"] = torch.__version__
    for row in rows(device, options.repeats, options.backend or list(BACKENDS)):
        if options.json:
            print(json.dumps(about | row), flush=True)
        else:
            print(", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))


def rows(device: torch.device, repeats: int, backends: list[str]):
    """The table of back-ends, then the fit over S for each."""
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
        seconds = alternate(runs, repeats, device)
        unit, loop = seconds["gradient"], seconds["plain loop"]
        for name in ("plain loop", *backends):
            yield {
                "case": name,
                "order": 2 + third,
                "S": len(params),
                "gradient_ms": 1e3 * unit,
                "gradients": seconds[name] / unit,
                "goal": GOALS[third],
                "ratio": loop / seconds[name],
            }
    for backend in backends:
        for third in (False, True):
            case = f"{backend} against S"
            yield {"case": case, "order": 2 + third} | fit(
                lambda groups, third=third, backend=backend: work(
                    loss_fn, params, groups, direction, third=third, backend=backend
                ),
                params,
                gradient,
                repeats,
                device,
            )


def fit(of_groups: Callable, params, gradient, repeats: int, device: torch.device) -> dict:
    """Cost against S, and the least-squares line."""
    names = list(params)
    groups = {s: [names[k : k + 10 // s] for k in range(0, 10, 10 // s)] for s in (1, 2, 5, 10)}
    runs = {s: of_groups(groups[s]) for s in groups}
    seconds = alternate({"gradient": gradient} | runs, repeats, device)
    costs = {s: seconds[s] / seconds["gradient"] for s in groups}
    x, y = np.array(list(costs)), np.array(list(costs.values()))
    slope, intercept = np.polyfit(x, y, 1)
    r2 = 1 - ((y - slope * x - intercept) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    row = {f"gradients_S{s}": cost for s, cost in costs.items()}
    return row | {"slope": float(slope), "intercept": float(intercept), "R2": float(r2)}


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


def alternate(runs: dict, repeats: int, device: torch.device) -> dict:
    """The least seconds of each, over repeats in which they take turns."""
    least = dict.fromkeys(runs, float("inf"))
    for _ in range(repeats):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            least[name] = min(least[name], time.perf_counter() - begin)
    return least


if __name__ == "__main__":
    main()
