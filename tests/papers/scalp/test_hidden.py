import pytest
import torch
from torch import nn

from startright.papers.scalp import hidden
from startright.papers.scalp.layers import ScaledLinear
from startright.papers.scalp.penalties import ColumnLasso, ScaleLasso
from startright.papers.scalp.scalings import sigma


def net(method, **options):
    return hidden.network(method, (6, 40, 3), seed=0, **options)


@pytest.mark.parametrize("method", ["uniform", "1/k", "1/(√k ln k)"])
def test_scalings_share_what_is_drawn(method):
    made = net(method)
    assert torch.equal(made[0].weight, net("uniform")[0].weight)
    assert torch.equal(made[2].weight, net("uniform")[2].weight)
    assert torch.allclose(made[2].sigma, sigma(method, 40).float())
    assert torch.allclose(made[0].sigma, sigma("uniform", 6).float())
    assert (made[0].gain, made[2].gain) == (1, 2**0.5)


def test_the_standard_parametrisation_begins_as_the_uniform_scaling():
    x = torch.randn(5, 6)
    standard = net("standard")
    assert torch.allclose(standard(x), net("uniform")(x), atol=1e-6)
    assert type(standard[0]) is nn.Linear
    assert not isinstance(standard[2], ScaledLinear)


def test_behind_the_identity_there_is_no_gain():
    assert net("uniform", activation="identity")[2].gain == 1


def test_bn_lasso_normalises_and_begins_at_one_half():
    made = net("bn-lasso")
    assert [type(part) for part in made] == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]
    assert (made[1].weight == 0.5).all()


def test_penalties():
    assert isinstance(hidden.penalty("1/k", [1.0]), ColumnLasso)
    slim = hidden.penalty("bn-lasso", [2.0, 3.0])
    assert isinstance(slim, ScaleLasso)
    found = {"1.weight": torch.ones(2, 4), "3.weight": torch.ones(2, 3, 4), "1.bias": torch.ones(2, 4)}
    assert slim.value(found).tolist() == [8.0, 12.0]


def test_what_is_left():
    w = torch.ones(1, 3, 4)
    w[0, :, 1] = 0
    w[0, 0, 2] = 0
    assert hidden.kept("1/k", {"2.weight": w}).tolist() == [[True, False, True, True]]
    gamma = torch.tensor([[0.02, -0.02, 0.009, 0.0]])
    assert hidden.kept("bn-lasso", {"1.weight": gamma}).tolist() == [[True, True, False, False]]


@pytest.mark.parametrize("method", ["uniform", "bn-lasso"])
def test_parameters_left_are_those_of_the_network(method):
    count = sum(p.numel() for p in net(method).parameters())
    assert hidden.parameters_left((6, 40, 3), 40, norm=method == "bn-lasso") == count


def test_deaths_are_noted():
    model = net("1/k")
    deaths = hidden.Deaths("1/k", [model])
    for epoch, gone in enumerate(([], [3], [3, 4])):
        found = hidden.rows([model])
        found["2.weight"] = found["2.weight"].clone()
        found["2.weight"][0][:, gone] = 0
        deaths.note(epoch, [model], found)
    assert deaths.widths(model) == [40, 39, 38]
    assert deaths.last(model)[:6].tolist() == [2, 2, 2, 0, 1, 2]


def test_what_is_unknown():
    with pytest.raises(ValueError, match="unknown method '1/j'"):
        net("1/j")
    with pytest.raises(ValueError, match="unknown activation 'relo'"):
        net("1/k", activation="relo")
