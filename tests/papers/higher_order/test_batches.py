"""What each of several mini-batches counts for: parts have the rates of the whole, or are refused."""

from collections import namedtuple

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from startright.models import build
from startright.papers.higher_order import suggest_learning_rates
from startright.papers.higher_order.batches import as_batches, weights_of

RNG = torch.Generator().manual_seed(3)
X = torch.randn(30, 4, generator=RNG).double()
Y = torch.randint(3, (30,), generator=RNG)
MISSING = torch.where(torch.arange(30) < 9, -100, Y)
CLASSES = torch.tensor([0.1, 1.0, 3.0]).double()
PARTS = (slice(0, 4), slice(4, 14), slice(14, 30))


def network():
    return build(lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), 0).double()


def soft(y):
    return F.one_hot(y, 3).double() * 0.8 + 0.2 / 3


EXACT = {
    "ignored targets": (F.cross_entropy, MISSING),
    "another ignored index": (nn.CrossEntropyLoss(ignore_index=1), Y),
    "weighted classes": (nn.CrossEntropyLoss(CLASSES), Y),
    "weighted, smoothed and ignored": (nn.CrossEntropyLoss(CLASSES, label_smoothing=0.2), MISSING),
    "probabilities": (F.cross_entropy, soft(Y)),
    "likelihood, weighted": (lambda out, y: F.nll_loss(out.log_softmax(1), y, CLASSES), Y),
    "a sum": (nn.CrossEntropyLoss(reduction="sum"), Y),
    "squares": (F.mse_loss, soft(Y)),
    "a mean of one's own": (lambda out, y: (out - y).square().sum(1).mean(), soft(Y)),
    "a sum of one's own": (lambda out, y: (out - y).square().sum(), soft(Y)),
}


@pytest.mark.parametrize("name", EXACT)
def test_parts_have_the_rates_of_the_whole(name):
    loss, y = EXACT[name]
    whole = suggest_learning_rates(network(), loss, (X, y))
    parts = suggest_learning_rates(network(), loss, [(X[part], y[part]) for part in PARTS])
    assert parts == pytest.approx(whole, rel=1e-9)


def masked(out, y):
    return (F.cross_entropy(out, y.abs() % 3, reduction="none") * (y >= 0)).sum() / (y >= 0).sum()


UNKNOWN = {
    "ignored by hand": (masked, MISSING),
    "ignored, with a factor": (lambda out, y: 2 * F.cross_entropy(out, y), MISSING),
    "a root of a mean": (lambda out, y: F.mse_loss(out, y).sqrt(), soft(Y)),
    "two terms": (lambda out, y: F.cross_entropy(out, y, CLASSES) + out.square().mean(), Y),
    "the largest": (lambda out, y: F.cross_entropy(out, y, reduction="none").max(), Y),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_told_is_refused_unless_weights_are_given(name):
    loss, y = UNKNOWN[name]
    data = [(X[part], y[part]) for part in PARTS]
    with pytest.raises(ValueError, match="pass weights="):
        suggest_learning_rates(network(), loss, data)
    counts = [float((y[part] >= 0).sum()) for part in PARTS] if y.dim() == 1 else [1, 2, 3]
    suggested = suggest_learning_rates(network(), loss, data, weights=counts)
    if "ignored" in name:
        assert suggested == pytest.approx(suggest_learning_rates(network(), loss, (X, y)), rel=1e-9)


def test_weights_must_fit():
    for weights in ([1.0], [1, -1, 1], [0, 0, 0], [1, float("nan"), 1]):
        with pytest.raises(ValueError, match="3 mini-batches need as many weights"):
            weights_of([None] * 3, None, None, weights)
    assert weights_of([None] * 2, None, None, [1, 3]) == [0.25, 0.75]


def test_examples_without_a_batch_axis():
    """A data set in place of a loader: channels are not examples."""
    net = build(
        lambda: nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.Tanh(), nn.Flatten(-3), nn.Linear(216, 3)), 0
    ).double()
    images = torch.randn(5, 1, 6, 6, generator=RNG).double()
    single = suggest_learning_rates(net, F.cross_entropy, TensorDataset(images, Y[:5]))
    assert single == pytest.approx(suggest_learning_rates(net, F.cross_entropy, (images, Y[:5])), rel=1e-9)


class Ragged(nn.Module):
    """Sequences of any length, (N, T, 4), to outputs a step."""

    def __init__(self):
        super().__init__()
        self.step, self.out = nn.RNN(4, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x):
        return self.out(self.step(x)[0])


def test_sequences_of_several_lengths():
    """A cross-entropy counts the steps; of another loss it cannot be seen."""
    net = build(Ragged, 0).double()
    long = torch.randn(2, 5, 4, generator=RNG).double(), torch.randint(3, (2, 5), generator=RNG)
    short = torch.randn(3, 2, 4, generator=RNG).double(), torch.randint(3, (3, 2), generator=RNG)

    def loss(out, y):
        return F.cross_entropy(out.flatten(0, 1), y.flatten())

    found = suggest_learning_rates(net, loss, [long, short])
    assert found == suggest_learning_rates(net, loss, [long, short], weights=[10, 6])
    with pytest.raises(ValueError, match=r"cannot be joined.*weights="):
        suggest_learning_rates(net, lambda out, y: out.square().mean(), [long, short])


def test_forms_of_a_batch():
    pair = namedtuple("pair", "a b")(X, X)
    one = torch.tensor([1.0])
    assert (
        len(as_batches((X, Y))) == len(as_batches(([X, X], Y))) == len(as_batches(({"x": X}, {"y": Y}))) == 1
    )
    assert len(as_batches([[X, Y], [X, Y]])) == len(as_batches(((X, Y), (X, Y)))) == 2
    assert len(as_batches((pair, Y))) == 1
    assert len(as_batches(DataLoader(TensorDataset(X, Y), batch_size=7))) == 5
    for wrong in ({"x": X, "y": Y}, [{"x": X, "y": Y}], [X, Y, X], [(one, one, one)]):
        with pytest.raises(ValueError, match=r"a mini-batch is a pair \(x, y\)"):
            as_batches(wrong)
    for empty in ((X[:0], Y[:0]), [(X, Y), (X[:0], Y[:0])], [], [([], [])]):
        with pytest.raises(ValueError, match="none empty"):
            as_batches(empty)
