"""A look at the loss leaves the model as it was, and two looks see the same; else it is refused."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.models import build
from startright.papers.higher_order import (
    GroupedNewton,
    grouped_derivatives,
    loss_function,
    suggest_learning_rates,
)
from startright.papers.higher_order.reduced import BACKENDS

RNG = torch.Generator().manual_seed(5)
X, Y = torch.randn(12, 4, generator=RNG), torch.arange(12) % 3


class Noise(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x) if self.training else x


class Memory(nn.Module):
    """Adds what it saw before, in a buffer or in an attribute."""

    def __init__(self, buffer):
        super().__init__()
        self.register_buffer("seen", torch.zeros(8)) if buffer else setattr(self, "seen", torch.zeros(8))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        before = self.seen.clone()
        if isinstance(self._buffers.get("seen"), torch.Tensor):
            self.seen.copy_(x.detach().mean(0))
        else:
            self.seen = x.detach().mean(0)
        return x + before


def around(*layers):
    return build(lambda: nn.Sequential(nn.Linear(4, 8), *layers, nn.Tanh(), nn.Linear(8, 3)), 0)


CHANGING = {
    "dropout": lambda: around(nn.Dropout(0.1)),
    "alpha dropout": lambda: around(nn.AlphaDropout(0.2)),
    "random slopes": lambda: around(nn.RReLU()),
    "noise": lambda: around(Noise()),
    "dropout in attention": lambda: around(
        nn.Unflatten(1, (1, 8)),
        nn.TransformerEncoderLayer(8, 2, 8, dropout=0.1, batch_first=True),
        nn.Flatten(),
    ),
    "batch norm": lambda: around(nn.BatchNorm1d(8)),
    "instance norm": lambda: around(
        nn.Unflatten(1, (2, 4)), nn.InstanceNorm1d(2, track_running_stats=True), nn.Flatten()
    ),
    "spectral norm": lambda: around(nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8))),
    "spectral norm, as a hook": lambda: around(nn.utils.spectral_norm(nn.Linear(8, 8))),
    "a buffer": lambda: around(Memory(buffer=True)),
}


def state(model):
    attributes = {
        name: {k: copy.copy(v) for k, v in vars(part).items() if isinstance(v, int | bool | torch.Tensor)}
        for name, part in model.named_modules()
    }
    return copy.deepcopy(model.state_dict()), attributes


def assert_same(model, before):
    for ours, theirs in zip(state(model), before, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CHANGING)
@pytest.mark.parametrize("check", [True, False])
def test_training_mode_is_refused_and_leaves_no_trace(name, check):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CHANGING[name]()
        before = state(model)
        with pytest.raises(ValueError, match=r"call model\.eval\(\)"):
            suggest_learning_rates(model, F.cross_entropy, (X, Y), check=check)
        assert_same(model, before)
        with pytest.raises(ValueError, match=r"call model\.eval\(\)"):
            suggest_learning_rates(model, F.cross_entropy, [(X[:5], Y[:5]), (X[5:], Y[5:])], check=check)
        assert_same(model, before)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CHANGING)
def test_derivatives_and_the_optimizer_refuse_as_well(name, backend):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CHANGING[name]()
        before = state(model)
        params = dict(model.named_parameters())
        loss = loss_function(model, F.cross_entropy, X, Y)
        with pytest.raises(ValueError, match=r"eval\(\)"):
            grouped_derivatives(loss, params, "trivial", params, backend=backend)
        assert_same(model, before)
        optimizer = GroupedNewton(model, "trivial", period=1, warm_up=0, backend=backend)
        with pytest.raises(ValueError, match=r"eval\(\)"):
            optimizer.step(curvature=loss)
        assert_same(model, before)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in CHANGING if name != "a buffer"])
def test_evaluation_mode_works(name):
    model = CHANGING[name]()
    F.cross_entropy(model(X), Y)  # spectral normalisation needs a look
    before = state(model.eval())
    rates = suggest_learning_rates(model, F.cross_entropy, (X, Y))
    assert torch.tensor(list(rates.values())).isfinite().all()
    assert_same(model, before)


def test_what_a_module_remembers_by_itself_is_forgotten():
    """Each look starts from the same hidden state, and ends in it."""
    model = around(Memory(buffer=False))
    before = state(model)
    rates = suggest_learning_rates(model, F.cross_entropy, (X, Y))
    same = suggest_learning_rates(around(nn.Identity()), F.cross_entropy, (X, Y))
    assert rates == pytest.approx(same, rel=1e-5)
    assert_same(model, before)


def test_a_seed_in_the_loss_makes_it_a_function():
    class Fixed(nn.Module):
        def forward(self, x):
            torch.manual_seed(1)
            return F.dropout(x, 0.5)

    with torch.random.fork_rng():
        first, second = (
            suggest_learning_rates(around(Fixed()).double(), F.cross_entropy, (X.double(), Y))
            for _ in range(2)
        )
    assert first == second
    assert torch.tensor(list(first.values())).isfinite().all()
