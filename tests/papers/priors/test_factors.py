import math

import pytest
import torch
from torch import nn

from startright.papers.priors import reference
from startright.papers.priors.factors import KINDS, Sizes, lambda_th, penalty_factor, sizes, usual_factor

LAYERS = {
    "linear": (nn.Linear(784, 300), Sizes(784, 300)),
    "convolution": (nn.Conv2d(3, 64, 3), Sizes(27, 576)),
    "grouped": (nn.Conv2d(8, 12, (3, 5), groups=4), Sizes(30, 45)),
    "depthwise": (nn.Conv1d(6, 6, 7, groups=6), Sizes(7, 7)),
    "transposed": (nn.ConvTranspose2d(8, 12, 3), Sizes(72, 108)),
    "transposed, grouped": (nn.ConvTranspose2d(8, 12, 3, groups=4), Sizes(18, 27)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_sizes_are_counted_by_what_reaches_what(name):
    """P by the weights that have a gradient when one output channel is asked for; likewise for one input."""
    layer, wanted = LAYERS[name]
    assert sizes(layer) == wanted
    dims = layer.weight.dim() - 2
    inputs = layer.in_features if dims == 0 else layer.in_channels
    x = torch.rand(1, inputs, *[9] * dims)
    torch.autograd.backward(layer(x)[:, 0].sum())
    assert int((layer.weight.grad != 0).sum()) == wanted.fan_in
    layer.zero_grad()
    one = torch.zeros_like(x)
    one[:, 0] = 1
    torch.autograd.backward(layer(one).sum())
    assert int((layer.weight.grad != 0).sum()) == wanted.fan_out


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((784, 300), (392, 39.598, 784.50, 485.78)),
        ((27, 64), (13.5, 7.348, 27.495, 41.89)),
        ((4608, 512), (2304, 96, 4608.5, 1537.5)),
    ],
)
def test_the_table_of_factors(size, wanted):
    layer = nn.Linear(*size, device="meta")
    for kind, value in zip(KINDS, wanted, strict=True):
        assert penalty_factor(kind, layer) == pytest.approx(value, abs=6e-3)
        assert penalty_factor(kind, layer) == pytest.approx(reference.factor(kind, *size), rel=1e-12)
    usual = [usual_factor(kind, layer) for kind in KINDS]
    assert usual == pytest.approx([1, 1, math.sqrt(size[0]), math.sqrt(size[1])])


def test_whether_the_bias_counts_is_an_argument():
    assert penalty_factor("l2", nn.Linear(10, 3), bias=True) == 5.5
    assert penalty_factor("l2", nn.Linear(10, 3, bias=False), bias=True) == 5.0


def test_columns_of_a_convolution_are_what_one_channel_feeds():
    layer = nn.Conv2d(3, 64, 3)
    assert penalty_factor("columns", layer) == pytest.approx(math.sqrt(27 * (64 * 9 + 1)))


def test_unknown_layers_and_penalties_are_refused_by_name():
    with pytest.raises(ValueError, match="Embedding"):
        penalty_factor("l2", nn.Embedding(3, 2))
    with pytest.raises(ValueError, match="did you mean 'rows'"):
        penalty_factor("row", nn.Linear(3, 2))


@pytest.mark.parametrize("n", [0, -1, 1.5, True, None])
def test_a_number_of_examples_that_is_none_is_refused(n):
    with pytest.raises(ValueError, match="an integer from 1"):
        lambda_th(n)


def test_lambda_th_is_the_weight_decay_that_everybody_uses():
    decay = lambda_th(50_000) * 2 * penalty_factor("l2", nn.Conv2d(3, 64, 3))
    assert decay == pytest.approx(5.4e-4)
    assert lambda_th(50_000) * 2 * penalty_factor("l2", nn.Conv2d(512, 512, 3)) == pytest.approx(
        0.0922, abs=1e-4
    )
