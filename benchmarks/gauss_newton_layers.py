"""A step of Gauss-Newton on any module, layer by layer: against the closed form, and against all of J.

- ``network of the paper``: 5000 hidden units on 500 points in 10 dimensions, as a module of linear layers,
  beside its closed form. To reach: at most 1.2 times its time. The limit of both: two products of 500 × 5000
  with their transposes, of which half the entries are enough, 2.5 GFLOP in float64.
- ``LeNet``: 50 images of 28 × 28, ten outputs each, beside the same step from all of J by ``vmap(jacrev)``.
  To reach: 5 times faster.
- ``MLP``: 784-300-10 on 50 points, likewise.

One thread, float64; a step of a course, whose first has checked the module. All first steps end at the same
parameters (checked here).
"""

import copy

import torch
from timing import alternate, arguments, longest, row, show, speeds
from torch import nn
from torch.func import functional_call, jacrev, vmap

from startright.models import LeNet, build
from startright.papers.gauss_newton.dual import Damping, gauss_newton_step, solve_dual
from startright.papers.gauss_newton.network import MeanField
from startright.papers.gauss_newton.optim import GaussNewton
from startright.seeds import generator

RATE = 0.1


class Scaled(nn.Module):
    """The network of the paper of two linear layers."""

    def __init__(self, net: MeanField):
        super().__init__()
        self.hidden, self.out = nn.Linear(net.u.shape[1], net.width), nn.Linear(net.width, 1, bias=False)
        self.double()
        with torch.no_grad():
            self.hidden.weight.copy_(net.u), self.hidden.bias.copy_(net.b), self.out.weight[0].copy_(net.v)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, (N, 1)."""
        return self.out(nn.functional.silu(self.hidden(x))) / self.out.in_features


def main() -> None:
    options = arguments(__doc__, blocks=30).parse_args()
    torch.set_num_threads(options.threads)
    mlp = nn.Sequential(nn.Flatten(), nn.Linear(784, 300), nn.Tanh(), nn.Linear(300, 10))
    rows = [
        beside_the_closed_form(options.blocks),
        beside_the_jacobian("LeNet", LeNet(), options.blocks // 3),
        beside_the_jacobian("MLP", mlp, options.blocks // 3),
    ]
    show(rows, options)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(0, "benchmark"), dtype=torch.float64)


def beside_the_closed_form(blocks: int) -> dict:
    x, y = drawn(500, 10), drawn(500)
    net = MeanField(drawn(5000), drawn(5000, 10), drawn(5000))
    module = Scaled(net)

    optimizer = GaussNewton(module, lr=RATE)
    kinds = {
        "any module": lambda: optimizer.step(lambda: (x, y[:, None])),
        "closed form": lambda: gauss_newton_step(net, x, y, RATE),
    }
    kinds["any module"]()
    end = kinds["closed form"]()
    expected = torch.cat([end.u.flatten(), end.b, end.v])
    torch.testing.assert_close(flat(module), expected, rtol=1e-7, atol=1e-9)
    seconds = alternate(kinds, blocks)
    flop = 2 * 500 * 500 * 5000  # two Grams, each symmetric
    speed, _ = speeds(drawn(500, 5000), drawn(5000, 500))
    limit = {
        "limit": flop / speed / min(seconds["closed form"]),
        "limit_of": f"two Grams, {flop / 1e9:.1f} GFLOP at {speed / 1e9:.0f} GFLOP/s in float64,"
        f" {1e3 * flop / speed:.0f} ms",
    }
    about = limit | {"profile": lambda: longest(kinds["any module"])}
    return row("gauss_newton_layers", "network of the paper", seconds, *kinds, goal="<= 1.2", **about)


def beside_the_jacobian(case: str, net: nn.Module, blocks: int) -> dict:
    x, y = drawn(50, 1, 28, 28), drawn(50, 10)
    net = build(lambda: net, 0).double()

    other = copy.deepcopy(net)
    optimizer = GaussNewton(net, lr=RATE)
    kinds = {
        "any module": lambda: optimizer.step(lambda: (x, y)),
        "all of J": lambda: step_by_the_jacobian(other, x, y),
    }
    for step in kinds.values():
        step()
    torch.testing.assert_close(flat(net), flat(other), rtol=1e-7, atol=1e-9)
    about = {"goal": ">= 5", "profile": lambda: longest(kinds["any module"])}
    return row("gauss_newton_layers", case, alternate(kinds, blocks), *kinds, **about)


def step_by_the_jacobian(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    params = {name: p.detach() for name, p in model.named_parameters()}
    blocks = vmap(jacrev(lambda p, x: functional_call(model, p, (x[None],))[0]), (None, 0))(params, x)
    j = torch.cat([b.flatten(0, 1).flatten(1) for b in blocks.values()], 1)
    residual = (functional_call(model, params, (x,)) - y).flatten()
    step = (solve_dual(j @ j.T, residual, Damping()).z @ j).split([p.numel() for p in params.values()])
    for p, s in zip(params.values(), step, strict=True):
        p.sub_(RATE * s.view_as(p))


def flat(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


if __name__ == "__main__":
    main()
