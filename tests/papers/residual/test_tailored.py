import numpy as np
import pytest
import torch
from torch.nn.functional import leaky_relu

from startright.papers.residual import reference
from startright.papers.residual.tailored import correlation_map, tailored_slope, through
from startright.quadrature import correlated_expectation


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_map_is_that_of_quadrature(alpha):
    c = torch.tensor([-1.0, -0.5, 0.0, 0.3, 0.9, 1.0]).double()
    both = correlated_expectation(lambda z: leaky_relu(z, alpha), c) * 2 / (1 + alpha**2)
    assert np.allclose(correlation_map(c.numpy(), alpha), both.numpy(), atol=1e-6)


@pytest.mark.parametrize(("depth", "eta"), [(50, 0.9), (10, 0.5), (1, 0.2)])
def test_the_slope_takes_nought_to_eta(depth, eta):
    alpha = tailored_slope(depth, eta)
    assert through(depth, alpha)[-1] == pytest.approx(eta, abs=1e-12)
    assert alpha == pytest.approx(reference.tailored(depth, eta), abs=1e-12)
    assert len(through(depth, alpha)) == depth


def test_deeper_is_more_linear():
    slopes = [tailored_slope(depth) for depth in (20, 50, 200)]
    assert slopes == sorted(slopes)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tailored_slope(0), "1 or more, got 0"),
        (lambda: tailored_slope(True), "1 or more"),
        (lambda: tailored_slope(50, 1.0), "between 0 and 1"),
        (lambda: tailored_slope(2, 0.9), "out of reach"),
        (lambda: correlation_map(0.5, 1.5), r"\[0, 1\]"),
        (lambda: correlation_map(1.5, 0.5), r"\[-1, 1\]"),
        (lambda: through(0, 0.5), "1 or more"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
