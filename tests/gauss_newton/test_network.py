"""The closed forms agree with automatic differentiation, in float64."""

import pytest
import torch
from torch.func import jacrev

from startright.gauss_newton.network import MeanField, gram, linearise, read_out, stack, tangent_kernel


def naive(v, u, b, x):
    z = x @ u.T + b
    return (v * z * torch.sigmoid(z)).sum(-1) / len(v)


def drawn(seed=0, width=7, dim=3, points=5, runs=()):
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*runs, *shape, generator=rng, dtype=torch.float64)

    return MeanField(normal(width), normal(width, dim), normal(width)), normal(points, dim)


def jacobian(net, x):
    """J, (N, P), the parameters in the order v, u, b."""
    parts = jacrev(naive, argnums=(0, 1, 2))(net.v, net.u, net.b, x)
    return torch.cat([part.reshape(len(x), -1) for part in parts], 1)


def test_outputs_are_the_formula():
    net, x = drawn()
    assert torch.allclose(net(x), naive(net.v, net.u, net.b, x), rtol=0, atol=1e-15)
    assert torch.allclose(read_out(net.features(x), net.v), net(x), rtol=0, atol=1e-15)


def test_the_kernel_is_that_of_the_jacobian():
    net, x = drawn()
    j = jacobian(net, x)
    assert torch.allclose(tangent_kernel(net, x), j @ j.T, rtol=1e-12, atol=1e-15)


def test_the_pullback_is_the_transposed_jacobian():
    net, x = drawn()
    z = torch.randn(len(x), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    direction = linearise(net, x).pullback(z)
    flat = torch.cat([direction.v, direction.u.flatten(), direction.b])
    assert torch.allclose(flat, jacobian(net, x).T @ z, rtol=1e-12, atol=1e-15)


def test_a_stack_is_its_networks_one_by_one():
    net, x = drawn(runs=(4,))
    kernels, outputs = tangent_kernel(net, x), net(x)
    for run in range(4):
        assert torch.allclose(kernels[run], tangent_kernel(net[run], x[run]), rtol=1e-12, atol=1e-15)
        assert torch.allclose(outputs[run], net[run](x[run]), rtol=1e-12, atol=1e-15)
    again = stack([net[run] for run in range(4)])
    assert all(torch.equal(getattr(again, name), getattr(net, name)) for name in ("v", "u", "b"))


def test_the_kernel_does_not_know_the_order_of_the_units():
    net, x = drawn()
    assert torch.allclose(tangent_kernel(net[torch.arange(7).flip(0)], x), tangent_kernel(net, x), rtol=1e-12)


def test_with_zero_output_weights_only_these_move():
    net, x = drawn()
    local = linearise(MeanField(torch.zeros_like(net.v), net.u, net.b), x)
    features = net.features(x)
    assert torch.allclose(local.kernel(), features @ features.T / net.width**2, rtol=1e-12)
    moved = local.pullback(torch.ones(len(x), dtype=torch.float64))
    assert moved.v.abs().min() > 0
    assert moved.u.abs().max() == moved.b.abs().max() == 0


@pytest.mark.parametrize("shape", [(30, 4), (257, 3), (2, 300, 5)])
def test_gram_is_the_product_and_symmetric(shape):
    rows = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    product = gram(rows)
    assert torch.allclose(product, rows @ rows.mT, rtol=1e-12, atol=1e-13)
    assert torch.equal(product, product.mT)


def test_a_rate_for_each_run_moves_each_by_its_own():
    net, _ = drawn(runs=(2,))
    moved = net.moved(net, torch.tensor([1.0, 0.25]))
    assert moved.u[0].abs().max() == 0
    assert torch.allclose(moved.u[1], 0.75 * net.u[1])
    assert torch.allclose(moved.v[1], 0.75 * net.v[1])


def test_shapes_that_do_not_fit_are_refused():
    net, _ = drawn()
    with pytest.raises(ValueError, match="shapes"):
        MeanField(net.v, net.u, net.b[:-1])
