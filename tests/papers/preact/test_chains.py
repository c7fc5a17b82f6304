"""The simulators against exact laws, closed moments and each other."""

import math

import pytest
import torch
from scipy.stats import ks_2samp

from startright.papers.preact import chains, ks
from startright.papers.preact.finite_width import relu_kurtosis
from startright.papers.preact.maps import iterate_correlation
from startright.papers.preact.schemes import Scheme, gaussian_preact, linear, relu, tanh_eoc


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def close(value, expected, spread, n, sigmas=5):
    """Whether a mean of ``n`` draws of standard deviation ``spread`` is as near as it should be."""
    return abs(value - expected) < sigmas * spread / math.sqrt(n)


@pytest.mark.parametrize("width", [10, 40])
def test_relu_moments_are_exact_at_finite_width(width):
    n = 100_000
    z = chains.scalar_chain(relu(), width, 3, n, generator=rng()).double()
    assert z.shape == (3, n)
    for layer in (1, 2, 3):
        kurtosis = relu_kurtosis(width, layer)
        second = z[layer - 1].square()
        assert close(second.mean().item(), 2, 2 * math.sqrt(kurtosis - 1), n)
        fourth = z[layer - 1].pow(4)
        assert close(fourth.mean().item() / 4, kurtosis, fourth.std().item() / 4, n)


@pytest.mark.parametrize("scheme", [relu(), tanh_eoc()], ids=lambda s: s.name)
def test_scalar_chain_has_the_law_of_full_matrices(scheme):
    n, width, depth = 20_000, 4, 4
    short = chains.scalar_chain(scheme, width, depth, n, generator=rng(1))
    full = chains.matrix_chain(scheme, width, depth, n, generator=rng(2))
    for a, b in zip(short, full, strict=True):  # narrow ReLU networks die: an atom at 0
        assert ks_2samp(a, b).statistic < 1.9 * math.sqrt(2 / n)  # 0.15 %


def test_linear_product_of_gaussians():
    """Width 1, no activation: the second layer is a product of two Gaussians, of kurtosis 9."""
    z = chains.matrix_chain(linear(), 1, 2, 100_000, generator=rng()).double()[1]
    assert close(z.square().mean().item(), 1, math.sqrt(8), 100_000)
    assert ks.distance(z) > 0.05


@pytest.mark.parametrize("kind", ["odd", "positive"])
def test_second_layer_is_exactly_gaussian_at_any_width(kind):
    z = chains.matrix_chain(gaussian_preact(4, kind), 3, 2, 20_000, generator=rng(3))
    assert (ks.distance(z) < 1.63 / math.sqrt(20_000)).all()


def test_positive_kind_stays_gaussian_through_depth_and_wide_odd_theta_does_not():
    draws = {kind: chains.matrix_chain(gaussian_preact(10, kind), 10, 12, 4000, generator=rng(4))[-1]
             for kind in ("odd", "positive")}  # fmt: skip
    assert ks.distance(draws["positive"]) < 0.03
    assert ks.distance(draws["odd"]) > 0.05


N = 20_000
NOISE = 1.63 / math.sqrt(N)  # 1 % point


@pytest.mark.parametrize(
    ("theta", "kind", "layout", "width", "expected"),
    [
        (10, "odd", "A", 1, 0.0),
        (10, "odd", "A", 2, 0.1590),
        (10, "odd", "A", 10, 0.1018),
        (10, "odd", "B", 1, 0.1578),
        (10, "odd", "C", 2, 0.0774),
        (4, "odd", "B", 2, 0.0413),
        (10, "positive", "A", 2, 0.0717),
        (10, "positive", "C", 2, 0.0344),
        (2.05, "odd", "A", 10, 0.0366),
    ],
)
def test_two_step_against_larger_samples(theta, kind, layout, width, expected):
    """Expected: the distance over 200 000 networks."""
    z = chains.two_step(gaussian_preact(theta, kind), layout, width, N, generator=rng(5))
    assert z.shape == (N,)
    assert abs(ks.distance(z).item() - expected) < NOISE


@pytest.mark.parametrize(
    ("scheme", "layout", "expected"),
    [(relu(), "A", 0.3191), (relu(), "B", 0.2426), (relu(), "C", 0.2423), (tanh_eoc(), "A", 0.1342)],
)
def test_two_step_of_the_baselines(scheme, layout, expected):
    """Expected: the values the authors stored for n = 2, over 200 000 networks."""
    z = chains.two_step(scheme, layout, 2, N, generator=rng(6))
    assert abs(ks.distance(z).item() - expected) < NOISE


@pytest.mark.parametrize("layout", "ABC")
@pytest.mark.parametrize("kind", ["odd", "positive"])
def test_fresh_inputs_keep_the_output_exactly_gaussian(kind, layout):
    """The claim with its assumption: independent pre-activations, any width."""
    z = chains.two_step(gaussian_preact(10, kind), layout, 3, N, generator=rng(7), independent=True)
    assert ks.distance(z) < NOISE


def test_results_do_not_depend_on_the_chunks(monkeypatch):
    monkeypatch.setattr(chains, "CHUNK", 1000)
    z = chains.matrix_chain(gaussian_preact(3), 7, 3, 1234, generator=rng())
    assert z.shape == (3, 1234)
    assert z.unique().numel() > 3600  # no chunk repeats another
    assert chains.two_step(relu(), "C", 5, 777, generator=rng()).shape == (777,)
    assert chains.scalar_chain(relu(), 9, 2, 501, generator=rng()).shape == (2, 501)


def test_an_input_matters_through_its_norm_alone():
    x = torch.tensor([3.0, 0.0, 4.0])
    z = chains.matrix_chain(tanh_eoc(), 2, 1, N, generator=rng(), x=x)[0].double()
    variance = 1.46 * 25 / 3 + 0.013
    assert ks.distance(z / math.sqrt(variance)) < NOISE
    z = chains.matrix_chain(gaussian_preact(3), 2, 1, N, generator=rng(), x=x)[0].double()
    assert ks.distance(z / math.sqrt(25 / 3)) < NOISE


def test_correlations_of_wide_networks_follow_the_map():
    x = torch.randn(3, 50, generator=rng())
    x *= (50 / x.square().sum(1, keepdim=True)).sqrt()
    for scheme in (gaussian_preact(3, "positive"), tanh_eoc()):
        c = chains.correlation_chain(scheme, x, 3000, 4, generator=rng(1))
        assert c.shape == (4, 3, 3)
        torch.testing.assert_close(c.diagonal(dim1=1, dim2=2), torch.ones(4, 3))
        theory = iterate_correlation(scheme, (x @ x.T / 50).numpy(), 4)
        assert (c - torch.tensor(theory)).abs().max() < 0.09  # five times 1/√3000


def test_the_same_seed_the_same_draws():
    for function, arguments in (
        (chains.scalar_chain, (relu(), 3, 2, 5)),
        (chains.matrix_chain, (gaussian_preact(3), 3, 2, 5)),
        (chains.two_step, (gaussian_preact(3), "C", 2, 5)),
    ):
        assert torch.equal(function(*arguments, generator=rng(1)), function(*arguments, generator=rng(1)))
        assert not torch.equal(function(*arguments, generator=rng(1)), function(*arguments, generator=rng(2)))


def test_refuses():
    with pytest.raises(ValueError, match="use matrix_chain"):
        chains.scalar_chain(gaussian_preact(3), 2, 2, 2, generator=rng())
    for bad in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="width must be a positive integer"):
            chains.matrix_chain(relu(), bad, 2, 2, generator=rng())
        with pytest.raises(ValueError, match="draws must be a positive integer"):
            chains.two_step(relu(), "A", 2, bad, generator=rng())
    with pytest.raises(ValueError, match="unknown layout 'D'"):
        chains.two_step(relu(), "D", 2, 2, generator=rng())
    with pytest.raises(ValueError, match="a vector"):
        chains.matrix_chain(relu(), 2, 2, 2, generator=rng(), x=torch.ones(2, 2))
    with pytest.raises(ValueError, match="shape"):
        chains.correlation_chain(relu(), torch.ones(3), 2, 2, generator=rng())
    with pytest.raises(ValueError, match="negative"):
        Scheme("bad", torch.relu, -1.0)
