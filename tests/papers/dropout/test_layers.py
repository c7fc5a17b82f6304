"""What is dropped, how it is scaled, and what a rate that is a buffer is good for."""

import pytest
import torch
from torch import nn

from startright.papers.dropout import reference
from startright.papers.dropout.depth import survival
from startright.papers.dropout.layers import Dropout, StochasticDepth, droppings


@pytest.mark.parametrize("make", [Dropout, StochasticDepth])
@pytest.mark.parametrize("rate", [0.0, 0.3, 0.8])
def test_both_conventions_keep_the_mean_between_training_and_evaluation(make, rate):
    torch.manual_seed(0)
    x = torch.ones(20_000, 3)
    for scaling in ("training", "evaluation"):
        drop = make(rate, scaling=scaling)
        trained, evaluated = drop.train()(x), drop.eval()(x)
        size = 1 / (1 - rate) if scaling == "training" else 1.0
        assert float(trained.max()) == pytest.approx(size)
        assert ((trained == 0) | (trained == trained.max())).all()
        assert float(evaluated[0, 0]) == pytest.approx(1 if scaling == "training" else 1 - rate)
        assert float(trained.mean()) == pytest.approx(float(evaluated.mean()), abs=0.05)


def test_at_rate_0_nothing_changes_to_the_last_bit():
    x = torch.randn(5, 4)
    for drop in (Dropout(0.0), StochasticDepth(0.0), StochasticDepth(mode="batch", scaling="evaluation")):
        assert torch.equal(drop.train()(x), x)
        assert torch.equal(drop.eval()(x), x)


def test_units_rows_and_batches():
    torch.manual_seed(0)
    x = torch.ones(200, 4, 5)
    units, rows = Dropout(0.5)(x), StochasticDepth(0.5)(x)
    assert 0.4 < float((units == 0).float().mean()) < 0.6
    assert any(len(row.unique()) == 2 for row in units)
    assert all(len(row.unique()) == 1 for row in rows)
    assert len(rows.unique()) == 2
    batch = StochasticDepth(0.5, mode="batch")
    assert all(len(batch(x).unique()) == 1 for _ in range(10))
    assert {float(batch(x).mean()) for _ in range(50)} == {0.0, 2.0}


def test_a_dropped_batch_is_not_computed():
    torch.manual_seed(0)
    calls = []
    drop, x = StochasticDepth(0.5, mode="batch"), torch.ones(3, 2)

    def branch(x):
        calls.append(1)
        return x

    sums = [float(drop.residual(x, branch)[0, 0]) for _ in range(400)]
    assert set(sums) == {1.0, 3.0}
    assert len(calls) == sums.count(3.0)
    assert 150 < len(calls) < 250
    assert torch.equal(drop.eval().residual(x, branch), 2 * x)


def test_a_branch_that_changes_the_shape_is_refused():
    for mode in ("row", "batch"):
        with pytest.raises(ValueError, match=r"keeps the shape \(3, 2\), got \(3, 1\)"):
            StochasticDepth(0.0, mode=mode).residual(torch.ones(3, 2), lambda x: x[:, :1])


@pytest.mark.parametrize("training", [True, False])
def test_a_network_is_that_of_the_reference(training):
    branches = [nn.Linear(3, 3).double() for _ in range(4)]
    x = torch.randn(3, dtype=torch.float64)
    drops = [StochasticDepth(1 - float(p), scaling="evaluation").double() for p in survival(4, 0.4)]
    for drop, p in zip(drops, survival(4, 0.4), strict=True):
        drop.train(training).set_rate(1 - float(p))
    for seed in range(20):
        torch.manual_seed(seed)
        expected = reference.stochastic_depth(x, branches, 0.4, training)
        torch.manual_seed(seed)
        found = x[None]
        for drop, branch in zip(drops, branches, strict=True):
            found = drop.residual(found, branch)
        torch.testing.assert_close(found[0], expected)


def test_the_rate_is_in_checkpoints_and_no_part_of_the_shape_of_the_network():
    one, other = Dropout(0.3), Dropout(0.0)
    other.load_state_dict(one.state_dict())
    assert float(other.rate) == pytest.approx(0.3)
    assert repr(one) == repr(Dropout(0.7))


def test_a_rate_that_changes_is_no_recompilation():
    from torch._dynamo.testing import CompileCounter

    net, counter = nn.Sequential(nn.Linear(3, 3), Dropout(0.1), StochasticDepth(0.2)), CompileCounter()
    compiled = torch.compile(net, backend=counter)
    for rate in (0.1, 0.5, 0.0, 0.9):
        net[1].set_rate(rate)
        compiled(torch.ones(4, 3))
    assert counter.frame_count == 1


def test_gradients_pass_what_is_kept():
    torch.manual_seed(0)
    x = torch.ones(50, requires_grad=True)
    y = Dropout(0.5)(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_modules_are_found_by_kind():
    net = nn.ModuleDict({"a": Dropout(), "b": StochasticDepth(), "c": nn.Dropout()})
    assert list(droppings(net)) == ["a", "b"]
    assert list(droppings(net, StochasticDepth)) == ["b"]


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2, float("nan")])
def test_rates_that_are_none_are_refused(rate):
    for make in (Dropout, StochasticDepth, lambda r: Dropout().set_rate(r)):
        with pytest.raises(ValueError, match=r"in \[0, 1\), got"):
            make(rate)


def test_unknown_words_and_scalars_are_refused():
    with pytest.raises(ValueError, match="scaling"):
        Dropout(scaling="test")
    with pytest.raises(ValueError, match="mode"):
        StochasticDepth(mode="column")
    with pytest.raises(ValueError, match="axis of examples"):
        StochasticDepth(0.5)(torch.tensor(1.0))
