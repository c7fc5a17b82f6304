"""A step that leaves Switch, or the heads' own gradients, out says so once."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.papers.alrao import PerUnitSGD, wrap, wrap_classifier

X, Y = torch.linspace(-1, 1, 48).view(8, 6), torch.arange(8) % 5


def pair(**options):
    return wrap(nn.Linear(6, 8), lambda: nn.Linear(8, 5), (1e-3, 1.0), 3, **options)


def warned(do):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        do()
    return [str(one.message) for one in told]


def usual(model, optimizer, n=3):
    for _ in range(n):
        optimizer.zero_grad()
        F.cross_entropy(model(X), Y).backward()
        optimizer.step()


def by_closure(model, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = F.nll_loss(model(X), Y)
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)


def scaled(model, optimizer):
    scaler = torch.amp.GradScaler("cpu")
    for _ in range(3):
        optimizer.zero_grad()
        scaler.scale(F.cross_entropy(model(X), Y)).backward()
        scaler.step(optimizer)
        scaler.update()


def one_head_after_another(model, optimizer):
    """A loss of one's own on all heads."""
    for _ in range(3):
        optimizer.zero_grad()
        (-model.head_log_probs(X)[:, range(8), Y].mean()).backward()
        optimizer.step()


@pytest.mark.parametrize("loop", [usual, by_closure, scaled, one_head_after_another])
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_usual_loop_says_once_that_it_is_not_alrao(loop, name):
    model, optimizer = pair(optimizer=name)
    (message,) = warned(lambda: loop(model, optimizer))
    assert "gave the heads the mixture's gradient" in message
    assert "model.training_step(x, targets, optimizer)" in message


def test_so_it_does_after_a_step_in_turn():
    model, optimizer = wrap_classifier(
        nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5)), (1e-3, 1.0), 3
    )
    model.training_step(X, Y, optimizer)
    assert len(warned(lambda: usual(model, optimizer))) == 1


def by_hand(model, optimizer, update, n=3):
    for _ in range(n):
        optimizer.zero_grad()
        _, log_likelihoods = model.backward(model.backbone(X), Y)
        optimizer.step()
        if update:
            model.switch.update(log_likelihoods)


def test_a_step_by_hand_is_in_turn_if_switch_follows():
    model, optimizer = pair()
    assert warned(lambda: by_hand(model, optimizer, True)) == []
    (message,) = warned(lambda: by_hand(model, optimizer, False))
    assert "whose outcome Switch has not seen" in message


def test_one_head_needs_no_switch():
    model, optimizer = wrap(nn.Linear(6, 8), lambda: nn.Linear(8, 5), (0.1, 0.1), 1)
    assert warned(lambda: by_hand(model, optimizer, False)) == []


def attack(model, optimizer):
    """Inputs that fool it, by the gradient of the mixture; then a step in turn."""
    x = X.clone().requires_grad_()
    F.nll_loss(model(x), Y).backward()
    model.training_step(X + 0.1 * x.grad.sign(), Y, optimizer)


def in_pieces(model, optimizer):
    model.accumulated_step([(X[:3], Y[:3]), (X[3:], Y[3:])], optimizer)


@pytest.mark.parametrize("loop", [attack, in_pieces, lambda model, optimizer: optimizer.step()])
def test_nothing_is_said_where_all_is_well(loop):
    model, optimizer = pair()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)

    def run():
        for _ in range(2):
            loop(model, optimizer)
            schedule.step()

    assert warned(run) == []


def test_an_optimizer_without_heads_steps_as_any_other():
    layer = nn.Linear(6, 5)
    optimizer = PerUnitSGD(layer.named_parameters(), {"weight": torch.ones(()), "bias": torch.ones(())})
    assert warned(lambda: usual(layer, optimizer)) == []


def test_copies_keep_watch():
    model, optimizer = copy.deepcopy(pair())
    assert len(warned(lambda: usual(model, optimizer))) == 1
    model, optimizer = pair()
    assert warned(lambda: by_hand(*copy.deepcopy((model, optimizer)), True)) == []
