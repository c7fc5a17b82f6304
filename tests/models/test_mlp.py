import pytest
import torch
from torch import nn

from startright.models import MLP


@pytest.mark.parametrize(("bias", "count"), [(True, 64 * 30 + 30 + 30 * 10 + 10), (False, 64 * 30 + 30 * 10)])
def test_number_of_parameters(bias, count):
    assert sum(p.numel() for p in MLP((64, 30, 10), bias=bias).parameters()) == count


def test_output_is_the_formula():
    model = MLP((6, 4, 3), nn.Tanh)
    (w0, b0), (w1, b1) = ((layer.weight, layer.bias) for layer in (model.layers[0], model.layers[2]))
    x = torch.randn(5, 2, 3)
    expected = (x.flatten(1) @ w0.T + b0).tanh() @ w1.T + b1
    torch.testing.assert_close(model(x), expected)


def test_activation_is_made_once_for_each_hidden_layer():
    made = []

    def activation():
        made.append(nn.PReLU())
        return made[-1]

    model = MLP((8, 7, 6, 5), activation)
    assert [module for module in model.modules() if isinstance(module, nn.PReLU)] == made
    assert len(set(map(id, made))) == len(made) == 2


def test_batch_normalisation_stands_before_every_activation():
    layers = MLP((8, 7, 6, 5), batch_norm=True).layers
    hidden = [nn.Linear, nn.BatchNorm1d, nn.ReLU]
    assert [type(layer) for layer in layers] == [*hidden, *hidden, nn.Linear]
    assert [layers[index].num_features for index in (1, 4)] == [7, 6]


def test_hidden_units_are_normalised_over_the_batch():
    model = MLP((6, 4, 3), nn.Identity, batch_norm=True)
    hidden = model.layers[:-1](5 + 3 * torch.randn(50, 6))
    torch.testing.assert_close(hidden.mean(0), torch.zeros(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(hidden.std(0, correction=0), torch.ones(4), rtol=0, atol=1e-3)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_no_hidden_layer_is_affine(batch_norm):
    assert [type(layer) for layer in MLP((3, 2), batch_norm=batch_norm).layers] == [nn.Linear]


@pytest.mark.parametrize("widths", [(), (5,), (5, 0), (5, -1, 2), (5, 2.0), (True and 5, "2")])
def test_bad_widths(widths):
    with pytest.raises(ValueError, match="widths must be two or more positive integers"):
        MLP(widths)


def test_bad_input_shape():
    with pytest.raises(ValueError, match=r"takes 64 values an input, got inputs of \(1, 28, 28\)"):
        MLP((64, 10))(torch.zeros(2, 1, 28, 28))
