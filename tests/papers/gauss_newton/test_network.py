"""The closed forms agree with automatic differentiation, in float64."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from startright.papers.gauss_newton import general, reference
from startright.papers.gauss_newton.network import (
    MeanField,
    gram,
    linearise,
    read_out,
    stack,
    symmetric,
    tangent_kernel,
)

CLOSE = {"rtol": 1e-12, "atol": 1e-14}  # sums of a few products of order one, in whatever order


def drawn(seed=0, width=7, dim=3, points=5, runs=()):
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*runs, *shape, generator=rng, dtype=torch.float64)

    return MeanField(normal(width), normal(width, dim), normal(width)), normal(points, dim)


def test_outputs_are_the_formula():
    net, x = drawn()
    assert torch.allclose(net(x), reference.outputs(net.v, net.u, net.b, x), **CLOSE)
    assert torch.allclose(read_out(net.features(x), net.v), net(x), **CLOSE)


def test_the_kernel_is_that_of_the_jacobian():
    net, x = drawn()
    j = reference.jacobian(net.v, net.u, net.b, x)
    assert torch.allclose(tangent_kernel(net, x), j @ j.T, **CLOSE)


def test_the_pullback_is_the_transposed_jacobian():
    net, x = drawn()
    z = torch.randn(len(x), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    direction = linearise(net, x).pullback(z)
    flat = torch.cat([direction.v, direction.u.flatten(), direction.b])
    assert torch.allclose(flat, reference.jacobian(net.v, net.u, net.b, x).T @ z, **CLOSE)


def test_a_stack_is_its_networks_one_by_one():
    net, x = drawn(runs=(4,))
    kernels, outputs = tangent_kernel(net, x), net(x)
    for run in range(4):
        assert torch.allclose(kernels[run], tangent_kernel(net[run], x[run]), **CLOSE)
        assert torch.allclose(outputs[run], net[run](x[run]), **CLOSE)
    again = stack([net[run] for run in range(4)])
    assert all(torch.equal(getattr(again, name), getattr(net, name)) for name in ("v", "u", "b"))


def test_the_kernel_does_not_know_the_order_of_the_units():
    net, x = drawn()
    assert torch.allclose(tangent_kernel(net[torch.arange(7).flip(0)], x), tangent_kernel(net, x), **CLOSE)


def test_with_zero_output_weights_only_these_move():
    net, x = drawn()
    local = linearise(MeanField(torch.zeros_like(net.v), net.u, net.b), x)
    features = net.features(x)
    assert torch.allclose(local.kernel(), features @ features.T / net.width**2, **CLOSE)
    moved = local.pullback(torch.ones(len(x), dtype=torch.float64))
    assert moved.v.abs().min() > 0
    assert moved.u.abs().max() == moved.b.abs().max() == 0


class Uneven(TorchDispatchMode):
    """Linear algebra that rounds entry by entry, as where a product is cut into blocks and remainders."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.bmm, torch.ops.aten.addmm_):
            units = torch.arange(out.numel(), dtype=out.dtype).view(out.shape) % 5
            out.mul_(1 + torch.finfo(out.dtype).eps * units)
        return out


@pytest.mark.parametrize("shape", [(30, 4), (257, 3), (2, 300, 5)])
def test_gram_is_the_product_and_symmetric(shape):
    rows = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    product = gram(rows)
    assert torch.allclose(product, rows @ rows.mT, rtol=1e-12, atol=1e-13)
    assert torch.equal(product, product.mT)
    with Uneven():
        assert not torch.equal(rows @ rows.mT, (rows @ rows.mT).mT)
        product = gram(rows)
    assert torch.equal(product, product.mT)


@pytest.mark.parametrize("points", [5, 260])
def test_kernels_are_symmetric_whatever_rounds(points):
    net, x = drawn(points=points)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh()).double()
    with Uneven():
        kernels = tangent_kernel(net, x), general.tangent_kernel(module, x[:9], 4)
    for kernel in kernels:
        assert torch.equal(kernel, kernel.mT)


def test_symmetric_is_the_mean_with_the_transpose():
    square = torch.tensor([[[1.0, 2.0], [4.0, 3.0]]])
    assert symmetric(square).tolist() == [[[1.0, 3.0], [3.0, 3.0]]]


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
