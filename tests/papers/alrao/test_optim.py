import copy
import math

import pytest
import torch
from torch import nn

from startright.papers.alrao.optim import PerUnitAdam, PerUnitSGD

KINDS = [(PerUnitSGD, torch.optim.SGD), (PerUnitAdam, torch.optim.Adam)]
both = pytest.mark.parametrize("kind", [PerUnitSGD, PerUnitAdam])
CLOSE = {"rtol": 1e-10, "atol": 1e-11}  # rounding, after a hundred steps


def network(seed=0):
    net = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return net


def random_rates(net, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: 0.1 * torch.rand(len(p), *[1] * (p.dim() - 1), generator=generator)
        for name, p in net.named_parameters()
    }


def equal_rates(net, rate=0.01):
    return {name: torch.tensor(rate, dtype=torch.float64) for name, _ in net.named_parameters()}


def train(net, optimizer, steps=100, seed=2, each=lambda: None):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        p = next(net.parameters())
        x = torch.randn(8, 5, generator=generator, dtype=torch.float64).to(p)
        optimizer.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()
        each()
    return [p.detach().clone() for p in net.parameters()]


@both
def test_all_at_once_moves_as_one_after_another(kind):
    nets = [network(), network()]
    ends = [
        train(net, kind(net.named_parameters(), random_rates(net), lr=0.5, foreach=foreach))
        for net, foreach in zip(nets, (True, False), strict=True)
    ]
    torch.testing.assert_close(*ends, **CLOSE)
    assert not torch.equal(ends[0][0], next(network().parameters()))


@pytest.mark.parametrize("foreach", [True, False])
@pytest.mark.parametrize(("kind", "torchs"), KINDS)
def test_with_one_rate_it_is_torch_s(kind, torchs, foreach):
    net, other = network(), network()
    ours = train(net, kind(net.named_parameters(), equal_rates(net), foreach=foreach))
    torch.testing.assert_close(ours, train(other, torchs(other.parameters(), lr=0.01)), **CLOSE)


@pytest.mark.parametrize(("kind", "torchs"), KINDS)
def test_each_unit_moves_as_with_torch_s_at_its_rate(kind, torchs):
    rates, net = random_rates(network()), network()
    train(net, kind(net.named_parameters(), rates), steps=1)
    for row in range(4):
        other = network()
        train(other, torchs(other.parameters(), lr=float(rates["0.weight"][row])), steps=1)
        torch.testing.assert_close(net[0].weight[row], other[0].weight[row], rtol=1e-6, atol=1e-8)


@both
@pytest.mark.parametrize("foreach", [True, False])
def test_groups_have_their_own_multipliers(kind, foreach):
    net, other = network(), network()
    rates = random_rates(net)
    groups = [
        {"params": list(net[0].named_parameters("0")), "lr": 0.5},
        {"params": list(net[2].named_parameters("2"))},
    ]
    scaled = {name: rate * (0.5 if name.startswith("0") else 2.0) for name, rate in rates.items()}
    ends = (
        train(net, kind(groups, rates, lr=2.0, foreach=foreach)),
        train(other, kind(other.named_parameters(), scaled, foreach=foreach)),
    )
    torch.testing.assert_close(*ends, **CLOSE)


@pytest.mark.parametrize(("kind", "torchs"), KINDS)
def test_schedulers_of_torch_scale_all_rates(kind, torchs):
    net, other = network(), network()
    ours, theirs = kind(net.named_parameters(), equal_rates(net)), torchs(other.parameters(), lr=0.01)
    schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(o, 30) for o in (ours, theirs)]
    ends = (
        train(net, ours, 31, each=schedules[0].step),
        train(other, theirs, 31, each=schedules[1].step),
    )
    torch.testing.assert_close(*ends, **CLOSE)
    assert ours.param_groups[0]["lr"] < 0.01


@both
def test_rate_zero_freezes(kind):
    net = network()
    rates = random_rates(net) | {"0.weight": torch.tensor([[0.0], [0.1], [0.1], [0.1]])}
    train(net, kind(net.named_parameters(), rates), steps=3)
    assert torch.equal(net[0].weight[0], network()[0].weight[0])
    assert not torch.isclose(net[0].weight[1:], network()[0].weight[1:]).any()


@both
def test_a_parameter_without_a_gradient_stays(kind):
    net = network()
    net[0].requires_grad_(False)
    train(net, kind(net.named_parameters(), random_rates(net)), steps=3)
    assert torch.equal(net[0].weight, network()[0].weight)
    assert not torch.equal(net[2].weight, network()[2].weight)


@both
def test_a_checkpoint_resumes_bitwise_with_its_rates(kind):
    net = network()
    optimizer = kind(net.named_parameters(), random_rates(net))
    train(net, optimizer, steps=5)
    other = copy.deepcopy(net)
    resumed = kind(other.named_parameters(), equal_rates(other))
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for a, b in zip(train(net, optimizer, 5, 3), train(other, resumed, 5, 3), strict=True):
        assert torch.equal(a, b)


@both
def test_it_follows_a_model_that_is_cast(kind):
    net, other = network(), network().float()
    optimizer = kind(net.named_parameters(), random_rates(net))
    train(net, optimizer, steps=2)
    ends = train(net.float(), optimizer, steps=20)
    plain = kind(other.named_parameters(), random_rates(other))
    train(other, plain, steps=2)
    torch.testing.assert_close(ends, train(other, plain, steps=20), rtol=1e-3, atol=1e-4)
    assert {
        value.dtype
        for state in optimizer.state.values()
        for value in state.values()
        if torch.is_tensor(value)
    } == {torch.float32}


def test_a_closure_s_loss_is_returned():
    p = nn.Parameter(torch.tensor([3.0]))
    optimizer = PerUnitSGD([("p", p)], {"p": torch.tensor(0.5)})

    def closure():
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure) == 9
    assert p.item() == 0  # 3 − 0.5 · 6
    assert optimizer.step() is None


def test_a_tall_tensor_in_another_layout_keeps_it():
    p = nn.Parameter(torch.zeros(2, 3, 4, 4).contiguous(memory_format=torch.channels_last))
    optimizer = PerUnitSGD([("p", p)], {"p": torch.tensor([1.0, 2.0]).view(2, 1, 1, 1)})
    (p.sum()).backward()
    optimizer.step()
    assert torch.equal(p.detach(), torch.tensor([-1.0, -2.0]).view(2, 1, 1, 1).expand(2, 3, 4, 4))


@both
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("0.bias"), "every parameter needs rates.*without: 0.bias"),
        (lambda r: r.update(extra=torch.ones(())), "all rates a parameter; without: extra"),
        (
            lambda r: r.update({"0.bias": torch.ones(3)}),
            r"rates of shape \(3,\) do not broadcast to 0.bias, \(4,\)",
        ),
        (
            lambda r: r.update({"0.bias": torch.ones(2, 4)}),
            r"rates of shape \(2, 4\) do not broadcast to 0.bias",
        ),
        (
            lambda r: r.update({"0.bias": torch.tensor(-1.0)}),
            "finite and not negative, those of 0.bias are not",
        ),
        (lambda r: r.update({"0.bias": torch.tensor(math.nan)}), "finite and not negative"),
        (lambda r: r.update({"0.bias": torch.tensor(math.inf)}), "finite and not negative"),
    ],
)
def test_rates_that_do_not_fit_are_refused(kind, change, message):
    net = network()
    rates = random_rates(net)
    change(rates)
    with pytest.raises(ValueError, match=message):
        kind(net.named_parameters(), rates)


@both
@pytest.mark.parametrize("lr", [0, -1, math.inf, math.nan])
def test_the_multiplier_is_positive(kind, lr):
    with pytest.raises(ValueError, match="positive and finite, got"):
        kind(network().named_parameters(), random_rates(network()), lr=lr)


@pytest.mark.parametrize(
    "options", [{"betas": (1.0, 0.9)}, {"betas": (0.9, -0.1)}, {"eps": 0}, {"eps": math.inf}]
)
def test_adam_s_constants_are_checked(options):
    with pytest.raises(ValueError, match="betas must be in"):
        PerUnitAdam(network().named_parameters(), random_rates(network()), **options)


@both
def test_parameters_come_with_names(kind):
    net = network()
    for parameters in (net.parameters(), [{"params": list(net.parameters())}]):
        with pytest.raises(ValueError, match="parameters must come with their names"):
            kind(parameters, random_rates(net))


@both
def test_a_parameter_added_later_is_refused_at_the_step(kind):
    net = network()
    optimizer = kind(net.named_parameters(), random_rates(net))
    p = nn.Parameter(torch.zeros(2))
    optimizer.add_param_group({"params": [("new", p)]})
    p.grad = torch.ones(2)
    with pytest.raises(ValueError, match=r"of shape \(2,\) has no rates"):
        optimizer.step()


@both
def test_sparse_gradients_are_refused(kind):
    layer = nn.Embedding(3, 2, sparse=True)
    optimizer = kind(layer.named_parameters(), {"weight": torch.ones(())})
    layer(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match="sparse gradient: make it dense"):
        optimizer.step()


@pytest.mark.parametrize("foreach", [True, False])
def test_a_count_of_steps_on_the_device_changes_nothing(foreach):
    nets = [network().double() for _ in range(2)]
    rates = random_rates(nets[0])
    made = [
        PerUnitAdam(net.named_parameters(), rates, foreach=foreach, capturable=capturable)
        for net, capturable in zip(nets, (False, True), strict=True)
    ]
    for k in range(5):
        for net, optimizer in zip(nets, made, strict=True):
            optimizer.zero_grad()
            sum((p * (p + k)).sum() for p in net.parameters()).backward()
            optimizer.step()
    for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-13, atol=1e-13)
    assert all(torch.is_tensor(state["step"]) for state in made[1].state.values())


@both
def test_a_group_may_be_added_with_its_rates(kind):
    net = network()
    optimizer = kind(net.named_parameters(), random_rates(net))
    p = nn.Parameter(torch.zeros(2))
    for rates, message in (
        ({"other": torch.ones(())}, "without: new, other"),
        ({"new": -torch.ones(2)}, "not negative, those of new"),
        ({"new": torch.ones(3)}, "do not broadcast to new"),
    ):
        with pytest.raises(ValueError, match=message):
            optimizer.add_param_group({"params": [("new", p)], "rates": rates})
        assert len(optimizer.param_groups) == 1
        assert p not in optimizer.state
    optimizer.add_param_group({"params": [("new", p)], "rates": {"new": torch.tensor([0.1, 0.0])}, "lr": 2.0})
    p.grad = torch.tensor([1.0, 1.0])
    optimizer.step()
    assert p.tolist() == pytest.approx([-0.2, 0.0])
    assert "rates" not in optimizer.param_groups[1]


@both
@pytest.mark.parametrize("foreach", [True, False])
def test_complex_parameters_move_as_pairs_of_real_ones(kind, foreach):
    torch.manual_seed(0)
    z = nn.Parameter(torch.randn(3, 2, dtype=torch.complex128))
    pair = nn.Parameter(torch.view_as_real(z.detach()).clone())
    rate = torch.tensor([0.1, 0.2, 0.0], dtype=torch.float64)[:, None]
    optimizers = (
        kind([("z", z)], {"z": rate}, foreach=foreach),
        kind([("pair", pair)], {"pair": rate[..., None]}, foreach=foreach),
    )
    target = torch.randn(3, 2, dtype=torch.complex128)
    for _ in range(5):
        (z - target).abs().square().sum().backward()
        (torch.view_as_complex(pair) - target).abs().square().sum().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    torch.testing.assert_close(torch.view_as_real(z), pair)
    again = kind([("z", z)], {"z": rate})
    again.load_state_dict(optimizers[0].state_dict())
    torch.testing.assert_close(dict(again.state[z]), dict(optimizers[0].state[z]))


@both
def test_complex_parameters_at_one_rate_are_torch_s(kind):
    theirs = {PerUnitSGD: torch.optim.SGD, PerUnitAdam: torch.optim.Adam}[kind]
    start = torch.randn(4, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    a, b = (nn.Parameter(start.clone()) for _ in range(2))
    optimizers = kind([("a", a)], {"a": torch.tensor(0.05)}), theirs([b], lr=0.05)
    for _ in range(4):
        for p, optimizer in zip((a, b), optimizers, strict=True):
            optimizer.zero_grad()
            (p**2 - 1j).abs().square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(a, b)
