"""The rules by their decisions, and that nothing but the time depends on them."""

import pytest
import torch
from torch import nn

from startright.models import MLP, LeNet, build
from startright.training import TrainConfig, sizes, train, train_stacked
from startright.training.penalties import L2
from startright.training.sizes import fitting_threads, one_thread_suffices, stacking_pays, width

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def mlp(hidden):
    return MLP((64, hidden, hidden, 10))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: mlp(20), 20),
        (lambda: MLP((784, 300, 10)), 300),
        (lambda: MLP((784, 100, 10)), 100),
        (lambda: nn.Conv2d(32, 64, 3), 64),
        (lambda: nn.BatchNorm1d(900), 0),
        (lambda: nn.Sequential(nn.Linear(900, 900).requires_grad_(False), nn.Linear(900, 7)), 7),
    ],
)
def test_the_width_is_that_of_the_widest_layer_that_learns(make, expected):
    assert width(make()) == expected


@pytest.mark.parametrize(
    ("make", "stacks", "one_thread"),
    [
        (lambda: mlp(32), True, True),
        (lambda: mlp(255), True, True),
        (lambda: mlp(256), False, False),
        (lambda: mlp(512), False, False),
        (LeNet, True, False),
    ],
)
def test_what_is_decided(make, stacks, one_thread):
    net = make()
    assert (stacking_pays(net, CPU), one_thread_suffices(net, CPU)) == (stacks, one_thread)
    assert (stacking_pays(net, GPU), one_thread_suffices(net, GPU)) == (True, False)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_narrow_network_has_one_thread_and_the_others_come_back(two_threads):
    inside = []

    def fail():
        with fitting_threads(mlp(20), CPU):
            inside.append(torch.get_num_threads())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert inside == [1]
    assert torch.get_num_threads() == 2
    with fitting_threads(mlp(300), CPU):
        assert torch.get_num_threads() == 2


def test_the_trainers_keep_to_it(two_threads, digits):
    seen = []
    config = TrainConfig(epochs=1, batch_size=64)
    hooks = {"on_step": lambda count, model: seen.append(torch.get_num_threads())}
    train(mlp(20).double(), digits, config, **hooks)
    train_stacked([mlp(20).double()], digits, config, seeds=[0], **hooks)
    assert set(seen) == {1}
    seen.clear()
    train(mlp(300).double(), digits, config, **hooks)
    assert set(seen) == {2}
    assert torch.get_num_threads() == 2


def run(digits, *, hook=None):
    models = [build(lambda: mlp(20), seed).double() for seed in range(3)]
    config = TrainConfig(epochs=2, batch_size=64, momentum=0.9, penalty=L2((0.0, 0.01, 0.1)))
    histories = train_stacked(models, digits, config, seeds=(3, 1, 4), lrs=(0.1, 1e300, 0.3), on_epoch=hook)
    return histories, [nn.utils.parameters_to_vector(m.parameters()).detach() for m in models]


def test_wide_networks_are_trained_one_by_one_to_the_same_end(digits, monkeypatch):
    together, ends = run(digits)
    stacks = []
    monkeypatch.setattr("startright.training.stacked.ModelStack", stacks.append)
    monkeypatch.setattr(sizes, "WIDE", 20)
    alone, others = run(digits)
    assert not stacks
    assert [h.status for h in alone] == ["ok", "diverged", "ok"]
    for one, other in zip(together, alone, strict=True):
        assert (one.steps, one.status, one.reason) == (other.steps, other.status, other.reason)
        assert one.curves == {k: pytest.approx(v, rel=1e-9) for k, v in other.curves.items()}
    for row in (0, 2):
        torch.testing.assert_close(ends[row], others[row], rtol=1e-8, atol=1e-9)


def test_a_hook_that_wants_the_stack_gets_it(digits, monkeypatch):
    monkeypatch.setattr(sizes, "WIDE", 20)
    seen = []
    run(digits, hook=lambda epoch, stack: seen.append(stack.theta.shape[0]))
    assert seen[0] == 3


def test_wide_networks_are_refused_as_narrow_ones_are(digits, monkeypatch):
    monkeypatch.setattr(sizes, "WIDE", 0)
    config = TrainConfig(epochs=1, batch_size=64)
    with pytest.raises(ValueError, match="model 1 differs"):
        train_stacked([mlp(20).double(), mlp(21).double()], digits, config, seeds=[0, 1])
    nets = [mlp(20).double(), mlp(20).double()]
    with pytest.raises(ValueError, match="one augmentation a run"):
        train_stacked(nets, digits, config, seeds=[0, 1], augment=[None])
