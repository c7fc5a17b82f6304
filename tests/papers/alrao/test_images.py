"""One run on images: the paper's split and augmentation, and what a run leaves."""

from dataclasses import replace

import pytest
import torch

from startright.data import Dataset, Split, cifar
from startright.papers.alrao import images
from startright.papers.alrao.studies.images import adam, alrao, sgd

CPU = torch.device("cpu")
DIGITS = {"dataset": "digits", "net": "mlp", "epochs": 2}


def test_digits_leave_1297_images_to_train_on():
    loaded = images.load(sgd(0.1, **DIGITS), CPU)
    assert len(loaded.train.y) == 1297
    assert len(loaded.test.y) == 297


@pytest.fixture
def colour(monkeypatch):
    """60 images of the shape of CIFAR-10's, whose last 10 are for validation."""
    generator = torch.Generator().manual_seed(0)

    def split(n):
        x = torch.rand(n, 3, 32, 32, generator=generator)
        return Split(x, torch.randint(10, (n,), generator=generator))

    fake = Dataset("cifar10", split(10_060), split(20), None, 10, torch.zeros(3), torch.ones(3))
    monkeypatch.setattr("startright.data.images.load", lambda name, **_: fake)
    return fake


def test_the_last_ten_thousand_training_images_are_for_validation(colour):
    loaded = images.load(sgd(0.1, dataset="cifar10", net="vgg19", epochs=1), CPU)
    assert torch.equal(loaded.train.x, colour.train.x[:60])
    assert torch.equal(loaded.validation.y, colour.train.y[60:])
    mean, std = (torch.tensor(v)[:, None, None] for v in (cifar.MEAN, cifar.STD))
    assert torch.allclose(loaded.test.x, (colour.test.x - mean) / std)


def test_augmentation_normalises_and_pads_with_black():
    config = sgd(0.1, dataset="cifar10", net="vgg19", epochs=1)
    white = torch.ones(200, 3, 32, 32)
    changed = images.augmentation(config)(white, torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(v)[:, None, None] for v in (cifar.MEAN, cifar.STD))
    pixels = (changed * std + mean).round(decimals=4)
    assert set(pixels.unique().tolist()) == {0.0, 1.0}
    plain = images.augmentation(replace(config, augment=False))(white, torch.Generator())
    assert torch.allclose(plain * std + mean, white)
    assert images.augmentation(sgd(0.1, **DIGITS)) is None


def test_a_run_on_colour_images_leaves_curves_and_a_trace(colour):
    config = alrao((1e-4, 1.0), heads=3, dataset="cifar10", net="vgg19", width=0.02, epochs=2)
    outcome = images.run_images(config, 0, CPU)
    assert outcome.status == "ok"
    assert len(outcome.curves["train_loss"]) == 2
    assert outcome.curves["trace_step"] == [1, 2, 3, 4]
    total = sum(outcome.curves[f"weight_{j}"][-1] for j in range(3))
    assert total == pytest.approx(1, abs=1e-4)


def test_the_reported_epoch_is_the_one_with_the_least_validation_loss():
    config = replace(sgd(0.1, **DIGITS), epochs=4)
    outcome = images.run_images(config, 0, CPU)
    best = outcome.curves["validation_loss"].index(min(outcome.curves["validation_loss"]))
    assert outcome.metrics["best_epoch"] == best + 1
    assert outcome.metrics["best_test_loss"] == pytest.approx(outcome.curves["test_loss"][best], rel=1e-5)


def test_a_fraction_of_units_stays_at_its_first_weights():
    config = sgd(0.1, fraction=0.3, **DIGITS)
    digits = images.load(config, CPU)
    model, optimizer = images.make_model(config, 0, digits, CPU)
    first = model.backbone.layers[0]
    before, still = first.weight.clone(), model.unit_rates["layers.0.weight"].flatten() == 0
    model.training_step(digits.train.x[:32], digits.train.y[:32], optimizer)
    assert 0 < int(still.sum()) < len(still)
    assert torch.equal(first.weight[still], before[still])
    assert not torch.equal(first.weight[~still], before[~still])


def test_adam_and_sgd_are_one_head_at_one_rate():
    for config in (adam(**DIGITS), sgd(0.3, **DIGITS)):
        model, _ = images.make_model(config, 0, images.load(config, CPU), CPU)
        assert model.heads.n == 1
        rates = torch.cat([rate.flatten() for rate in model.unit_rates.values()])
        assert torch.allclose(rates, torch.full_like(rates, config.lo))
