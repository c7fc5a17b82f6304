"""Back-propagation by hand, against autograd, against its reference form, and its bound."""

import pytest
import torch

from startright.initialisation import backprop, reference
from startright.papers.initialisation.activations import STEEPEST, activation
from startright.papers.initialisation.studies.gradients import by_autograd

WIDTHS = (5, 7, 6, 4, 3)


def network():
    rng = torch.Generator().manual_seed(1)
    weights, biases = backprop.random_layers(WIDTHS, generator=rng)
    x, target = (torch.randn(9, n, generator=rng, dtype=torch.float64) for n in (5, 3))
    return weights, biases, x, target


@pytest.mark.parametrize("name", sorted(STEEPEST))
def test_gradients_are_those_of_autograd(name):
    f = activation(name, 0.1)
    weights, biases, x, target = network()
    done = backprop.forward(x, weights, biases, f)
    ours = backprop.backward(done, (done.a[-1] - target) / len(x), weights, f)
    theirs = by_autograd(x, target, weights, biases, f)
    for a, b in zip((*ours.weights, *ours.biases), theirs, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-14)


def test_the_reference_form_says_the_same_of_one_input():
    weights, biases, x, target = network()
    slope = lambda z: 1 - torch.tanh(z) ** 2  # noqa: E731
    gradients, deltas = reference.backpropagation(
        x[0], list(zip(weights, biases, strict=True)), torch.tanh, slope, lambda a: a - target[0]
    )
    done = backprop.forward(x[:1], weights, biases, torch.tanh)
    ours = backprop.backward(done, done.a[-1] - target[:1], weights, torch.tanh)
    for a, b in zip((*gradients, *deltas), (*ours.weights, *ours.biases), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", sorted(STEEPEST))
def test_no_gradient_passes_its_bound_and_one_of_a_linear_layer_reaches_it(name):
    f = activation(name, 0.1)
    weights, biases, x, _ = network()
    done = backprop.forward(x, weights, biases, f)
    deltas = backprop.backward(done, torch.ones_like(done.a[-1]), weights, f).delta
    for delta, bound in zip(deltas, backprop.bound(weights, deltas[-1], STEEPEST[name]), strict=True):
        assert (delta.abs() <= bound * (1 + 1e-12)).all()
    two = [torch.tensor([[2.0]]), torch.tensor([[-3.0]])]
    (below, last) = backprop.bound(two, torch.tensor([[5.0]]), 0.25)
    assert (float(below), float(last)) == (3.75, 5.0)  # γ once: δ of the last layer holds its own slope


def test_layers_that_do_not_fit_are_named():
    weights, biases, x, _ = network()
    with pytest.raises(ValueError, match="layer 2 takes 6 inputs, and gets 7"):
        backprop.forward(x, [weights[0], weights[2]], biases[:2], torch.tanh)
    with pytest.raises(ValueError, match="one bias per weight matrix is needed, got 4 and 3"):
        backprop.forward(x, weights, biases[:3], torch.tanh)
    done = backprop.forward(x, weights, biases, torch.tanh)
    with pytest.raises(ValueError, match=r"shape of the outputs, \(9, 3\), got \(9, 4\)"):
        backprop.backward(done, torch.ones(9, 4), weights, torch.tanh)
