import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from startright import data
from startright.models import MLP, build
from startright.models.variational import variational_
from startright.papers.priors import reference
from startright.papers.priors.factors import KINDS, penalty_factor, usual_factor
from startright.papers.priors.networks import bayesian_penalty, layerwise_penalty, penalised_layers
from startright.training import TrainConfig, train


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", flatten=True, dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_sum_of_the_reference_form(kind):
    net = build(lambda: MLP([6, 5, 3], nn.ReLU), 0).double()
    weights = [p for name, p in net.named_parameters() if name.endswith("weight")]
    found = bayesian_penalty(net, kind, 50)(net)
    torch.testing.assert_close(found, reference.penalty(kind, weights, 50))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions_are_penalised_by_channels(kind, groups):
    net = nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=groups), nn.ConvTranspose2d(6, 4, 3, groups=groups)
    ).double()
    w, v = net[0].weight, net[1].weight
    outputs = [w[k] for k in range(6)]
    inputs = [
        w[g * 6 // groups : (g + 1) * 6 // groups, c] for g in range(groups) for c in range(4 // groups)
    ]
    back_inputs = [v[k] for k in range(6)]
    back_outputs = [
        v[g * 6 // groups : (g + 1) * 6 // groups, c] for g in range(groups) for c in range(4 // groups)
    ]
    norms = lambda parts: sum(part.norm() for part in parts)  # noqa: E731
    r = {
        "l2": (w.square().sum(), v.square().sum()),
        "l1": (w.abs().sum(), v.abs().sum()),
        "rows": (norms(outputs), norms(back_outputs)),
        "columns": (norms(inputs), norms(back_inputs)),
    }[kind]
    for setup, factor in (("bayesian", penalty_factor), ("usual", usual_factor)):
        wanted = sum(factor(kind, layer) * part for layer, part in zip(net, r, strict=True)) * 0.3
        torch.testing.assert_close(layerwise_penalty(net, kind, 0.3, setup=setup)(net), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_in_our_loop_it_does_what_it_does_in_any(kind, digits):
    """``TrainConfig(penalty=…)`` against ``loss + penalty(model)``, with momentum."""
    ours = build(lambda: MLP([64, 12, 10], nn.Tanh), 0).double()
    theirs, penalty = copy.deepcopy(ours), bayesian_penalty(ours, kind, 1500, temperature=0.3)
    config = TrainConfig(epochs=1, batch_size=100, momentum=0.9, lr=0.01, penalty=penalty)
    batches = []

    def loss(outputs, y):
        batches.append(y) if outputs.requires_grad else None
        return nn.functional.cross_entropy(outputs, y, reduction="none")

    seen = []
    ours.register_forward_pre_hook(lambda module, args: seen.append(args[0]) if module.training else None)
    train(ours, digits, config, loss=loss)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9)
    for x, y in zip(seen, batches, strict=True):
        optimizer.zero_grad()
        (nn.functional.cross_entropy(theirs(x), y) + penalty(theirs)).backward()
        optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


def test_by_proximal_steps_it_makes_exact_zeros(digits):
    net = build(lambda: MLP([64, 12, 10], nn.Tanh), 0).double()
    penalty = bayesian_penalty(net, "l1", 1500, temperature=3.0, proximal=True)
    train(net, digits, TrainConfig(epochs=3, batch_size=50, penalty=penalty))
    zeros = [float((p == 0).double().mean()) for name, p in net.named_parameters() if name.endswith("weight")]
    assert max(zeros) > 0.1


def test_biases_and_normalisations_are_left_alone():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.PReLU(), nn.LayerNorm(4), nn.Linear(4, 2))
    assert set(bayesian_penalty(net, "l2", 10).factors) == {"0.weight", "4.weight"}


def test_what_is_frozen_is_not_penalised():
    net = nn.Sequential(nn.Linear(3, 4), nn.Embedding(3, 4), nn.Linear(4, 2))
    net[0].weight.requires_grad_(False)
    net[1].requires_grad_(False)
    assert list(penalised_layers(net)) == ["2"]


def tied():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    return net


def twice():
    layer = nn.Linear(3, 3)
    return nn.Sequential(layer, nn.ReLU(), layer)


class Scaled(nn.Linear):
    """A layer that is scaled as those of another paper are."""

    def effective_weight(self):
        return self.weight * self.sigma


def sigma_of():
    layer = Scaled(3, 3)
    layer.register_buffer("sigma", torch.ones(3))
    return nn.Sequential(layer)


def own():
    net = nn.Sequential(nn.Linear(3, 3))
    net.scale = nn.Parameter(torch.ones(3))
    return net


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (tied, r"1\.weight is 0\.weight: it is shared"),
        (twice, r"2\.weight is 0\.weight: it is shared"),
        (own, "Sequential is a Sequential with a parameter 'scale'"),
        (
            lambda: nn.Sequential(nn.Linear(3, 3), nn.LSTM(3, 3)),
            "1 is a LSTM with a parameter 'weight_ih_l0'",
        ),
        (lambda: nn.Sequential(nn.Embedding(3, 3), nn.Linear(3, 3)), "0 is a Embedding"),
        (lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 3))), "0 computes its weight"),
        (lambda: parametrizations.spectral_norm(nn.Linear(3, 3)), "Linear computes its weight"),
        (sigma_of, "0 is a Scaled with 'sigma': its weight is not what acts"),
        (lambda: variational_(nn.Sequential(nn.Linear(3, 3))), "0 is a VariationalLinear with 'weight_rho'"),
        (lambda: nn.Linear(3, 0), "has a weight without entries, of the shape|no inputs or no outputs"),
        (lambda: nn.Linear(3, 3).half(), "weights in torch.float16"),
        (lambda: nn.Linear(3, 3, dtype=torch.complex64), "weights in torch.complex64"),
        (lambda: nn.Sequential(nn.LazyLinear(3)), "0 has no weights yet"),
        (lambda: nn.Sequential(nn.BatchNorm1d(3)), "Sequential trains no linear or convolutional weight"),
        (lambda: nn.TransformerEncoderLayer(8, 2, 16), "self_attn is a MultiheadAttention"),
    ],
)
def test_what_has_no_factor_is_refused_by_name(make, says):
    with pytest.raises(ValueError, match=says):
        bayesian_penalty(make(), "l2", 10)


def test_numbers_out_of_their_range_are_refused():
    net = nn.Linear(3, 3)
    for wrong in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match="temperature must be at least 0"):
            bayesian_penalty(net, "l2", 10, temperature=wrong)
        with pytest.raises(ValueError, match="strength of a penalty must be at least 0"):
            layerwise_penalty(net, "l2", wrong)
    with pytest.raises(ValueError, match="number of examples"):
        bayesian_penalty(net, "l2", 0)
    with pytest.raises(ValueError, match="unknown set-up"):
        layerwise_penalty(net, "l2", 0.1, setup="usuall")
    with pytest.raises(ValueError, match="unknown penalty"):
        layerwise_penalty(net, "l3", 0.1)


def test_a_penalty_made_for_another_model_is_refused():
    penalty = bayesian_penalty(nn.Sequential(nn.Linear(3, 3)), "l2", 10)
    with pytest.raises(ValueError, match=r"trains no '0\.weight'"):
        penalty(nn.Linear(3, 3))
