"""What a training can do beside plain steps, one run alone and many stacked: the same within rounding."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from startright.data import Dataset, Split
from startright.models import MLP, build
from startright.training import (
    Group,
    ModelStack,
    TrainConfig,
    decay_weights_only,
    evaluate,
    gradient_step,
    squared_error,
    train,
    train_stacked,
)
from startright.training.penalties import L1, L2, GroupLasso
from startright.training.schedules import cosine, milestones, warmup

SEEDS, LRS = (3, 1, 4), (0.3, 0.1, 0.03)


def models(n=3, dtype=torch.float64, batch_norm=False):
    return [
        build(lambda: MLP((64, 20, 10), nn.Tanh, batch_norm=batch_norm), seed).to(dtype) for seed in range(n)
    ]


def weights(model):
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def faster_last_layer(name, values):
    return Group(3.0 if values.shape[0] == 10 else 1.0, 0.5 if values.dim() == 1 else 2.0)


CONFIGS = {
    "schedule": TrainConfig(momentum=0.9, schedule=warmup(3, cosine(20, 0.1))),
    "decay schedule": TrainConfig(weight_decay=0.1, decay_schedule=milestones([5], 0.0)),
    "adam": TrainConfig(optimizer="adam", weight_decay=0.1, schedule=cosine(20), groups=decay_weights_only),
    "groups": TrainConfig(momentum=0.5, weight_decay=0.05, groups=faster_last_layer),
    "l1": TrainConfig(penalty=L1((0.001, 0.01, 0.1)), groups=faster_last_layer, schedule=milestones([4])),
    "l2": TrainConfig(penalty=L2((0.001, 0.01, 0.1))),
    "group lasso": TrainConfig(penalty=GroupLasso(0.02), optimizer="adam"),
}


def of_run(config, run):
    """The config of one run of the stack."""
    penalty = config.penalty
    if penalty is not None and isinstance(penalty.strength, tuple):
        penalty = replace(penalty, strength=penalty.strength[run])
    return replace(config, lr=LRS[run] * (0.1 if config.optimizer == "adam" else 1), penalty=penalty)


@pytest.mark.parametrize("name", CONFIGS)
def test_stacked_runs_are_those_alone(digits, name):
    config = replace(CONFIGS[name], epochs=3, batch_size=64)
    together, alone = models(), models()
    lrs = [of_run(config, run).lr for run in range(3)]
    histories = train_stacked(together, digits, config, seeds=SEEDS, lrs=lrs)
    for run, model in enumerate(alone):
        expected = train(model, digits, of_run(config, run), seed=SEEDS[run])
        assert histories[run].curves["test_loss"] == pytest.approx(expected.curves["test_loss"], rel=1e-8)
        torch.testing.assert_close(weights(together[run]), weights(model), rtol=1e-7, atol=1e-9)
        assert ((weights(together[run]) == 0) == (weights(model) == 0)).all()  # the same zeros


@pytest.mark.parametrize("name", CONFIGS)
def test_each_setting_changes_the_training(digits, name):
    config = replace(CONFIGS[name], epochs=2, batch_size=64)
    plain = replace(config, schedule=None, decay_schedule=None, groups=None, penalty=None)
    results = []
    for each in (of_run(config, 1), of_run(plain, 1)):
        (model,) = models(1)
        train(model, digits, each)
        results.append(weights(model))
    assert not torch.allclose(*results, rtol=1e-4)


def test_a_schedule_is_that_of_torch(digits):
    """The book's step beside a loop written with torch's own optimizer and scheduler."""
    config = TrainConfig(epochs=2, batch_size=50, lr=0.2, momentum=0.9, schedule=cosine(16))
    ours, theirs = models(2)[0], models(2)[0]
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.2, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 16)

    def step(x, y):
        loss = nn.functional.cross_entropy(theirs(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        return loss

    train(ours, digits, config)
    train(theirs, digits, TrainConfig(epochs=2, batch_size=50), step=step)
    torch.testing.assert_close(weights(ours), weights(theirs), rtol=1e-9, atol=1e-11)


def test_a_run_that_leaves_takes_its_strength_and_augmentation_with_it(digits):
    config = TrainConfig(epochs=3, batch_size=64, eval_every=3, penalty=L2((0.001, 0.01, 0.1)))
    lrs, together = (0.3, 1e300, 0.1), models()
    augments = [lambda x, rng, scale=scale: scale * x for scale in (1.0, 2.0, 0.5)]
    histories = train_stacked(together, digits, config, seeds=SEEDS, lrs=lrs, augment=augments)
    assert [history.status for history in histories] == ["ok", "diverged", "ok"]
    for run in (0, 2):
        model = models()[run]
        alone = replace(config, lr=lrs[run], penalty=L2(config.penalty.strength[run]))
        train(model, digits, alone, seed=SEEDS[run], augment=augments[run])
        torch.testing.assert_close(weights(together[run]), weights(model), rtol=1e-8, atol=1e-10)


# --- hooks --------------------------------------------------------------------------------------


def test_hooks_see_every_epoch_and_every_step(digits):
    seen = {"epoch": [], "step": []}
    hooks = {f"on_{name}": lambda n, model, name=name: seen[name].append((n, model)) for name in seen}
    (model,) = models(1)
    train(model, digits, TrainConfig(epochs=2, batch_size=100), **hooks)
    assert seen["epoch"] == [(0, model), (1, model)]
    assert seen["step"] == [(n, model) for n in range(1, 9)]


def test_hooks_see_the_stack(digits):
    seen = []
    config = TrainConfig(epochs=2, batch_size=100)
    hooks = {
        f"on_{name}": lambda n, stack, name=name: seen.append((f"{name} {n}", stack))
        for name in ("epoch", "step")
    }
    train_stacked(models(), digits, config, seeds=SEEDS, **hooks)
    steps = [f"step {n}" for n in range(1, 9)]
    assert [what for what, _ in seen] == ["epoch 0", *steps[:4], "epoch 1", *steps[4:]]
    assert all(isinstance(stack, ModelStack) for _, stack in seen)


def test_pruning_between_steps_is_the_same_alone_and_stacked(digits):
    """A hook that zeroes the first half of the first layer's units after every step."""

    def prune(step, model):
        with torch.no_grad():
            next(iter(model.parameters()))[:10] = 0

    def prune_all(step, stack):
        with torch.no_grad():
            stack.parts()[stack.names[0]][:, :10] = 0

    config = TrainConfig(epochs=2, batch_size=64)
    together = models()
    train_stacked(together, digits, config, seeds=SEEDS, lrs=LRS, on_step=prune_all)
    for run, model in enumerate(models()):
        train(model, digits, replace(config, lr=LRS[run]), seed=SEEDS[run], on_step=prune)
        assert (next(together[run].parameters())[:10] == 0).all()
        torch.testing.assert_close(weights(together[run]), weights(model), rtol=1e-8, atol=1e-10)


# --- precision ----------------------------------------------------------------------------------


def in_float32(data):
    parts = {name: getattr(data, name) for name in ("train", "validation", "test")}
    return replace(data, **{name: part._replace(x=part.x.float()) for name, part in parts.items()})


def test_half_precision_is_near_and_leaves_the_parameters_alone(digits):
    single = in_float32(digits)
    losses = {}
    for precision in ("float32", "bfloat16"):
        (model,) = models(1, torch.float32)
        history = train(model, single, TrainConfig(epochs=3, batch_size=64, precision=precision))
        losses[precision] = history.last["test_loss"]
        assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], abs=0.02)


def test_half_precision_stacked(digits):
    single = in_float32(digits)
    config = TrainConfig(epochs=3, batch_size=64, precision="bfloat16")
    together = models(3, torch.float32)
    histories = train_stacked(together, single, config, seeds=SEEDS)
    for run, model in enumerate(models(3, torch.float32)):
        alone = train(model, single, config, seed=SEEDS[run])
        assert histories[run].last["test_loss"] == pytest.approx(alone.last["test_loss"], abs=0.02)


# --- regression ---------------------------------------------------------------------------------


def regression(n=96):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(n, 64, generator=rng, dtype=torch.float64)
    split = Split(x, x[:, :10].sin())
    return Dataset("sines", split, split, None, 10, None, None)


def test_regression_has_losses_and_no_accuracies():
    data = regression()
    config = TrainConfig(epochs=5, batch_size=32, lr=0.05)
    together = models()
    histories = train_stacked(together, data, config, seeds=SEEDS, loss=squared_error)
    for run, model in enumerate(models()):
        alone = train(model, data, config, seed=SEEDS[run], loss=squared_error)
        assert list(alone.curves) == list(histories[run].curves) == ["train_loss", "test_loss"]
        assert histories[run].curves["test_loss"] == pytest.approx(alone.curves["test_loss"], rel=1e-9)
        assert alone.curves["test_loss"][-1] < alone.curves["test_loss"][0]
        outputs = model(data.test.x).detach()
        naive = sum(float((o - t).square().sum()) for o, t in zip(outputs, data.test.y, strict=True)) / 2 / 96
        assert alone.last["test_loss"] == pytest.approx(naive, rel=1e-10)


def test_squared_error_of_one_output():
    outputs, targets = torch.tensor([[1.0], [3.0]]), torch.tensor([0.0, 1.0])
    assert squared_error(outputs, targets).tolist() == [0.5, 2.0]


# --- memory -------------------------------------------------------------------------------------


def test_an_evaluation_that_does_not_fit_is_cut_in_halves(digits):
    (model,) = models(1)
    sizes = []

    def forward(x):
        sizes.append(len(x))
        if len(x) > 30:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return model(x)[None]

    loss, accuracy = evaluate(forward, digits.test)
    expected = evaluate(lambda x: model(x)[None], digits.test)
    assert (float(loss), float(accuracy)) == (pytest.approx(float(expected[0])), float(expected[1]))
    assert sizes[:2] == [100, 50]
    assert max(sizes[3:]) <= 30


def test_an_example_that_does_not_fit_is_an_error(digits):
    def forward(x):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        evaluate(forward, digits.test)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": cosine(5)},
        {"decay_schedule": cosine(5)},
        {"groups": decay_weights_only},
        {"penalty": L1(0.1)},
        {"precision": "bfloat16"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_step_of_ones_own_does_not_ignore_settings(digits, options):
    (model,) = models(1)
    step = gradient_step(model, torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(ValueError, match=f"the step given takes no {next(iter(options))}"):
        train(model, digits, TrainConfig(**options), step=step)


def test_numbers_that_do_not_match_are_refused(digits):
    config = TrainConfig(penalty=L1((0.1, 0.2)))
    with pytest.raises(ValueError, match="one strength of the penalty a model, got 2 for 3"):
        train_stacked(models(), digits, config, seeds=SEEDS)
    with pytest.raises(ValueError, match="one augmentation a run, got 1 for 3"):
        train_stacked(models(), digits, TrainConfig(), seeds=SEEDS, augment=[lambda x, rng: x])
    with pytest.raises(ValueError, match="unknown precision 'bf16'"):
        TrainConfig(precision="bf16")
    with pytest.raises(ValueError, match=r"one strength of the penalty, got \(0.1, 0.2\)"):
        train(models(1)[0], digits, config)
