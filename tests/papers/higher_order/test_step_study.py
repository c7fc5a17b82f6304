"""One step of each kind on functions whose answer is known, and the studies on a small network."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from startright.papers.higher_order.networks import make_network
from startright.papers.higher_order.partition import Partition
from startright.papers.higher_order.reduced import Derivatives, grouped_derivatives
from startright.papers.higher_order.studies import cost as cost_study
from startright.papers.higher_order.studies.cost import COST, run_cost
from startright.papers.higher_order.studies.step import (
    INDEFINITE,
    ONE_STEP,
    etas,
    losses_after,
    moved,
    normalised,
    run_indefinite,
    run_step,
    some_images,
    train_adam,
)
from startright.papers.higher_order.studies.toy import ROSENBROCK, rosenbrock, run_toy
from startright.papers.higher_order.tasks import gradient

CPU, DOUBLE = torch.device("cpu"), torch.float64


def quadratic():
    """½ xᵀAx of two scalars with a strong interaction, positive definite."""
    A = torch.tensor([[2.0, 1.8], [1.8, 2.0]], dtype=DOUBLE)

    def loss(p):
        x = torch.stack([p["a"], p["b"]])
        return x @ A @ x / 2

    return loss, {"a": torch.tensor(1.0, dtype=DOUBLE), "b": torch.tensor(-0.5, dtype=DOUBLE)}


def test_on_a_quadratic_order_two_arrives_and_the_diagonal_does_not():
    loss, params = quadratic()
    u = gradient(loss, params)
    d = grouped_derivatives(loss, params, "canonical", u)
    after = losses_after(loss, params, u, d, 1.0)
    assert after["order2"] == pytest.approx(0, abs=1e-20)
    assert after["cubic"] == pytest.approx(0, abs=1e-20)  # no third derivative: no regularisation
    assert after["diagonal"] > 1e-2
    # one group: the exact line search along the gradient
    g = torch.stack([u["a"], u["b"]])
    A = torch.tensor([[2.0, 1.8], [1.8, 2.0]], dtype=DOUBLE)
    best = float(loss(params)) - float((g @ g) ** 2 / (g @ A @ g) / 2)
    assert after["one_group"] == pytest.approx(best)


def test_without_interactions_the_diagonal_is_all_there_is():
    d = Derivatives(torch.tensor([1.0, 2.0]).double(), torch.eye(2).double() * 4, torch.ones(2).double())
    rates = etas(d, 1.0)
    assert torch.allclose(rates["order2"], rates["diagonal"])
    assert torch.allclose(rates["cubic"], rates["diagonal_cubic"])
    assert (rates["cubic"] < rates["order2"]).all()


def test_the_step_goes_against_the_direction():
    params, u = {"a": torch.ones(2), "b": torch.zeros(1)}, {"a": torch.tensor([1.0, 2.0]), "b": torch.ones(1)}
    after = moved(params, u, torch.tensor([0.5, -1.0]), Partition.canonical(params))
    assert after["a"].tolist() == [0.5, 0.0]
    assert after["b"].tolist() == [1.0]


def test_the_normalised_matrix_has_a_unit_diagonal():
    C = normalised(torch.tensor([[4.0, -6.0], [-6.0, -9.0]]))
    assert C.tolist() == [[1.0, -1.0], [-1.0, -1.0]]


def test_adam_does_as_many_steps_as_asked():
    config = ONE_STEP.grid("quick")[0]
    model = make_network(config.net, 0)
    images = some_images(config, 0, CPU)
    assert list(train_adam(model, images, config, 0, 7)) == list(range(8))
    same = make_network(config.net, 0)
    assert list(train_adam(same, images, config, 0, 0)) == [0]
    assert torch.equal(same.layers[0].weight, make_network(config.net, 0).layers[0].weight)


def test_a_run_keeps_the_whole_matrix():
    outcome = run_step(ONE_STEP.grid("quick")[0], 0, CPU)
    matrix = torch.tensor([outcome.curves[f"interaction_{s}"] for s in range(6)])
    assert torch.allclose(matrix, matrix.T, atol=1e-5)
    assert torch.allclose(matrix.diagonal().abs(), torch.ones(6), atol=1e-5)
    assert outcome.metrics["max_interaction"] == pytest.approx(
        float(matrix.fill_diagonal_(0).abs().max()), rel=1e-4
    )
    assert outcome.metrics["cubic"] < outcome.metrics["one_group"] < outcome.metrics["before"]


def test_states_along_adam():
    config = replace(INDEFINITE.grid("quick")[0], adam_steps=9, points=4)
    outcome = run_indefinite(config, 0, CPU)
    assert outcome.curves["adam_step"] == [0.0, 1.0, 4.0, 9.0]
    assert 0 <= outcome.metrics["indefinite"] <= 1
    lowest = outcome.curves["relative_eigenvalue"]
    assert outcome.metrics["indefinite"] == sum(value <= 0 for value in lowest) / 4


def test_cost_is_counted_in_gradients(monkeypatch):
    """With a clock that is told what to say: how long something takes is no property of the program."""
    ticks, log = iter([0.0, 2.0, 10.0, 16.0, 20.0, 30.0, 40.0, 47.0]), []

    def logged(call, name):
        return lambda *args, **options: log.append(name) or call(*args, **options)

    for name in ("gradient", "grouped_derivatives"):
        monkeypatch.setattr(cost_study, name, logged(getattr(cost_study, name), name))
    monkeypatch.setattr(cost_study, "clock", lambda device: logged(lambda: next(ticks), "clock"))
    metrics = run_cost(replace(COST.grid("quick")[0], batch=8, repeats=2), 0, CPU).metrics
    assert metrics == {"gradients": 7 / 2, "gradient_seconds": 2.0}  # the fastest of each
    assert log[-12:] == 2 * ["clock", "gradient", "clock"] + 2 * ["clock", "grouped_derivatives", "clock"]


def test_rosenbrock_has_its_minimum_at_one():
    one = {"x": torch.ones(1, dtype=DOUBLE), "y": torch.ones(1, dtype=DOUBLE)}
    assert float(rosenbrock(one)) == 0
    assert float(rosenbrock({"x": torch.tensor([-1.2]), "y": torch.tensor([1.0])})) == pytest.approx(24.2)


def test_two_groups_of_one_variable_are_newton_and_one_group_is_slow():
    by = {(r.config.method, r.config.lambda_int): run_toy(r.config, 0, CPU) for r in ROSENBROCK.runs("quick")}
    newton = by["canonical", 0.0]
    # Newton's method from the usual start: value 24.2, then 4.7319
    assert newton.curves["value"][1] == pytest.approx(4.7319, abs=1e-3)
    assert newton.metrics["steps_needed"] < by["canonical", 1.0].metrics["steps_needed"] <= 60
    assert by["trivial", 1.0].metrics["steps_needed"] == 61
    cubic = by["canonical", 1.0].curves["value"]
    assert all(b <= a for a, b in pairwise(cubic))
