import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from startright.data.images import Dataset, Split
from startright.models import MLP, build
from startright.training import TrainConfig, train
from startright.training.penalties import L1, L2, GroupLasso, Penalty

VALUES = st.lists(st.floats(-3, 3), min_size=6, max_size=6)


def rows(values):
    """Two runs of a matrix of three weights a unit."""
    return torch.tensor([values, values], dtype=torch.float64).view(2, 2, 3)


def prox(penalty, w, rates):
    moved = w.clone()
    penalty.prox({"weight": moved}, torch.tensor(rates, dtype=w.dtype))
    return moved


def objective(penalty, v, w, rate, strength):
    r = v.abs().sum() if isinstance(penalty, L1) else math.sqrt(3) * v.norm(dim=-1).sum()
    return float((v - w).square().sum() / 2 + rate * strength * r)


@pytest.mark.parametrize("kind", [L1, GroupLasso])
@given(values=VALUES, seed=st.integers(0, 100))
@settings(deadline=None, max_examples=40)
def test_the_proximal_step_minimises_what_it_says(kind, values, seed):
    w, rates, strengths = rows(values), (0.5, 0.1), (0.3, 2.0)
    moved = prox(kind(strengths), w, rates)
    noise = torch.randn(200, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    for run in range(2):
        setting = (kind(0.0), w[run], rates[run], strengths[run])
        at = objective(setting[0], moved[run], *setting[1:])
        scales = torch.logspace(-4, 0, 200, dtype=torch.float64)[:, None, None]
        others = [objective(setting[0], v, *setting[1:]) for v in moved[run] + scales * noise]
        assert at <= min(others) + 1e-12


def test_soft_thresholds_in_closed_form():
    w = torch.tensor([[[1.0, -0.3, 0.2]]])
    assert prox(L1(0.5), w, [0.5]).tolist() == [[pytest.approx([0.75, -0.05, 0.0])]]


def test_units_vanish_as_a_whole():
    w = torch.tensor([[[3.0, 4.0], [0.1, 0.1]]])
    moved = prox(GroupLasso(1.0), w, [1.0])
    assert moved[0, 0].tolist() == pytest.approx([3 * (1 - math.sqrt(2) / 5), 4 * (1 - math.sqrt(2) / 5)])
    assert moved[0, 1].tolist() == [0.0, 0.0]
    kernels = torch.ones(1, 2, 3, 3, 3)
    assert prox(GroupLasso(10.0), kernels, [1.0]).abs().sum() == 0


def test_units_that_are_zero_stay_so():
    moved = prox(GroupLasso(0.0), torch.zeros(1, 2, 3), [1.0])
    assert moved.tolist() == torch.zeros(1, 2, 3).tolist()


def test_biases_are_left_alone_unless_chosen():
    bias = torch.ones(1, 4)
    L1(100.0).prox({"bias": bias}, torch.ones(1))
    assert bias.tolist() == [[1.0] * 4]
    L1(100.0, select=lambda name, values: True).prox({"bias": bias}, torch.ones(1))
    assert bias.tolist() == [[0.0] * 4]


def test_the_l2_penalty_is_the_weight_decay_of_sgd(digits):
    def trained(**options):
        model = build(lambda: MLP((64, 20, 10), nn.Tanh), 0).double()
        train(model, digits, TrainConfig(epochs=2, batch_size=50, momentum=0.9, **options))
        return nn.utils.parameters_to_vector(model.parameters())

    every = L2(0.01, select=lambda name, values: True)
    torch.testing.assert_close(trained(penalty=every), trained(weight_decay=0.01), rtol=1e-10, atol=1e-12)
    assert not torch.equal(trained(), trained(weight_decay=0.01))


def test_an_l1_penalty_makes_zeros_and_a_group_lasso_dead_units(digits):
    def zeros(penalty):
        model = build(lambda: MLP((64, 20, 10), nn.Tanh), 0).double()
        history = train(model, digits, TrainConfig(epochs=3, batch_size=50, penalty=penalty))
        assert history.status == "ok"
        first = next(model.parameters())
        return float((first == 0).double().mean()), int((first == 0).all(1).sum())

    none, sparse, units = zeros(L2(0.02)), zeros(L1(0.02)), zeros(GroupLasso(0.05))
    assert none == (0.0, 0)
    assert sparse[0] > 0.2
    assert units[1] > 0


def test_what_is_wrong_is_refused():
    for strength in (-1.0, math.nan, math.inf, (0.1, -0.1)):
        with pytest.raises(ValueError, match="at least 0 and finite"):
            Penalty(strength)


def test_the_rows_that_go_on_keep_their_strengths():
    assert L1((0.1, 0.2, 0.3)).keep([2, 0]).strength == (0.3, 0.1)
    assert L1(0.1).keep([0]).strength == 0.1


@pytest.mark.parametrize("penalty", [L1(0.1), GroupLasso(0.1), L2(0.1)], ids=lambda p: type(p).__name__)
def test_a_penalty_joins_losses_wherever_they_are(penalty):
    """On another device than the processor's a constant of one entry would not."""
    values = penalty.value({"bias": torch.ones(3, 4, device="meta")})
    assert (torch.ones(3, device="meta") + values).device.type == "meta"


def test_a_rate_is_a_number_or_one_a_run():
    w = torch.ones(2, 3, 4)
    one, each = w.clone(), w.clone()
    L1(0.5).prox({"w": one}, 0.1)
    L1(0.5).prox({"w": each}, torch.tensor([0.1, 0.1]))
    assert torch.equal(one, each)
    assert one.flatten()[0] == pytest.approx(0.95)


# --- factors, columns, and the value in a loop of one's own --------------------------------------


def test_with_factors_those_that_are_named_are_penalised_each_by_its_own():
    parameters = {"a": torch.ones(2, 2, 3), "b": torch.ones(2, 2, 3), "bias": torch.ones(2, 4)}
    penalty = L2((0.1, 1.0), factors={"a": 2.0, "bias": 3.0})
    torch.testing.assert_close(penalty.value(parameters), torch.tensor([0.1, 1.0]) * (2 * 3 + 3 * 2.0))
    L1(0.1, factors={"a": 2.0}).prox(parameters, 1.0)
    assert parameters["a"].unique().tolist() == pytest.approx([0.8])
    assert parameters["b"].unique().tolist() == [1.0]


def test_factors_that_are_wrong_are_refused():
    with pytest.raises(ValueError, match="factor of 'a' must be at least 0 and finite, got nan"):
        L1(0.1, factors={"a": math.nan})
    with pytest.raises(ValueError, match="name no parameter"):
        L1(0.1, factors={})


@pytest.mark.parametrize(("blocks", "shape"), [(1, (2, 6, 3)), (1, (2, 6, 3, 2, 2)), (3, (2, 6, 3, 2, 2))])
def test_columns_are_what_an_input_is_multiplied_by(blocks, shape):
    w = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    penalty = GroupLasso(0.3, factors={"w": 2.0}, weighted=False, columns={"w": blocks})
    each = shape[1] // blocks
    slices = [w[:, k * each : (k + 1) * each, c] for k in range(blocks) for c in range(shape[2])]
    wanted = 0.6 * sum(part.flatten(1).norm(dim=1) for part in slices)
    torch.testing.assert_close(penalty.total({"w": w}), wanted)
    moved = w.clone()
    penalty.prox({"w": moved}, 0.5)
    for k in range(blocks):
        for c in range(shape[2]):
            at = (slice(None), slice(k * each, (k + 1) * each), c)
            norm = w[at].flatten(1).norm(dim=1).view(-1, *[1] * (w[at].dim() - 1))
            torch.testing.assert_close(moved[at], w[at] * (1 - 0.3 / norm).clamp_min(0))


def test_a_group_counts_once_or_by_the_root_of_its_size():
    w = {"w": torch.ones(1, 2, 4)}
    assert GroupLasso(1.0).total(w).item() == pytest.approx(2 * 2 * 2)
    assert GroupLasso(1.0, weighted=False).total(w).item() == pytest.approx(2 * 2)


@pytest.mark.parametrize("kind", [L2, L1, GroupLasso])
def test_a_model_has_its_penalty_with_a_gradient_that_is_finite_at_zero(kind):
    model = nn.Linear(3, 2)
    nn.init.zeros_(model.weight)
    kind(0.5)(model).backward()
    assert model.weight.grad.tolist() == [[0.0] * 3] * 2
    assert model.bias.grad is None
    with pytest.raises(ValueError, match="one strength"):
        kind((0.1, 0.2))(model)
    with pytest.raises(ValueError, match=r"trains no '0\.weight'"):
        kind(0.1, factors={"0.weight": 1.0})(model)


def test_in_the_loss_a_penalty_keeps_its_weight_beside_momentum():
    """The minimiser of ½(w − 1)² + λ|w| is 1 − λ, whatever the momentum m; by proximal steps 1 − λ(1 − m)."""

    def end(penalty):
        model = nn.Linear(1, 1, bias=False)
        nn.init.ones_(model.weight)
        data = Dataset(
            "one", *[Split(torch.ones(4, 1), torch.ones(4, 1))] * 2, None, 1, torch.zeros(1), torch.ones(1)
        )
        config = TrainConfig(epochs=400, batch_size=4, lr=0.05, momentum=0.9, penalty=penalty)
        train(model, data, config, loss=lambda out, y: (out - y).square().flatten() / 2)
        return model.weight.item()

    for kind in (L1, GroupLasso):
        assert end(kind(0.5, in_loss=True)) == pytest.approx(0.5, abs=1e-3)
        assert end(kind(0.5)) == pytest.approx(0.95, abs=1e-3)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64])
def test_weights_that_are_not_real_are_refused(dtype):
    for call in (L2(0.1).total, lambda w: L1(0.1).prox(w, 0.1)):
        with pytest.raises(ValueError, match=r"'w' is .*: a penalty is of real weights"):
            call({"w": torch.ones(1, 2, 3, dtype=dtype)})


def test_as_many_strengths_as_runs():
    for penalty in (L1, L2, GroupLasso):
        with pytest.raises(ValueError, match="3 strengths for 2 runs"):
            penalty((0.1, 0.2, 0.3)).total({"w": torch.ones(2, 2, 3)})


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: nn.Linear(3, 2).requires_grad_(False), "Linear trains nothing that this L1 selects"),
        (nn.Sequential, "Sequential trains nothing"),
        (lambda: nn.LazyLinear(2), "'weight' has no values yet"),
    ],
)
def test_a_model_with_nothing_to_penalise_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        L1(0.1)(make())


def test_columns_of_blocks_that_do_not_divide_are_refused():
    w, penalty = {"w": torch.ones(1, 6, 2, 3)}, GroupLasso(0.1, columns={"w": 4}, in_loss=False)
    for act in (penalty.total, lambda w: penalty.prox(w, 0.1)):
        with pytest.raises(ValueError, match="'w' has 6 rows, no whole number in 4 blocks"):
            act(w)
