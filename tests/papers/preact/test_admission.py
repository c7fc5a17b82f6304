"""Networks that can be given the initialisation, and what is said of those that cannot."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from startright.models import MLP, LeNet
from startright.papers.preact import GaussianActivation, init_gaussian_preact_
from startright.papers.preact.admission import ACTIVATIONS, guesses


def chain(*middle):
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), *middle, nn.ReLU(), nn.Linear(8, 2))


class Masked(nn.Linear):
    """A weight that the forward makes anew under another name."""

    weight = property(lambda self: self.raw * 2)

    def __init__(self, n, m):
        nn.Module.__init__(self)
        self.in_features, self.out_features, self.raw = n, m, nn.Parameter(torch.randn(m, n))
        self.register_parameter("bias", None)


def changed(change):
    net = chain()
    change(net)
    return net


COMPUTED = {
    "old weight normalisation": lambda net: weight_norm(net[2]),
    "old spectral normalisation": lambda net: spectral_norm(net[2]),
    "pruning": lambda net: prune.l1_unstructured(net[2], "weight", 0.5),
    "pruning of the first layer": lambda net: prune.random_unstructured(net[0], "weight", 0.5),
    "weight normalisation": lambda net: parametrizations.weight_norm(net[2]),
    "orthogonal weights": lambda net: parametrizations.orthogonal(net[2]),
    "property": lambda net: net.__setitem__(2, Masked(8, 8)),
    "lazy": lambda net: net.__setitem__(2, nn.LazyLinear(8)),
    "complex": lambda net: net.to(torch.complex64),
    "meta": lambda net: net.to("meta"),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("case", COMPUTED)
def test_weights_that_a_draw_would_not_reach(case, strict):
    net = changed(COMPUTED[case])
    before, modules = copy.deepcopy([p for p in net.parameters() if case != "lazy"]), list(net.modules())
    with pytest.raises(ValueError, match=r"layer '[02]' \(\w+\) cannot be initialised: "):
        init_gaussian_preact_(net, 3, strict=strict)
    assert list(net.modules()) == modules
    if case != "meta":
        assert all(torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=False))


def test_pruning_made_permanent_is_forgotten():
    net = changed(COMPUTED["pruning"])
    prune.remove(net[2], "weight")
    assert init_gaussian_preact_(net, 3)[2].weight.all()


@pytest.mark.parametrize("depth", [2, 20])
def test_one_activation_for_all_layers(depth):
    """Every place gets φ: the variance of the pre-activations stays at 1."""
    act, width = nn.Tanh(), 256
    layers = [part for _ in range(depth) for part in (act, nn.Linear(width, width))]
    net = nn.Sequential(nn.Linear(width, width), *layers)
    init_gaussian_preact_(net, 3, generator=torch.Generator().manual_seed(0))
    assert sum(isinstance(part, GaussianActivation) for part in net) == depth
    x = torch.randn(400, width, generator=torch.Generator().manual_seed(1))
    assert net(math.sqrt(width) * x / x.norm(dim=1, keepdim=True)).var().item() == pytest.approx(1, rel=0.2)


def test_shared_in_blocks_and_under_two_names():
    act = nn.GELU()
    blocks = [nn.Sequential(nn.Linear(6, 6), act) for _ in range(3)]
    net = nn.Sequential(*blocks, nn.ModuleDict({"again": act}).again, nn.Linear(6, 1))
    with pytest.raises(ValueError, match="the activation '3' gets an activation"):
        init_gaussian_preact_(net, 3)
    assert all(block[1] is act for block in blocks)
    net[3] = nn.Identity()
    init_gaussian_preact_(net, 3)
    assert all(type(block[1]) is GaussianActivation for block in blocks)


@pytest.mark.parametrize("layer", [nn.MaxPool1d(2), nn.AvgPool1d(2), nn.AdaptiveAvgPool1d(8), nn.Upsample(8)])
def test_pooling_is_refused(layer):
    net = nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), layer, nn.Conv1d(4, 2, 2))
    with pytest.raises(ValueError, match=rf"\(\) in layer '2' \({type(layer).__name__}\) breaks the law"):
        init_gaussian_preact_(net, 3)


@pytest.mark.parametrize("end", [nn.Sigmoid(), nn.Tanh(), nn.Softmax(1), nn.LogSoftmax(1)])
def test_the_non_linearity_of_the_output_stays(end):
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2), end)
    with pytest.raises(ValueError, match="breaks the law"):
        init_gaussian_preact_(net, 3)
    with pytest.warns(UserWarning, match="breaks the law"):
        init_gaussian_preact_(net, 3, strict=False)
    assert net[3] is end
    assert type(net[1]) is GaussianActivation


def test_all_that_is_wrong_is_named_at_once():
    net = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 2), nn.Sigmoid()
    )
    with pytest.warns(UserWarning, match="'1' .BatchNorm1d.*'3' .Dropout.*'5' of the output"):
        init_gaussian_preact_(net, 3, strict=False)
    assert net[1].num_batches_tracked == 0


def test_modes_of_a_network_are_kept():
    net = init_gaussian_preact_(chain().eval(), 3)
    assert not any(part.training for part in net.modules())
    stream = torch.get_rng_state()
    init_gaussian_preact_(chain(), 3, generator=torch.Generator())
    assert type(net[1]) is GaussianActivation
    torch.set_rng_state(stream)


def test_hooks_are_not_lost():
    net = chain()
    net[1].register_forward_hook(lambda *_: None)
    with pytest.raises(ValueError, match="activation '1' has hooks, which would be lost"):
        init_gaussian_preact_(net, 3)


def test_scripted_networks_are_refused():
    with pytest.warns(FutureWarning, match="deprecated"):
        net = torch.jit.script(chain())
    with pytest.raises(ValueError, match="scripted"):
        init_gaussian_preact_(net, 3)


def test_every_activation_of_torch_that_is_known_is_replaced():
    for make in ACTIVATIONS:
        arguments = {nn.Threshold: (0.1, 0.0), GaussianActivation: (3,)}.get(make, ())
        net = nn.Sequential(nn.Linear(4, 4), make(*arguments), nn.Linear(4, 4))
        assert init_gaussian_preact_(net, 5)[1].theta == 5


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.act, self.out = nn.Linear(3, 4), nn.Linear(5, 4), nn.ReLU(), nn.Linear(8, 1)

    def forward(self, a, *, b):
        return self.out(self.act(torch.cat([self.a(a), self.b(b)], 1)))


def test_an_example_where_none_can_be_guessed():
    net, example = TwoInputs(), {"a": torch.ones(2, 3), "b": torch.ones(2, 5)}
    with pytest.raises(ValueError, match="give one as example=…; it is changed only when"):
        init_gaussian_preact_(net, 3)
    assert type(net.act) is nn.ReLU
    init_gaussian_preact_(net, 1e9, example=example, generator=torch.Generator().manual_seed(0))
    assert len(net.out.weight.abs().unique()) == 1  # signs: Weibull
    assert len(net.a.weight.abs().unique()) > 1 < len(net.b.weight.abs().unique())  # both Gaussian
    with pytest.raises(TypeError, match="missing"):
        init_gaussian_preact_(net, 3, example=torch.ones(2, 3))
    assert type(net.act) is GaussianActivation
    with pytest.warns(UserWarning, match="is not known"):
        init_gaussian_preact_(TwoInputs(), 3, strict=False)


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (MLP([12, 3, 3]), (3, 12)),
        (nn.Conv2d(3, 4, 3), (3, 3, 32, 32)),
        (nn.Conv1d(2, 4, 3), (3, 2, 32)),
        (nn.Conv3d(1, 4, 3), (3, 1, 32, 32, 32)),
        (nn.Linear(27, 4).double(), (3, 27)),
    ],
)
def test_guesses_fit_the_first_layer(net, shape):
    layers = [part for part in net.modules() if hasattr(part, "weight")]
    first = next(guesses(layers))
    assert first.shape == shape
    assert first.dtype == layers[0].weight.dtype


def test_images_of_the_right_size_are_found():
    folded = nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Conv2d(4, 1, 3))
    assert type(init_gaussian_preact_(folded, 3)[2]) is GaussianActivation
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 9 * 9, 5))
    init_gaussian_preact_(net, 3)
    assert type(net[1]) is GaussianActivation
    with pytest.raises(ValueError, match=r"avg_pool2d\(\) in layer"):
        init_gaussian_preact_(LeNet(), 3)
