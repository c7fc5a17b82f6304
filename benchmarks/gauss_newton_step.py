"""A step of Gauss-Newton without the Jacobian against steps that form it: time and memory.

One network of the paper's size, 5000 hidden units on 500 points in 10 dimensions, float64, and the same
step by

- ``closed form``: the tangent kernel of the room's network, ``gauss_newton_step``;
- ``any module``: ``GaussNewton`` on the same network as a module, Jacobians of two chunks of 25 points at a
  time;
- ``any module, one chunk``: the same with all points in one chunk;
- ``jacrev a point``: all of J from ``vmap(jacrev)``, point by point, then J Jᵀ and the solve;
- ``jacrev of the batch``: J from ``jacrev`` of the function of all points, 50 outputs at a time, likewise.

To reach, for the closed form beside the batch's ``jacrev``: 20 times faster, 1/50 of the memory. Each block
of each way is a process of its own: memory is what its first step adds to the most that the process ever
held, after a small step has loaded the libraries; the time is the least of that step and some more. All end
at the same parameters (checked here).
"""

import json
import resource
import subprocess
import sys

import torch
from timing import arguments, clock, row, show
from torch import nn
from torch.func import functional_call, jacrev, vmap

from startright.papers.gauss_newton.dual import Damping, gauss_newton_step, solve_dual
from startright.papers.gauss_newton.network import MeanField
from startright.papers.gauss_newton.optim import GaussNewton
from startright.seeds import generator

N, M, D, RATE = 500, 5000, 10, 0.1
SLOW = "jacrev of the batch"  # takes minutes: one step is enough
BASELINES = ("jacrev a point", SLOW)


class Module(nn.Module):
    """The room's network as a module."""

    def __init__(self, net: MeanField):
        super().__init__()
        self.v, self.u, self.b = (nn.Parameter(p.clone()) for p in (net.v, net.u, net.b))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, (N,), of inputs, (N, d)."""
        return nn.functional.silu(x @ self.u.mT + self.b) @ self.v / len(self.v)


def draw(n: int, m: int) -> tuple[MeanField, torch.Tensor, torch.Tensor]:
    rng = generator(0, "benchmark")
    v, u, b, x, y = (
        torch.randn(*shape, generator=rng, dtype=torch.float64)
        for shape in ((m,), (m, D), (m,), (n, D), (n,))
    )
    return MeanField(v, u, b), x, y


def closed_form(net, x, y):
    return gauss_newton_step(net, x, y, RATE)


def any_module(net, x, y, chunk_size=25):
    module = Module(net)
    GaussNewton(module, lr=RATE, chunk_size=chunk_size).step(lambda: (x, y))
    return MeanField(module.v.detach(), module.u.detach(), module.b.detach())


def with_jacobian(net, x, y, of_batch=False):
    module = Module(net)
    params = {name: p.detach() for name, p in module.named_parameters()}

    def f(params, x):
        return functional_call(module, params, (x,))

    jacobian = jacrev(f, chunk_size=50) if of_batch else vmap(jacrev(f), (None, 0))
    blocks = jacobian(params, x)
    j = torch.cat([blocks[name].flatten(1) for name in params], 1)
    dual = solve_dual(j @ j.T, f(params, x) - y, Damping())
    dv, du, db = (j.T @ dual.z).split([p.numel() for p in params.values()])
    return net.moved(MeanField(dv, du.view_as(net.u), db), RATE)


WAYS = {
    "closed form": closed_form,
    "any module": any_module,
    "any module, one chunk": lambda net, x, y: any_module(net, x, y, N),
    "jacrev a point": with_jacobian,
    "jacrev of the batch": lambda net, x, y: with_jacobian(net, x, y, of_batch=True),
}


def measure(way: str, repeats: int) -> dict:
    """In this process: seconds, megabytes, and a number by which the ends are compared."""
    step = WAYS[way]
    step(*draw(20, 20))
    task = draw(N, M)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = clock()
    end = step(*task)
    least = clock() - begin
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    for _ in range(repeats):
        begin = clock()
        step(*task)
        least = min(least, clock() - begin)
    moved = sum((a - b).abs().sum().item() for a, b in ((end.u, task[0].u), (end.v, task[0].v)))
    return {"seconds": least, "megabytes": kilobytes / 1000, "moved": moved}


def main() -> None:
    parser = arguments(__doc__, blocks=3)
    parser.add_argument("--repeats", type=int, default=2, help="of a step in a block, after its first")
    parser.add_argument("--way", choices=WAYS, help="measure this alone, in this process")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.way:
        print(json.dumps(measure(options.way, options.repeats)))
        return
    found: dict[str, list[dict]] = {way: [] for way in WAYS}
    for _ in range(options.blocks):
        for way, blocks in found.items():
            blocks.append(apart(way, 0 if way == SLOW else options.repeats))
    for blocks in found.values():
        torch.testing.assert_close(blocks[0]["moved"], found["closed form"][0]["moved"], rtol=1e-6, atol=0)
    pairs = ((way, baseline) for way in WAYS if way not in BASELINES for baseline in BASELINES)
    show((beside(*pair, found) for pair in pairs), options)


def apart(way: str, repeats: int) -> dict:
    """One block of a way, in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--repeats", str(repeats)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def beside(way: str, baseline: str, found: dict[str, list[dict]]) -> dict:
    """The row of a way and a baseline, with the most memory of their blocks."""
    seconds = {name: [block["seconds"] for block in blocks] for name, blocks in found.items()}
    memory = {name: max(block["megabytes"] for block in found[name]) for name in (way, baseline)}
    return row(
        "gauss_newton_step",
        f"{N} points, width {M}",
        seconds,
        way,
        baseline,
        goal=">= 20" if (way, baseline) == ("closed form", SLOW) else None,
        way_mb=memory[way],
        baseline_mb=memory[baseline],
        memory=memory[way] / memory[baseline],
    )


if __name__ == "__main__":
    main()
