import pytest
import torch

from startright.papers.scalp import reference
from startright.papers.scalp.layers import ScaledLinear
from startright.papers.scalp.prune import prune_
from startright.papers.scalp.scalings import sigma
from startright.papers.scalp.studies.variance import closed_forms


def test_the_scaling():
    ours = sigma("1/(√k ln k)", 50)
    assert ours.tolist() == pytest.approx([reference.scaling(k) for k in range(1, 51)], rel=1e-7)


def test_the_layer():
    layer = ScaledLinear(7, 3, scaling="1/(√k ln k)", dtype=torch.float64)
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(4, 7, dtype=torch.float64)
    assert torch.allclose(layer(x), reference.layer(x, layer.weight, layer.bias), rtol=1e-6)


@pytest.mark.parametrize("kind", ["uniform", "1/k", "1/(√k ln k)"])
def test_the_variances(kind):
    assert reference.variances(sigma(kind, 300)) == pytest.approx(closed_forms(kind, 300), rel=1e-12)


def test_the_uniform_variances_are_those_of_the_paper():
    assert reference.variances(sigma("uniform", 50)) == pytest.approx((1, 1 + 2 / 50))
    assert closed_forms("standard", 50) == pytest.approx((1, 50**2 + 100))


@pytest.mark.parametrize("epsilon", [0.05, 0.2, 0.4])
def test_the_rule_of_pruning(epsilon):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 12), torch.nn.ReLU(), ScaledLinear(12, 3, scaling="1/k"))
    kept = reference.survivors(net[2].weight.detach(), net[2].sigma, epsilon)
    assert 0 < len(kept) < 12
    done = prune_(net, epsilon=epsilon, example=torch.ones(2, 4))
    assert [k + 1 for k in done.survivors["0"]] == kept
