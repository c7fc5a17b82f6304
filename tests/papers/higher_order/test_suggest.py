import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.models import MLP, LeNet, build
from startright.papers.higher_order import InfeasibleModel, suggest_learning_rates

DATA = torch.Generator().manual_seed(7)
X = torch.randn(30, 3, generator=DATA, dtype=torch.float64)
Y = (X.sum(1) > 0).long()


def network(seed=0):
    return build(lambda: MLP((3, 5, 2), nn.Tanh), seed).double()


def test_one_group_with_a_squared_loss_is_the_line_minimum():
    """Least squares: the rate is that of steepest descent, |g|² / gᵀHg, in closed form."""
    line = build(lambda: nn.Linear(3, 1, bias=False), 0).double()
    y = X @ torch.ones(3, 1).double()
    g = 2 / 30 * X.T @ (X @ line.weight.T - y)
    H = 2 / 30 * X.T @ X
    expected = (g.square().sum() / (g.T @ H @ g)).item()
    [rate] = suggest_learning_rates(line, F.mse_loss, (X, y), groups="trivial").values()
    assert rate == pytest.approx(expected, rel=1e-12)


def test_batches_count_by_their_sizes():
    model = network()
    whole = suggest_learning_rates(model, F.cross_entropy, (X, Y))
    parts = [(X[:7], Y[:7]), [X[7:9], Y[7:9]], (X[9:], Y[9:])]
    for data in (parts, iter(parts), [(X, Y)]):
        assert suggest_learning_rates(model, F.cross_entropy, data) == pytest.approx(whole, rel=1e-9)
    assert list(whole) == [name for name, _ in model.named_parameters()]


def test_a_step_at_these_rates_reduces_the_loss():
    model = network()
    rates = suggest_learning_rates(model, F.cross_entropy, (X, Y), groups="blocks")
    before = F.cross_entropy(model(X), Y)
    before.backward()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.sub_(rates[name.rpartition(".")[0]] * p.grad)
    assert F.cross_entropy(model(X), Y) < before


def test_the_model_is_left_alone():
    model = network()
    with torch.no_grad():
        suggest_learning_rates(model, F.cross_entropy, (X, Y))
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), network().parameters(), strict=True))


def test_other_directions_and_frozen_parameters():
    model = network()
    params = dict(model.named_parameters())
    u = dict(
        zip(params, torch.autograd.grad(F.cross_entropy(model(X), Y), list(params.values())), strict=True)
    )
    ours = suggest_learning_rates(model, F.cross_entropy, (X, Y))
    theirs = suggest_learning_rates(
        model, F.cross_entropy, (X, Y), direction={n: 4 * g for n, g in u.items()}
    )
    assert {n: 4 * rate for n, rate in theirs.items()} == pytest.approx(ours, rel=1e-9)
    model.layers[0].requires_grad_(False)
    assert list(suggest_learning_rates(model, F.cross_entropy, (X, Y))) == list(params)[2:]


def test_a_group_that_the_loss_ignores_has_rate_0():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.idle = network(), nn.Parameter(torch.ones(2).double())

        def forward(self, x):
            return self.net(x)

    rates = suggest_learning_rates(Idle(), F.cross_entropy, (X, Y))
    assert rates.pop("idle") == 0
    alone = suggest_learning_rates(network(), F.cross_entropy, (X, Y))
    assert list(rates.values()) == pytest.approx(list(alone.values()))


def test_lenet():
    model = build(lambda: LeNet(1, 3, image_size=12), 0)
    x, y = torch.randn(6, 1, 12, 12, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
    assert all(torch.tensor(list(suggest_learning_rates(model, F.cross_entropy, (x, y)).values())).isfinite())


def test_bad_input():
    model = network()
    for data in ([], iter(()), [(X[:0], Y[:0])], [(X, Y, Y)]):
        with pytest.raises(ValueError, match="one or more"):
            suggest_learning_rates(model, F.cross_entropy, data)
    with pytest.raises(ValueError, match="unknown direction 'gradients': did you mean 'gradient'"):
        suggest_learning_rates(model, F.cross_entropy, (X, Y), direction="gradients")
    with pytest.raises(ValueError, match="does not depend on the parameters"):
        suggest_learning_rates(model, lambda out, y: out.detach().mean(), (X, Y))
    with pytest.raises(ValueError, match="must be a scalar"):
        suggest_learning_rates(model, lambda out, y: F.cross_entropy(out, y, reduction="none"), (X, Y))
    with pytest.raises(ValueError, match="lambda_int"):
        suggest_learning_rates(model, F.cross_entropy, (X, Y), lambda_int=-1)
    concave = nn.Linear(3, 1).double()
    with pytest.raises(InfeasibleModel):
        suggest_learning_rates(concave, lambda out, y: -out.square().mean(), (X, Y))
