"""Losses of torch as torch computes them, and functions of one example that are no mean."""

import functools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.papers.gauss_newton import GaussNewton
from startright.papers.gauss_newton.losses import local_loss


def normal(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


W = torch.tensor([1.0, 5.0, 9.0], dtype=torch.float64)
F3, FULL = normal(8, 3), torch.arange(8) % 3
SOME = FULL.masked_fill(FULL.eq(1), -100)
SPATIAL, PIXELS = normal(4, 3, 5, seed=2), torch.arange(20).view(4, 5) % 3
CASES = {
    "class weights": (nn.CrossEntropyLoss(weight=W), F3, FULL),
    "ignored targets": (nn.CrossEntropyLoss(), F3, SOME),
    "another number for ignored ones": (nn.CrossEntropyLoss(ignore_index=2), F3, FULL),
    "weights, smoothing, ignored": (nn.CrossEntropyLoss(weight=W, label_smoothing=0.1), F3, SOME),
    "smoothing": (nn.CrossEntropyLoss(label_smoothing=0.2), F3, FULL),
    "probabilities as targets": (nn.CrossEntropyLoss(weight=W), F3, normal(8, 3, seed=3).softmax(1)),
    "a class a pixel": (nn.CrossEntropyLoss(weight=W), SPATIAL, PIXELS),
    "ignored pixels": (nn.CrossEntropyLoss(ignore_index=0), SPATIAL, PIXELS.triu()),
    "negative log-likelihood": (nn.NLLLoss(weight=W), F3, FULL),
    "mean over outputs too": (nn.MSELoss(), F3, normal(8, 3, seed=4)),
    "batchmean": (nn.KLDivLoss(reduction="batchmean"), F3, normal(8, 3, seed=5).softmax(1)),
    "positive weights": (nn.BCEWithLogitsLoss(pos_weight=W), F3, normal(8, 3, seed=6).gt(0).double()),
}


@pytest.mark.parametrize("case", CASES)
def test_losses_of_torch_are_those_of_the_batch(case):
    """Value, gradient and Hessian are N times those that torch itself gives for the batch."""
    loss, outputs, targets = CASES[case]
    n = len(outputs)
    for hessian in ("identity", "loss"):
        local = local_loss(loss, outputs, targets, hessian)
        torch.testing.assert_close(local.value, loss(outputs, targets), rtol=1e-12, atol=0)
        expected = n * torch.func.grad(loss)(outputs, targets).reshape(n, -1)
        torch.testing.assert_close(local.gradient, expected, rtol=1e-10, atol=1e-12)
    whole = n * torch.func.hessian(loss)(outputs, targets).reshape(expected.numel(), -1)
    blocks = torch.block_diag(*(local.root @ local.root.mT))
    torch.testing.assert_close(blocks, whole, rtol=1e-8, atol=1e-9)
    again = (local.root @ local.coordinates[:, :, None]).squeeze(-1) + local.rest
    torch.testing.assert_close(again, expected, rtol=1e-8, atol=1e-9)


def stepped(loss, targets=FULL):
    torch.manual_seed(0)
    net = nn.Linear(5, 3).double()
    value = GaussNewton(net, loss, lr=0.3).step(lambda: (normal(8, 5), targets))
    return value, net.weight.detach()


def test_weights_change_the_step():
    weighted, plain = stepped(nn.CrossEntropyLoss(weight=W)), stepped(nn.CrossEntropyLoss())
    assert (weighted[0] - plain[0]).abs() > 1e-3
    assert (weighted[1] - plain[1]).abs().max() > 1e-2
    torch.testing.assert_close(plain, stepped("cross_entropy"))


def test_an_ignored_example_moves_nothing():
    keep = SOME >= 0
    torch.manual_seed(0)
    net = nn.Linear(5, 3).double()
    GaussNewton(net, nn.CrossEntropyLoss(), 0.1, alpha=0, floor=1e6).step(lambda: (normal(8, 5), SOME))
    torch.manual_seed(0)
    other = nn.Linear(5, 3).double()
    batch = normal(8, 5)[keep], SOME[keep]
    GaussNewton(other, nn.CrossEntropyLoss(), 0.1, alpha=0, floor=1e6 * keep.double().mean()).step(
        lambda: batch
    )
    torch.testing.assert_close(net.weight, other.weight, rtol=1e-9, atol=1e-12)


def by_hand(f, y):
    return (W[y] * -f.log_softmax(-1).gather(-1, y[..., None]).squeeze(-1)).sum() / W[y].sum()


NO_MEANS = {
    "a lambda with weights": lambda f, y: F.cross_entropy(f, y, weight=W),
    "a partial with weights": functools.partial(F.cross_entropy, weight=W),
    "a partial that ignores": functools.partial(F.cross_entropy, ignore_index=1),
    "weights by hand": by_hand,
    "a root of a mean": lambda f, y: (f.gather(-1, y[..., None]) - 1).square().mean().sqrt(),
}


@pytest.mark.parametrize("case", NO_MEANS)
def test_functions_that_are_no_mean_are_refused(case):
    with pytest.raises(
        ValueError, match=r"the loss of the batch is .*, but its examples have the mean .*weight="
    ):
        local_loss(NO_MEANS[case], F3, FULL)


def test_functions_that_are_means_or_sums_are_taken():
    for function in (F.cross_entropy, functools.partial(F.cross_entropy, reduction="sum", weight=W)):
        local_loss(function, F3, FULL)
    local_loss(lambda f, y: (f - y["a"]).square().sum() + y["b"], F3, {"a": F3 + 1, "b": torch.ones(8)})


@pytest.mark.parametrize("reduction", ["sum", "none"])
@pytest.mark.parametrize("loss", [nn.MSELoss, nn.CrossEntropyLoss])
def test_other_reductions_are_refused_when_the_optimizer_is_made(loss, reduction):
    with pytest.raises(ValueError, match=rf"has reduction='{reduction}'.* use reduction='mean'"):
        GaussNewton(nn.Linear(5, 3), loss(reduction=reduction))


def test_a_batch_without_any_target():
    with pytest.raises(ValueError, match="nan for the batch: is every target ignored"):
        local_loss(nn.CrossEntropyLoss(), F3, torch.full((8,), -100))
    with pytest.raises(FloatingPointError, match="the loss is nan"):
        stepped(nn.MSELoss(), normal(8, 3) * float("nan"))


@pytest.mark.parametrize("targets", [{"a": F3}, (F3, F3[:3]), [F3, 1.0]])
def test_targets_must_fit(targets):
    with pytest.raises(ValueError, match="target"):
        local_loss("squared" if isinstance(targets, dict) else lambda f, y: f.sum(), F3, targets)
