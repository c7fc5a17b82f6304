"""The dual direction is the primal one; the residual shrinks as the theory says."""

import math

import pytest
import torch

from startright.papers.gauss_newton.dual import (
    Damping,
    gauss_newton_direction,
    gauss_newton_step,
    predicted_steps,
    solve_dual,
)
from startright.papers.gauss_newton.network import MeanField, linearise, tangent_kernel


def drawn(seed=0, width=7, dim=3, points=5, runs=()):
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*runs, *shape, generator=rng, dtype=torch.float64)

    return MeanField(normal(width), normal(width, dim), normal(width)), normal(points, dim)


def test_the_damping_is_the_smallest_eigenvalue_or_its_floor():
    net, x = drawn()
    smallest = torch.linalg.eigvalsh(tangent_kernel(net, x))[0]
    for alpha, floor, expected in [(1.0, 0.0, smallest), (2.0, 0.0, 2 * smallest), (1.0, 5.0, 5.0)]:
        dual = solve_dual(tangent_kernel(net, x), torch.ones(5).double(), Damping(alpha, floor))
        assert float(dual.damping) == pytest.approx(float(expected), rel=1e-10)
    kernel = tangent_kernel(net, x)
    dual = solve_dual(kernel, torch.ones(5).double(), Damping(0.0, 0.0, relative_floor=0.5))
    assert float(dual.damping) == pytest.approx(float(kernel.trace()) / 10, rel=1e-10)


@pytest.mark.parametrize("points", [3, 40])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_damping_is_never_below_the_rounding_errors_of_as_many_points(points, dtype):
    """N u a_N, the error of an eigenvalue, where all other terms are 0: of a singular, exploded kernel."""
    eigenvalues = torch.linspace(0, 1e6, points, dtype=dtype)
    expected = points * torch.finfo(dtype).eps * 1e6
    assert float(Damping(1.0, 0.0)(eigenvalues)) == pytest.approx(expected, rel=1e-6)
    stacked = Damping(1.0, torch.tensor([0.0, 1.0]))(torch.stack([eigenvalues, eigenvalues / 1e6]))
    assert stacked.tolist() == pytest.approx([expected, 1.0], rel=1e-6)


def test_the_dual_solution_solves():
    net, x = drawn(points=6)
    kernel, g = tangent_kernel(net, x), torch.arange(6).double()
    dual = solve_dual(kernel, g)
    assert torch.allclose(kernel @ dual.z + dual.damping * dual.z, g, atol=1e-10)
    assert torch.allclose(dual.eigenvalues, torch.linalg.eigvalsh(kernel), rtol=1e-10)


def test_damping_for_each_run_of_a_stack():
    net, x = drawn(runs=(3,))
    y = torch.ones(3, 5).double()
    floors = torch.tensor([1e-7, 1e-3, 1.0]).double()
    direction, dual = gauss_newton_direction(linearise(net, x), y, Damping(0.0, floors))
    assert torch.allclose(dual.damping, floors)
    for run in range(3):
        alone, _ = gauss_newton_direction(
            linearise(net[run], x[run]), y[run], Damping(0.0, float(floors[run]))
        )
        assert torch.allclose(direction[run].u, alone.u, rtol=1e-8)


def test_a_full_undamped_step_of_a_linear_model_interpolates():
    """With v = 0 only v moves, the model is linear in it: one full step is the regression on the features."""
    net, x = drawn(width=20, points=6)
    start = MeanField(torch.zeros_like(net.v), net.u, net.b)
    y = torch.arange(6).double()
    end = gauss_newton_step(start, x, y, 1.0, Damping(0.0, 1e-14))
    assert torch.allclose(end(x), y, atol=1e-6)
    assert torch.equal(end.u, start.u)


def test_every_direction_of_the_residual_shrinks_between_the_two_bounds():
    r"""To first order a step takes away between λ/(1+α) and λ of each component of the residual."""
    net, x = drawn(width=30, points=6)
    y = torch.linspace(-1, 1, 6).double()
    rate = 1e-4
    values, vectors = torch.linalg.eigh(tangent_kernel(net, x))
    before = vectors.T @ (net(x) - y)
    after = vectors.T @ (gauss_newton_step(net, x, y, rate, Damping(1.0, 0.0))(x) - y)
    shrunk = (1 - after / before) / rate
    assert torch.allclose(shrunk, values / (values + values[0]), rtol=1e-2)


def test_the_number_of_steps_follows_the_law():
    """20 fresh steps bring a well-conditioned residual to (1 − λ)^20, to a few per cent."""
    rng = torch.Generator().manual_seed(3)
    u, b = torch.randn(400, 4, generator=rng).double(), torch.randn(400, generator=rng).double()
    net, x = MeanField(torch.zeros(400).double(), u, b), torch.randn(5, 4, generator=rng).double()
    y = torch.ones(5).double()
    first = net(x) - y
    for _ in range(20):
        net = gauss_newton_step(net, x, y, 0.1, Damping(alpha=1e-3))
    assert (net(x) - y).norm() / first.norm() == pytest.approx(0.9**20, rel=0.05)
    assert predicted_steps(0.1, target=0.9**40) == pytest.approx(20)


def test_predicted_steps_of_the_paper():
    assert predicted_steps(10 / 500) == pytest.approx(455.9, abs=0.1)
    assert predicted_steps(0.5, target=0.25) == pytest.approx(1)
    assert math.isclose(predicted_steps(0.02, 1e-4) * 2, predicted_steps(0.02, 1e-8))


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.5])
def test_a_rate_the_law_has_no_answer_for_is_refused(rate):
    with pytest.raises(ValueError, match="between 0 and 1"):
        predicted_steps(rate)


def test_negative_damping_is_refused():
    with pytest.raises(ValueError, match="floor must not be negative"):
        Damping(floor=-1.0)
