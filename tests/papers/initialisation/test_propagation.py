"""What networks do through depth, against closed forms, autograd and the reference form."""

import numpy as np
import pytest
import torch

from startright.initialisation import mean_field, propagate, reference
from startright.initialisation.activations import activation
from startright.meanfield import slope


def test_the_lecture_s_values():
    q, gradient = mean_field(torch.tanh, 1.0, depth=11)
    assert q[-1] == pytest.approx(0.0522, abs=1e-4)
    assert mean_field(torch.tanh, 2.0, depth=200)[0][-1] == pytest.approx(0.618, abs=1e-3)
    q, gradient = mean_field(torch.sigmoid, 1.0, depth=60)
    assert q[-1] == pytest.approx(0.2647, abs=1e-4)
    assert gradient[-2] == pytest.approx(0.0557, abs=1e-4)


def test_relu_in_closed_form():
    q, gradient = mean_field(torch.relu, 1.5, depth=6)
    assert np.allclose(q, 1.5 * 0.75 ** np.arange(6), atol=1e-13)
    assert np.allclose(gradient, 0.75 ** np.arange(5, -1, -1), atol=1e-13)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "leaky"])
def test_the_reference_form_says_the_same(name):
    f = activation(name, 0.3)
    ours = mean_field(f, 1.3, depth=8)
    theirs = reference.mean_field(f, lambda z: slope(f, z), 1.3, 8)
    assert np.allclose(ours, theirs, rtol=1e-9)


def test_a_wide_network_is_nearly_infinitely_wide():
    rng = torch.Generator().manual_seed(0)
    found = propagate(torch.tanh, 1 / 1000, depth=6, width=1000, batch=64, generator=rng)
    q, gradient = mean_field(torch.tanh, 1.0, depth=6)
    assert np.allclose(found.signal, q, rtol=0.05)
    assert np.allclose(found.gradient / found.gradient[-1], gradient, rtol=0.05)


def test_gradients_are_those_of_autograd():
    depth, width, batch = 3, 4, 5
    rng = torch.Generator().manual_seed(3)
    found = propagate(torch.tanh, 0.5, depth=depth, width=width, batch=batch, generator=rng)
    rng = torch.Generator().manual_seed(3)
    make = {"generator": rng, "dtype": torch.float64}
    x = torch.randn(batch, width, **make)
    weights = [
        torch.empty(width, width, dtype=torch.float64).normal_(0, 0.5**0.5, generator=rng) for _ in range(3)
    ]
    delta = torch.randn(batch, width, **make)
    leaves, zs, a = [w.requires_grad_() for w in weights], [], x
    for w in leaves:
        zs.append(a @ w.T)
        a = torch.tanh(zs[-1])
    gradients = torch.autograd.grad((zs[-1] * delta).sum(), [*zs, *leaves])
    assert torch.allclose(found.signal, torch.stack([z.square().mean() for z in zs]))
    assert torch.allclose(found.gradient, torch.stack([g.square().mean() for g in gradients[:3]]))
    assert torch.allclose(found.weight_gradient, torch.stack([g.norm() for g in gradients[3:]]))


def test_sizes_are_asked_for():
    with pytest.raises(ValueError, match="depth must be a positive integer, got 0"):
        propagate(torch.tanh, 1.0, depth=0, width=3, generator=torch.Generator())
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        mean_field(torch.tanh, 1.0, depth=0)
    with pytest.raises(ValueError, match="unknown activation 'gelu'"):
        activation("gelu")
