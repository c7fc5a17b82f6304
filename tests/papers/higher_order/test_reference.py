"""The reference forms and what runs are equal, in float64."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from startright.models import MLP, build
from startright.papers.higher_order import (
    GroupedNewton,
    Partition,
    anisotropy,
    cubic_step,
    grouped_derivatives,
    loss_function,
    reference,
)
from startright.papers.higher_order.reduced import BACKENDS

RNG = torch.Generator().manual_seed(7)
X = torch.randn(64, 3, generator=RNG, dtype=torch.float64)
Y = (X.sum(1) > 0).long() + (X[:, 0] > 1).long()


def network():
    return build(lambda: MLP((3, 4, 3), nn.Tanh), 0).double()


def flat(values):
    return torch.cat([value.detach().flatten() for value in values])


def rows(partition, direction):
    """U: row s is the direction on group s, and zero elsewhere."""
    owners = torch.cat([torch.full((u.numel(),), partition.index(name)) for name, u in direction.items()])
    return flat(direction.values()) * (owners == torch.arange(len(partition))[:, None])


def flat_loss(net, x, y):
    shapes = {name: p.shape for name, p in net.named_parameters()}

    def loss(theta):
        parts = zip(shapes.items(), theta.split([s.numel() for s in shapes.values()]), strict=True)
        return F.cross_entropy(functional_call(net, {n: v.view(s) for (n, s), v in parts}, (x,)), y)

    return loss


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("make", [Partition.canonical, Partition.blocks, Partition.trivial])
def test_the_derivatives_are_the_reference_s(make, backend):
    net, rng = network(), torch.Generator().manual_seed(1)
    params = dict(net.named_parameters())
    direction = {n: torch.randn(p.shape, generator=rng, dtype=p.dtype) for n, p in params.items()}
    partition = make(params)
    expected = reference.reduced_tensors(
        flat_loss(net, X[:7], Y[:7]), flat(params.values()), rows(partition, direction)
    )
    loss = loss_function(net, F.cross_entropy, X[:7], Y[:7])
    found = grouped_derivatives(loss, params, partition, direction, backend=backend)
    for got, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-13)
        assert wanted.abs().max() > 1e-3


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("lam", [0.1, 1.0, 10.0])
def test_the_step_is_the_reference_s(seed, lam):
    rng = torch.Generator().manual_seed(seed)
    g, third = (torch.randn(5, generator=rng, dtype=torch.float64) for _ in range(2))
    H = torch.randn(5, 5, generator=rng, dtype=torch.float64)
    H = H @ H.T if seed % 2 else H + H.T  # definite, indefinite
    step = cubic_step(g, H, anisotropy(third), lam)
    expected = reference.cubic_step(g, H, third.abs() ** (1 / 3), lam)
    assert step.case == ("definite" if seed % 2 else "indefinite")
    torch.testing.assert_close(step.eta, expected, rtol=1e-10, atol=1e-12)


def test_the_optimizer_takes_the_steps_of_the_reference():
    """Momentum; each step the mean of the estimates of the last window of two and of those since."""
    net, other = network(), network()
    optimizer = GroupedNewton(net, lr=0.1, momentum=0.5, period=1, window=2, warm_up=0)
    partition, theta = optimizer.partition, flat(other.parameters())
    u, estimates = torch.zeros_like(theta), []
    for k in range(40):
        (x, y), (x2, y2) = (
            (X[part], Y[part]) for part in (slice(8 * (k % 7), 8 * (k % 7) + 8), slice(56, 64))
        )
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step(curvature=loss_function(net, F.cross_entropy, x2, y2))

        u = 0.5 * u + torch.func.grad(flat_loss(other, x, y))(theta)
        parts = u.split([p.numel() for p in other.parameters()])
        U = rows(partition, dict(zip(dict(other.named_parameters()), parts, strict=True)))
        estimates.append(reference.reduced_tensors(flat_loss(other, x2, y2), theta, U))
        recent = estimates[max(0, 2 * ((len(estimates) - 1) // 2) - 2) :]
        theta = reference.grouped_step(theta, U, recent, 1.0, 0.1)
    torch.testing.assert_close(flat(net.parameters()), theta, rtol=1e-7, atol=1e-9)
    assert (theta - flat(network().parameters())).abs().max() > 0.1
