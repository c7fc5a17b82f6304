"""Deficits, and when they hold: what they do to images and labels, and schedules that cannot be."""

from dataclasses import replace

import pytest
import torch

from startright.data import load
from startright.models import DigitsCNN, build
from startright.papers.critical import deficit_schedule, deficits, reference
from startright.training import TrainConfig, train, train_stacked
from startright.training.schedules import exponential, restarted

X = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.tensor([0, 5, 9])


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ["blur", "flip", "labels"])
def test_they_are_those_of_the_reference(name):
    ours = deficits.apply(name, X, Y, classes=10, generator=rng())
    for one, other in zip(ours, reference.deficit(name, X, Y), strict=True):
        torch.testing.assert_close(one, other)


def test_a_blur_keeps_the_mean_and_forgets_what_is_small():
    blurred = deficits.blur(X)
    constant = torch.full((1, 1, 8, 8), 0.7)
    torch.testing.assert_close(deficits.blur(constant), constant)
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 2.0 - 1
    assert deficits.blur(board[None, None]).abs().max() < 0.02
    assert blurred.var() < X.var() / 4
    assert torch.linalg.matrix_rank(blurred[0, 0]) <= 2


def test_a_flip_is_undone_by_another_and_labels_are_a_permutation():
    assert torch.equal(deficits.flip(deficits.flip(X)), X)
    assert torch.equal(deficits.flip(X)[..., 0, :], X[..., -1, :])
    assert deficits.permute(torch.arange(7), 7).tolist() == [1, 2, 3, 4, 5, 6, 0]


def test_noise_knows_nothing_of_the_images_and_is_new_each_time():
    one, other = rng(), rng()
    first, _ = deficits.apply("noise", X, Y, classes=10, generator=one)
    same, labels = deficits.apply("noise", 5 * X, Y, classes=10, generator=other)
    assert torch.equal(first, same)
    assert torch.equal(labels, Y)
    assert not torch.equal(first, deficits.noise(X, one))
    big = deficits.noise(torch.zeros(50, 1, 32, 32), rng())
    assert (float(big.mean()), float(big.std())) == pytest.approx((0, 1), abs=0.02)


@pytest.mark.parametrize(
    ("windows", "reason"),
    [
        ([("blur", 0, 5), ("noise", 4, 8)], "overlap"),
        ([("noise", 4, 8), ("blur", 0, 5)], "overlap"),
        ([("blur", 3, 11)], "end after the training of 10 epochs"),
        ([("blur", -1, 2)], "starts at epoch 0 or later"),
        ([("blur", 3, 3)], "ends after it starts"),
        ([("blurr", 0, 3)], "did you mean 'blur'"),
    ],
)
def test_schedules_that_cannot_be_are_refused(windows, reason):
    with pytest.raises(ValueError, match=reason):
        deficit_schedule(windows, epochs=10, classes=10)


def test_windows_may_touch_and_come_in_any_order():
    schedule = deficit_schedule([("flip", 2, 4), ("blur", 0, 2)], epochs=4, classes=10)
    assert [schedule.active(epoch) for epoch in range(5)] == ["blur", "blur", "flip", "flip", None]
    assert deficit_schedule([], epochs=1, classes=10).active(0) is None


def test_images_that_cannot_be_blurred_are_refused():
    with pytest.raises(ValueError, match="got 4 for 8 × 6"):
        deficits.blur(torch.zeros(1, 1, 8, 6))
    with pytest.raises(ValueError, match="takes images"):
        deficits.blur(torch.zeros(1, 64))
    with pytest.raises(ValueError, match="unknown deficit"):
        deficits.apply("none", X, Y, classes=10, generator=rng())


def test_the_rate_is_that_of_the_reference():
    for restart in (None, 3):
        schedule = exponential(0.97, every=4)
        schedule = schedule if restart is None else restarted(schedule, 4 * restart)
        ours = [0.05 * schedule(4 * epoch) for epoch in range(6)]
        assert ours == pytest.approx([reference.learning_rate(epoch, restart=restart) for epoch in range(6)])


def test_runs_under_deficits_are_alike_alone_and_in_a_stack():
    data = load("digits", n_train=80, n_test=40, dtype=torch.float64)
    windows = ([], [("blur", 0, 2)], [("noise", 1, 3)], [("labels", 0, 1), ("flip", 1, 2)])
    epochs, seeds = (2, 4, 3, 2), (0, 1, 2, 0)
    alters = [deficit_schedule(w, epochs=n, classes=10) for w, n in zip(windows, epochs, strict=True)]
    rates = [
        exponential(0.5, every=2),
        restarted(exponential(0.5, every=2), 4),
        exponential(0.9),
        exponential(0.8),
    ]
    config = TrainConfig(epochs=4, batch_size=40, lr=0.05, momentum=0.9, weight_decay=1e-3, eval_every=3)
    alone, together = ([build(lambda: DigitsCNN(width=0.25), s).double() for s in range(4)] for _ in range(2))
    calls = {"alter": alters, "schedules": rates, "epochs": epochs}
    histories = train_stacked(together, data, config, seeds=seeds, **calls)
    for run, model in enumerate(alone):
        own = replace(config, epochs=epochs[run], schedule=rates[run])
        expected = train(model, data, own, seed=seeds[run], alter=alters[run])
        assert histories[run].steps == expected.steps
        for name, curve in expected.curves.items():
            assert histories[run].curves[name] == pytest.approx(curve, rel=1e-9), name
        for one, other in zip(model.state_dict().values(), together[run].state_dict().values(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)


def test_what_does_not_match_the_runs_is_refused():
    data, nets = (
        load("digits", n_train=20, n_test=10),
        [build(lambda: DigitsCNN(width=0.1), s) for s in range(2)],
    )
    config = TrainConfig(epochs=2, batch_size=20)
    for wrong, reason in (
        ({"epochs": (1, 3)}, "the epochs of a run must be 1 to those of the config, 2, got 3"),
        ({"epochs": (1, 0)}, "got 0"),
        ({"epochs": (1,)}, "one number of epochs a run, got 1 for 2"),
        ({"schedules": [exponential(0.5)]}, "one schedule a run, got 1 for 2"),
        ({"alter": [None] * 3}, "one alteration a run, got 3 for 2"),
    ):
        with pytest.raises(ValueError, match=reason):
            train_stacked(nets, data, config, seeds=(0, 1), **wrong)
