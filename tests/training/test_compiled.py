"""Steps made by torch's compiler give what they gave; what cannot be compiled is refused."""

import os
import pickle
import subprocess
import sys

import pytest
import torch

from startright.data import Dataset, Split
from startright.models import MLP, build
from startright.training import TrainConfig, compiled, train_stacked
from startright.training.compiled import Compiled, check_compiler
from startright.training.penalties import L1
from startright.training.schedules import cosine

CPU = torch.device("cpu")


@pytest.fixture
def compiler():
    try:
        check_compiler(CPU)
    except RuntimeError as error:
        pytest.skip(str(error))


def moved_(theta, x):
    """Descends (θ·x)² / 2 in place."""
    with torch.enable_grad():
        theta_here = theta.detach().requires_grad_()
        loss = (x @ theta_here).square().sum() / 2
        (gradient,) = torch.autograd.grad(loss, theta_here)
    theta.sub_(0.1 * gradient)
    return (loss.detach(),)


@pytest.mark.slow
def test_a_compiled_function_gives_the_same_and_changes_the_same(compiler):
    x, step = torch.randn(5, 3, dtype=torch.float64), Compiled(moved_, "a step")
    first, second = torch.ones(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    again = pickle.loads(pickle.dumps(step))
    for _ in range(3):
        (found,), (expected,) = step(first, x), moved_(second, x)
        torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)
    torch.testing.assert_close(first, second, rtol=1e-13, atol=0)
    assert not again._made
    assert again(first, x)[0] < expected


@pytest.mark.slow
def test_a_look_at_values_is_refused(compiler):
    def look(x):
        return (x * 2 if float(x.sum()) > 0 else x,)

    with pytest.raises(RuntimeError, match=r"my step cannot be compiled .*compile=False"):
        Compiled(look, "my step")(torch.ones(3))


def test_shapes_beyond_some_are_computed_as_they_are(monkeypatch):
    made = []
    monkeypatch.setattr(compiled, "check_compiler", lambda device: None)
    monkeypatch.setattr(compiled, "_made", lambda function, tensors: made.append(tensors) or function)
    step = Compiled(lambda x: (x + 1,), "a step")
    for n in range(1, compiled.SHAPES + 4):
        assert torch.equal(step(torch.zeros(n))[0], torch.ones(n))
    assert len(made) == compiled.SHAPES


def test_one_program_is_for_one_layout_and_one_kind(monkeypatch):
    made = []
    monkeypatch.setattr(compiled, "check_compiler", lambda device: None)
    monkeypatch.setattr(compiled, "_made", lambda function, tensors: made.append(tensors) or function)
    step, rows = Compiled(lambda x: (x + 1,), "a step"), torch.zeros(4, 3)
    for x, kind, n in ((rows, 1, 1), (rows, 1, 1), (rows, 2, 2), (torch.zeros(3, 4).T, 2, 3)):
        step(x, kind=kind)
        assert len(made) == n
    for gaps in (torch.zeros(4, 6)[:, ::2], torch.zeros(1, 3).expand(4, 3)):
        assert torch.equal(step(gaps, kind=2)[0], torch.ones(4, 3))
    assert len(made) == 3
    assert made[-1][0].stride() == (1, 4)


@pytest.mark.parametrize("wrong", [1.01, torch.nan])
def test_wrong_numbers_are_refused(monkeypatch, wrong):
    monkeypatch.setattr(compiled, "check_compiler", lambda device: None)
    monkeypatch.setattr(compiled, "_made", lambda function, tensors: lambda x: (wrong * function(x)[0],))
    with pytest.raises(RuntimeError, match="a step gives other numbers when it is compiled"):
        Compiled(lambda x: (x + 1,), "a step")(torch.ones(3))


def test_wrong_changes_are_refused(monkeypatch):
    monkeypatch.setattr(compiled, "check_compiler", lambda device: None)
    monkeypatch.setattr(compiled, "_made", lambda function, tensors: lambda x: (x + 1,))
    with pytest.raises(RuntimeError, match="gives other numbers"):
        Compiled(lambda x: (x.add_(1).clone(),), "a step")(torch.ones(3))


def test_without_a_compiler_nothing_is_trained(monkeypatch):
    def fails(function, tensors):
        raise OSError("no g++\nand a page of text")

    monkeypatch.setattr(compiled, "_made", fails)
    compiled._trial.cache_clear()
    model = MLP((4, 3, 2))
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(
        RuntimeError, match=r"needs a compiler for cpu.*\(no g\+\+\): install .*compile=False"
    ):
        train_stacked([model], data(), TrainConfig(1, 8), seeds=[0], compile=True)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    compiled._trial.cache_clear()


@pytest.mark.slow
def test_a_machine_without_a_compiler(tmp_path):
    program = (
        "import torch; from startright.training.compiled import check_compiler;"
        " check_compiler(torch.device('cpu'))"
    )
    env = os.environ | {"CXX": str(tmp_path / "none"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "RuntimeError: compile=True needs a compiler for cpu" in done.stderr


def data() -> Dataset:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(36, 4, generator=rng), torch.randint(2, (36,), generator=rng)
    parts = Split(x[:20], y[:20]), Split(x[20:], y[20:])
    return Dataset("noise", *parts, None, 2, torch.zeros(1), torch.ones(1))


SGD = TrainConfig(3, 10, 0.1, momentum=0.9, weight_decay=0.01, schedule=cosine(6))
CASES = {
    "momentum, decay, a schedule, normalisation, one that diverges": (SGD, True, (0.1, 1e30, 0.3)),
    "Adam with a penalty": (TrainConfig(3, 10, 0.01, "adam", penalty=L1(0.01)), False, (0.01, 0.02, 0.03)),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_compiled_stack_has_the_same_curves(compiler, case):
    config, batch_norm, lrs = CASES[case]

    def run(compile):
        models = [build(lambda: MLP((4, 3, 2), batch_norm=batch_norm), seed) for seed in range(3)]
        histories = train_stacked(models, data(), config, seeds=range(3), lrs=lrs, compile=compile)
        return models, histories

    (plain, expected), (models, found) = run(False), run(True)
    assert [h.status for h in found] == [h.status for h in expected]
    assert ("diverged" in {h.status for h in found}) == batch_norm
    for a, b in zip(expected, found, strict=True):
        assert a.steps == b.steps
        for name, values in a.curves.items():
            assert b.curves[name] == pytest.approx(values, rel=1e-5, abs=1e-6)
    for a, b in zip(plain, models, strict=True):
        torch.testing.assert_close(a.state_dict(), b.state_dict(), rtol=1e-4, atol=1e-6, equal_nan=True)
