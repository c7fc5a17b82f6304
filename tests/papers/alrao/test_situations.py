"""What Alrao does with other people's networks and loops: a row of the table each, and its test."""

import copy
import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

import startright
from startright.models import build
from startright.papers.alrao import CrossEntropy, wrap, wrap_classifier

SITUATIONS: dict[str, str] = {
    "residual network with BatchNorm": "works",
    "vision transformer": "works with a rate an entry of the class token and of the positions, and a warning",
    "transformer encoder": "works",
    "LSTM": "works",
    "tied weights": "refused",
    "weight norm": "works",
    "dropout": "works",
    "module used twice": "works",
    "frozen parameters": "works",
    "DistributedDataParallel": "works with model.training_step in every process",
    "autocast": "works with heads in float32",
    "gradient accumulation": "works with model.accumulated_step",
    "torch.compile": "works",
    "deepcopy and pickle": "works",
    "checkpoint and resume": "works",
    "dict or tuple batches": "works",
    "empty or ragged batches": "works with a last batch of any size; an empty one is refused",
    "complex parameters": "works with real features",
}
ROWS = {}
INTERVAL = (1e-3, 1.0)


def row(name):
    """Registers the test of a situation."""

    def register(test):
        ROWS[name] = test
        return test

    return register


SLOW = ("DistributedDataParallel", "torch.compile")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in SITUATIONS]
)
def test_situation(name, tmp_path):
    ROWS[name](tmp_path)


def test_each_row_has_its_test():
    assert list(ROWS) == list(SITUATIONS)
    assert all(word.startswith(("works", "refused")) for word in SITUATIONS.values())


def data(n=12, d=6, k=3):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, d, generator=generator)
    return x, (x @ torch.randn(d, k, generator=generator)).argmax(1)


def mlp(*after):
    return build(lambda: nn.Sequential(nn.Linear(6, 8), nn.Tanh(), *after), 0)


def linear():
    return nn.Linear(8, 3)


def learns(model, optimizer, x, y, steps=40):
    """The loss falls, every part that may learn moves, and Switch has seen all outcomes."""
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    seen = int(model.switch.t)
    losses = [float(model.training_step(x, y, optimizer)) for _ in range(steps)]
    assert sum(losses[-3:]) < 2.7 * losses[0]
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name]) != p.requires_grad, name
    assert int(model.switch.t) == seen + steps


def same(one, other):
    for (name, a), b in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


# Networks


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv, self.norm2, self.fc = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Linear(4, 3)

    def forward(self, x):
        x = self.norm(self.stem(x)).relu()
        return self.fc((x + self.norm2(self.conv(x))).relu().mean((2, 3)))

    def predict(self, x):
        return self(x).argmax(1)


def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(9, 1, 8, 8, generator=generator), torch.arange(9) % 3


@row("residual network with BatchNorm")
def residual(tmp_path):
    x, y = images()
    for norm in ("independent", "tied", "layer"):
        net = build(Residual, 0)
        model, optimizer = wrap_classifier(net, INTERVAL, 4, norm=norm)
        learns(model, optimizer, x, y)
        model.eval()
        state = copy.deepcopy(model.state_dict())
        assert torch.equal(model.predict(x), model(x).argmax(1))
        for key, value in model.state_dict().items():
            assert torch.equal(value, state[key])
    assert torch.equal(model.unit_rates["norm.weight"], model.unit_rates["stem.bias"])


@row("vision transformer")
def vision_transformer(tmp_path):
    net = build(
        lambda: torchvision.models.VisionTransformer(
            image_size=8, patch_size=4, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=12, num_classes=3
        ),
        0,
    )
    with pytest.warns(UserWarning, match="no rule says what a unit of"):
        model, optimizer = wrap_classifier(net, INTERVAL, 4)
    assert model.unit_rates["class_token"].shape == (1, 1, 8)
    x, y = images()
    learns(model, optimizer, x.expand(-1, 3, -1, -1), y)


class Encoder(nn.Module):
    """Labels each token of a sequence."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, tokens, padding=None):
        return self.encoder(self.embed(tokens), src_key_padding_mask=padding)


@row("transformer encoder")
def transformer(tmp_path):
    tokens = torch.randint(7, (5, 6), generator=torch.Generator().manual_seed(0))
    padding = torch.arange(6) >= torch.tensor([6, 3, 4, 5, 2])[:, None]
    targets = (tokens % 3).masked_fill(padding, -100)
    model, optimizer = wrap(build(Encoder, 0), linear, INTERVAL, 4, likelihood=CrossEntropy())
    learns(model, optimizer, {"tokens": tokens, "padding": padding}, targets)


class Last(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(6, 8, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0][:, -1]


@row("LSTM")
def lstm(tmp_path):
    x = torch.randn(12, 5, 6, generator=torch.Generator().manual_seed(0))
    for rule in ("per_unit", "per_gate_row"):
        model, optimizer = wrap(build(Last, 0), linear, INTERVAL, 4, lstm=rule)
        learns(model, optimizer, x, x[:, -1].argmax(1) % 3)
    lengths = torch.tensor([5, 3, 1])
    packed = nn.utils.rnn.pack_padded_sequence(x[:3], lengths, batch_first=True)

    class Packed(Last):
        def forward(self, x):
            return self.lstm(x)[1][0][-1]

    learns(*wrap(build(Packed, 0), linear, INTERVAL, 4), packed, torch.tensor([0, 1, 2]))


@row("tied weights")
def tied(tmp_path):
    language = nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, 8), nn.Linear(8, 5, bias=False))
    language[2].weight = language[0].weight
    with pytest.raises(ValueError, match=r"shares a tensor with 0\.weight, and the heads would not"):
        wrap_classifier(language, INTERVAL)
    with pytest.warns(UserWarning, match="shares a tensor"):
        model, optimizer = wrap_classifier(language, INTERVAL, 4, strict=False)
    learns(model, optimizer, torch.arange(5).expand(2, -1), torch.arange(5).expand(2, -1))
    inside = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6))
    inside[2].weight = inside[0].weight
    with pytest.raises(ValueError, match=r"0\.weight and 2\.weight are one tensor in two layers.*untie them"):
        wrap(inside, linear, INTERVAL)


@row("weight norm")
def weight_norm(tmp_path):
    x, y = data()
    new, old = nn.utils.parametrizations, nn.utils
    for norm in (new.weight_norm, new.spectral_norm, new.orthogonal, old.spectral_norm):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # no entry without a unit
            warnings.filterwarnings("ignore", category=FutureWarning)
            model, optimizer = wrap(mlp(norm(nn.Linear(8, 8))), linear, INTERVAL, 4)
        learns(model, optimizer, x, y)


@row("dropout")
def dropout(tmp_path):
    x, y = data()
    model, optimizer = wrap(mlp(nn.Dropout(0.2)), linear, INTERVAL, 4)
    learns(model, optimizer, x, y, steps=80)
    model.eval()
    assert torch.equal(model(x), model(x))

    def make():
        return nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 3))

    torch.manual_seed(0)
    one, first = wrap(mlp(), make, INTERVAL, 4)
    losses = [one.training_step(x, y, first) for _ in range(2)]
    torch.manual_seed(0)
    other, second = wrap(mlp(), make, INTERVAL, 4)
    other._checked = True  # nothing was looked at in the first step
    assert losses == [other.training_step(x, y, second) for _ in range(2)]


@row("module used twice")
def used_twice(tmp_path):
    x, y = data()
    act, block = nn.PReLU(), nn.Sequential(nn.Linear(8, 8), nn.Tanh())
    model, optimizer = wrap(mlp(act, block, act, block), linear, (1e-2, 1.0), 4)
    learns(model, optimizer, x, y, steps=150)


# What loops do


@row("frozen parameters")
def frozen(tmp_path):
    x, y = data()
    for kind in ("sgd", "adam"):
        backbone = mlp(nn.Linear(8, 8))
        backbone[0].requires_grad_(False)
        model, optimizer = wrap(backbone, linear, INTERVAL, 4, optimizer=kind)
        learns(model, optimizer, x, y)
        backbone.requires_grad_(True)
        backbone[2].requires_grad_(False)
        learns(model, optimizer, x, y)
        backbone.requires_grad_(False)
        learns(model, optimizer, x, y)
        backbone.requires_grad_(True)
        model.heads.requires_grad_(False)
        learns(model, optimizer, x, y)
        with torch.no_grad(), pytest.raises(ValueError, match=r"carry no gradient.*torch\.no_grad"):
            model.training_step(x, y, optimizer)


WORKER = """
import json, sys
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel as DDP
from startright import alrao
from startright.alrao import CrossEntropy

rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
INTERVAL, found = (1e-3, 1.0), {}

def net(norm=True):
    torch.manual_seed(0)
    between = [nn.BatchNorm1d(8)] if norm else []
    return nn.Sequential(nn.Linear(6, 8), *between, nn.Tanh())

def head():
    return nn.Linear(8, 3)

def deep():
    return nn.Sequential(nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 3))

def inside():
    model, optimizer = alrao.wrap(net(), head, INTERVAL, 4)
    return DDP(model).module, optimizer

def classifier():
    return alrao.wrap_classifier(DDP(nn.Sequential(*net(), nn.Linear(8, 3))), INTERVAL, 4)

def data(step):
    generator = torch.Generator().manual_seed(step)
    return torch.randn(11, 6, generator=generator), torch.randint(3, (11,), generator=generator)

CASES = {
    "module": inside,
    "backbone": lambda: alrao.wrap(DDP(net()), head, INTERVAL, 4),
    "classifier": classifier,
    "alone": lambda: alrao.wrap(net(False), head, INTERVAL, 4),
    "adam": lambda: alrao.wrap(net(False), deep, INTERVAL, 4, optimizer="adam"),
    "weights": lambda: alrao.wrap(net(False), head, INTERVAL, 4, likelihood=CrossEntropy((1, 2, 0.5))),
    "pieces": lambda: alrao.wrap(net(False), head, INTERVAL, 4),
}

def digest(model):
    return torch.cat([v.double().flatten() for v in model.state_dict().values()])

for name, make in CASES.items():
    model, optimizer = make()
    for step in range(3):
        x, y = (part[:7] if rank == 0 else part[7:] for part in data(step))  # shares of 7 and 4
        if name == "pieces":
            model.accumulated_step([(x[:2], y[:2]), (x[2:], y[2:])], optimizer)
        else:
            loss = model.training_step(x, y, optimizer)
    if name in ("alone", "adam", "weights", "pieces"):
        torch.save(model.state_dict(), f"{folder}/{name}-{rank}.pt")
    both = [torch.empty_like(digest(model)) for _ in range(2)]
    dist.all_gather(both, digest(model))
    found[name] = torch.equal(*both)

def refusal(make):
    try:
        model, optimizer = make()
        model.training_step(*data(0), optimizer)
    except ValueError as error:
        return str(error)

def by_rank():
    torch.manual_seed(rank)
    return alrao.wrap(nn.Linear(6, 8), head, INTERVAL, 4)

found["different"] = refusal(by_rank)
found["rates"] = refusal(lambda: alrao.wrap(net(), head, INTERVAL, 4, seed=rank))
model, optimizer = alrao.wrap(net(), head, INTERVAL, 4, seed=rank, group=None)
found["on their own"] = bool(model.training_step(*data(0), optimizer).isfinite())
json.dump(found, open(f"{folder}/{rank}.json", "w"))
dist.destroy_process_group()
"""


@row("DistributedDataParallel")
def distributed(tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    command = [sys.executable, str(tmp_path / "worker.py")]
    places = os.environ | {"PYTHONPATH": str(Path(startright.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen([*command, str(rank), str(tmp_path)], env=places, stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    for process in ranks:
        _, errors = process.communicate(timeout=400)
        assert process.returncode == 0, errors
    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert "hold different models" in found.pop("different")
        assert "hold different models" in found.pop("rates")
        assert len(found) == 8
        assert all(found.values()), found
    as_one_process(tmp_path)


def as_one_process(folder):
    """Shares of 7 and 4 make the steps of the batch of 11."""
    names = {"__name__": "worker"}
    head = WORKER[: WORKER.index("rank, folder")] + "INTERVAL = (1e-3, 1.0)\n"
    exec(head + WORKER[WORKER.index("def net") : WORKER.index("for name, make")], names)
    for name in ("alone", "adam", "weights", "pieces"):
        model, optimizer = names["CASES"][name]()
        for step in range(3):
            model.training_step(*names["data"](step), optimizer)
        shared = torch.load(folder / f"{name}-0.pt", weights_only=True)
        for key, value in model.state_dict().items():
            torch.testing.assert_close(shared[key], value, rtol=1e-4, atol=1e-6)


@row("autocast")
def autocast(tmp_path):
    x, y = data()
    for make in (linear, lambda: nn.Sequential(nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3))):
        for likelihood in ("categorical", "gaussian"):
            targets = y if likelihood == "categorical" else torch.eye(3)[y]
            model, optimizer = wrap(mlp(nn.Linear(8, 8)), make, (1e-3, 0.1), 4, likelihood=likelihood)
            with torch.autocast("cpu", torch.bfloat16):
                assert model.backbone(x).dtype == torch.bfloat16
                learns(model, optimizer, x, targets, steps=100)
                assert model(x).dtype == model.head_outputs(x).dtype == torch.float32
            z = model.backbone(x).detach().requires_grad_()
            with torch.autocast("cpu", torch.bfloat16):
                loss, _ = model.backward(z, targets)
            outer, model.heads.stack = z.grad, copy.deepcopy(model.heads.stack)
            z.grad = None
            torch.testing.assert_close(model.backward(z, targets)[0], loss, rtol=0, atol=0)
            assert torch.equal(z.grad, outer)
    half, optimizer = wrap(mlp(nn.Linear(8, 8)).half(), linear, INTERVAL, 4)
    with pytest.warns(UserWarning, match="float16.*take bfloat16"):
        half.training_step(x.half(), y, optimizer)


@row("gradient accumulation")
def accumulation(tmp_path):
    x, y = data()
    for make in (linear, lambda: nn.Sequential(nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3))):
        for likelihood in ("categorical", CrossEntropy((1.0, 2.0, 0.5), ignore_index=1)):
            (whole, o1), (pieces, o2) = (
                wrap(mlp().double(), make, INTERVAL, 4, likelihood=likelihood) for _ in range(2)
            )
            for _ in range(3):
                loss = whole.training_step(x.double(), y, o1, max_norm=1.0)
                parts = [(x[a:b].double(), y[a:b]) for a, b in ((0, 5), (5, 6), (6, 12))]
                torch.testing.assert_close(pieces.accumulated_step(parts, o2, max_norm=1.0), loss)
            torch.testing.assert_close(whole.state_dict(), pieces.state_dict())
    with pytest.raises(ValueError, match="needs one piece or more"):
        pieces.accumulated_step([], o2)


@row("torch.compile")
def compiled(tmp_path):
    x, y = data()
    nets = [mlp() for _ in range(3)]
    plain, o1 = wrap(nets[0], linear, INTERVAL, 4)
    before, o2 = wrap(torch.compile(nets[1], backend="aot_eager"), linear, INTERVAL, 4)
    after, o3 = wrap(nets[2], linear, INTERVAL, 4)
    after.backbone.compile(backend="aot_eager")
    for _ in range(3):
        loss = plain.training_step(x, y, o1)
        torch.testing.assert_close(before.training_step(x, y, o2), loss)
        torch.testing.assert_close(after.training_step(x, y, o3), loss)
    model = torch.compile(plain, backend="aot_eager")
    torch.testing.assert_close(model(x), plain(x))
    learns(plain, o1, x, y)
    model, optimizer = wrap_classifier(torch.compile(build(Residual, 0), backend="aot_eager"), INTERVAL, 4)
    learns(model, optimizer, *images(), steps=20)
    assert torch.equal(model.eval().predict(images()[0]), model(images()[0]).argmax(1))


@row("deepcopy and pickle")
def copies(tmp_path):
    x, y = data()
    for kind in ("sgd", "adam"):
        pair = wrap(mlp(), linear, INTERVAL, 4, optimizer=kind)
        learns(*pair, x, y, steps=10)
        twins = [copy.deepcopy(pair), pickle.loads(pickle.dumps(pair))]
        losses = [float(pair[0].training_step(x, y, pair[1])) for _ in range(3)]
        for model, optimizer in twins:
            assert [float(model.training_step(x, y, optimizer)) for _ in range(3)] == losses
            same(model, pair[0])
            model(x).sum().backward()
            with pytest.warns(UserWarning, match="it is not Alrao"):
                optimizer.step()


@row("checkpoint and resume")
def resume(tmp_path):
    x, y = data()
    for kind in ("sgd", "adam"):
        one, o1 = wrap_classifier(nn.Sequential(*mlp(), nn.Linear(8, 3)), INTERVAL, 4, optimizer=kind)
        learns(one, o1, x, y, steps=10)
        torch.save([one.state_dict(), o1.state_dict()], tmp_path / "at10.pt")
        other, o2 = wrap_classifier(
            nn.Sequential(*mlp(), nn.Linear(8, 3)), INTERVAL, 4, optimizer=kind, seed=5
        )
        for part, state in zip((other, o2), torch.load(tmp_path / "at10.pt", weights_only=True), strict=True):
            part.load_state_dict(state)
        for _ in range(3):
            assert torch.equal(one.training_step(x, y, o1), other.training_step(x, y, o2))
        same(one, other)


# Batches


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(6, 8)

    def forward(self, left, right=None):
        return self.first(left).tanh() if right is None else (self.first(left) + self.second(right)).tanh()


class One(nn.Module):
    """Takes its inputs in one piece."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 8)

    def forward(self, batch):
        return self.layer(batch["x"] if isinstance(batch, dict) else batch[0])


@row("dict or tuple batches")
def batches(tmp_path):
    x, y = data()
    losses = []
    for inputs in ({"left": x, "right": x**2}, (x, x**2), [x, x**2]):
        model, optimizer = wrap(build(Two, 0), linear, INTERVAL, 4)
        losses.append(model.training_step(inputs, y, optimizer))
        spread = model(**inputs) if isinstance(inputs, dict) else model(*inputs)
        torch.testing.assert_close(model(inputs), spread)
        assert model.head_log_probs(inputs).shape == (4, 12, 3)
    learns(model, optimizer, inputs, y)
    assert len({float(loss) for loss in losses}) == 1
    for inputs in ({"x": x}, (x, None)):
        learns(*wrap(build(One, 0), linear, INTERVAL, 4), inputs, y)


@row("empty or ragged batches")
def ragged(tmp_path):
    x, y = data()
    model, optimizer = wrap(mlp(), linear, INTERVAL, 4)
    for n in (12, 5, 1, 12):
        assert model.training_step(x[:n], y[:n], optimizer).isfinite()
        with pytest.raises(ValueError, match="the minibatch is empty"):
            model.training_step(x[:0], y[:0], optimizer)
        with pytest.raises(ValueError, match="targets must be a tensor"):
            model.training_step(x, y[:3], optimizer)
    assert int(model.switch.t) == 5
    model, optimizer = wrap(nn.Embedding(5, 8), linear, INTERVAL, 4)
    parts = [torch.zeros(2, 8), torch.zeros(3, 8)]
    nested = torch.nested.nested_tensor(parts, layout=torch.jagged, requires_grad=True)
    with pytest.raises(ValueError, match=r"must return features.*nested tensor"):
        model.fit_features(nested, y, optimizer)


class Spectrum(nn.Module):
    """Complex weights between two Fourier transforms, as of neural operators."""

    def __init__(self, end=torch.fft.irfft):
        super().__init__()
        self.inner = nn.Linear(4, 5, dtype=torch.complex64)
        self.gain, self.end = nn.Parameter(torch.ones(5, dtype=torch.complex64)), end

    def forward(self, x):
        return self.end(self.inner(torch.fft.rfft(x)) * self.gain)


@row("complex parameters")
def complex_parameters(tmp_path):
    x, y = data()
    for kind in ("sgd", "adam"):
        with pytest.warns(UserWarning, match="no rule says what a unit of Spectrum"):
            model, optimizer = wrap(build(Spectrum, 0), linear, (1e-3, 0.1), 4, optimizer=kind)
        assert model.heads.weight.dtype == torch.float32
        assert model.unit_rates["inner.weight"].dtype == torch.float32
        learns(model, optimizer, x, y, steps=60)
    with pytest.warns(UserWarning, match="no rule"):
        model, optimizer = wrap(Spectrum(end=lambda z: z), lambda: nn.Linear(5, 3), INTERVAL, 4)
    with pytest.raises(
        ValueError, match=r"complex features, torch\.complex64: end it with what makes them real"
    ):
        model.training_step(x, y, optimizer)
