import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from startright.data import Split
from startright.models import MLP, VGG11, CIFARResNet, build
from startright.papers.residual import reference
from startright.papers.residual.surface import Surface, filter_normalised, loss_surface, nonconvex_share, ring
from startright.seeds import generator

X, Y = torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 10
DATA = Split(X, Y)


def resnet():
    return build(lambda: CIFARResNet(10, 0.25, 1, depth=8, side=8), 0).eval()


def one_by_one(model, data, points, seed, *, recalibrate=False):
    """The same plane, a copy of the model loaded for every point."""
    first, second = (filter_normalised(model, generator(seed, f"surface-{k}")) for k in (1, 2))
    steps, rows = torch.linspace(-1, 1, points), []
    for a in steps:
        for b in steps:
            other = copy.deepcopy(model)
            with torch.no_grad():
                for name, p in other.named_parameters():
                    if name in first:
                        p.add_(a * first[name] + b * second[name])
                for part in other.modules():
                    if recalibrate and isinstance(part, nn.BatchNorm2d):
                        part.train()
                rows.append(nn.functional.cross_entropy(other(data.x), data.y))
    return torch.stack(rows).view(points, points)


@pytest.mark.parametrize("recalibrate", [False, True])
def test_it_is_that_of_one_point_after_another(recalibrate):
    model = resnet()
    found = loss_surface(model, DATA, points=5, seed=3, recalibrate=recalibrate)
    expected = one_by_one(model, DATA, 5, 3, recalibrate=recalibrate)
    torch.testing.assert_close(found.losses, expected, rtol=1e-3, atol=1e-4)
    assert found.middle == float(found.losses[2, 2])


def test_the_plane_of_the_reference():
    model = MLP((64, 10), bias=False).eval()
    d, e = (filter_normalised(model, generator(0, f"surface-{k}"))["layers.0.weight"] for k in (1, 2))
    w = model.layers[0].weight.detach()
    loss = lambda t: nn.functional.cross_entropy(X.flatten(1) @ t.T, Y)  # noqa: E731
    expected = reference.surface(loss, w, d, e, torch.linspace(-1, 1, 3))
    torch.testing.assert_close(loss_surface(model, DATA, points=3).losses, expected, rtol=1e-4, atol=1e-5)


def test_directions_are_as_long_as_filters_and_nought_elsewhere():
    model = resnet()
    found = filter_normalised(model, torch.Generator().manual_seed(0))
    assert set(found) == {name for name, p in model.named_parameters() if p.dim() > 1}
    for name, d in found.items():
        p = model.get_parameter(name)
        torch.testing.assert_close(d.flatten(1).norm(dim=1), p.detach().flatten(1).norm(dim=1))
    rng = torch.Generator().manual_seed(0)
    first = next(iter(found))
    expected = reference.filter_normalised(model.get_parameter(first).detach(), rng)
    torch.testing.assert_close(found[first], expected)


def test_the_model_is_left_as_it_was():
    model = resnet()
    model.features[0].weight.requires_grad_(False)
    before = {
        name: (value.clone(), value._version) for name, value in model.state_dict(keep_vars=True).items()
    }
    modes = [part.training for part in model.modules()]
    state = torch.get_rng_state()
    loss_surface(model, DATA, points=3, recalibrate=True)
    for name, value in model.state_dict(keep_vars=True).items():
        assert torch.equal(value, before[name][0])
        assert value.grad is None
    assert [part.training for part in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)


def test_chunks_of_data_change_nothing():
    many = Split(X.repeat(150, 1, 1, 1), Y.repeat(150))  # more than one pass holds
    model = build(lambda: MLP((64, 10)), 0).eval()
    a, b = (loss_surface(model, data, points=3).losses for data in (DATA, many))
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_losses_that_are_not_finite_are_marked():
    class Wild(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(64, 10, bias=False)

        def forward(self, x):
            norm = self.layer.weight.norm()
            return self.layer(x.flatten(1)) + torch.where(norm > 1.05 * self.size, math.inf, 0.0)

    model = build(Wild, 0).eval()
    model.size = float(model.layer.weight.detach().norm())
    found = loss_surface(model, DATA, points=5)
    assert 0 < found.beyond < 25
    assert math.isfinite(found.middle)
    assert math.isnan(ring(found, 1.0))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(64, 64), nn.Linear(64, 64)
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.two(self.one(x.flatten(1)))


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x):
        return self.layer(x.flatten(1)) + torch.rand(1)


def flat(*parts):
    return nn.Sequential(nn.Flatten(), *parts).eval()


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        (Twice(), {}, "are one parameter"),
        (flat(weight_norm(nn.Linear(64, 10))), {}, "computed in every forward pass|not known"),
        (resnet().train(), {}, "training mode: call model.eval"),
        (nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 10)), {}, "Dropout.* is in training mode"),
        (flat(nn.Linear(64, 10)), {"recalibrate": True}, "no batch normalisation to recalibrate"),
        (
            flat(nn.Linear(64, 10), nn.BatchNorm1d(10, track_running_stats=False)),
            {},
            "keeps no statistics",
        ),
        (flat(nn.Bilinear(2, 2, 2)), {}, "not known"),
        (flat(nn.ReLU()), {}, "no linear or convolutional layer"),
        (Noisy(), {}, "random|vmap"),
        (flat(nn.Linear(64, 10)), {"points": 4}, "odd number"),
        (flat(nn.Linear(64, 10)), {"reach": 0.0}, "odd number"),
    ],
)
def test_what_it_cannot_do_is_refused(model, options, words):
    with pytest.raises(ValueError, match=words):
        loss_surface(model, DATA, **({"points": 3} | options))


def test_a_middle_that_is_not_finite_and_no_data_are_refused():
    model = flat(nn.Linear(64, 10))
    nn.init.constant_(model[1].bias, math.inf)
    with pytest.raises(ValueError, match="nothing to look around"):
        loss_surface(model, DATA, points=3)
    with pytest.raises(ValueError, match="one example"):
        loss_surface(flat(nn.Linear(64, 10)), Split(X[:0], Y[:0]), points=3)


def test_other_networks():
    x = torch.randn(4, 3, 32, 32)
    assert loss_surface(VGG11(10, 0.05).eval(), Split(x, Y[:4]), points=3).losses.isfinite().all()


def bowl(f, points=21):
    steps = torch.linspace(-1, 1, points)
    return Surface(steps, f(steps[:, None].double(), steps[None].double()))


def test_rings_and_bends():
    round_ = bowl(lambda a, b: a**2 + b**2)
    assert ring(round_, 0.5) == pytest.approx(0.25, abs=0.01)
    assert ring(round_, 1.0) == pytest.approx(1.0, abs=0.01)
    assert nonconvex_share(round_) == 0
    assert nonconvex_share(bowl(lambda a, b: a**2 - b**2)) == 1
    assert 0.3 < nonconvex_share(bowl(lambda a, b: torch.sin(3 * a) + b**2)) < 0.7
    with pytest.raises(ValueError, match="reaches to 1"):
        ring(round_, 1.5)
