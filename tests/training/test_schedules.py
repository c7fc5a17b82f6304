import pytest
import torch
from torch.optim import lr_scheduler as torchs

from startright.training import schedules

STEPS = 12


def of_torch(make):
    """The rates that a scheduler of torch gives an optimizer of rate 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, rates = make(optimizer), []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


CASES = {
    "milestones": (schedules.milestones([3, 7], 0.2), lambda o: torchs.MultiStepLR(o, [3, 7], 0.2)),
    "exponential": (schedules.exponential(0.9), lambda o: torchs.ExponentialLR(o, 0.9)),
    "every": (schedules.exponential(0.5, every=4), lambda o: torchs.StepLR(o, 4, 0.5)),
    "cosine": (schedules.cosine(STEPS, 0.1), lambda o: torchs.CosineAnnealingLR(o, STEPS, eta_min=0.1)),
    "warmup": (schedules.warmup(5), lambda o: torchs.LinearLR(o, 1 / 5, 1.0, total_iters=4)),
    "constant": (schedules.constant, lambda o: torchs.ConstantLR(o, 1.0)),
}


@pytest.mark.parametrize("name", CASES)
def test_schedules_are_those_of_torch(name):
    schedule, make = CASES[name]
    assert [schedule(step) for step in range(STEPS)] == pytest.approx(of_torch(make), rel=1e-12)


def test_a_warm_up_before_a_cosine():
    schedule = schedules.warmup(4, schedules.cosine(8))
    after = [schedules.cosine(8)(step) for step in range(8)]
    assert [schedule(step) for step in range(STEPS)] == [0.25, 0.5, 0.75, 1.0, *after]


def test_a_cosine_stays_at_its_end():
    assert schedules.cosine(5, 0.2)(50) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "make", [schedules.cosine, schedules.warmup, lambda n: schedules.exponential(0.5, n)]
)
def test_no_steps_are_refused(make):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        make(0)
