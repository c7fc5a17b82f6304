"""A captured step is the same step, in one launch."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from startright.data import cifar, load
from startright.models import MLP, build
from startright.papers.alrao import wrap_classifier
from startright.papers.alrao.training import fit
from startright.papers.critical.deficits import DEFICITS, deficit_schedule
from startright.papers.scalp.penalties import ColumnLasso, ScaleLasso
from startright.training import TrainConfig, gradient_step, train
from startright.training.config import Group
from startright.training.evaluation import cross_entropy
from startright.training.launches import WARM_UP, CapturedStep
from startright.training.loop import recordable_step, torch_optimizer
from startright.training.penalties import L1, L2, GroupLasso
from startright.training.schedules import exponential

CUDA = torch.device("cuda")
HISTORY = {"rel": 1e-9}


def network(dtype=torch.float64):
    return build(lambda: MLP((64, 16, 10), nn.Tanh, batch_norm=True), 0).to(dtype)


def played(step, generators):
    """What stands for a CUDA graph on a processor: recording makes no step, a replay takes no argument."""
    result, calls = torch.zeros(()), []

    def replay():
        calls.append(1)
        result.copy_(step())

    played.calls = calls
    return replay, result


def total(step, batches):
    return [float(step(batch)) for batch in batches]


def test_every_batch_is_taken_once_whether_warm_recorded_or_odd():
    moved = torch.zeros(())

    def step(x):
        return moved.add_(x.sum()).clone()

    batches = [torch.full((4,), float(k)) for k in range(8)]
    batches.insert(6, torch.full((3,), 100.0))
    captured = CapturedStep(step, record=played)
    got = total(captured, batches)
    assert len(played.calls) == 8 - WARM_UP  # the odd one is made as it is
    moved.zero_()
    assert got == total(step, batches)


def test_a_result_stays_when_the_next_step_is_made():
    captured = CapturedStep(lambda x: x.sum(), record=played)
    results = [captured(torch.full((2,), float(k))) for k in range(6)]
    assert [float(r) for r in results] == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


def test_the_caller_s_tensors_are_not_kept():
    captured, batch = CapturedStep(lambda x: x.sum(), record=played), torch.zeros(2)
    got = []
    for k in range(6):
        batch.fill_(k)
        got.append(float(captured(batch)))
    assert got == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


def test_what_the_host_changes_is_recorded_anew():
    factor = 1.0
    captured = CapturedStep(lambda x: factor * x.sum(), record=frozen)
    got = total(captured, [torch.ones(2)] * 5)
    assert got == [2.0] * 5
    factor = 3.0
    assert total(captured, [torch.ones(2)] * 2) == [2.0] * 2  # a recording does not see it
    captured.forget()
    assert total(captured, [torch.ones(2)] * 4) == [6.0] * 4


def frozen(step, generators):
    """A recording that keeps what it gave, as a graph keeps what the host decided."""
    result = step()
    return (lambda: None), result


def test_a_schedule_of_the_decay_is_refused():
    data = load("digits", device="cpu", flatten=True)
    config = TrainConfig(1, decay_schedule=lambda step: 1.0)
    with pytest.raises(ValueError, match="weight decay is followed on the host"):
        train(network(), data, config, capture=True)


def test_an_alteration_without_phases_is_refused():
    data = load("digits", device="cpu", flatten=True)
    with pytest.raises(ValueError, match=r"phase\(epoch\)"):
        train(network(), data, TrainConfig(1), alter=lambda epoch, x, y, rng: (x, y), capture=True)


@pytest.mark.parametrize("groups", [None, lambda name, values: Group(lr=1.0 if values.dim() > 1 else 0.5)])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_step_to_be_recorded_follows_the_schedule_on_the_device(optimizer, groups):
    config = TrainConfig(
        optimizer=optimizer, momentum=0.9, weight_decay=1e-2, schedule=exponential(0.5), groups=groups
    )
    x, y = torch.randn(16, 64, dtype=torch.float64), torch.arange(16) % 10
    weights = []
    for recordable in (False, True):
        model = network()
        if recordable:
            step, follow = recordable_step(model, cross_entropy, config)
        else:
            step, follow = gradient_step(model, torch_optimizer(config, model), config=config), lambda: None
        for _ in range(4):
            follow()
            step(x, y)
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(*weights, rtol=1e-5, atol=1e-7)  # the rate on the device is in float32


HOST = {"_local_scalar_dense", "nonzero", "masked_select", "lift_fresh"}  # wait for a device, or copy to it


class OnTheDevice(TorchDispatchMode):
    """Refuses what a CUDA graph cannot hold."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        chosen = args[1] if name.startswith("index") and isinstance(args[1], list | tuple) else ()
        masked = any(index is not None and index.dtype == torch.bool for index in chosen)
        if name in HOST or masked:
            raise RuntimeError(f"{name} is not for a recording")
        return function(*args, **(kwargs or {}))


def test_what_waits_for_the_device_is_seen_without_one():
    for step in (lambda x: x * float(x.sum()), lambda x: x[x > 0], lambda x: x * torch.tensor(2.0)):
        with pytest.raises(RuntimeError, match="not for a recording"), OnTheDevice():
            step(torch.ones(3))


PENALTIES = [
    None,
    L2(1e-2),
    L1(1e-2),
    L1(1e-2, in_loss=True),
    GroupLasso(1e-2),
    GroupLasso(1e-2, columns={"layers.0.weight": 1}),
    ColumnLasso(1e-2),
    ScaleLasso(1e-2),
]


@pytest.mark.parametrize("optimizer", ["sgd"])
@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda p: type(p).__name__)
def test_no_step_waits_for_the_host(penalty, optimizer):
    model = network().float()
    config = TrainConfig(optimizer=optimizer, momentum=0.9, schedule=exponential(0.5), penalty=penalty)
    step, follow = recordable_step(model, cross_entropy, config)
    x, y = torch.randn(16, 64), torch.arange(16) % 10
    step(x, y)
    follow()
    with OnTheDevice():
        step(x, y)


@pytest.mark.parametrize("deficit", DEFICITS)
def test_no_deficit_waits_for_the_host(deficit):
    alter = deficit_schedule([(deficit, 0, 1)], epochs=2, classes=10)
    with OnTheDevice():
        alter(0, torch.randn(4, 3, 8, 8), torch.arange(4), torch.Generator())


def test_no_augmentation_waits_for_the_host():
    cifar.augment(torch.randn(4, 3, 32, 32), torch.Generator())  # its constants are made once
    with OnTheDevice():
        cifar.augment(torch.randn(4, 3, 32, 32), torch.Generator())


def test_without_a_gpu_capturing_changes_nothing():
    data = load("digits", device="cpu", dtype=torch.float64, flatten=True)
    histories = [train(network(), data, TrainConfig(1, 32), capture=capture) for capture in (False, True)]
    assert histories[0] == histories[1]


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.9, "weight_decay": 1e-3}, {"optimizer": "adam", "lr": 1e-3}]
)
def test_on_a_gpu_the_captured_history_is_the_eager_one(options):
    data = load("digits", device="cuda", dtype=torch.float64, flatten=True)

    def noisy(x, rng):
        return x + 0.1 * torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)

    config, histories = TrainConfig(2, 32, **options), []
    for capture in (False, True):
        histories.append(train(network(), data, config, augment=noisy, capture=capture))
    tolerance = {"rel": 1e-4} if "optimizer" in options else HISTORY  # a count on the device is in float32
    assert histories[0].last == pytest.approx(histories[1].last, **tolerance)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda p: type(p).__name__)
def test_on_a_gpu_schedules_deficits_and_penalties_are_recorded(penalty):
    data, histories = load("digits", device="cuda", dtype=torch.float64), []
    alter = deficit_schedule([("blur", 0, 1), ("noise", 1, 2)], epochs=4, classes=10)
    steps = -(-len(data.train.y) // 32)
    config = TrainConfig(4, 32, momentum=0.9, schedule=exponential(0.9, every=steps), penalty=penalty)
    for capture in (False, True):
        model = build(lambda: nn.Sequential(nn.Flatten(), MLP((64, 16, 10), nn.Tanh)), 0).double()
        histories.append(train(model, data, config, alter=alter, capture=capture))
    assert histories[0].last == pytest.approx(histories[1].last, rel=1e-3)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_on_a_gpu_captured_alrao_is_alrao(optimizer):
    data = load("digits", device="cuda", dtype=torch.float64, validation=203, flatten=True)
    histories, weights = [], []
    for capture in (False, True):
        model, opt = wrap_classifier(network().cuda(), (1e-5, 1.0), 4, optimizer=optimizer)
        seen = []
        histories.append(
            fit(
                model,
                opt,
                data,
                TrainConfig(2, 32),
                watch=lambda w, s=seen: s.append(w.clone()),
                capture=capture,
            )
        )
        weights.append(torch.stack(seen))
    assert histories[0].last == pytest.approx(histories[1].last, **HISTORY)
    torch.testing.assert_close(*weights)


@pytest.mark.gpu
@needs_gpu
def test_on_a_gpu_a_step_that_waits_is_refused():
    captured = CapturedStep(lambda x: x.sum() * float(x.sum()))
    x = torch.ones(3, device=CUDA)
    for _ in range(WARM_UP):
        captured(x)
    with pytest.raises(RuntimeError, match="capture=False"):
        captured(x)
