"""What the page prints is what runs."""

import torch
from torch.nn import functional as F

from startright.models.variational import GaussianPrior, VariationalLinear, predict, sampled_outputs, sampling
from startright.papers.posterior import reference

RNG = torch.Generator().manual_seed(0)


def test_the_divergence():
    mean, std = torch.randn(20, generator=RNG).double(), torch.rand(20, generator=RNG).double() + 0.1
    torch.testing.assert_close(reference.gaussian_kl(mean, std, 0.3), GaussianPrior(0.3).kl(mean, std))


def test_the_layer():
    layer, x = VariationalLinear(5, 3, bias=False, std=0.3, dtype=torch.float64), torch.randn(4, 5).double()
    noise = torch.randn(4, 3, generator=RNG).double()
    with sampling(layer, lambda shape, like: noise):
        found = layer(x)
    expected = reference.local_reparametrisation(x, layer.weight, layer.stds()["weight"], noise)
    torch.testing.assert_close(found, expected)


def test_the_prediction():
    net, x = VariationalLinear(5, 3, std=0.3), torch.randn(4, 5)
    outputs = sampled_outputs(net, x, 6, torch.Generator().manual_seed(1))
    expected = predict(net, x, 6, torch.Generator().manual_seed(1))
    torch.testing.assert_close(reference.log_predictive(outputs), expected)


def test_the_loss():
    outputs, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    found = reference.variational_loss(outputs, labels, torch.tensor(50.0), 0.5, 100)
    torch.testing.assert_close(found, F.cross_entropy(outputs, labels) + 0.25)
