import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.papers.scalp.layers import ScaledConv2d, ScaledLinear
from startright.papers.scalp.scalings import NAMED, sigma

F64 = {"dtype": torch.float64}


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("batch", [1, 1000])  # the inputs are scaled, or the weights
def test_a_linear_layer_is_the_plain_one_with_scaled_weights(kind, batch):
    layer = ScaledLinear(20, 7, scaling=kind, gain=1.5, generator=stream(), **F64)
    nn.init.normal_(layer.bias)
    x = torch.randn(batch, 20, **F64)
    w = layer.weight * (1.5 * sigma(kind, 20))
    assert torch.allclose(layer(x), x @ w.T + layer.bias, rtol=1e-12, atol=1e-12)
    assert torch.equal(layer.effective_weight(), w)


@pytest.mark.parametrize("size", [4, 40])
def test_a_convolution_is_scaled_by_input_channel(size):
    layer = ScaledConv2d(
        6, 5, (3, 2), scaling="1/k", gain=1.5, generator=stream(), padding=1, stride=2, **F64
    )
    nn.init.normal_(layer.bias)
    x = torch.randn(2, 6, size, size, **F64)
    w = layer.weight * (1.5 * sigma("1/k", 6) / 6**0.5)[:, None, None]
    assert torch.allclose(layer(x), F.conv2d(x, w, layer.bias, 2, 1), rtol=1e-12, atol=1e-12)
    assert torch.allclose(layer.effective_weight(), w, rtol=1e-14)


def test_the_smaller_of_inputs_and_weights_is_scaled():
    layer = ScaledLinear(10, 10)
    few, many = torch.randn(1, 10), torch.randn(1000, 10)
    assert layer._pair(few)[1] is layer.weight
    assert layer._pair(many)[0] is many


def test_the_sum_over_the_fan_in_is_that_of_the_channels():
    conv = ScaledConv2d(50, 3, 3, scaling="1/k", **F64)
    squares = conv.factors().expand(50, 3, 3).square().sum()
    assert float(squares) == pytest.approx(float((sigma("1/k", 50) ** 2).sum()))
    flat = ScaledLinear(50 * 9, 3, scaling="1/k", positions=9, **F64)
    assert float(flat.factors().square().sum()) == pytest.approx(float(squares))
    assert torch.allclose(flat.sigma.view(50, 9), (sigma("1/k", 50) / 3)[:, None].expand(50, 9))


def test_weights_are_standard_normal_at_the_start_and_biases_zero():
    layer = ScaledLinear(300, 300, scaling="1/k", generator=stream())
    assert layer.weight.var().item() == pytest.approx(1, abs=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=0.02)
    assert not layer.bias.any()


def test_draws_follow_the_generator_and_not_the_scaling():
    one, same, other = (
        ScaledLinear(5, 4, scaling=kind, generator=stream(seed)).weight
        for kind, seed in (("1/k", 0), ("uniform", 0), ("1/k", 1))
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_only_weights_and_biases_are_trained_and_sigma_is_kept_with_them():
    layer = ScaledLinear(5, 4, scaling="1/k")
    assert sorted(dict(layer.named_parameters())) == ["bias", "weight"]
    assert sorted(layer.state_dict()) == ["bias", "sigma", "weight"]
    twin = copy.deepcopy(layer)
    assert torch.equal(twin(torch.ones(1, 5)), layer(torch.ones(1, 5)))


def test_setting_the_effective_weight():
    layer, w = ScaledConv2d(4, 3, 3, scaling="1/(√k ln k)", gain=2.0, **F64), torch.randn(3, 4, 3, 3, **F64)
    layer.set_effective_weight(w)
    assert torch.allclose(layer.effective_weight(), w, rtol=1e-14)


def test_a_step_of_sgd_has_a_rate_for_each_input():
    layer = ScaledLinear(6, 3, scaling="1/k", gain=1.5, generator=stream(), **F64)
    w = layer.effective_weight().detach().requires_grad_()
    x, y = torch.randn(4, 6, **F64), torch.randn(4, 3, **F64)
    optimizer = torch.optim.SGD([layer.weight], lr=0.3)
    (F.linear(x, w) - y).square().sum().backward()
    (layer(x) - y).square().sum().backward()
    optimizer.step()
    expected = w - 0.3 * (1.5 * layer.sigma) ** 2 * w.grad
    assert torch.allclose(layer.effective_weight(), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ScaledLinear(3, 2, gain=0.0), "gain .* got 0.0"),
        (lambda: ScaledLinear(3, 2, dtype=torch.float16), "float16"),
        (lambda: ScaledLinear(7, 2, positions=2), "7 inputs .* 2 positions"),
        (lambda: ScaledLinear(3, 2, scaling="1/j"), "1/j"),
        (lambda: ScaledConv2d(4, 4, 3, groups=4), "4 groups"),
    ],
)
def test_what_cannot_be_scaled_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 3\), not \(3,\)"):
        ScaledLinear(3, 2).set_effective_weight(torch.ones(3))


@pytest.mark.parametrize("strict", [True, False])
def test_a_checkpoint_of_the_plain_layer_is_refused_and_left(strict):
    net = nn.Sequential(ScaledLinear(3, 2, scaling="1/k"))
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match=r"has 0\.weight and no 0\.sigma: it is of a plain layer"):
        net.load_state_dict(nn.Sequential(nn.Linear(3, 2)).state_dict(), strict=strict)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    net.load_state_dict(before)
