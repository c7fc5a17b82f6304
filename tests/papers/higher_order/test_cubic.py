import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from startright.papers.higher_order.cubic import InfeasibleModel, anisotropy, cubic_step

EPS = 2.2e-16
seeds = st.integers(0, 2**32 - 1)


def model(g, H, d, lam):
    """T(η), written out."""
    return lambda eta: -g @ eta + eta @ H @ eta / 2 + lam / 6 * np.linalg.norm(d * eta) ** 3


def solve(g, H, d, lam=1.0):
    return cubic_step(*(torch.as_tensor(np.asarray(v, dtype=float)) for v in (g, H, d)), lam)


def instance(seed, *, kind=None, flat=False):
    """A random g, H, d, λ: definite, indefinite or hard, with groups without a cubic term or not."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 8))
    A = rng.standard_normal((size, size))
    H = (A @ A.T if kind == "definite" else (A + A.T) / 2) * 10.0 ** rng.uniform(-3, 3)
    g, d, lam = rng.standard_normal(size), 10.0 ** rng.uniform(-1, 1, size), 10.0 ** rng.uniform(-2, 2)
    if flat:
        d[0] = 0
        H[0, 0] = abs(H[0, 0])
    if kind == "hard":  # nothing along the lowest eigenvector, and too little elsewhere
        kappa, Q = np.linalg.eigh(H / np.outer(d, d))
        if kappa[0] > 0:
            H, kappa, Q = -H, -kappa[::-1], Q[:, ::-1]
        b = 1e-3 * Q.T @ (g / d)
        b[0] = 0
        z = b[1:] / (kappa[1:] - kappa[0])
        b *= min(1, -kappa[0] / lam / np.linalg.norm(z))
        g = d * (Q @ b)
    return g, H, d, lam


def check_certificate(step, g, H, d, lam):
    M = H + lam / 2 * step.radius * np.diag(d**2)
    assert step.residual <= 1e-10
    assert step.min_eigenvalue >= -1e-12 * (np.abs(H).max() + lam / 2 * step.radius * d.max() ** 2)
    assert step.min_eigenvalue == pytest.approx(np.linalg.eigvalsh(M)[0], abs=1e-9 * np.abs(M).max())
    assert step.radius == pytest.approx(np.linalg.norm(d * step.eta.numpy()), rel=1e-12)
    value = model(g, H, d, lam)(step.eta.numpy())
    scale = np.abs(g) @ np.abs(step.eta.numpy())
    assert step.decrease == pytest.approx(-value, rel=1e-9, abs=1e-9 * scale)
    assert step.decrease >= -1e-12 * scale


@pytest.mark.parametrize("kind", ["definite", "indefinite", "hard"])
@given(seed=seeds)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_certificate(kind, seed):
    g, H, d, lam = instance(seed, kind=kind)
    step = solve(g, H, d, lam)
    check_certificate(step, g, H, d, lam)
    if kind == "definite":
        assert step.case == "definite"
    if kind == "hard":  # rounding of g may leave something along the eigenvector; the step is the same
        assert step.case in ("hard", "indefinite")


@given(seed=seeds)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_certificate_with_a_kernel_of_d(seed):
    g, H, d, lam = instance(seed, flat=True)
    check_certificate(solve(g, H, d, lam), g, H, d, lam)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", ["definite", "indefinite", "hard", "flat"])
def test_no_search_finds_less(kind, seed):
    g, H, d, lam = instance(seed, kind=kind, flat=kind == "flat")
    T, step = model(g, H, d, lam), solve(g, H, d, lam)
    eta, rng = step.eta.numpy(), np.random.default_rng(seed)
    starts = [1.1 * eta, *(np.abs(eta).max() * rng.standard_normal((3, len(g))))]
    best = min(minimize(lambda x: T(x) / step.decrease, start, method="BFGS").fun for start in starts)
    assert best >= -1 - 1e-9
    assert best == pytest.approx(-1, rel=0.1)  # the search itself gets there, roughly


@pytest.mark.parametrize("h", [2.0, 0.0, -2.0, -1e-9])
@pytest.mark.parametrize("g", [3.0, -3.0])
@pytest.mark.parametrize("lam", [1e-4, 1.0, 1e4])
def test_one_group_is_a_quadratic_equation(g, h, lam):
    d = 1.7
    step = solve([g], [[h]], [d], lam)  # h η + λ d³ η |η| / 2 = g
    a = lam * d**3 / 2
    expected = math.copysign((-h + math.sqrt(h * h + 4 * a * abs(g))) / (2 * a), g)
    assert step.eta.item() == pytest.approx(expected, rel=1e-7 if h > 0 else 1e-12)


def test_one_group_without_the_cubic_term_is_newton_s_step():
    newton = pytest.approx(1.5, rel=1e-12)
    assert solve([3.0], [[2.0]], [1.0], 0.0).eta.item() == newton
    assert cubic_step(torch.tensor([3.0]), torch.tensor([[2.0]]), None, 0).eta.item() == newton
    assert solve([3.0], [[2.0]], [0.0], 1.0).eta.item() == newton


def test_without_the_cubic_term_it_solves_the_linear_system():
    g, H, _, _ = instance(3, kind="definite")
    expected = np.linalg.solve(H, g)
    np.testing.assert_allclose(solve(g, H, np.ones_like(g), 0.0).eta, expected, rtol=1e-9)
    np.testing.assert_allclose(solve(g, H, np.zeros_like(g), 1.0).eta, expected, rtol=1e-9)
    np.testing.assert_allclose(solve(g, H, np.ones_like(g), 1e-13).eta, expected, rtol=1e-9)


def test_the_hard_case_by_hand():
    step = solve([0.0, 1.0], [[-2.0, 0.0], [0.0, 2.0]], [1.0, 1.0], 2.0)  # c = 1, r = 2, z₂ = 1/4
    assert step.case == "hard"
    assert step.radius == pytest.approx(2)
    np.testing.assert_allclose(step.eta, [math.sqrt(4 - 1 / 16), 0.25], rtol=1e-12)
    assert step.min_eigenvalue == pytest.approx(0, abs=1e-12)


def test_orthogonal_to_the_lowest_eigenvector_but_large_is_not_hard():
    step = solve([0.0, 100.0], [[-2.0, 0.0], [0.0, 2.0]], [1.0, 1.0], 2.0)  # (2 + r) r = 100
    assert step.case == "indefinite"
    np.testing.assert_allclose(step.eta, [0, math.sqrt(101) - 1], rtol=1e-12)


def test_almost_hard_is_as_good_as_hard():
    exact = solve([0.0, 1.0], [[-2.0, 0.0], [0.0, 2.0]], [1.0, 1.0], 2.0)
    for tiny in (1e-6, 1e-10, 1e-14, 1e-18, 1e-300):
        step = solve([tiny, 1.0], [[-2.0, 0.0], [0.0, 2.0]], [1.0, 1.0], 2.0)
        np.testing.assert_allclose(step.eta, exact.eta, rtol=3 * tiny + 1e-12)
        assert step.residual < 1e-12


def test_saddle_without_a_gradient():
    step = solve([0.0, 0.0], [[-1.0, 0.0], [0.0, 1.0]], [1.0, 1.0], 1.0)
    np.testing.assert_allclose(step.eta, [2.0, 0.0])
    assert solve([0.0, 0.0], [[2.0, 0.0], [0.0, 1.0]], [1.0, 1.0]).eta.tolist() == [0, 0]


@given(seed=seeds, kind=st.sampled_from(["definite", "indefinite", "hard", "flat"]))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_scaling_a_group_scales_its_rate(seed, kind):
    g, H, d, lam = instance(seed, kind=kind, flat=kind == "flat")
    a2 = 4.0 ** np.random.default_rng(seed).integers(
        -30, 30, len(g)
    )  # powers of two: no rounding in the data
    step = solve(g, H, d, lam)
    other = solve(a2 * g, np.outer(a2, a2) * H, a2 * d, lam)
    assert other.case == step.case
    np.testing.assert_allclose(a2 * other.eta.numpy(), step.eta, rtol=1e-8, atol=1e-8 * step.eta.abs().max())
    assert other.radius == pytest.approx(step.radius, rel=1e-9)


def test_scaling_the_loss_leaves_the_step_where_the_model_is_the_taylor_one():
    g, H, d, lam = instance(5)
    for factor in (1e-30, 1e30):
        np.testing.assert_allclose(
            solve(factor * g, factor * H, factor ** (1 / 3) * d, lam).eta, solve(g, H, d, lam).eta, rtol=1e-9
        )


def test_a_group_that_the_model_ignores_gets_nothing():
    g, H, d = np.array([1.0, 0.0, 2.0]), np.diag([2.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    step = solve(g, H, d)
    rest = solve(g[[0, 2]], H[np.ix_([0, 2], [0, 2])], d[[0, 2]])
    assert step.eta[1] == 0
    np.testing.assert_allclose(step.eta[[0, 2]], rest.eta, rtol=1e-12)
    assert solve(0 * g, 0 * H, 0 * d).eta.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("g", "H", "d", "lam"),
    [
        ([1.0], [[-1.0]], [1.0], 0.0),
        ([1.0], [[-1.0]], [0.0], 1.0),
        ([1.0], [[0.0]], [0.0], 1.0),  # falls along a line
        ([1.0, 1.0], [[1.0, 2.0], [2.0, 1.0]], [0.0, 0.0], 1.0),
        ([1.0, 1.0], [[1e-40, 0.0], [0.0, -1e-40]], [1.0, 0.0], 1.0),
        ([1.0, 1.0, 1.0], [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0, 0.0, 1.0], 1.0),
    ],
)
def test_infeasible_models_are_refused(g, H, d, lam):
    with pytest.raises(InfeasibleModel, match="no minimiser"):
        solve(g, H, d, lam)


def test_no_absolute_threshold_on_the_curvature():
    tiny = solve([1e-40, 1e-40], [[1e-40, 0.0], [0.0, 2e-40]], [0.0, 0.0], 1.0)
    np.testing.assert_allclose(tiny.eta, [1, 0.5])
    small = solve([1e-12], [[1e-12]], [1e-6], 1.0)  # d below 1e-5, yet not zero: η + 5e-7 η² = 1
    assert small.eta.item() == pytest.approx(1 - 5e-7, abs=1e-12)


def test_cube_roots_keep_small_numbers_apart():
    d = anisotropy(torch.tensor([1e-18, -8e-30, 0.0], dtype=torch.float64))
    np.testing.assert_allclose(d, [1e-6, 2e-10, 0], rtol=1e-12)
    assert d.dtype == torch.float64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lam": -1.0}, "lambda_int must be finite and not negative, got -1.0"),
        ({"lam": math.nan}, "lambda_int"),
        ({"d": [-1.0, 1.0]}, "anisotropy"),
        ({"g": [1.0]}, "shapes"),
        ({"d": [1.0]}, "shapes"),
        ({"g": [math.nan, 1.0]}, "g must be finite"),
        ({"H": [[1.0, 2.0], [0.0, 1.0]]}, "symmetric"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        solve(**({"g": [1.0, 1.0], "H": np.eye(2), "d": [1.0, 1.0], "lam": 1.0} | change))


def test_a_cubic_term_needs_third_derivatives():
    with pytest.raises(ValueError, match="without third derivatives"):
        cubic_step(torch.ones(1), torch.ones(1, 1), None)
