"""The whole step as one compiled program: the same numbers, and only of networks that it may record."""

import copy
import pickle

import pytest
import torch
from papers.alrao.steps import assert_same, minibatches, train
from torch import nn
from torch.nn.modules.module import register_module_forward_hook
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from startright.models import MLP, build
from startright.papers.alrao import whole_step, wrap, wrap_classifier
from startright.papers.alrao.likelihoods import CrossEntropy
from startright.training.compiled import CannotCompile, Compiled, check_compiler

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _compiler():
    try:
        check_compiler(torch.device("cpu"))
    except RuntimeError as error:
        pytest.skip(str(error))


def network(*extra):
    return build(lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), *extra, nn.Tanh()), 0).double()


def wrapped(compile, backbone=None, **options):
    options = {"interval": (1e-4, 1.0), "n_heads": 4} | options
    return wrap(backbone or network(), lambda: nn.Linear(6, 3), compile=compile, **options)


def classifier(compile):
    net = build(lambda: MLP((4, 5, 6, 3), nn.ReLU, bias=False), 0).double()
    return wrap_classifier(net, (0.1, 0.1), 1, compile=compile)


def failing(compile):
    model, optimizer = wrapped(compile)
    model.heads.weight.data[2, 0, 0] = torch.nan
    return model, optimizer


@pytest.mark.parametrize("make", [wrapped, classifier, failing])
def test_a_whole_step_is_the_step(make):
    (plain, o1), (model, o2) = make(False), make(True)
    schedules = [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.3) for optimizer in (o1, o2)]
    for batches in (minibatches(3), minibatches(4, seed=2)):
        expected, found = train(plain, o1, batches), train(model, o2, batches)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
        assert_same(model, plain)
        for schedule in schedules:
            schedule.step()
    assert len(model._whole._step._made) == 1
    assert all(p.grad is None for p in model.parameters())
    plain.backbone[0].weight.requires_grad_(False) if make is wrapped else None
    model.backbone[0].weight.requires_grad_(False) if make is wrapped else None
    train(plain, o1, minibatches(2)), train(model, o2, minibatches(2))  # no longer whole where one is frozen
    assert_same(model, plain)


class Mine(nn.Linear):
    pass


class Counts(nn.Tanh):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) * (1 + self.calls)


def hooked(net):
    net[0].register_forward_hook(lambda *_: None)


def watched(net):
    net[0].register_full_backward_hook(lambda *_: None)


def hooked_before(net):
    net[0].register_forward_pre_hook(lambda *_: None)


def watched_before(net):
    net[0].register_full_backward_pre_hook(lambda *_: None)


def counting(net):
    net[1].momentum = None


def half_evaluating(net):
    net[1].eval()


def overridden(net):
    net[2].forward = lambda x: x


def frozen(net):
    net[0].weight.requires_grad_(False)


def clipped(net):
    net[0].weight.register_hook(lambda slope: slope.clamp(-1, 1))


def clipped_later(net):
    net[0].weight.register_post_accumulate_grad_hook(lambda p: p.grad.clamp_(-1, 1))


def sharing_a_buffer(net):
    net.append(nn.BatchNorm1d(6).double())
    net[-1].running_mean = net[1].running_mean


def compiled_before(net):
    net.compile(backend="eager")


CHANGES = [hooked, hooked_before, watched, watched_before, counting, half_evaluating, overridden, frozen]
CHANGES += [clipped, clipped_later, sharing_a_buffer, compiled_before]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_networks_are_not_recorded(change):
    net = network()
    change(net)
    assert not recorded(*wrapped(True, net, strict=False))


def test_weights_that_are_tied_later_are_not_recorded():
    model, optimizer = wrapped(True, network(nn.Linear(6, 6), nn.Linear(6, 6)))
    assert recorded(model, optimizer)
    model.backbone[3].weight = model.backbone[2].weight
    assert not recorded(model, optimizer)


@pytest.mark.parametrize("layer", [nn.Dropout(), nn.RReLU(), Counts(), Mine(6, 6)])
def test_layers_that_draw_or_count_or_are_not_known_are_not_recorded(layer):
    assert not recorded(*wrapped(True, network(layer)))


@pytest.mark.parametrize("options", [{"optimizer": "adam"}, {"likelihood": CrossEntropy()}])
def test_other_updates_and_losses_are_not_recorded(options):
    assert not recorded(*wrapped(True, **options))


def recorded(model, optimizer):
    """Whether the step after the first would be made whole; nothing is compiled for the answer."""
    seen = []
    model._whole._step = lambda *tensors, **_: seen.append(tensors) or (torch.zeros(()),)
    (x, y), *_ = minibatches(1)
    model._checked = True
    made = model._whole(x, y, optimizer)
    assert (made is None) == (not seen)
    return bool(seen)


def test_what_is_asked_for_beside_the_step_is_not_recorded():
    (x, y), *_ = minibatches(1)
    model, optimizer = wrapped(True)
    assert recorded(model, optimizer)
    with torch.no_grad():
        assert model._whole(x, y, optimizer) is None
    with torch.autocast("cpu", torch.bfloat16):
        assert model._whole(x, y, optimizer) is None
    assert model._whole({"input": x}, y, optimizer) is None
    assert model._whole(x[:0], y[:0], optimizer) is None
    assert model._whole(x.requires_grad_(), y, optimizer) is None
    handle = optimizer.register_step_post_hook(lambda *_: None)
    assert model._whole(x.detach(), y, optimizer) is None
    handle.remove()
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        assert model._whole(x.detach(), y, optimizer) is None
    assert recorded(model, optimizer)
    model.train(False)
    assert not recorded(model, optimizer)


@pytest.mark.parametrize(
    "register",
    [register_module_forward_hook, register_optimizer_step_pre_hook, register_optimizer_step_post_hook],
)
def test_nothing_is_recorded_where_every_module_or_optimizer_has_a_hook(register):
    handle = register(lambda *_: None)
    try:
        assert not recorded(*wrapped(True))
    finally:
        handle.remove()
    assert recorded(*wrapped(True))


def in_company(model, optimizer, monkeypatch):
    monkeypatch.setattr(whole_step.replicas, "partners", lambda group: object())


def with_another_group(model, optimizer, monkeypatch):
    more = {"params": [("more", nn.Parameter(torch.zeros(1)))], "rates": {"more": torch.ones(1)}}
    optimizer.add_param_group(more)


def without_a_parameter(model, optimizer, monkeypatch):
    optimizer.param_groups[0]["params"].pop(0)


def in_another_type(model, optimizer, monkeypatch):
    model.float()


@pytest.mark.parametrize("change", [in_company, with_another_group, without_a_parameter, in_another_type])
def test_what_the_optimizer_has_to_see_to_is_not_recorded(change, monkeypatch):
    model, optimizer = wrapped(True)
    change(model, optimizer, monkeypatch)
    assert not recorded(model, optimizer)


def test_a_class_out_of_range_moves_nothing():
    model, optimizer = wrapped(True)
    train(model, optimizer, minibatches(2))
    before = copy.deepcopy(model)
    with pytest.raises(ValueError, match="classes 0 to 2; got class 3"):
        model.training_step(minibatches(1)[0][0], torch.arange(8) % 4, optimizer)
    assert_same(model, before)


def test_a_whole_step_ends_a_turn_that_was_begun():
    model, optimizer = wrapped(True)
    train(model, optimizer, minibatches(2))
    (x, y), *_ = minibatches(1)
    model.backward(model.backbone(x), y)
    train(model, optimizer, minibatches(1))
    model(x).sum().backward()
    with pytest.warns(UserWarning, match="not Alrao"):
        optimizer.step()


def other_layer(model, _):
    model.backbone[2] = nn.ReLU()


def twice_the_layer(model, _):
    model.backbone.append(model.backbone[2])


def other_momentum(model, _):
    model.backbone[1].momentum = 0.5


def other_theta(model, _):
    model.switch.theta = 0.5


def rate_in_place(model, optimizer):
    lr = optimizer.param_groups[0]["lr"] = torch.tensor(1.0, dtype=torch.float64)
    train(model, optimizer, minibatches(1))
    lr.fill_(0.1)


def weights_in_columns(model, _):
    model.backbone[0].weight.data = model.backbone[0].weight.data.T.contiguous().T


def weights_with_gaps(model, _):
    weight = model.backbone[0].weight
    weight.data = weight.data.repeat_interleave(2, 1)[:, ::2]


LATER = [other_layer, twice_the_layer, other_momentum, other_theta]
LATER += [rate_in_place, weights_in_columns, weights_with_gaps]


@pytest.mark.parametrize("change", LATER)
def test_what_changes_after_it_was_recorded_is_followed(change):
    runs = [wrapped(compile) for compile in (False, True)]
    for run in runs:
        train(*run, minibatches(2))
        change(*run)
        train(*run, minibatches(2, seed=2))
    assert_same(runs[1][0], runs[0][0])
    assert runs[1][0]._whole._step._made


def with_gaps(x):
    return x.repeat_interleave(2, 1)[:, ::2]


def in_columns(x):
    return x.T.contiguous().T


def the_same_eight_times(x):
    return x[:1].expand(8, 4)


@pytest.mark.parametrize("change", [with_gaps, in_columns, the_same_eight_times])
def test_inputs_may_lie_otherwise_than_those_before(change):
    runs = [wrapped(compile) for compile in (False, True)]
    batches = minibatches(2) + [(change(x), y) for x, y in minibatches(2, seed=2)]
    torch.testing.assert_close(train(*runs[1], batches), train(*runs[0], batches), rtol=1e-12, atol=1e-12)
    assert len(runs[1][0]._whole._step._made) == 1


def one_layer_twice():
    norm, act = nn.BatchNorm1d(6), nn.Tanh()
    return nn.Sequential(nn.Linear(4, 6), norm, act, nn.Linear(6, 6), norm, act).double()


def one_that_is_idle():
    net = network()
    net[0].idle = nn.Linear(2, 2).double()
    return net


@pytest.mark.parametrize("make", [one_layer_twice, one_that_is_idle])
def test_layers_that_are_called_twice_or_never(make):
    runs = [wrapped(compile, build(make, 0), strict=False) for compile in (False, True)]
    for run in runs:
        train(*run, minibatches(4))
    assert_same(runs[1][0], runs[0][0])
    assert len(runs[1][0]._whole._step._made) == 1


def test_examples_along_two_axes_have_targets_each():
    def flat():
        return nn.Sequential(nn.Flatten(0, 1), nn.Linear(4, 6)).double()

    runs = [wrapped(compile, build(flat, 0)) for compile in (False, True)]
    pairs = [(x.view(2, 4, 4), y) for x, y in minibatches(3)]
    torch.testing.assert_close(train(*runs[1], pairs), train(*runs[0], pairs), rtol=1e-12, atol=1e-12)
    assert len(runs[1][0]._whole._step._made) == 1

    model, optimizer = wrapped(True, build(lambda: nn.Sequential(nn.Linear(4, 6)), 0).double())
    train(model, optimizer, minibatches(2))
    with pytest.raises(ValueError, match="targets must be a tensor of"):
        model.training_step(torch.zeros(8, 5, 4).double(), torch.arange(8) % 3, optimizer)


def test_a_schedule_made_after_the_first_step_does_not_warn(recwarn):
    model, optimizer = wrapped(True)
    train(model, optimizer, minibatches(1))
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    train(model, optimizer, minibatches(1))
    schedule.step()
    assert not [w for w in recwarn if "lr_scheduler" in str(w.message)]


def test_a_network_that_cannot_be_compiled_goes_on_in_parts(monkeypatch):
    whole = Compiled._compile

    def refuse(self, tensors):
        if self.name == "the whole step":
            raise CannotCompile("the whole step cannot be compiled")
        return whole(self, tensors)

    monkeypatch.setattr(Compiled, "_compile", refuse)
    (plain, o1), (model, o2) = wrapped(False), wrapped(True)
    batches = minibatches(4)
    with pytest.warns(UserWarning, match="cannot be compiled; heads and Switch alone are") as seen:
        train(model, o2, batches)
    assert len(seen) == 1
    train(plain, o1, batches)
    assert_same(model, plain)


def test_copies_go_on_by_themselves():
    model, optimizer = wrapped(True)
    train(model, optimizer, minibatches(3))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other._whole.model is other
        assert not other._whole._step._made
        assert_same(other, model)
