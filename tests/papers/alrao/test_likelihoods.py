import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Normal
from torch.nn import functional as F

from startright.papers.alrao import HeadBank, wrap
from startright.papers.alrao.likelihoods import (
    Categorical,
    CrossEntropy,
    Gaussian,
    as_likelihood,
    in_closed_form,
)


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


# Options of the cross-entropy


OPTIONS = [
    {"label_smoothing": 0.1},
    {"label_smoothing": 1.0},
    {"weight": (1.0, 2.0, 0.5, 0.0)},
    {"ignore_index": 1},
    {"ignore_index": -100},
    {"ignore_index": 2, "label_smoothing": 0.3},
    {"ignore_index": 0, "weight": torch.tensor([1.0, 3.0, 0.2, 1.0])},
]


def classes(options, n=12):
    targets = torch.arange(n) % 4
    targets[:3] = options.get("ignore_index", 0)
    return targets


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("deep", [False, True])
def test_one_head_has_the_loss_and_the_gradients_of_torch(options, deep):
    def make():
        return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 4)) if deep else nn.Linear(5, 4)

    z = torch.randn(12, 5, dtype=torch.float64, requires_grad=True)
    head = make().double()
    bank, targets = HeadBank([head]), classes(options)
    loss, ll = bank.backward(z, targets, torch.zeros(1, dtype=torch.float64), CrossEntropy(**options))
    theirs = dict(options)
    if "weight" in theirs:
        theirs["weight"] = torch.as_tensor(theirs["weight"], dtype=torch.float64)
    again = z.detach().clone().requires_grad_()
    expected = F.cross_entropy(head(again), targets, **theirs)
    expected.backward()
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(-ll[0], expected.detach())
    torch.testing.assert_close(z.grad, again.grad)
    for name, p in bank.stack.named_parameters():
        torch.testing.assert_close(p.grad[0], head.get_parameter(name).grad)


@pytest.mark.parametrize("options", OPTIONS)
def test_the_closed_form_of_many_heads_is_that_of_autograd(options):
    class ByAutograd(CrossEntropy):
        with_slope = None

    heads = [nn.Linear(5, 4).double() for _ in range(3)]
    found = []
    for kind in (CrossEntropy, ByAutograd):
        bank, z = HeadBank(heads), torch.linspace(-2, 2, 60, dtype=torch.float64).view(12, 5).requires_grad_()
        loss, ll = bank.backward(
            z, classes(options), torch.tensor([0.5, 0.3, 0.2]).double().log(), kind(**options)
        )
        found.append([loss, ll, z.grad, bank.weight.grad, bank.bias.grad])
    torch.testing.assert_close(*found)


def test_a_minibatch_in_which_nothing_counts_moves_nothing():
    bank, z = HeadBank([nn.Linear(5, 4) for _ in range(2)]), torch.randn(3, 5, requires_grad=True)
    loss, ll = bank.backward(z, torch.full((3,), -100), torch.zeros(2).log_softmax(0), CrossEntropy())
    assert loss == 0
    assert ll.tolist() == [0, 0]
    assert not z.grad.any()
    assert not bank.weight.grad.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": (1.0, -1.0)}, "none negative"),
        ({"weight": (0.0, 0.0)}, "none negative"),
        ({"weight": (1.0, math.nan)}, "none negative"),
        ({"label_smoothing": 1.5}, r"label_smoothing must be in \[0, 1\], got 1.5"),
        ({"label_smoothing": 0.1, "weight": (1.0, 2.0)}, "choose one of them"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CrossEntropy(**options)


def test_targets_are_checked_but_for_those_ignored():
    targets = torch.tensor([0, -100, 3])
    CrossEntropy().check(4, targets, 3)
    with pytest.raises(ValueError, match="got class 3"):
        CrossEntropy().check(3, targets, 3)
    with pytest.raises(ValueError, match="4 classes, weight has 2"):
        CrossEntropy(weight=(1, 2)).check(4, targets, 3)
    with pytest.raises(ValueError, match="got class -100; likelihood=CrossEntropy"):
        Categorical().check(4, targets, 3)


# Subclasses that override one method of a pair


def smooth(self, outputs, targets):
    return 0.9 * Categorical.log_prob(self, outputs, targets) + 0.1 * outputs.log_softmax(-2).mean(-2)


class Smooth(Categorical):
    log_prob = smooth


class Tempered(Categorical):
    def log_prob(self, outputs, targets):
        return super().log_prob(outputs / 3, targets)


class Huber(Gaussian):
    def log_prob(self, outputs, targets):
        return -F.huber_loss(outputs, targets.mT.expand_as(outputs), reduction="none").sum(-2)


class Later(Smooth):
    """Inherits the pair at two removes."""


class Mixed(Tempered, Categorical):
    pass


def steps(likelihood, targets):
    torch.manual_seed(0)
    model, optimizer = wrap(nn.Linear(6, 5), lambda: nn.Linear(5, 4), (1e-3, 1.0), 3, likelihood=likelihood)
    x = torch.linspace(-1, 1, 72).view(12, 6)
    return torch.stack([model.training_step(x, targets, optimizer) for _ in range(4)])


@pytest.mark.parametrize("kind", [Smooth, Tempered, Huber, Later, Mixed])
def test_what_a_subclass_overrides_is_what_it_learns_by(kind):
    """As the same methods in a class that inherits no closed form."""
    own = {"log_prob": lambda self, o, t: kind.log_prob(kind(), o, t), "check": lambda self, *args: None}
    targets = torch.randn(12, 4) if kind is Huber else torch.arange(12) % 4
    torch.testing.assert_close(steps(kind(), targets), steps(type("Own", (), own)(), targets))
    assert not in_closed_form(kind())


def test_an_object_may_override_it_too():
    class Open(Categorical):
        """With attributes of its own."""

    likelihood = Open()
    object.__setattr__(likelihood, "log_prob", lambda o, t: smooth(likelihood, o, t))
    targets = torch.arange(12) % 4
    torch.testing.assert_close(steps(likelihood, targets), steps(Smooth(), targets))


class Slope(Smooth):
    """Overrides both, in another class each."""

    def with_slope(self, outputs, targets):
        chance = outputs.softmax(-2)
        wanted = F.one_hot(targets, outputs.shape[-2]).mT.to(outputs.dtype)
        return self.log_prob(outputs, targets), chance - 0.9 * wanted - 0.1 / outputs.shape[-2]


def test_a_closed_form_of_ones_own_is_used():
    targets = torch.arange(12) % 4
    assert in_closed_form(Slope())
    torch.testing.assert_close(steps(Slope(), targets), steps(Smooth(), targets))
    torch.testing.assert_close(steps(Slope(), targets), steps(CrossEntropy(label_smoothing=0.1), targets))


class WrongSlope(Categorical):
    def with_slope(self, outputs, targets):
        values, slope = super().with_slope(outputs, targets)
        return values, slope / 2


class WrongValue(Categorical):
    def with_slope(self, outputs, targets):
        values, slope = super().with_slope(outputs, targets)
        return values - 1, slope


@pytest.mark.parametrize("kind", [WrongSlope, WrongValue])
def test_a_closed_form_that_is_not_the_slope_is_refused(kind):
    with pytest.raises(ValueError, match=f"with_slope of {kind.__name__} does not give its log_prob"):
        steps(kind(), torch.arange(12) % 4)


@pytest.mark.parametrize("value", [nn.CrossEntropyLoss(label_smoothing=0.1), Categorical, 3, lambda o, t: o])
def test_what_is_no_likelihood_is_refused(value):
    with pytest.raises(ValueError, match=r"is no likelihood, it has no log_prob.*CrossEntropy"):
        wrap(nn.Linear(3, 3), lambda: nn.Linear(3, 3), (1e-3, 1.0), likelihood=value)
