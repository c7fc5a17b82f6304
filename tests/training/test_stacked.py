from dataclasses import replace

import pytest
import torch
from torch import nn

from startright.data import load
from startright.models import MLP, LeNet, build
from startright.training import TrainConfig, stacked, train, train_stacked

SEEDS, LRS = (3, 1, 4, 1), (0.3, 0.1, 0.03, 0.01)


def models(n=4, activation=nn.Tanh, dtype=torch.float64):
    return [build(lambda: MLP((64, 20, 10), activation), seed).to(dtype) for seed in range(n)]


def weights(model):
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def assert_same(one, other, **tolerance):
    """Two histories with equal statuses and close curves."""
    assert (one.steps, one.status, one.reason) == (other.steps, other.status, other.reason)
    assert list(one.curves) == list(other.curves)
    for name, values in one.curves.items():
        assert values == pytest.approx(other.curves[name], **tolerance), name


CONFIGS = [
    TrainConfig(epochs=3, batch_size=64, momentum=0.9, eval_every=5),
    TrainConfig(epochs=3, batch_size=64, weight_decay=0.01, drop_last=True),
    TrainConfig(epochs=3, batch_size=64, optimizer="adam", weight_decay=0.01),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.optimizer)
def test_same_histories_and_weights_as_one_by_one(digits, config):
    alone, together = models(), models()
    histories = train_stacked(together, digits, config, seeds=SEEDS, lrs=LRS)
    for run in range(4):
        expected = train(alone[run], digits, replace(config, lr=LRS[run]), seed=SEEDS[run])
        assert_same(histories[run], expected, rel=1e-9)
        torch.testing.assert_close(weights(together[run]), weights(alone[run]), rtol=1e-8, atol=1e-9)


def test_batch_normalisation_and_augmentation(digits):
    def noisy(x, rng):
        return x + 0.1 * torch.randn(x.shape, generator=rng, dtype=x.dtype)

    config = TrainConfig(epochs=2, batch_size=64, eval_every=5)
    alone, together = (
        [build(lambda: MLP((64, 20, 10), batch_norm=True), seed).double() for seed in range(4)]
        for _ in range(2)
    )
    lrs = (0.3, 1e300, 0.1, 0.03)  # one leaves, and the statistics of the others stay with them
    histories = train_stacked(together, digits, config, seeds=SEEDS, lrs=lrs, augment=noisy)
    assert [history.status for history in histories] == ["ok", "diverged", "ok", "ok"]
    for run, model in enumerate(alone):
        expected = train(model, digits, replace(config, lr=lrs[run]), seed=SEEDS[run], augment=noisy)
        assert_same(histories[run], expected, rel=1e-9)
        torch.testing.assert_close(
            dict(together[run].named_buffers()), dict(model.named_buffers()), equal_nan=True
        )


def test_same_histories_in_single_precision_on_all_digits():
    data, config = load("digits", flatten=True), TrainConfig(epochs=2, batch_size=32, momentum=0.9)
    histories = train_stacked(models(dtype=torch.float32), data, config, seeds=SEEDS)
    for model, history, seed in zip(models(dtype=torch.float32), histories, SEEDS, strict=True):
        expected = train(model, data, config, seed=seed)
        assert_same(history, expected, rel=1e-3, abs=1.01 / 297)  # one image may fall on the other side


def test_convolutions(digits):
    padded = replace(
        digits,
        **{
            part: getattr(digits, part)._replace(
                x=nn.functional.pad(getattr(digits, part).x.view(-1, 1, 8, 8), (2, 2, 2, 2))
            )
            for part in ("train", "test", "validation")
        },
    )
    config = TrainConfig(epochs=1, batch_size=100)
    alone, together = (
        [build(lambda: LeNet(image_size=12), seed).double() for seed in (0, 1)] for _ in range(2)
    )
    histories = train_stacked(together, padded, config, seeds=(0, 1))
    for run in (0, 1):
        assert_same(histories[run], train(alone[run], padded, config, seed=run), rel=1e-9)


def test_diverging_runs_leave_and_the_others_do_not_notice(digits):
    config = TrainConfig(epochs=3, batch_size=64, momentum=0.9, eval_every=3)
    together, alone = models(activation=nn.ReLU), models(activation=nn.ReLU)
    lrs = (0.1, 1e300, 0.1, 1e200)
    histories = train_stacked(together, digits, config, seeds=SEEDS, lrs=lrs)
    assert [h.status for h in histories] == ["ok", "diverged", "ok", "diverged"]
    assert histories[1].steps == []
    for run in range(4):
        expected = train(alone[run], digits, replace(config, lr=lrs[run]), seed=SEEDS[run])
        assert_same(histories[run], expected, rel=1e-9)
        torch.testing.assert_close(weights(together[run]), weights(alone[run]), equal_nan=True)


def late_loss(outputs, y):
    """Infinite once the network gets good: a divergence in the middle of a training."""
    loss = nn.functional.cross_entropy(outputs, y, reduction="none")
    return torch.where(loss > 1e-2, loss, torch.inf)


def test_divergence_in_the_middle_keeps_the_curves_so_far(digits):
    config = TrainConfig(epochs=10, batch_size=64, eval_every=4)
    lrs = (1e-4, 1.0, 2e-4, 0.5)
    histories = train_stacked(models(), digits, config, seeds=SEEDS, lrs=lrs, loss=late_loss)
    for run, model in enumerate(models()):
        expected = train(model, digits, replace(config, lr=lrs[run]), seed=SEEDS[run], loss=late_loss)
        assert_same(histories[run], expected, rel=1e-9)
    ends = [len(h.steps) for h in histories]
    assert ends[0] == ends[2] == 18
    assert 0 < ends[1] < ends[3] < 18


def test_all_runs_diverge(digits):
    histories = train_stacked(models(2, nn.ReLU), digits, TrainConfig(epochs=5, lr=1e300), seeds=(0, 1))
    assert [h.status for h in histories] == ["diverged", "diverged"]


@pytest.mark.parametrize(
    ("seeds", "lrs", "message"),
    [
        ((0,), None, "got 2 models, 1 seeds and 2 learning rates"),
        ((0, 1), (0.1,), "got 2 models, 2 seeds and 1 learning rates"),
        ((0, 1), (0.1, -1), "learning rate must be positive and finite, got -1"),
        ((0, -1), None, "seed must be a non-negative integer, got -1"),
    ],
)
def test_bad_input(digits, seeds, lrs, message):
    with pytest.raises(ValueError, match=message):
        train_stacked(models(2), digits, TrainConfig(), seeds=seeds, lrs=lrs)


def test_captured_runs_are_those_of_train_and_the_hooks_see_their_models(digits, monkeypatch):
    asked = []
    monkeypatch.setattr(stacked, "train", lambda *a, **k: (asked.append(k["capture"]), train(*a, **k))[1])
    together, alone, seen = models(), models(), []
    hooks = {"on_epoch": lambda epoch, model: seen.append(model)}
    got = train_stacked(together, digits, CONFIGS[0], seeds=SEEDS, lrs=LRS, capture=True, **hooks)
    own = [replace(CONFIGS[0], lr=lr) for lr in LRS]
    runs = zip(alone, own, SEEDS, strict=True)
    assert got == [train(model, digits, config, seed=seed) for model, config, seed in runs]
    assert asked == [True] * len(SEEDS)
    assert {id(model) for model in seen} == {id(model) for model in together}
    with pytest.raises(ValueError, match="compiled for a stack or captured for one run"):
        train_stacked(models(), digits, CONFIGS[0], seeds=SEEDS, capture=True, compile=True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.optimizer)
def test_gpu_gives_the_histories_of_the_cpu(config):
    options = dict(n_train=400, validation=100, flatten=True, dtype=torch.float64)
    cpu, gpu = (load("digits", device=device, **options) for device in ("cpu", "cuda"))
    expected = train_stacked(models(), cpu, config, seeds=SEEDS)
    for history, other in zip(train_stacked(models(), gpu, config, seeds=SEEDS), expected, strict=True):
        assert_same(history, other, rel=1e-8)
    assert_same(train(models()[0], gpu, config, seed=SEEDS[0]), expected[0], rel=1e-8)
