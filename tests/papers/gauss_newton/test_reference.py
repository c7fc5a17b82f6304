"""The reference forms and what runs are equal, in float64."""

import pytest
import torch
from torch import nn

from startright.papers.gauss_newton import Damping, GaussNewton, MeanField, gauss_newton_step, reference
from startright.papers.gauss_newton.network import tangent_kernel


def drawn(seed=0, width=9, dim=3, points=6):
    """Weights, inputs and targets."""
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    return (normal(width), normal(width, dim), normal(width)), normal(points, dim), normal(points)


def flat(weights):
    return torch.cat([part.flatten() for part in weights])


@pytest.mark.parametrize("seed", range(3))
def test_the_network_and_its_kernel_are_the_reference_s(seed):
    w, x, _ = drawn(seed)
    J, kernel = reference.jacobian(*w, x), reference.tangent_kernel(*w, x)
    torch.testing.assert_close(MeanField(*w)(x), reference.outputs(*w, x), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(kernel, J @ J.T, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(tangent_kernel(MeanField(*w), x), kernel, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("alpha", "floor"), [(1.0, 1e-7), (0.0, 1e-2), (3.0, 0.0)])
def test_the_direction_is_the_reference_s_in_either_form(seed, alpha, floor):
    w, x, y = drawn(seed)
    J, gradient = reference.jacobian(*w, x), (reference.outputs(*w, x) - y) / len(y)
    epsilon = torch.linalg.eigvalsh(J @ J.T)[0].mul(alpha).clamp(min=floor)
    dual = reference.dual_direction(J, gradient, alpha, floor)
    primal = reference.primal_direction(J, gradient, epsilon)
    moved = gauss_newton_step(MeanField(*w), x, y, 0.3, Damping(alpha, floor))
    ours = (flat(w) - flat([moved.v, moved.u, moved.b])) / 0.3 / len(y)
    # the systems are as ill-conditioned as largest over smallest eigenvalue + ε: up to 1e5 here
    scale = float(dual.abs().max())
    torch.testing.assert_close(dual, primal, rtol=0, atol=1e-9 * scale)
    torch.testing.assert_close(ours, dual, rtol=0, atol=1e-10 * scale)


def test_well_conditioned_they_are_equal_to_rounding():
    w, x, y = drawn()
    J, gradient = reference.jacobian(*w, x), (reference.outputs(*w, x) - y) / len(y)
    dual = reference.dual_direction(J, gradient, 0.0, 1.0)
    torch.testing.assert_close(dual, reference.primal_direction(J, gradient, 1.0), rtol=1e-12, atol=1e-14)
    moved = gauss_newton_step(MeanField(*w), x, y, 1.0, Damping(0.0, 1.0))
    ours = (flat(w) - flat([moved.v, moved.u, moved.b])) / len(y)
    torch.testing.assert_close(ours, dual, rtol=1e-12, atol=1e-14)


def test_the_optimizer_takes_the_steps_of_the_reference():
    """A hundred, of a module with one output, whose Jacobian is as easily had."""
    w, x, y = drawn()
    net = nn.Sequential(nn.Linear(3, 9), nn.SiLU(), nn.Linear(9, 1, bias=False)).double()
    with torch.no_grad():
        for p, value in zip(net.parameters(), (w[1], w[2], w[0][None] / 9), strict=True):
            p.copy_(value)
    optimizer, (v, u, b) = GaussNewton(net, lr=0.05, alpha=0.0, floor=0.5), w
    scales = torch.cat([torch.full((9,), 9.0), torch.ones(36)]).double()  # the module's v is v/M
    for _ in range(100):
        optimizer.step(lambda: (x, y[:, None]))
        J, residual = reference.jacobian(v, u, b, x) * scales, reference.outputs(v, u, b, x) - y
        step = 0.05 * scales * reference.dual_direction(J, residual, 0.0, 0.5)
        v, u, b = (
            part - part_of.view(part.shape)
            for part, part_of in zip((v, u, b), step.split([9, 27, 9]), strict=True)
        )
    found = [p.detach() for p in net.parameters()]
    torch.testing.assert_close(flat(found), flat([u, b, v / 9]), rtol=1e-10, atol=1e-12)
    assert (v - w[0]).abs().max() > 0.1  # there was something to compare
