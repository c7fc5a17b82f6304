"""One run, many runs: the same numbers; configs that make no sense are refused."""

import pytest
import torch

from startright.papers.gauss_newton.studies import descent as module
from startright.papers.gauss_newton.studies.descent import (
    DescentConfig,
    descent,
    newton,
    run_descent,
    run_descents,
    run_together,
    stack_key,
    stacking_pays,
)

TINY = {"width": 30, "points": 15, "tests": 50, "max_steps": 40}
CPU = torch.device("cpu")


def test_stacked_and_single_runs_agree():
    runs = [(newton(1.0, 0.5, **TINY), 0), (newton(0.1, 0.1, floor=1e-6, **TINY), 3)]
    for (config, seed), together in zip(runs, run_together(runs, CPU), strict=True):
        alone = run_descent(config, seed, CPU)
        assert together.status == alone.status == "ok"
        assert together.metrics == pytest.approx(alone.metrics, rel=1e-4)
        assert together.curves["step"] == alone.curves["step"]


@pytest.mark.parametrize(
    ("make", "device", "sizes"),
    [(newton, "cpu", [1, 1, 1]), (descent, "cpu", [3]), (newton, "meta", [3]), (descent, "meta", [3])],
)
def test_gauss_newton_on_a_cpu_goes_one_by_one(make, device, sizes, monkeypatch):
    """A stack of it is slower there: it must not be what ``auto`` gives."""
    seen = []
    monkeypatch.setattr(module, "run_together", lambda runs, device: seen.append(len(runs)) or list(runs))
    runs = [(make(1.0, 0.5, **TINY), seed) for seed in range(3)]
    assert run_descents(runs, torch.device(device)) == runs
    assert seen == sizes
    assert stacking_pays(runs[0][0], torch.device(device)) == (sizes == [3])


def test_one_by_one_gives_the_outcomes_of_the_stack():
    runs = [(newton(1.0, 0.5, **TINY), seed) for seed in (0, 1)]
    for alone, together in zip(run_descents(runs, CPU), run_together(runs, CPU), strict=True):
        assert alone.metrics == pytest.approx(together.metrics, rel=1e-4)


def test_methods_and_sizes_are_not_mixed():
    a, b = newton(1.0, 0.5, **TINY), newton(0.1, 0.02, floor=0.0, relative_floor=1e-3, **TINY)
    assert stack_key(a) == stack_key(b)
    assert stack_key(a) != stack_key(descent(1.0, 0.5, **TINY))
    assert stack_key(a) != stack_key(newton(1.0, 0.5, **TINY | {"width": 31}))


def test_what_a_run_leaves():
    out = run_descent(newton(1.0, 0.5, **TINY), 0, CPU)
    assert out.metrics["steps_1"] <= out.metrics["steps_2"] <= out.metrics["steps"]
    assert out.metrics["rf_test"] == out.curves["refit_test"][0] or out.metrics["rf_test"] == pytest.approx(
        out.curves["refit_test"][0], rel=1e-5
    )
    assert out.metrics["train_loss"] < 1e-8 * out.metrics["start_loss"]
    assert out.metrics["first_smallest"] > 0


def test_a_diverged_run_has_a_reason():
    out = run_descent(descent(10.0, 100.0, **TINY), 0, CPU)
    assert out.status == "diverged"
    assert out.reason


def test_bad_configs_are_refused():
    with pytest.raises(ValueError, match="did you mean 'gradient'"):
        DescentConfig("gradent", 1.0, 1.0, **TINY)
    with pytest.raises(ValueError, match="rate must be positive"):
        DescentConfig("gradient", 1.0, 0.0, **TINY)
