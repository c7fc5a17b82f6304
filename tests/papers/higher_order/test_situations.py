"""The situations in which other people's networks come: each works, or is refused in one clear sentence."""

import copy
import pickle
import re

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
    verify_derivatives,
)
from startright.papers.higher_order.replicas import world_size

SITUATIONS: dict[str, str] = {
    "residual network with BatchNorm": "works with model.eval()",
    "vision transformer": "works with model.eval(), or without dropout",
    "transformer encoder": "works with model.eval(), or without dropout",
    "LSTM": "works",
    "tied weights": "works",
    "weight norm": "works",
    "dropout": "refused in training; works with model.eval()",
    "module used twice": "works",
    "frozen parameters": "works with those frozen before the optimizer is built; later ones are refused",
    "DistributedDataParallel": "works with equal replicas; suggest_learning_rates takes model.module",
    "autocast": "works with float32 parameters, and leaves it out; refused inside of the loss",
    "gradient accumulation": "works",
    "torch.compile": "works with the module uncompiled, for the curvature",
    "deepcopy and pickle": "works",
    "checkpoint and resume": "works",
    "dict or tuple batches": "works with pairs (inputs, targets)",
    "empty or ragged batches": "works with ragged ones, cross-entropy or weights=; empty ones are refused",
    "complex parameters": "refused",
}

RNG = torch.Generator().manual_seed(11)
X, Y = torch.randn(8, 6, generator=RNG), torch.arange(8) % 3
WORDS = torch.randint(7, (5, 4), generator=RNG)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.into, self.norm = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.inner, self.out = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 3)

    def forward(self, x):
        x = self.norm(self.into(x.view(-1, 1, 2, 3))).relu()
        return self.out((x + self.norm(self.inner(x))).relu().mean((2, 3)))


class Encoder(nn.Module):
    def __init__(self, dropout=0.1):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 12, dropout, batch_first=True)
        self.words, self.layers, self.out = (
            nn.Embedding(7, 8),
            nn.TransformerEncoder(layer, 2),
            nn.Linear(8, 3),
        )

    def forward(self, words, mask=None):
        return self.out(self.layers(self.words(words), src_key_padding_mask=mask).mean(1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.lstm, self.out = nn.Embedding(7, 4), nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, words):
        return self.out(self.lstm(self.words(words))[0][:, -1])


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.into, self.out = nn.Embedding(7, 5), nn.Linear(5, 7)
        self.out.weight = self.into.weight

    def forward(self, words):
        return self.out(self.into(words).mean(1).tanh())[:, :3]


class Again(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.out = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.out(self.layer(self.layer(x).tanh()).tanh())


class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, left, right):
        return self.left(left).tanh() * self.right(right)


def vision():
    torchvision = pytest.importorskip("torchvision")
    return torchvision.models.VisionTransformer(8, 4, 2, 2, 8, 12, dropout=0.1, num_classes=3)


def plain():
    return build(lambda: nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3)), 0)


def normed():
    norm = nn.utils.parametrizations.weight_norm
    return nn.Sequential(norm(nn.Linear(6, 4)), nn.Tanh(), norm(nn.Linear(4, 3), dim=None))


def trained(model, x, y, *, steps=3, lr=0.1, optimizer=None, loss=F.cross_entropy, **options):
    """Steps that renew the rates each time; the losses before them, and the optimizer."""
    optimizer = optimizer or GroupedNewton(model, lr=lr, period=1, warm_up=0, window=1, **options)
    losses, args = [], x if isinstance(x, tuple) else (x,)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model(**x) if isinstance(x, dict) else model(*args), y)
        value.backward()
        optimizer.step(curvature=loss_function(model, loss, x, y))
        losses.append(value.item())
    return losses, optimizer


def assert_works(model, x, y, loss=F.cross_entropy):
    """Every derivative is right, the rates are finite, and so are the losses of a training."""
    params = {name: p for name, p in model.named_parameters() if p.requires_grad}
    of_params = loss_function(model, loss, x, y)
    grads = torch.autograd.grad(of_params(params), list(params.values()))
    verify_derivatives(of_params, params, "canonical", dict(zip(params, grads, strict=True)))
    rates = suggest_learning_rates(model, loss, (x, y))
    assert list(rates) == list(params)
    assert torch.tensor(list(rates.values())).isfinite().all()
    losses, optimizer = trained(model, x, y, lr=1e-3)  # with ReLU the cubic term hardly holds back a step
    assert torch.tensor(losses).isfinite().all()
    assert list(optimizer.rates) == list(params)


def refused(message, call, *args, **kwargs):
    with pytest.raises(ValueError, match=message) as caught:
        call(*args, **kwargs)
    assert len(str(caught.value)) < 260


def residual_network():
    model = build(Residual, 0)
    refused(r"call model\.eval\(\)", suggest_learning_rates, model, F.cross_entropy, (X, Y))
    assert not model.norm.num_batches_tracked
    assert_works(model.eval(), X, Y)


def vision_transformer():
    model, images = build(vision, 0), torch.randn(5, 3, 8, 8, generator=RNG)
    refused(r"call model\.eval\(\)", suggest_learning_rates, model, F.cross_entropy, (images, Y[:5]))
    nn.init.normal_(
        model.heads.head.weight, std=0.1, generator=RNG
    )  # 0 at first: nothing else has a gradient
    assert_works(model.eval(), images, Y[:5])


def transformer_encoder():
    model = build(Encoder, 0)
    refused(r"call model\.eval\(\)", suggest_learning_rates, model, F.cross_entropy, (WORDS, Y[:5]))
    assert_works(build(lambda: Encoder(0.0), 0), WORDS, Y[:5])
    mask = torch.arange(4) >= torch.tensor([[4], [3], [2], [4], [1]])
    assert_works(model.eval(), (WORDS, mask), Y[:5])


def lstm():
    assert_works(build(Recurrent, 0), WORDS, Y[:5])


def tied_weights():
    model = build(Tied, 0)
    assert_works(model, WORDS, Y[:5])
    assert model.out.weight is model.into.weight


def weight_norm():
    assert_works(build(normed, 0), X, Y)
    assert_works(build(lambda: nn.Sequential(nn.utils.weight_norm(nn.Linear(6, 3))), 0), X, Y)


def dropout():
    model = build(lambda: nn.Sequential(nn.Linear(6, 9), nn.Dropout(0.2), nn.Tanh(), nn.Linear(9, 3)), 0)
    refused(r"random.*call model\.eval\(\)", suggest_learning_rates, model, F.cross_entropy, (X, Y))
    refused(r"random.*call model\.eval\(\)", trained, model, X, Y)
    assert_works(model.eval(), X, Y)


def module_used_twice():
    assert_works(build(Again, 0), X, Y)


def frozen_parameters():
    model = plain()
    model[0].weight.requires_grad_(False)
    before = model[0].weight.clone()
    assert_works(model, X, Y)
    assert torch.equal(model[0].weight, before)
    _, optimizer = trained(model, X, Y)
    model[2].bias.requires_grad_(False)
    refused(r"2\.bias has been frozen.*build another", trained, model, X, Y, optimizer=optimizer)
    refused("build another", optimizer.add_param_group, {"params": [nn.Parameter(torch.ones(2))]})


def data_parallel():
    """In one process; two of them are in ``test_replicas.py``."""
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        model, alone = nn.parallel.DistributedDataParallel(plain()), plain()
        losses, optimizer = trained(model, X, Y)
        expected, other = trained(alone, X, Y)
        assert losses == expected
        assert optimizer.rates == other.rates
        refused(r"model\.module", suggest_learning_rates, model, F.cross_entropy, (X, Y))
        assert world_size() == 1
    finally:
        torch.distributed.destroy_process_group()
    rates = suggest_learning_rates(model.module, F.cross_entropy, (X, Y))
    assert list(rates) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def autocast():
    expected = suggest_learning_rates(plain(), F.cross_entropy, (X, Y))
    with torch.autocast("cpu"):
        assert suggest_learning_rates(plain(), F.cross_entropy, (X, Y)) == expected
        losses, _ = trained(plain(), X, Y)
    assert torch.tensor(losses).isfinite().all()

    def inside(out, y):
        with torch.autocast("cpu"):
            return F.cross_entropy(out @ torch.eye(3), y)

    refused("bfloat16.*autocast", suggest_learning_rates, plain(), inside, (X, Y))
    refused(
        r"float16.*model\.float\(\)", suggest_learning_rates, plain().half(), F.cross_entropy, (X.half(), Y)
    )


def gradient_accumulation():
    model, whole = plain(), plain()
    ours, theirs = (GroupedNewton(net, lr=0.1, period=1, warm_up=0) for net in (model, whole))
    for part in (slice(0, 4), slice(4, 8)):
        (F.cross_entropy(model(X[part]), Y[part]) / 2).backward()
    F.cross_entropy(whole(X), Y).backward()
    for net, optimizer in ((model, ours), (whole, theirs)):
        optimizer.step(curvature=loss_function(net, F.cross_entropy, X, Y))
    for p, q in zip(model.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(p, q)


def compiled():
    expected = suggest_learning_rates(plain(), F.cross_entropy, (X, Y))
    model = torch.compile(plain(), backend="aot_eager")
    model(X)
    assert suggest_learning_rates(model, F.cross_entropy, (X, Y)) == expected
    losses, optimizer = trained(model, X, Y)
    assert losses[-1] < losses[0]
    assert list(optimizer.rates) == list(expected)
    inner = plain()
    inner[0].compile(backend="aot_eager")
    inner(X)
    assert suggest_learning_rates(inner, F.cross_entropy, (X, Y)) == expected


def copies():
    model = plain()
    _, optimizer = trained(model, X, Y, momentum=0.5)
    copied = copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer)))
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 100)  # which patches the optimizer's step
    copied += (copy.deepcopy((model, optimizer)),)
    expected, _ = trained(model, X, Y, optimizer=optimizer)
    for net, other in copied:
        assert other.param_groups[0]["params"][0] is net[0].weight
        assert trained(net, X, Y, optimizer=other)[0] == expected
        assert other.rates == optimizer.rates
        assert [other.plateau(loss) for loss in (2.0, 2.0, 2.0, 2.0)][-1]
        assert other.param_groups[0]["lr"] == 0.05
    assert optimizer.param_groups[0]["lr"] == 0.1
    schedule.step()


def resumed():
    model, other = plain(), plain()
    _, optimizer = trained(model, X, Y)
    saved = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    again = GroupedNewton(other, lr=0.1, period=1, warm_up=0, window=1)
    other.load_state_dict(saved[0])
    again.load_state_dict(saved[1])
    expected, _ = trained(model, X, Y, optimizer=optimizer)
    assert trained(other, X, Y, optimizer=again)[0] == expected
    assert again.rates == optimizer.rates


def dictionaries():
    model = build(Joined, 0)
    expected = suggest_learning_rates(model, F.cross_entropy, ((X, X.flip(0)), Y))
    named = {"right": X.flip(0), "left": X}
    assert suggest_learning_rates(model, F.cross_entropy, (named, Y)) == expected

    def of_labels(out, y):
        return F.cross_entropy(out, y["labels"])

    assert suggest_learning_rates(model, of_labels, [(named, {"labels": Y})]) == expected
    parts = [({k: v[part] for k, v in named.items()}, Y[part]) for part in (slice(0, 3), slice(3, 8))]
    assert suggest_learning_rates(model, F.cross_entropy, parts) == pytest.approx(expected, rel=1e-3)
    assert_works(model, named, Y)
    refused("a mini-batch is a pair", suggest_learning_rates, model, F.cross_entropy, {"x": X, "labels": Y})


def ragged():
    for empty in ((X[:0], Y[:0]), [(X, Y), (X[:0], Y[:0])], []):
        refused("none empty", suggest_learning_rates, plain(), F.cross_entropy, empty)
    params = dict(plain().named_parameters())
    with pytest.raises(FloatingPointError, match="not finite"):
        grouped_derivatives(
            loss_function(plain(), F.cross_entropy, X[:0], Y[:0]), params, "canonical", params
        )
    model = build(Recurrent, 0).double()
    long, short = (WORDS, Y[:5]), (WORDS[:2, :2], Y[:2])
    rates = suggest_learning_rates(model, F.cross_entropy, [long, short])
    assert rates == pytest.approx(
        suggest_learning_rates(model, F.cross_entropy, [long, short], weights=[5, 2]), rel=1e-9
    )
    refused("weights=", suggest_learning_rates, model, lambda out, y: out.square().mean(), [long, short])


def complex_parameters():
    model = plain()
    model.phase = nn.Parameter(torch.ones(2, dtype=torch.complex64))
    refused("phase is complex.*view_as_complex", suggest_learning_rates, model, F.cross_entropy, (X, Y))
    refused("phase is complex", GroupedNewton, model)


TESTS = {
    "residual network with BatchNorm": residual_network,
    "vision transformer": vision_transformer,
    "transformer encoder": transformer_encoder,
    "LSTM": lstm,
    "tied weights": tied_weights,
    "weight norm": weight_norm,
    "dropout": dropout,
    "module used twice": module_used_twice,
    "frozen parameters": frozen_parameters,
    "DistributedDataParallel": data_parallel,
    "autocast": autocast,
    "gradient accumulation": gradient_accumulation,
    "torch.compile": compiled,
    "deepcopy and pickle": copies,
    "checkpoint and resume": resumed,
    "dict or tuple batches": dictionaries,
    "empty or ragged batches": ragged,
    "complex parameters": complex_parameters,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("situation", SITUATIONS)
def test_situation(situation):
    assert re.search("works|refused", SITUATIONS[situation])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        TESTS[situation]()


def test_every_row_has_a_test():
    assert list(TESTS) == list(SITUATIONS)
