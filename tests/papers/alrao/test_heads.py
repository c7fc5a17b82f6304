import copy
import math
import pickle

import pytest
import torch
from torch import nn

from startright.models import build
from startright.papers.alrao.heads import HeadBank, drop_failed_
from startright.papers.alrao.likelihoods import Categorical, Gaussian

D, K, N, B = 6, 4, 3, 5


class Plain(Categorical):
    """The same by autograd: hides the closed form."""

    with_slope = property()


def linear():
    return nn.Linear(D, K)


def deep():
    return nn.Sequential(nn.Linear(D, 7), nn.Tanh(), nn.Linear(7, K, bias=False))


def bank(make=linear, n=N):
    heads = build(lambda: nn.ModuleList([make() for _ in range(n)]), 0, "heads").double()
    return HeadBank(heads), heads


def batch(kind="categorical"):
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(B, D, dtype=torch.float64, generator=generator, requires_grad=True)
    if kind == "gaussian":
        return z, torch.randn(B, K, dtype=torch.float64, generator=generator)
    return z, torch.randint(K, (B,), generator=generator)


LOG_WEIGHTS = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()


def naive(heads, z, targets, likelihood, alive=range(N)):
    """Loss, log-likelihoods, gradient of the features and of the heads, head after head."""
    log_probs = torch.stack([likelihood.log_prob(heads[j](z).mT[None], targets)[0] for j in alive])
    loss = -(log_probs + LOG_WEIGHTS[list(alive), None]).logsumexp(0).mean()
    (features,) = torch.autograd.grad(loss, z, retain_graph=True)
    own = [p for j in alive for p in heads[j].parameters()]
    (-log_probs.mean(1).sum()).backward(inputs=own)
    return loss.detach(), log_probs.mean(1).detach(), features


@pytest.mark.parametrize("make", [linear, deep, lambda: nn.Linear(D, K, bias=False)])
def test_outputs_are_those_of_the_heads(make):
    stacked, heads = bank(make)
    z, _ = batch()
    torch.testing.assert_close(stacked(z), torch.stack([head(z) for head in heads]))
    assert stacked.linear == (make is not deep)
    assert sum(p.numel() for p in stacked.parameters()) == sum(p.numel() for p in heads.parameters())


@pytest.mark.parametrize("make", [linear, deep, lambda: nn.Linear(D, K, bias=False)])
@pytest.mark.parametrize(
    ("kind", "likelihood"),
    [("categorical", Categorical()), ("categorical", Plain()), ("gaussian", Gaussian(2.0))],
)
def test_gradients_are_those_of_the_heads_alone_and_of_the_mixture(make, kind, likelihood):
    stacked, heads = bank(make)
    z, targets = batch(kind)
    loss, means = stacked.backward(z, targets, LOG_WEIGHTS, likelihood)
    truth = Gaussian(2.0) if kind == "gaussian" else Categorical()
    expected = naive(heads, z, targets, truth)
    for got, wanted in zip((loss, means, z.grad), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-13)
    for name, p in stacked.stack.named_parameters():
        alone = torch.stack([head.get_parameter(name).grad for head in heads])
        torch.testing.assert_close(p.grad, alone, rtol=1e-12, atol=1e-13)
    assert not loss.requires_grad
    assert not means.requires_grad


@pytest.mark.parametrize("make", [linear, deep])
def test_gradients_add_up(make):
    stacked, _ = bank(make)
    for _ in range(2):
        stacked.backward(*batch(), LOG_WEIGHTS, Categorical())
    once, _ = bank(make)
    once.backward(*batch(), LOG_WEIGHTS, Categorical())
    for p, q in zip(stacked.parameters(), once.parameters(), strict=True):
        torch.testing.assert_close(p.grad, 2 * q.grad)


@pytest.mark.parametrize("make", [linear, deep])
@pytest.mark.parametrize("likelihood", [Categorical(), Plain()])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_failed_head_stays_and_is_not_heard(make, likelihood, value):
    stacked, heads = bank(make)
    with torch.no_grad():
        for p in stacked.parameters():
            p[1] = value
    z, targets = batch()
    loss, means = stacked.backward(z, targets, LOG_WEIGHTS, likelihood)
    expected = naive(heads, z, targets, Categorical(), alive=(0, 2))
    assert means[1] == -torch.inf
    for got, wanted in zip((loss, means[[0, 2]], z.grad), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-13)
    for name, p in stacked.stack.named_parameters():
        assert not p.grad[1].any()
        torch.testing.assert_close(p.grad[0], heads[0].get_parameter(name).grad)


@pytest.mark.parametrize("likelihood", [Categorical(), Plain()])
def test_where_all_heads_have_failed_the_loss_says_so(likelihood):
    stacked, _ = bank()
    with torch.no_grad():
        stacked.weight.fill_(torch.nan)
    loss, means = stacked.backward(*batch(), LOG_WEIGHTS, likelihood)
    assert not loss.isfinite()
    assert (means == -torch.inf).all()


@pytest.mark.parametrize("make", [linear, deep])
def test_frozen_heads_and_features_without_a_graph_get_no_gradient(make):
    stacked, _ = bank(make)
    z, targets = batch()
    stacked.backward(z.detach(), targets, LOG_WEIGHTS, Categorical())
    assert z.grad is None
    stacked.zero_grad()
    stacked.requires_grad_(False)
    stacked.backward(z, targets, LOG_WEIGHTS, Categorical())
    assert z.grad is not None
    assert all(p.grad is None for p in stacked.parameters())


def test_dropout_in_a_head_is_drawn_once_a_step_and_off_in_evaluation():
    def make():
        return nn.Sequential(nn.Dropout(0.5), nn.Linear(D, K))

    stacked, _ = bank(make)
    z, targets = batch()
    stacked.eval()
    assert torch.equal(stacked(z), stacked(z))
    stacked.train()
    assert not torch.equal(stacked(z), stacked(z))
    _, means = stacked.backward(z, targets, LOG_WEIGHTS, Categorical())
    # what a head saw of the features is what they are told of: where its gradient is zero, so is its part
    weight = stacked.stack.get_parameter("1.weight")
    assert means.isfinite().all()
    assert weight.grad.abs().sum((1, 2)).min() > 0


def test_one_head_alone_tells_the_features_what_it_saw():
    stacked, _ = bank(lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(D, K)), n=1)
    z, targets = batch()
    z, targets = z[:1].detach().requires_grad_(), targets[:1]
    with torch.random.fork_rng():
        torch.manual_seed(0)  # one time in 32 all of the six features are dropped, or none
        stacked.backward(z, targets, torch.zeros(1, dtype=torch.float64), Categorical())
    seen = stacked.stack.get_parameter("1.weight").grad[0].abs().sum(0) > 0
    assert torch.equal(z.grad[0] != 0, seen)
    assert 0 < seen.sum() < D


def test_copies_and_states_round_trip():
    for make in (linear, deep):
        stacked, _ = bank(make)
        z, _ = batch()
        other = HeadBank([make().double() for _ in range(N)])
        other.load_state_dict(stacked.state_dict())
        for twin in (other, copy.deepcopy(stacked), pickle.loads(pickle.dumps(stacked))):
            assert torch.equal(twin(z), stacked(z))
            assert next(twin.parameters()) is not next(stacked.parameters())


def test_the_given_heads_are_copied():
    stacked, heads = bank()
    before = heads[0].weight.clone()
    with torch.no_grad():
        stacked.weight.zero_()
    assert torch.equal(heads[0].weight, before)


class Named(nn.Module):
    """Parameters whose names have all that might clash."""

    def __init__(self):
        super().__init__()
        self.n = nn.Parameter(torch.randn(D, K))
        self.a_b = nn.Parameter(torch.randn(K))
        self.a = nn.ParameterDict({"b": torch.randn(K)})

    def forward(self, z):
        return z @ self.n + self.a_b * self.a["b"]


def test_any_names_of_parameters_do():
    stacked, heads = bank(Named)
    z, _ = batch()
    torch.testing.assert_close(stacked(z), torch.stack([head(z) for head in heads]))


shared = nn.Linear(D, K)


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ([], "expected heads with parameters"),
        ([nn.Identity()], "expected heads with parameters"),
        ([shared, shared], "heads 0 and 1 share the parameter weight: make_head must return a new module"),
        ([nn.Linear(D, K), nn.Linear(D, K + 1)], "head 1, Linear.*differs from head 0"),
        ([nn.Linear(D, K), nn.Linear(D, K, bias=False)], "head 1, Linear.*differs from head 0"),
        ([nn.Linear(D, K), nn.Linear(D, K).double()], "head 1, Linear.*differs from head 0"),
        ([nn.Sequential(nn.BatchNorm1d(D), nn.Linear(D, K))], "head 0 has buffers"),
    ],
)
def test_heads_that_are_no_bank_are_refused(heads, message):
    with pytest.raises(ValueError, match=message):
        HeadBank(heads)


def test_heads_that_failed_get_no_gradient():
    made, _ = bank()
    for p in made.parameters():
        p.grad = torch.full_like(p, math.nan)
    drop_failed_(made, torch.tensor([-1.0, -math.inf, -2.0]))
    for p in made.parameters():
        assert not p.grad[1].any()
        assert p.grad[[0, 2]].isnan().all()
