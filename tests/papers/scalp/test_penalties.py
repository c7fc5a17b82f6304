import pytest
import torch
from torch import nn

from startright.data import Dataset, Split
from startright.papers.scalp import reference
from startright.papers.scalp.layers import ScaledConv2d, ScaledLinear
from startright.papers.scalp.penalties import ColumnLasso, ScaleLasso, columns, usefulness
from startright.training import TrainConfig, train, train_stacked

F64 = {"dtype": torch.float64}


def test_columns_of_a_linear_layer_and_of_a_convolution():
    w, k = torch.randn(3, 4), torch.randn(3, 4, 2, 2)
    assert torch.equal(columns(w), w.T)
    assert torch.equal(columns(k)[2].sort().values, k[:, 2].flatten().sort().values)
    assert torch.equal(columns(w, 2)[1].sort().values, w[:, 2:].flatten().sort().values)


def test_usefulness_is_that_of_the_weights_that_act():
    layer = ScaledLinear(4, 3, scaling="1/k", **F64)
    assert torch.allclose(usefulness(layer), layer.sigma * layer.weight.norm(dim=0))
    plain = nn.Conv2d(4, 3, 2)
    assert torch.allclose(usefulness(plain), plain.weight.transpose(0, 1).flatten(1).norm(dim=1))
    conv = ScaledConv2d(4, 3, 2, scaling="1/k")
    assert torch.allclose(usefulness(conv), conv.effective_weight().transpose(0, 1).flatten(1).norm(dim=1))


def test_the_proximal_step_is_the_reference():
    w = torch.randn(2, 5, 30, **F64)
    expected = torch.stack(
        [reference.shrink(own, 0.5, strength) for own, strength in zip(w, (1.0, 5.0), strict=True)]
    )
    ColumnLasso((1.0, 5.0)).prox({"weight": w}, torch.tensor([0.5, 0.5]))
    assert torch.allclose(w, expected, rtol=1e-12)
    assert (w[1] == 0).all(0).any()
    assert not (w[1] == 0).all(0).all()


def test_the_proximal_step_minimises_its_objective():
    w = torch.randn(1, 3, 4, **F64)
    before, penalty = w.clone(), ColumnLasso(0.7)

    def objective(v):
        return (v - before).square().sum() / 2 + 0.3 * 0.7 * v[0].norm(dim=0).sum()

    penalty.prox({"weight": w}, 0.3)
    least = objective(w)
    for _ in range(50):
        assert objective(w + 1e-3 * torch.randn_like(w)) > least


def test_channels_behind_a_flattening_go_together():
    w = torch.ones(1, 2, 6, **F64)
    w[..., :3] *= 0.1
    ColumnLasso(1.0, positions={"weight": 3}).prox({"weight": w}, 1.0)
    assert not w[..., :3].any()
    assert torch.allclose(w[..., 3:], torch.full((1, 2, 3), 1 - 6**-0.5, **F64))


def test_kernels_of_convolutions():
    w = torch.ones(1, 2, 3, 2, 2, **F64)
    w[:, :, 1] *= 0.01
    ColumnLasso(1.0).prox({"weight": w}, 1.0)
    assert not w[:, :, 1].any()
    assert torch.allclose(w[:, :, 0], torch.full((1, 2, 2, 2), 1 - 8**-0.5, **F64))


def test_biases_are_left_alone():
    bias = torch.ones(1, 4)
    ColumnLasso(9.0).prox({"bias": bias}, 1.0)
    assert bias.all()


def test_the_form_of_the_paper_joins_the_loss():
    w = torch.randn(2, 5, 4, **F64)
    penalty = ColumnLasso((0.5, 2.0), in_loss=True)
    expected = torch.tensor([0.5, 2.0], **F64) * w.norm(dim=1).sum(1)
    assert torch.allclose(penalty.value({"weight": w}), expected)
    before = w.clone()
    penalty.prox({"weight": w}, 1.0)
    assert torch.equal(w, before)
    assert float(ColumnLasso(0.5).value({"weight": w}).sum()) == 0


def test_the_subgradient_at_zero_is_zero():
    w = torch.zeros(1, 3, 2, requires_grad=True)
    ColumnLasso(1.0, in_loss=True).value({"weight": w}).sum().backward()
    assert not w.grad.any()


def test_scales_join_the_loss_by_their_sizes():
    gamma = torch.tensor([[1.0, -2.0], [0.5, 0.0]], requires_grad=True)
    value = ScaleLasso((1.0, 10.0), select=lambda name, values: name == "g").value({"g": gamma, "w": gamma})
    assert value.tolist() == [3.0, 5.0]
    value.sum().backward()
    assert gamma.grad.tolist() == [[1.0, -1.0], [10.0, 0.0]]


def data():
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 6, generator=rng), torch.randint(3, (40,), generator=rng)
    return Dataset("made", Split(x, y), Split(x, y), None, 3, torch.zeros(1), torch.ones(1))


def nets():
    def one(seed):
        rng = torch.Generator().manual_seed(seed)
        return nn.Sequential(
            ScaledLinear(6, 9, generator=rng), nn.ReLU(), ScaledLinear(9, 3, scaling="1/k", generator=rng)
        )

    return [one(0), one(1)]


@pytest.mark.parametrize("proximal", [True, False])
def test_stacked_training_is_that_of_one_after_another(proximal):
    strengths, one, other = (0.01, 0.3), nets(), nets()
    common = {"epochs": 5, "batch_size": 10, "lr": 0.5}
    penalty = ColumnLasso(strengths, in_loss=not proximal)
    train_stacked(one, data(), TrainConfig(penalty=penalty, **common), seeds=[0, 1])
    for seed, (net, strength) in enumerate(zip(other, strengths, strict=True)):
        config = TrainConfig(penalty=ColumnLasso(strength, in_loss=not proximal), **common)
        train(net, data(), config, seed=seed)
    for a, b in zip(one, other, strict=True):
        assert torch.allclose(a[2].weight, b[2].weight, atol=1e-5)
    assert proximal == bool((one[1][2].weight == 0).all(0).any())


def test_each_parameter_has_its_own_factor():
    w = torch.ones(1, 4, 2, **F64)
    ColumnLasso(0.1, factors={"w": 3.0}).prox({"w": w}, 1.0)
    assert torch.allclose(w, torch.full_like(w, 1 - 0.3 / 2))


def test_positions_and_strengths_that_do_not_fit():
    with pytest.raises(ValueError, match="6 inputs are no whole number of channels of 4 positions"):
        ColumnLasso(0.1, positions={"w": 4}).total({"w": torch.ones(1, 2, 6)})
    with pytest.raises(ValueError, match="3 strengths for 2 runs"):
        ColumnLasso((0.1, 0.2, 0.3)).prox({"w": torch.ones(2, 2, 3)}, 1.0)
