"""A captured step is the same step, in one launch."""

import pytest
import torch
from torch import nn

from startright.data import load
from startright.models import MLP, build
from startright.papers.alrao import wrap_classifier
from startright.papers.alrao.training import fit
from startright.training import TrainConfig, train
from startright.training.launches import WARM_UP, CapturedStep

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


def test_schedules_are_refused():
    data = load("digits", device="cpu", flatten=True)
    config = TrainConfig(1, schedule=lambda step: 1.0)
    with pytest.raises(ValueError, match="a schedule is followed on the host"):
        train(network(), data, config, capture=True)


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
