import pytest
import torch

from startright.papers.alrao import mixture
from startright.papers.alrao.likelihoods import Categorical, CrossEntropy, Gaussian
from startright.papers.alrao.mixture import linear_step

LIKELIHOODS = [("categorical", Categorical()), ("gaussian", Gaussian(0.7))]
either = pytest.mark.parametrize(("kind", "likelihood"), LIKELIHOODS)


def case(kind, *shape, n=3, k=4, d=6, b=5, dtype=torch.float64):
    """Features, weights, biases, targets and the mixture's log-weights."""
    generator = torch.Generator().manual_seed(0)

    def randn(*size):
        return torch.randn(*shape, *size, dtype=dtype, generator=generator)

    targets = torch.randint(k, (*shape, b), generator=generator) if kind == "categorical" else randn(b, k)
    return randn(b, d), randn(n, k, d), randn(n, k), targets, randn(n).log_softmax(-1)


def naive(parts, likelihood, without=()):
    """Head after head, by autograd; heads in ``without`` take no part."""
    z, weight, bias = (tensor.clone().requires_grad_() for tensor in parts[:3])
    targets, log_weights = parts[3:]
    heads = [j for j in range(len(weight)) if j not in without]
    log_probs = torch.stack(
        [likelihood.log_prob((z @ weight[j].T + bias[j]).T[None], targets)[0] for j in heads]
    )
    loss = -(log_probs + log_weights[heads, None]).logsumexp(0).mean()
    (features,) = torch.autograd.grad(loss, z, retain_graph=True)
    gradients = torch.autograd.grad(-log_probs.mean(1).sum(), (weight, bias))
    means = torch.full((len(weight),), -torch.inf, dtype=z.dtype)
    means[heads] = log_probs.mean(1).detach()
    return loss.detach(), means, features, *gradients


@either
def test_it_is_the_sum_over_heads_by_autograd(kind, likelihood):
    found = linear_step(*case(kind), likelihood)
    for got, expected in zip(found, naive(case(kind), likelihood), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-13)


@either
def test_the_backbone_hears_each_head_by_its_responsibility(kind, likelihood):
    z, weight, bias, targets, log_weights = case(kind)
    outputs = weight @ z.T + bias[..., None]
    log_probs, slope = likelihood.with_slope(outputs, targets)
    share = (log_probs + log_weights[:, None]).exp()
    share = share / share.sum(0)
    expected = torch.einsum("ni,nki,nkd->id", share, slope, weight) / len(z)
    torch.testing.assert_close(
        linear_step(*case(kind), likelihood).features, expected, rtol=1e-11, atol=1e-13
    )


@either
def test_without_biases(kind, likelihood):
    z, weight, bias, targets, log_weights = case(kind)
    found = linear_step(z, weight, None, targets, log_weights, likelihood)
    expected = linear_step(z, weight, torch.zeros_like(bias), targets, log_weights, likelihood)
    assert found.bias is None
    torch.testing.assert_close(found[:4], expected[:4])


@either
def test_leading_axes_are_steps_apart(kind, likelihood):
    together = case(kind, 2, 3)
    found = linear_step(*together, likelihood)
    for i in range(2):
        for j in range(3):
            alone = linear_step(*(tensor[i, j] for tensor in together), likelihood)
            for got, expected in zip(found, alone, strict=True):
                torch.testing.assert_close(got[i, j], expected)


@either
def test_a_head_s_gradient_does_not_know_its_weight(kind, likelihood):
    z, weight, bias, targets, log_weights = case(kind)
    even = linear_step(z, weight, bias, targets, log_weights, likelihood)
    sure = torch.tensor([0.0, -1e3, -torch.inf], dtype=torch.float64)
    other = linear_step(z, weight, bias, targets, sure, likelihood)
    assert torch.equal(even.weight, other.weight)
    assert torch.equal(even.bias, other.bias)
    only = linear_step(z, weight[:1], bias[:1], targets, sure[:1], likelihood)
    torch.testing.assert_close(other.features, only.features)


def break_weight(z, weight, bias, targets, value):
    weight[1, 2, 3] = value


def break_all_weights(z, weight, bias, targets, value):
    weight[1] = value


def break_bias(z, weight, bias, targets, value):
    bias[1, 0] = value


@either
@pytest.mark.parametrize("damage", [break_weight, break_all_weights, break_bias])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_failed_head_stays_and_is_not_heard(kind, likelihood, damage, value):
    parts = case(kind)
    damage(*parts[:4], value)
    found = linear_step(*parts, likelihood)
    assert not found.weight[1].any()
    assert not found.bias[1].any()
    for got, expected in zip(found, naive(parts, likelihood, without=[1]), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-13)


def test_a_gaussian_head_whose_loss_overflows_has_failed():
    z, weight, bias, targets, log_weights = case("gaussian", dtype=torch.float32)
    weight[2] *= 1e25  # finite outputs, the square of the error is not
    found = linear_step(z, weight, bias, targets, log_weights, Gaussian())
    assert found.log_likelihoods.isfinite().tolist() == [True, True, False]
    assert all(part.isfinite().all() for part in (found.loss, found.features, found.weight, found.bias))


@either
@pytest.mark.parametrize("broken", ["features", "heads"])
def test_where_nothing_is_finite_the_loss_says_so(kind, likelihood, broken):
    z, weight, bias, targets, log_weights = case(kind)
    if broken == "features":
        z[0, 0] = torch.nan
    else:
        weight[:] = torch.nan
    found = linear_step(z, weight, bias, targets, log_weights, likelihood)
    assert not found.loss.isfinite()
    assert (found.log_likelihoods == -torch.inf).all()


@either
def test_float32_is_close_to_float64(kind, likelihood):
    single = case(kind)
    single = [tensor.float() if tensor.is_floating_point() else tensor for tensor in single]
    for got, expected in zip(
        linear_step(*single, likelihood), linear_step(*case(kind), likelihood), strict=True
    ):
        torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-5)


def test_the_inputs_are_left_as_they_were():
    parts = case("categorical")
    linear_step(*parts, Categorical())
    for before, after in zip(case("categorical"), parts, strict=True):
        assert torch.equal(before, after)


WEIGHTED = CrossEntropy(weight=(1.0, 0.5, 0.0, 2.0))
SOUND = [(*either, ()) for either in LIKELIHOODS]
SOUND += [("categorical", Categorical(), (2,)), *(("categorical", WEIGHTED, shape) for shape in ((), (2,)))]


@pytest.mark.parametrize(("kind", "likelihood", "shape"), SOUND)
def test_the_masks_of_failed_heads_change_nothing_where_none_has_failed(kind, likelihood, shape, monkeypatch):
    found = linear_step(*case(kind, *shape, dtype=torch.float32), likelihood)
    monkeypatch.setattr(mixture, "_all_sound", lambda outputs, means: False)
    for got, expected in zip(
        found, linear_step(*case(kind, *shape, dtype=torch.float32), likelihood), strict=True
    ):
        assert torch.equal(got, expected)


def test_the_masks_are_left_out_only_where_all_is_finite(monkeypatch):
    """A weight of −∞ may leave the mean finite: a class is then impossible, and no target is of it."""
    looks = []
    right = mixture._all_sound
    monkeypatch.setattr(mixture, "_all_sound", lambda *seen: looks.append(right(*seen)) or looks[-1])
    z, weight, bias, _, log_weights = case("categorical")
    targets = torch.tensor([0, 1, 2, 0, 1])
    linear_step(z, weight, bias, targets, log_weights, Categorical())
    weight[1, 3, 0] = -torch.inf
    found = linear_step(z.abs(), weight, bias, targets, log_weights, Categorical())
    assert found.log_likelihoods.isfinite().all()
    assert all(part.isfinite().all() for part in found)
    weight[2] = torch.nan
    linear_step(z, weight, bias, targets, log_weights, Categorical())
    assert looks == [True, False, False]
