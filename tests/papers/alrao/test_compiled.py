"""Heads and Switch as one compiled program: the same numbers, also where heads fail, and refusals."""

import copy
import pickle

import pytest
import torch
from papers.alrao.steps import assert_same, minibatches, train
from torch import nn

from startright.data import load
from startright.models import MLP, build
from startright.papers.alrao import wrap, wrap_classifier
from startright.papers.alrao.compiled import CompiledHeads
from startright.papers.alrao.likelihoods import Categorical, CrossEntropy
from startright.papers.alrao.stack import fit_stacked
from startright.training import TrainConfig
from startright.training.compiled import check_compiler

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _compiler():
    try:
        check_compiler(torch.device("cpu"))
    except RuntimeError as error:
        pytest.skip(str(error))


def wrapped(compile, interval=(1e-4, 1.0), bias=True, **options):
    backbone = build(lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh()), 0).double()
    return wrap(backbone, lambda: nn.Linear(6, 3, bias=bias), interval, 4, compile=compile, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False, "optimizer": "adam"},
        {"failed": 2},
        {"likelihood": CrossEntropy(label_smoothing=0.1, ignore_index=2)},
    ],
    ids=["sgd", "adam, no bias", "failing heads", "smoothed"],
)
def test_a_compiled_step_is_the_step(options):
    failed = options.get("failed")
    own = {name: value for name, value in options.items() if name != "failed"}
    (plain, o1), (model, o2) = wrapped(False, **own), wrapped(True, **own)
    if failed is not None:
        plain.heads.weight.data[failed, 0, 0] = model.heads.weight.data[failed, 0, 0] = torch.nan
    batches = minibatches(6)
    expected, found = train(plain, o1, batches), train(model, o2, batches)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True)
    assert_same(model, plain)
    assert int(model.switch.t) == 7
    if failed is not None:
        assert found.isfinite().all()
        assert model.switch.weights[failed] == model.switch.weights.min()


def test_a_checkpoint_goes_on_compiled_or_not():
    batches = minibatches(6)
    model, optimizer = wrapped(True)
    train(model, optimizer, batches[:3])
    kept = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    copied = copy.deepcopy(model)
    assert isinstance(pickle.loads(pickle.dumps(model._compiled)), CompiledHeads)
    train(model, optimizer, batches[3:])
    for compile in (False, True):
        other, o2 = wrapped(compile)
        other.load_state_dict(kept[0])
        o2.load_state_dict(kept[1])
        train(other, o2, batches[3:])
        assert_same(other, model)
    assert int(copied.switch.t) == 4


def test_pieces_and_steps_by_hand():
    [(x, y)] = minibatches(1)
    (plain, o1), (model, o2) = wrapped(False), wrapped(True)
    for net, optimizer in ((plain, o1), (model, o2)):
        net.accumulated_step([(x[:4], y[:4]), (x[4:], y[4:])], optimizer)
        optimizer.zero_grad()
        _, log_likelihoods = net.backward(net.backbone(x), y)
        optimizer.step()
        net.switch.update(log_likelihoods)
        net.training_step(x, y, optimizer)
    assert_same(model, plain)


def test_a_class_out_of_range_is_refused_in_every_step():
    (x, y), second = minibatches(2)
    model, optimizer = wrapped(True)
    train(model, optimizer, [(x, y), second])
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match="got class 3"):
        model.training_step(x, y + 1, optimizer)
    torch.testing.assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=0)


class Halved(Categorical):
    def log_prob(self, outputs, targets):
        return super().log_prob(outputs, targets) / 2


@pytest.mark.parametrize(
    ("make_head", "likelihood"),
    [(lambda: nn.Sequential(nn.Linear(6, 3)), "categorical"), (lambda: nn.Linear(6, 3), Halved())],
)
def test_other_heads_are_refused(make_head, likelihood):
    with pytest.raises(ValueError, match="compile=True makes the step of linear heads"):
        wrap(nn.Linear(4, 6), make_head, (1e-3, 1.0), 3, likelihood=likelihood, compile=True)


def test_a_compiled_stack_has_the_same_curves():
    data = load("digits", n_train=96, n_test=50, flatten=True, dtype=torch.float64)
    settings = [((1e-5, 1e-1), 4), ((0.1, 0.1), 1), ((1e-4, 1e-1), 4)]

    def run(compile):
        nets = [build(lambda: MLP((64, 6, 10), batch_norm=True), seed).double() for seed in range(3)]
        pairs = [wrap_classifier(net, *setting) for net, setting in zip(nets, settings, strict=True)]
        seen = [[] for _ in pairs]
        watches = [lambda weights, own=own: own.append(weights.clone()) for own in seen]
        config = TrainConfig(3, 32)
        histories = fit_stacked(pairs, data, config, seeds=range(3), watches=watches, compile=compile)
        return [model for model, _ in pairs], histories, [torch.stack(own) for own in seen]

    (plain, expected, weights), (models, found, others) = run(False), run(True)
    for a, b in zip(expected, found, strict=True):
        assert (a.status, a.steps) == (b.status, b.steps)
        for name, values in a.curves.items():
            assert b.curves[name] == pytest.approx(values, rel=1e-9, abs=1e-9)
    states, right = ([dict(net.state_dict()) for net in nets] for nets in (models, plain))
    torch.testing.assert_close([*states, *others], [*right, *weights], rtol=1e-8, atol=1e-9, equal_nan=True)
