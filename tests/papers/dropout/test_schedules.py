"""Rates over a training: as the equations say, set where they should be, refused where they cannot be."""

import pytest
import torch
from torch import nn

from startright.data import load
from startright.papers.dropout import reference
from startright.papers.dropout.layers import Dropout, StochasticDepth
from startright.papers.dropout.schedules import RateSchedule, factor
from startright.training import TrainConfig, train, train_stacked


def net(rate=0.5):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10), Dropout(rate), StochasticDepth(0.4))


@pytest.mark.parametrize("schedule", ["standard", "early", "late"])
def test_the_factor_is_the_reference(schedule):
    for step in range(12):
        assert 0.3 * factor(schedule, step, 5) == pytest.approx(reference.rate(schedule, 0.3, step, 5))


def test_an_early_rate_may_stay_until_the_cutoff():
    assert [factor("early", step, 3, "constant") for step in range(5)] == [1, 1, 1, 0, 0]


def test_every_module_keeps_its_own_full_rate():
    model = net()
    late = RateSchedule(model, "late", total=9, cutoff=4)
    assert late.rates() == {"2": 0.0, "3": 0.0}
    late(4)
    assert late.rates() == pytest.approx({"2": 0.5, "3": 0.4})


def test_one_rate_for_all_or_one_kind_alone():
    model = net()
    RateSchedule(model, "standard", total=9, rate=0.2)
    assert [float(module.rate) for module in model[2:]] == pytest.approx([0.2, 0.2])
    RateSchedule(model, "early", total=9, cutoff=4, kind=Dropout)(5)
    assert [float(module.rate) for module in model[2:]] == pytest.approx([0.0, 0.2])
    RateSchedule(model, "standard", total=9, rate=0.0)  # said so: no noise
    assert [float(module.rate) for module in model[2:]] == [0.0, 0.0]


@pytest.mark.parametrize("unit", ["on_step", "on_epoch"])
def test_it_is_a_hook_of_the_training(unit):
    data, model, seen = load("digits"), net(), []
    steps = -(-len(data.train.y) // 500)
    total, cutoff = (4, 2) if unit == "on_epoch" else (4 * steps, 2 * steps)
    early = RateSchedule(model, "early", total=total, cutoff=cutoff)
    model[2].register_forward_pre_hook(lambda m, _: seen.append(float(m.rate)) if m.training else None)
    train(model, data, TrainConfig(epochs=4, batch_size=500, lr=0.1), **{unit: early})
    wanted = [
        0.5 * factor("early", (t // steps if unit == "on_epoch" else t), cutoff) for t in range(4 * steps)
    ]
    assert seen == pytest.approx(wanted)


def test_a_training_of_another_network_is_refused():
    data, early = load("digits"), RateSchedule(net(), "early", total=9, cutoff=4)
    with pytest.raises(ValueError, match="drives a Sequential that is not what is trained"):
        train(net(), data, TrainConfig(epochs=1), on_step=early)


def test_a_stack_of_networks_is_not_trained_in_silence():
    with pytest.raises((ValueError, RuntimeError), match="random"):
        train_stacked([net(), net()], load("digits"), TrainConfig(epochs=1, batch_size=500), seeds=[0, 1])


def test_a_rate_that_does_not_stay_is_seen():
    model = net()
    model[2].set_rate = lambda rate: None
    early = RateSchedule.__new__(RateSchedule)
    with pytest.raises(RuntimeError, match=r"the rate of '2' is 0\.5 after it was set to 0"):
        early.__init__(model, "late", total=9, cutoff=4)


def test_resuming_from_a_checkpoint():
    model = net()
    early = RateSchedule(model, "early", total=9, cutoff=4)
    early(2)
    saved = model.state_dict()
    again = net()
    resumed = RateSchedule(again, "early", total=9, cutoff=4)
    again.load_state_dict(saved)
    assert torch.equal(again[2].rate, model[2].rate)
    resumed(3)
    early(3)
    assert resumed.rates() == early.rates()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"schedule": "early", "total": 9}, "needs a cutoff"),
        ({"schedule": "early", "total": 9, "cutoff": 10}, "inside the training"),
        ({"schedule": "late", "total": 9, "cutoff": 9}, "inside the training"),
        ({"schedule": "early", "total": 9, "cutoff": 0}, "inside the training"),
        ({"schedule": "standard", "total": 9, "cutoff": 3}, "has no cutoff, got 3"),
        ({"schedule": "standard", "total": 0}, "total must be at least 1, got 0"),
        ({"schedule": "standard", "total": 9, "rate": 1.0}, r"in \[0, 1\), got 1"),
        ({"schedule": "earliest", "total": 9}, "schedule"),
        ({"schedule": "early", "total": 9, "cutoff": 3, "decay": "cosine"}, "decay"),
    ],
)
def test_schedules_that_are_none_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RateSchedule(net(), **arguments)


def test_networks_without_anything_to_drive_are_refused():
    with pytest.raises(ValueError, match="has no Dropping"):
        RateSchedule(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)), "standard", total=9)
    with pytest.raises(ValueError, match="all 1 rates are 0"):
        RateSchedule(nn.Sequential(Dropout()), "standard", total=9)
