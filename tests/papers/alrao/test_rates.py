import math
import re
import warnings

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from torch import nn

from startright.models import VGG19, CharLSTM, GoogLeNet, MobileNetV2, SENet18
from startright.papers.alrao import rates as rates_module
from startright.papers.alrao.rates import Fraction, LogUniform, register_rule, unit_rates

INTERVAL = (1e-5, 10.0)


class Counting:
    """Gives 1, 2, 3, …: each draw another rate."""

    def __init__(self):
        self.count = 0

    def sample(self, shape, generator):
        first, self.count = self.count + 1, self.count + math.prod(shape)
        return torch.arange(first, self.count + 1, dtype=torch.float64).view(shape)


def draw(module, interval=None, **options):
    """The rates at full shape, each draw a number of its own."""
    found = unit_rates(module.double(), interval or Counting(), generator=torch.Generator(), **options)
    return {name: rate.expand_as(module.get_parameter(name)) for name, rate in found.items()}


def n_rates(module, **options):
    return len(torch.cat([rate.unique() for rate in draw(module, **options).values()]).unique())


CONVOLUTIONS = [
    (nn.Conv1d, nn.ConvTranspose1d),
    (nn.Conv2d, nn.ConvTranspose2d),
    (nn.Conv3d, nn.ConvTranspose3d),
]
sizes = st.integers(1, 4)


@given(sizes, sizes, sizes, st.booleans(), st.sampled_from(CONVOLUTIONS))
@settings(deadline=None, max_examples=40)
def test_a_filter_has_one_rate(groups, into, out, bias, kinds):
    straight, transposed = (kind(into * groups, out * groups, 2, groups=groups, bias=bias) for kind in kinds)
    for found, filters in ((draw(straight), lambda w: w), (draw(transposed), _filters(groups))):
        weight = filters(found["weight"]).flatten(1)
        assert len(weight) == out * groups
        assert torch.equal(weight, weight[:, :1].expand_as(weight))
        assert len(weight.unique()) == out * groups
        assert found.keys() == ({"weight", "bias"} if bias else {"weight"})
        if bias:
            assert torch.equal(found["bias"], weight[:, 0])


def _filters(groups):
    """The weight of a transposed convolution, (in, out / groups, ...), as (out, in / groups, ...)."""
    return lambda w: w.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)


def test_a_transposed_convolution_s_unit_is_what_reaches_an_output_channel():
    layer = nn.ConvTranspose2d(4, 6, 2, groups=2).double()
    for channel in range(6):
        layer.zero_grad()
        layer(torch.ones(1, 4, 3, 3, dtype=torch.float64))[:, channel].sum().backward()
        found = draw(layer)
        into = found["weight"][layer.weight.grad != 0]
        assert set(into.tolist()) == {float(found["bias"][channel])}


def test_a_depthwise_filter_has_one_rate():
    assert n_rates(nn.Conv2d(8, 8, 3, groups=8)) == 8


@pytest.mark.parametrize("layer", [nn.Linear(5, 3), nn.Bilinear(5, 4, 3)])
def test_a_row_and_its_bias_have_one_rate(layer):
    found = draw(layer)
    rows = found["weight"].flatten(1)
    assert torch.equal(rows, found["bias"][:, None].expand_as(rows))
    assert len(found["bias"].unique()) == 3


@pytest.mark.parametrize("layer", [nn.Embedding(7, 4), nn.EmbeddingBag(7, 4)])
def test_a_column_of_an_embedding_has_one_rate(layer):
    columns = draw(layer)["weight"].T
    assert torch.equal(columns, columns[:, :1].expand_as(columns))
    assert len(columns.unique()) == 4


NORMS = [
    *(nn.BatchNorm1d(6), nn.BatchNorm2d(6), nn.BatchNorm3d(6), nn.SyncBatchNorm(6), nn.GroupNorm(2, 6)),
    *(nn.InstanceNorm1d(6, affine=True), nn.InstanceNorm2d(6, affine=True), nn.LayerNorm((2, 3))),
]


@pytest.mark.parametrize("layer", NORMS, ids=lambda layer: type(layer).__name__)
def test_scale_and_shift_are_two_units_or_one(layer):
    apart, tied = draw(layer), draw(layer, norm="tied")
    assert len(torch.stack(list(apart.values())).unique()) == 12
    assert len(tied["weight"].unique()) == 6
    assert torch.equal(tied["weight"], tied["bias"])


def test_layers_without_a_shift_have_one_rate_a_channel():
    assert n_rates(nn.RMSNorm(6)) == n_rates(nn.PReLU(6)) == n_rates(nn.RMSNorm(6), norm="tied") == 6


RECURRENT = [
    (nn.RNN(3, 4, num_layers=2), 1),
    (nn.GRU(3, 4, bidirectional=True), 3),
    (nn.LSTM(3, 4, num_layers=2), 4),
    (nn.LSTM(3, 4, bias=False), 4),
    (nn.RNNCell(3, 4), 1),
    (nn.GRUCell(3, 4), 3),
    (nn.LSTMCell(3, 4), 4),
]


@pytest.mark.parametrize(("layer", "gates"), RECURRENT, ids=lambda value: str(value)[:20])
def test_the_gates_of_a_unit_share_its_rate(layer, gates):
    found = draw(layer)
    for name, rate in found.items():
        rows = rate.view(gates, 4, -1)
        assert torch.equal(rows, rows[:1, :, :1].expand_as(rows))
        layer_of = re.split("_[ih]h", name)[1]
        same = found[f"weight_ih{layer_of}"].view(gates, 4, -1)[0, :, 0]
        assert torch.equal(rows[0, :, 0], same)
    assert len(torch.cat([r.unique() for r in found.values()]).unique()) == 4 * _cells(layer)


@pytest.mark.parametrize(("layer", "gates"), RECURRENT, ids=lambda value: str(value)[:20])
def test_or_each_row_of_each_matrix_has_its_own(layer, gates):
    found = draw(layer, lstm="per_gate_row")
    for name, rate in found.items():
        rows = rate.view(gates * 4, -1)
        assert len(rows.unique()) == gates * 4
        assert torch.equal(rows, found[name.replace("bias", "weight")][:, :1].expand_as(rows))
    assert len(torch.cat([r.unique() for r in found.values()]).unique()) == 2 * gates * 4 * _cells(layer)


def _cells(layer):
    return sum(name.startswith("weight_ih") for name, _ in layer.named_parameters())


def test_the_projection_of_an_lstm_has_units_of_its_own():
    assert n_rates(nn.LSTM(3, 4, proj_size=2)) == 4 + 2


@pytest.mark.parametrize("options", [{}, {"kdim": 3, "vdim": 5}, {"add_bias_kv": True}, {"bias": False}])
def test_attention_has_a_rate_a_row_of_its_projections(options):
    found = draw(nn.MultiheadAttention(4, 2, **options))
    rows = torch.cat([rate[:, :1] for name, rate in found.items() if name.endswith("proj_weight")])
    assert len(rows.unique()) == 12
    if "in_proj_bias" in found:
        assert torch.equal(found["in_proj_bias"], rows[:, 0])


def test_per_weight_every_entry_has_its_own_without_a_warning():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LSTM(4, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert n_rates(net, per="weight") == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("make", "expected"),
    [(VGG19, 16_512), (GoogLeNet, 23_712), (MobileNetV2, 52_632), (SENet18, 13_752)],
)
def test_the_published_nets_have_as_many_rates_as_in_the_authors_programs(make, expected):
    sampler = Counting()
    with torch.device("meta"):
        backbone = make(n_classes=None)
    unit_rates(backbone, sampler, generator=torch.Generator())
    assert sampler.count == expected


@pytest.mark.parametrize(("lstm", "expected"), [("per_gate_row", 1_700), ("per_unit", 300)])
def test_so_has_the_network_of_characters(lstm, expected):
    sampler = Counting()
    unit_rates(CharLSTM(n_classes=None), sampler, lstm=lstm, generator=torch.Generator())
    assert sampler.count == expected


@given(st.floats(-8, 2), st.floats(0, 6))
@example(0.15, 0.15)  # 10 to the power of its logarithm is not the upper end
@settings(deadline=None, max_examples=20)
def test_rates_are_log_uniform_and_in_the_interval(low, decades):
    law = LogUniform(10**low, 10 ** (low + decades))
    rates = law.sample((2000,), torch.Generator().manual_seed(0))
    assert rates.min() >= law.lo
    assert rates.max() <= law.hi
    if decades > 1e-3:
        assert kstest(rates.log10().numpy(), "uniform", (low, decades)).pvalue > 1e-3
    grid = law.grid(5)
    assert (grid[0], grid[-1]) == (law.lo, law.hi)
    torch.testing.assert_close(grid[1:] / grid[:-1], torch.full((4,), 10 ** (decades / 4), dtype=grid.dtype))


def test_the_moments_of_the_default_interval():
    rates = LogUniform(*INTERVAL).sample((400_000,), torch.Generator().manual_seed(0))
    assert float(rates.mean()) == pytest.approx(0.7238, rel=0.02)
    assert float((rates > 1).double().mean()) == pytest.approx(1 / 6, rel=0.02)
    assert float(rates.median()) == pytest.approx(1e-2, rel=0.05)


def test_a_fraction_of_the_units_learns():
    rates = Fraction(0.1, 0.3).sample((10_000,), torch.Generator().manual_seed(0))
    assert set(rates.tolist()) == {0.0, 0.1}
    assert float((rates > 0).double().mean()) == pytest.approx(0.3, abs=0.02)


def test_the_same_generator_gives_the_same_rates_as_the_parameters_are():
    net = nn.Linear(3, 4).to(torch.bfloat16)
    a, b, c = (
        unit_rates(net, INTERVAL, generator=torch.Generator().manual_seed(seed))["weight"]
        for seed in (0, 0, 1)
    )
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert a.dtype == torch.bfloat16


class Scale(nn.Module):
    def __init__(self, n=3):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(n, 2))

    def forward(self, x):
        return x * self.factor[:, 0]


def test_an_unknown_module_warns_and_each_entry_has_a_rate():
    with pytest.warns(UserWarning, match=r"unit of Scale \(0\).*factor.*register_rule"):
        assert n_rates(nn.Sequential(Scale())) == 6


@pytest.fixture
def rules(monkeypatch):
    monkeypatch.setattr(rates_module, "_RULES", dict(rates_module._RULES))


@pytest.mark.usefixtures("rules")
def test_a_registered_rule_holds_for_subclasses_unless_they_have_their_own():
    class Wider(Scale):
        pass

    class Other(Wider):
        pass

    register_rule(Scale)(lambda module, draw: {"factor": draw(3)[:, None]})
    assert n_rates(Scale()) == n_rates(Wider()) == 3
    register_rule(Other)(lambda module, draw: {"factor": draw(1)})
    assert (n_rates(Other()), n_rates(Wider())) == (1, 3)


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, r"rule for Scale \(the module itself\) gives rates for \[\].*\['factor'\]"),
        ({"other": torch.ones(())}, r"\['other'\].*\['factor'\]"),
        ({"factor": torch.ones(3)}, r"rates of shape \(3,\) do not broadcast to factor, \(3, 2\)"),
    ],
)
def test_a_rule_that_does_not_fit_its_module_is_refused(found, message):
    register_rule(Scale)(lambda module, draw: found)
    with pytest.raises(ValueError, match=message):
        draw(Scale())


class Pair(nn.Module):
    """Two names for one tensor in one module."""

    def __init__(self):
        super().__init__()
        self.one = self.other = nn.Parameter(torch.ones(3))


def tied(one, other):
    other.weight = one.weight
    return nn.Sequential(one, other)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: tied(nn.Embedding(5, 4), nn.Linear(4, 5, bias=False)), "0.weight and 1.weight"),
        (lambda: tied(nn.Linear(3, 3), nn.Linear(3, 3)), "0.weight and 1.weight"),
        (
            lambda: nn.Sequential(nn.Sequential(tied(nn.Conv1d(2, 2, 3), nn.Conv1d(2, 2, 3)))),
            "0.0.0.w.*0.0.1.w",
        ),
        (Pair, "one and other"),
    ],
)
def test_a_tensor_in_two_modules_is_refused_by_name(make, names):
    with pytest.raises(
        ValueError, match=f"{names}.* are one tensor in two layers.*use one layer in both places"
    ):
        draw(make())


def block():
    return nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.PReLU(3))


@pytest.mark.parametrize("shared", [nn.PReLU, lambda: nn.Linear(3, 3), block])
def test_a_module_in_two_places_has_one_set_of_rates(shared):
    part = shared()
    once, twice = draw(nn.Sequential(part, nn.ReLU())), draw(nn.Sequential(part, nn.ReLU(), part))
    assert once.keys() == twice.keys()
    for name, rate in once.items():
        assert torch.equal(rate, twice[name])


@pytest.mark.parametrize(
    "make", [lambda: nn.Linear(4, 3), lambda: nn.Conv2d(2, 3, 3), lambda: nn.Conv2d(4, 3, 1, bias=False)]
)
def test_weight_norm_has_the_rates_of_the_units(make):
    plain, normed = draw(make()), draw(nn.utils.parametrizations.weight_norm(make()))
    for part in ("original0", "original1"):
        rate = normed.pop(f"parametrizations.weight.{part}").flatten(1)
        assert torch.equal(rate, plain["weight"].flatten(1)[:, :1].expand_as(rate))
    if "bias" in plain:
        assert torch.equal(normed.pop("bias"), plain["bias"])
    assert not normed


def test_spectral_norm_is_left_as_it_was():
    layer = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3))
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    rates = draw(layer)
    assert torch.equal(rates["parametrizations.weight.original"], rates["bias"][:, None].expand(3, 4))
    for name, value in layer.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(part.training for part in layer.modules())


def test_lengths_across_units_have_a_rate_an_entry():
    rates = draw(
        nn.utils.parametrizations.weight_norm(nn.Embedding(5, 4))
    )  # a length a token, a unit a dimension
    assert len(rates["parametrizations.weight.original1"].unique()) == 4
    assert len(rates["parametrizations.weight.original0"].unique()) == 5


def test_parametrized_layers_may_have_a_rate_a_weight():
    rates = draw(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), per="weight")
    assert len(rates["parametrizations.weight.original1"].unique()) == 12


def convolutions():
    return nn.Sequential(
        nn.BatchNorm2d(2),
        nn.Conv2d(2, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Conv2d(3, 4, 1),
        nn.BatchNorm2d(4),
    )


def test_a_normalisation_may_have_the_rates_of_the_filters_before_it():
    rates = draw(convolutions(), norm="layer")
    for layer, norm in ((1, 2), (4, 5)):
        for name in ("weight", "bias"):
            assert torch.equal(rates[f"{norm}.{name}"], rates[f"{layer}.bias"])
    assert torch.equal(rates["0.weight"], rates["0.bias"])  # none before it
    assert len(torch.cat([rates[f"{i}.bias"] for i in (0, 1, 4)]).unique()) == 2 + 3 + 4


def test_filters_and_normalisations_that_do_not_belong_together_are_not_tied():
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.Flatten(), nn.BatchNorm1d(12), nn.BatchNorm1d(12, affine=False)
    )
    rates = draw(net, norm="layer")
    assert len(rates["2.weight"].unique()) == 12
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 3, 3)), nn.BatchNorm2d(3))
    rates = draw(normed, norm="layer")
    assert torch.equal(rates["1.weight"], rates["0.bias"])


def test_shapes_must_be_known():
    with pytest.raises(ValueError, match="weight has no shape yet"):
        unit_rates(nn.LazyLinear(3), INTERVAL, generator=torch.Generator())


def test_a_module_without_parameters_is_refused():
    with pytest.raises(ValueError, match="Sequential has no parameters"):
        unit_rates(nn.Sequential(nn.ReLU()), INTERVAL, generator=torch.Generator())


@pytest.mark.parametrize(
    "interval", [(1, 0.1), (0, 1), (-1, 1), (1e-5, math.inf), (math.nan, 1), (1e-5, math.nan)]
)
def test_an_interval_that_is_none_is_refused(interval):
    with pytest.raises(ValueError, match="0 < ηmin ≤ ηmax < ∞, got"):
        unit_rates(nn.Linear(2, 2), interval, generator=torch.Generator())


@pytest.mark.parametrize("interval", [0.1, (1,), (1, 2, 3), "ab", None])
def test_an_interval_is_a_pair(interval):
    with pytest.raises(ValueError, match="expected a pair"):
        unit_rates(nn.Linear(2, 2), interval, generator=torch.Generator())


@pytest.mark.parametrize("option", ["norm", "lstm", "per"])
def test_an_unknown_option_is_refused(option):
    with pytest.raises(ValueError, match=f"unknown {option} 'tie'"):
        unit_rates(nn.Linear(2, 2), INTERVAL, generator=torch.Generator(), **{option: "tie"})


@pytest.mark.parametrize(("rate", "p"), [(0, 0.5), (math.inf, 0.5), (0.1, 1.5), (0.1, -1)])
def test_a_fraction_is_a_probability(rate, p):
    with pytest.raises(ValueError, match="a positive rate and a probability"):
        Fraction(rate, p)
