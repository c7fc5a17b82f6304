import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal
from torch.nn import functional as F

from startright.papers.alrao.likelihoods import Categorical, Gaussian, as_likelihood


def case(kind, shape=(), n=3, k=4, b=5):
    """Outputs, (*shape, n, k, b), and targets for them."""
    generator = torch.Generator().manual_seed(0)
    outputs = 3 * torch.randn(*shape, n, k, b, dtype=torch.float64, generator=generator)
    if kind == "categorical":
        return outputs, torch.randint(k, (*shape, b), generator=generator)
    return outputs, torch.randn(*shape, b, k, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("shape", [(), (2,)])
def test_classes_have_the_log_probabilities_of_cross_entropy(shape):
    outputs, targets = case("categorical", shape=shape)
    got = Categorical().log_prob(outputs, targets)
    for head in range(3):
        own = outputs[..., head, :, :].mT.flatten(0, -2)
        expected = -F.cross_entropy(own, targets.flatten(), reduction="none")
        torch.testing.assert_close(got[..., head, :].flatten(), expected)


@given(st.floats(0.01, 100), st.integers(1, 5))
@settings(deadline=None, max_examples=20)
def test_real_vectors_have_those_of_the_normal_law(sigma2, d):
    outputs, targets = case("gaussian", k=d)
    expected = Normal(outputs, math.sqrt(sigma2)).log_prob(targets.mT).sum(-2)
    torch.testing.assert_close(Gaussian(sigma2).log_prob(outputs, targets), expected)


@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize(
    ("kind", "likelihood"), [("categorical", Categorical()), ("gaussian", Gaussian(0.3))]
)
def test_the_slope_is_the_derivative(kind, likelihood, shape):
    outputs, targets = case(kind, shape=shape)
    outputs.requires_grad_()
    log_probs = likelihood.log_prob(outputs, targets)
    (expected,) = torch.autograd.grad(-log_probs.sum(), outputs)
    got, slope = likelihood.with_slope(outputs.detach(), targets)
    torch.testing.assert_close(slope, expected)
    torch.testing.assert_close(got, log_probs.detach())


def test_logits_far_apart_lose_nothing():
    outputs = torch.tensor([[[200.0], [0.0]]])
    log_probs, slope = Categorical().with_slope(outputs, torch.tensor([1]))
    assert log_probs.item() == -200
    assert slope.flatten().tolist() == [1, -1]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.tensor([0, 4, 1]), "classes 0 to 3; got class 4"),
        (torch.tensor([0, -1, 1]), "classes 0 to 3; got class -1"),
        (torch.tensor([0.0, 1.0, 2.0]), "3 class numbers.*float32"),
        (torch.tensor([0, 1, 2], dtype=torch.int32), "3 class numbers, torch.int64.*int32"),
        (torch.tensor([0, 1]), r"3 class numbers.*\(2,\)"),
        (torch.zeros(3, 4, dtype=torch.long), r"3 class numbers.*\(3, 4\)"),
    ],
)
def test_targets_that_are_no_classes_are_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        Categorical().check(4, targets, 3)


def test_fitting_targets_pass():
    Categorical().check(4, torch.tensor([0, 3, 1]), 3)
    Gaussian().check(2, torch.zeros(3, 2), 3)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (2, 2)])
def test_targets_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected targets of \(3, 2\), got"):
        Gaussian().check(2, torch.zeros(shape), 3)


@pytest.mark.parametrize("sigma2", [0, -1, math.inf, math.nan])
def test_a_variance_is_positive(sigma2):
    with pytest.raises(ValueError, match="sigma2 must be positive and finite"):
        Gaussian(sigma2)


def test_likelihoods_have_names():
    own = Gaussian(2.0)
    assert (as_likelihood("categorical"), as_likelihood(own)) == (Categorical(), own)
    with pytest.raises(ValueError, match="unknown likelihood 'gausian': did you mean 'gaussian'"):
        as_likelihood("gausian")
