"""The code that the API page prints runs as it is printed, and does what the page says."""

import pytest


def test_every_use_is_shown(page):
    assert [heading for heading, names in page.items() if names] == [
        "A module of your own",
        "What a step used",
        "A classifier, in minibatches",
        "A loss of your own",
        "Long steps",
        "Schedules and checkpoints",
        "Inputs of several kinds",
    ]


def test_every_step_returns_a_loss(page):
    for names in (names for part in page.values() for names in part):
        assert names["loss"].shape == ()
        assert names["loss"].isfinite()
        assert not names["loss"].requires_grad


def test_the_damping_of_the_step_can_be_read(page):
    [names] = page["What a step used"]
    assert names["epsilon"] >= names["smallest"]
    assert names["epsilon"] >= 1e-7


def test_the_schedule_acts_on_the_step(page):
    optimizer = page["Schedules and checkpoints"][-1]["optimizer"]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.09)


def test_the_long_steps_say_how_well_they_were_predicted(page):
    [names] = page["Long steps"]
    assert names["careful"].last["gain"] > 0


def test_the_examples_learn(page):
    model, x, y = (page["Schedules and checkpoints"][-1][name] for name in ("model", "x", "y"))
    first = page["A module of your own"][-1]["loss"]
    assert (model(x) - y).square().mean() / 2 < 0.8 * first
