import math

import numpy as np
import pytest
import torch

from startright.papers.residual import reference
from startright.papers.residual.shattering import (
    assumed_correlation,
    autocorrelation,
    exact_correlation,
    sampled_correlation,
    slopes,
)
from startright.quadrature import correlated_expectation


def rngs(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def drawn(seed, depth, width):
    """The numbers that ``slopes`` draws for one network, in their order."""
    rng = torch.Generator().manual_seed(seed)
    w, b, out = (torch.randn(width, 1, generator=rng) for _ in range(3))
    layers = [torch.randn(width, width, generator=rng) * (2 / width) ** 0.5 for _ in range(depth)]
    return w, b, out[:, 0] / width**0.5, layers


@pytest.mark.parametrize("depth", [1, 3])
def test_slopes_are_those_of_the_reference(depth):
    found = slopes("plain", rngs(0, 1), depth=depth, width=20, points=32)
    for row, seed in enumerate((0, 1)):
        w, b, out, layers = drawn(seed, depth, 20)
        _, expected = reference.slope(found.x, w, b, layers[: depth - 1], out)
        torch.testing.assert_close(found.slopes[row, depth - 1], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kind", "beta"), [("plain", 1.0), ("residual", 1.0), ("residual", 0.3)])
def test_without_normalisation_slopes_are_those_of_autograd(kind, beta):
    depth, width = 4, 16
    found = slopes(kind, rngs(5), depth=depth, norm=False, beta=beta, width=width, points=33)
    w, b, out, layers = drawn(5, depth, width)
    x = found.x.clone().requires_grad_()
    h = w * x + b
    for layer, weight in enumerate(layers):
        if kind == "plain" and layer == depth - 1:
            f = out @ h.relu()
        else:
            h = weight @ h.relu() if kind == "plain" else h + beta * (weight @ h.relu())
            f = out @ h
    (expected,) = torch.autograd.grad(f.sum(), x)
    torch.testing.assert_close(found.slopes[0, -1], expected, rtol=1e-4, atol=1e-4)


def test_networks_of_a_stack_are_those_alone():
    both = slopes("residual", rngs(3, 4), depth=3, width=16, points=32).slopes
    alone = slopes("residual", rngs(4), depth=3, width=16, points=32).slopes
    torch.testing.assert_close(both[1:], alone)


def test_autocorrelation_of_noise_and_of_a_line():
    noise = torch.randn(200, 256, generator=rngs(0)[0])
    assert float(autocorrelation(noise, 5)[:, 1].mean()) == pytest.approx(0, abs=0.02)
    line = torch.linspace(-1, 1, 256)
    g = line.numpy() - line.numpy().mean()
    expected = [(g[: 256 - k] * g[k:]).sum() / (g * g).sum() for k in range(6)]
    assert np.allclose(autocorrelation(line, 5), expected, atol=1e-5)


@pytest.mark.parametrize("beta", [1.0, 0.5, 0.1])
def test_the_assumed_correlation_has_a_closed_form(beta):
    L, a = 50, 1 / beta**2
    logs = math.lgamma(L + a + 0.5) + math.lgamma(a) - math.lgamma(L + a) - math.lgamma(a + 0.5)
    expected = math.exp(logs) / (1 + beta**2 * L)
    assert assumed_correlation("residual", L, beta)[-1] == pytest.approx(expected, rel=1e-10)


def test_the_assumed_correlation_is_one_over_beta_root_depth():
    deep = assumed_correlation("residual", 100_000, 1.0)[-1]
    assert deep * math.sqrt(100_000) == pytest.approx(2 / math.sqrt(math.pi), rel=1e-4)
    assert assumed_correlation("plain", 10)[-1] == 2**-10
    assert assumed_correlation("residual", 10)[-1] == pytest.approx(0.75**10)


@pytest.mark.parametrize("angle", [math.pi / 2, 0.2])
def test_the_exact_correlation_is_the_reference_and_quadrature(angle):
    exact = exact_correlation("plain", 12, angle)
    assert np.allclose(exact, reference.correlation(12, angle), rtol=1e-9)
    c, product = torch.tensor(math.cos(angle)).double(), 1.0
    for value in exact[:4]:
        product *= 2 * float(correlated_expectation(lambda z: (z > 0).double(), c))
        assert value == pytest.approx(product, rel=1e-6)
        c = 2 * correlated_expectation(torch.relu, c)


def test_it_decays_like_the_third_power_of_depth():
    deep = exact_correlation("plain", 20_000)
    assert math.log(deep[-1] / deep[9999]) / math.log(2) == pytest.approx(-3, abs=0.01)
    assert exact_correlation("plain", 5, 0.0)[-1] == 1
    assert (exact_correlation("residual", 30) > assumed_correlation("residual", 30) - 1e-12).all()


@pytest.mark.parametrize("kind", ["plain", "residual"])
def test_samples_agree_with_it(kind):
    found = torch.stack(
        [sampled_correlation(kind, 5, width=300, generator=rng, angle=0.5) for rng in rngs(*range(8))]
    )
    assert np.allclose(found.mean(0), exact_correlation(kind, 5, 0.5), atol=0.03)


@pytest.mark.parametrize(
    "call",
    [
        lambda: slopes("other", rngs(0), depth=2),
        lambda: slopes("plain", [], depth=2),
        lambda: slopes("plain", rngs(0), depth=0),
        lambda: autocorrelation(torch.zeros(4), 4),
        lambda: assumed_correlation("plain", 3, 1.0),
        lambda: assumed_correlation("residual", 3, 0.0),
        lambda: assumed_correlation("residual", 0),
        lambda: exact_correlation("plain", 3, 4.0),
        lambda: exact_correlation("plain", 0),
        lambda: sampled_correlation("plain", 3, width=1, generator=rngs(0)[0]),
    ],
)
def test_refusals(call):
    with pytest.raises(ValueError, match=r"expected|lags go"):
        call()
