import math

import pytest

from startright.training import History, TrainConfig


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"eval_every": 0},
        {"lr": 0},
        {"lr": -1},
        {"lr": math.nan},
        {"lr": math.inf},
        {"optimizer": "adamw"},
        {"momentum": 1},
        {"momentum": -0.1},
        {"weight_decay": -1},
        {"weight_decay": math.nan},
        {"betas": (0.9, 1.0)},
        {"eps": 0},
    ],
    ids=str,
)
def test_value_out_of_range_is_named(wrong):
    ((name, value),) = wrong.items()
    shown = str(max(value)) if isinstance(value, tuple) else str(value)
    with pytest.raises(ValueError, match=r"must be|unknown") as error:
        TrainConfig(**wrong)
    assert shown in str(error.value)
    assert {"lr": "learning rate"}.get(name, name) in str(error.value)


def test_history_keeps_the_finite_part():
    history = History()
    history.record(3, {"train_loss": 2.0, "test_accuracy": 0.5})
    history.record(6, {"train_loss": 1.0, "test_accuracy": 0.75})
    assert history.last == {"train_loss": 1.0, "test_accuracy": 0.75}
    history.record(9, {"train_loss": math.nan, "test_accuracy": 0.1})
    assert history.steps == [3, 6]
    assert history.curves == {"train_loss": [2.0, 1.0], "test_accuracy": [0.5, 0.75]}
    assert (history.status, history.reason) == ("diverged", "train_loss was not finite by step 9")


def test_history_that_diverged_at_once_has_no_last_value():
    history = History()
    history.record(1, {"train_loss": math.inf})
    assert history.last == {}


def test_a_penalty_is_a_penalty():
    with pytest.raises(ValueError, match=r"such as L1.*got 'l1'"):
        TrainConfig(penalty="l1")
