import math

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from startright.models import MLP, LeNet, build
from startright.papers.higher_order import (
    Derivatives,
    GroupedNewton,
    Partition,
    add_derivatives,
    anisotropy,
    cubic_step,
    grouped_derivatives,
    loss_function,
)

DATA = torch.Generator().manual_seed(7)
X = torch.randn(64, 3, generator=DATA, dtype=torch.float64)
Y = (X.sum(1) > 0).long() + (X[:, 0] > 1).long()


def network(seed=0):
    return build(lambda: MLP((3, 5, 4, 3), nn.Tanh), seed).double()


def batch(k):
    part = slice(8 * (k % 8), 8 * (k % 8) + 8)
    return X[part], Y[part]


def train(model, optimizer, steps, start=0, loss=F.cross_entropy):
    """Steps on mini-batches in turn; the curvature is that of the next one."""
    for k in range(start, start + steps):
        optimizer.zero_grad()
        x, y = batch(k)
        loss(model(x), y).backward()
        optimizer.step(curvature=loss_function(model, loss, *batch(k + 1)))
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def at_once(model, groups="canonical", **options):
    """An optimizer without averages or a warm-up, so that each step is by itself."""
    return GroupedNewton(model, groups, **({"period": 1, "window": 1, "warm_up": 0} | options))


def test_one_step_by_hand():
    model, other = network(), network()
    optimizer = at_once(model, lr=0.3, lambda_int=2.0, momentum=0.0, remove_negative=False)
    ends = train(model, optimizer, 1)
    params = dict(other.named_parameters())
    grads = torch.autograd.grad(F.cross_entropy(other(batch(0)[0]), batch(0)[1]), list(params.values()))
    u = dict(zip(params, grads, strict=True))
    found = grouped_derivatives(loss_function(other, F.cross_entropy, *batch(1)), params, "canonical", u)
    step = cubic_step(found.g, found.H, anisotropy(found.d3), 2.0)
    for s, name in enumerate(params):
        torch.testing.assert_close(ends[name], params[name].detach() - 0.3 * step.eta[s] * u[name])
        assert optimizer.rates[name] == optimizer.eta[name] == optimizer.last.step.eta[s]
    torch.testing.assert_close(optimizer.last.derivatives.H, found.H, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(optimizer.last.step.eta, step.eta, rtol=1e-8, atol=0)


def test_momentum_is_torch_s():
    """Between two updates, with rates fixed by hand, it is SGD with a rate a group."""
    model, other = network(), network()
    optimizer = GroupedNewton(model, "trivial", lr=0.1, momentum=0.8, period=100)
    optimizer.param_groups[0]["rate"] = 0.5
    torchs = torch.optim.SGD(other.parameters(), lr=0.05, momentum=0.8)
    for k in range(5):
        for net, opt in ((model, optimizer), (other, torchs)):
            opt.zero_grad()
            F.cross_entropy(net(batch(k)[0]), batch(k)[1]).backward()
            opt.step()
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-12)


def test_parameters_stay_during_the_warm_up():
    model, before = network(), network().state_dict()
    optimizer = GroupedNewton(model, period=2, warm_up=3)
    after = train(model, optimizer, 5)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert optimizer.estimates == 2
    assert optimizer.last is None
    assert optimizer.eta == {}
    assert set(optimizer.rates.values()) == {0.0}
    assert all(optimizer.state[p]["momentum_buffer"].abs().sum() > 0 for p in model.parameters())
    after = train(model, optimizer, 1, start=5)
    assert optimizer.estimates == 3
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_curvature_is_due_every_period():
    model = network()
    optimizer = GroupedNewton(model, period=3, warm_up=0)
    due = []
    for k in range(7):
        due.append(optimizer.curvature_due)
        train(model, optimizer, 1, start=k)
    assert due == [False, False, True, False, False, True, False]
    assert optimizer.estimates == 2


def test_the_average_is_of_the_last_window_and_what_came_since(monkeypatch):
    """Estimate k is k: every average shows which were averaged, with their weights."""
    count = iter(range(1, 100))

    def estimate(*_, **__):
        k = float(next(count))
        return Derivatives(torch.full((1,), k), torch.eye(1).double() * k**2, torch.full((1,), k**3))

    monkeypatch.setattr("startright.papers.higher_order.optim.grouped_derivatives", estimate)
    model = network()
    optimizer = GroupedNewton(model, "trivial", lr=1e-9, period=1, window=3, warm_up=0)
    members = [[1], [1, 2], [1, 2, 3]]
    members += [[1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6], [4, 5, 6, 7], [4, 5, 6, 7, 8]]
    for k, expected in enumerate(members):
        train(model, optimizer, 1, start=k)
        last = optimizer.last.derivatives
        for value, power in zip(last, (1, 2, 3), strict=True):
            assert value.item() == pytest.approx(sum(e**power for e in expected) / len(expected), rel=1e-6)


def test_cube_roots_are_taken_of_averages():
    model = network()
    optimizer = GroupedNewton(model, period=1, window=2, warm_up=2)
    estimates = []
    train(model, optimizer, 1)
    estimates.append(optimizer._history[0])
    train(model, optimizer, 1, start=1)
    estimates.append(optimizer._history[1])
    mean = add_derivatives([(0.5, e) for e in estimates])
    step = cubic_step(mean.g, mean.H, anisotropy(mean.d3))
    torch.testing.assert_close(optimizer.last.step.eta, step.eta, rtol=1e-8, atol=0)


def test_negative_rates_are_removed():
    model = network()
    optimizer = at_once(model)
    found = 0
    for k in range(20):
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        after = train(model, optimizer, 1, start=k)
        for name, eta in optimizer.eta.items():
            assert optimizer.rates[name] == max(eta, 0)
            if eta < 0:
                found += 1
                assert torch.equal(before[name], after[name])
    assert found > 0
    model = network()
    kept = at_once(model, remove_negative=False)
    train(model, kept, 20)
    assert kept.rates == kept.eta


class InUnits(nn.Module):
    """A network whose parameters are kept in other units: θ = a θ~, one a for each tensor."""

    def __init__(self, net, scale):
        super().__init__()
        self.net = [net]  # hidden: its parameters are not this module's
        self.scale = {name.replace(".", "_"): (name, scale[name]) for name, _ in net.named_parameters()}
        for key, (name, a) in self.scale.items():
            self.register_parameter(key, nn.Parameter(net.get_parameter(name).detach() / a))

    def in_old_units(self):
        return {name: a * getattr(self, key) for key, (name, a) in self.scale.items()}

    def forward(self, x):
        return functional_call(self.net[0], self.in_old_units(), (x,))


class Adam:
    """The direction of Adam, by name."""

    def __init__(self, eps):
        self.eps, self.steps, self.first, self.second = eps, 0, {}, {}

    def __call__(self, grads):
        self.steps += 1
        u = {}
        for name, g in grads.items():
            m = self.first[name] = 0.9 * self.first.get(name, 0) + 0.1 * g
            v = self.second[name] = 0.999 * self.second.get(name, 0) + 0.001 * g**2
            u[name] = m / (1 - 0.9**self.steps) / ((v / (1 - 0.999**self.steps)).sqrt() + self.eps)
        return u


def drift(scale, steps=10, groups="blocks", updater=lambda: None, **options):
    """Relative difference between trainings in old and in new units."""
    model = network()
    partition = getattr(Partition, groups)(model)
    scale = {n: scale(n, partition.index(n)) for n, _ in model.named_parameters()}
    other = InUnits(network(), scale)
    renamed = Partition([[n.replace(".", "_") for n in g] for g in partition.groups], partition.names)
    ends = train(model, at_once(model, partition, updater=updater(), **options), steps)
    train(other, at_once(other, renamed, updater=updater(), **options), steps)
    starts = network().state_dict()
    moved = sum((v - starts[n]).square().sum() for n, v in ends.items()) ** 0.5
    apart = sum((v - ends[n]).square().sum() for n, v in other.in_old_units().items()) ** 0.5
    return float(apart / moved)


def per_group(_, s):
    return (1e-2, 7.0, 300.0)[s]


@pytest.mark.parametrize("lambda_int", [1.0, 10.0])
@pytest.mark.parametrize("window", [1, 3])
def test_units_of_groups_do_not_matter(lambda_int, window):
    assert drift(per_group, lambda_int=lambda_int, window=window) < 1e-8


def test_units_of_tensors_do_not_matter_if_each_is_a_group():
    scale = {name: 10.0 ** (k - 3) for k, (name, _) in enumerate(network().named_parameters())}
    assert drift(lambda name, _: scale[name], groups="canonical") < 1e-8


def test_units_within_a_group_do_matter():
    assert drift(lambda name, _: 3.0 if "bias" in name else 1.0) > 1e-2


def test_a_unit_built_into_the_direction_breaks_the_invariance():
    def apart(eps):
        return drift(per_group, updater=lambda: Adam(eps))

    assert apart(1e-2) > 1e-2
    assert (
        apart(0) < 1e-8
    )  # without ε, each group's direction changes by a factor only, and η makes up for it


def test_an_infeasible_model_keeps_the_rates():
    model = nn.Linear(1, 1, bias=False).double()
    optimizer = at_once(model, lr=1e-3)
    x = torch.ones(1, 1).double()

    def step(sign):
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step(curvature=lambda p: sign * p["weight"].square().sum())

    step(1)
    rates, last = optimizer.rates, optimizer.last
    assert rates["weight"] > 0
    before = model.weight.item()
    step(-1)  # a parabola that opens downwards: no cubic term, no minimum
    assert optimizer.infeasible == 1
    assert optimizer.last is last
    assert optimizer.rates == rates
    assert model.weight.item() != before


def test_a_group_without_a_gradient_stays():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.idle = network(), nn.Parameter(torch.ones(2).double())

        def forward(self, x):
            return self.net(x)

    model = Idle()
    optimizer = at_once(model)
    train(model, optimizer, 5)
    assert optimizer.rates["idle"] == 0
    assert torch.equal(model.idle, torch.ones(2).double())
    assert optimizer.infeasible == 0


def test_training_goes_on_from_a_checkpoint(tmp_path):
    model = network()
    optimizer = GroupedNewton(model, "blocks", period=2, window=2, warm_up=2)
    train(model, optimizer, 9)
    optimizer.plateau(1.0)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "checkpoint.pt")
    checkpoint = torch.load(tmp_path / "checkpoint.pt")
    other = network(1)
    resumed = GroupedNewton(other, "blocks", period=2, window=2, warm_up=2)
    other.load_state_dict(checkpoint["model"])
    resumed.load_state_dict(checkpoint["optimizer"])
    assert resumed.rates == optimizer.rates
    assert torch.equal(resumed.last.step.eta, optimizer.last.step.eta)
    ends = [train(net, opt, 8, start=9) for net, opt in ((model, optimizer), (other, resumed))]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    for loss in (2.0, 2.0, 2.0):
        assert optimizer.plateau(loss) == resumed.plateau(loss)
    assert optimizer.param_groups[0]["lr"] == resumed.param_groups[0]["lr"] == 0.05


def test_states_that_do_not_fit():
    model = network()
    optimizer = GroupedNewton(model)
    with pytest.raises(ValueError, match="not that of GroupedNewton"):
        optimizer.load_state_dict(torch.optim.SGD(model.parameters(), lr=0.1).state_dict())
    with pytest.raises(ValueError, match="not that of GroupedNewton"):
        optimizer.load_state_dict(GroupedNewton(model, "blocks").state_dict())


def test_plateau_halves_all_rates():
    model = network()
    optimizer = at_once(model, lr=0.4, patience=1)
    assert not any(optimizer.plateau(1.0) for _ in range(5))  # nothing has moved yet
    train(model, optimizer, 1)
    halved = [optimizer.plateau(loss) for loss in (1.0, 0.9, 0.89999, 0.9, 0.5, 0.6, 0.6)]
    assert halved == [False, False, False, True, False, False, True]
    assert {group["lr"] for group in optimizer.param_groups} == {0.1}


def test_schedulers_of_torch_work():
    model = network()
    optimizer = at_once(model, lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.1)
    train(model, optimizer, 1)
    schedule.step()
    assert {group["lr"] for group in optimizer.param_groups} == {0.1}


def test_closure():
    model = network()
    optimizer = at_once(model)

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), Y)
        loss.backward()
        return loss

    loss = optimizer.step(closure, curvature=loss_function(model, F.cross_entropy, X, Y))
    assert loss.item() == pytest.approx(F.cross_entropy(network()(X), Y).item(), rel=1e-12)
    assert F.cross_entropy(model(X), Y) < loss


@pytest.mark.parametrize("groups", ["canonical", "trivial", "weights_biases", "blocks", "alternate"])
def test_the_loss_falls(groups):
    model = network()
    optimizer = GroupedNewton(model, groups, lr=0.3, period=5, warm_up=1)
    loss_fn = loss_function(model, F.cross_entropy, X, Y)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(model(X), Y).backward()
        optimizer.step(curvature=loss_fn)
    assert F.cross_entropy(model(X), Y) < 0.7 * F.cross_entropy(network()(X), Y)


def test_a_quadratic_is_solved_in_one_step():
    """Least squares with a group a coordinate: λ₁ = 1 is Newton's step."""
    params = nn.ParameterDict({name: nn.Parameter(torch.ones(1).double()) for name in "abc"})
    A = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    target = torch.arange(5.0).double()

    def loss(p):
        return (A @ torch.cat([p[name] for name in "abc"]) - target).square().sum()

    optimizer = at_once(params, lr=1.0, remove_negative=False)
    loss(params).backward()
    optimizer.step(curvature=loss)
    best = torch.linalg.lstsq(A, target).solution
    torch.testing.assert_close(torch.cat([params[name] for name in "abc"]).detach(), best)


def test_lenet_in_two_lines():
    model = build(lambda: LeNet(1, 3, image_size=12), 0)
    x, y = torch.randn(6, 1, 12, 12, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
    optimizer = GroupedNewton(model, period=1, warm_up=0)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step(curvature=loss_function(model, F.cross_entropy, x, y))
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, "lr must be positive and finite, got 0.0"),
        ({"lr": math.inf}, "lr must be"),
        ({"lambda_int": -1.0}, "lambda_int must be finite and not negative, got -1.0"),
        ({"momentum": 1.0}, "momentum"),
        ({"dampening": -0.1}, "dampening"),
        ({"period": 0}, "period must be an integer from 1, got 0"),
        ({"window": 1.5}, "window"),
        ({"warm_up": -1}, "warm_up"),
        ({"backend": "double"}, "did you mean 'double_backward'"),
        ({"groups": "layers"}, "unknown partition 'layers'"),
        ({"groups": [["layers.0.weight"]]}, "in no group"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        GroupedNewton(network(), **options)


def test_curvature_that_is_due_must_be_given():
    model = network()
    optimizer = GroupedNewton(model, period=2)
    F.cross_entropy(model(X), Y).backward()
    optimizer.step()
    with pytest.raises(ValueError, match=r"step 2 renews the rates: call step\(curvature=…\)"):
        optimizer.step()
    assert optimizer.steps == 1
    with pytest.raises(ValueError, match="does not depend on the parameters"):
        optimizer.step(curvature=lambda p: F.cross_entropy(model(X), Y).detach())


def test_half_precision_is_refused():
    model = network().half()
    optimizer = at_once(model)
    with pytest.raises(ValueError, match=r"model.float\(\)"):
        optimizer.step(curvature=lambda p: p["layers.0.bias"].sum())
