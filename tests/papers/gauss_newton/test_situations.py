"""What Gauss-Newton does in the situations that people meet, as one table."""

import copy
import io
import pickle

import pytest
import torch
import torch.distributed as dist
from torch import nn

from startright.papers.gauss_newton import GaussNewton

SITUATIONS = {
    "residual network with BatchNorm": "works with model.eval()",
    "vision transformer": "works",
    "transformer encoder": "works with model.eval()",
    "LSTM": "works with a backward pass an output",
    "tied weights": "works",
    "weight norm": "works",
    "dropout": "works with model.eval()",
    "module used twice": "works",
    "frozen parameters": "works",
    "DistributedDataParallel": "refused",
    "autocast": "works with float32 inside the step",
    "gradient accumulation": "works with the whole batch in one step, chunk_size at a time",
    "torch.compile": "works with uncompiled passes inside the step",
    "deepcopy and pickle": "works",
    "checkpoint and resume": "works",
    "dict or tuple batches": "works",
    "empty or ragged batches": "works with a smaller last batch; empty or unpadded ones are refused",
    "complex parameters": "refused",
}
X, Y = (torch.randn(6, 4, generator=torch.Generator().manual_seed(k)) for k in (1, 2))
CLASSES = torch.arange(6) % 3


def chain(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 4))


def falls(net, x=X, y=Y, loss="squared", **options):
    """Three small steps lower the loss, and move all that requires a gradient."""
    before = {name: p.detach().clone() for name, p in net.named_parameters() if p.requires_grad}
    optimizer = GaussNewton(net, loss, 0.05, relative_floor=1.0, **options)
    losses = [optimizer.step(lambda: (x, y)).item() for _ in range(3)]
    assert losses == sorted(losses, reverse=True)
    now = dict(net.named_parameters())
    assert all(not torch.equal(now[name], value) for name, value in before.items())
    return optimizer


def refused(net, message, x=X, y=Y, loss="squared"):
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match=message):
        GaussNewton(net, loss).step(lambda: (x, y))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.norm, self.out = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4)

    def forward(self, x):
        return self.out(x + self.norm(self.layer(x)).relu())


def residual(_):
    net = Residual()
    net(X)  # some running statistics
    refused(net, r"'norm', BatchNorm1d, mixes the examples of a batch: call model.eval\(\)")
    buffers = copy.deepcopy(dict(net.eval().named_buffers()))
    falls(net)
    assert all(torch.equal(value, buffers[name]) for name, value in net.named_buffers())


def vision_transformer(_):
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 8, "num_classes": 3}
    net = torchvision.models.VisionTransformer(image_size=8, patch_size=4, **sizes)
    net.heads.head.weight.data.normal_()
    optimizer = GaussNewton(net, "cross_entropy", 0.05, relative_floor=1.0)
    images = torch.randn(6, 3, 8, 8)
    losses = [optimizer.step(lambda: (images, CLASSES)).item() for _ in range(3)]
    assert losses == sorted(losses, reverse=True)


class Encoded(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.encoder, self.out = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.encoder(x).mean(1))


def transformer_encoder(_):
    torch.manual_seed(0)
    net, x = Encoded(), torch.randn(6, 5, 4)
    refused(net, r"Dropout, is random in training|MultiheadAttention, is random in training", x, Y[:, :2])
    optimizer = GaussNewton(net.eval(), lr=0.05, relative_floor=1.0)
    losses = [optimizer.step(lambda: (x, Y[:, :2])).item() for _ in range(3)]
    assert losses == sorted(losses, reverse=True)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


def lstm(_):
    falls(Recurrent(), torch.randn(6, 3, 4), Y[:, :2])


def tied_weights(_):
    net = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    net[2].weight = net[0].weight
    falls(net)
    assert net[2].weight is net[0].weight


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
def weight_norm(_):
    for make in (nn.utils.weight_norm, nn.utils.parametrizations.weight_norm):
        net = chain()
        make(net[0])
        falls(net)
        copy.deepcopy(net.eval()) if make is nn.utils.parametrizations.weight_norm else None


def dropout(_):
    net = chain().insert(1, nn.Dropout(0.1))
    refused(net, r"'1', Dropout, is random in training: call model.eval\(\)")
    falls(net.eval())


def module_used_twice(_):
    layer, act = nn.Linear(4, 4), nn.Tanh()
    net, weight = nn.Sequential(layer, act, layer, act, nn.Linear(4, 4)), layer.weight
    falls(net)
    assert net[0].weight is net[2].weight is weight
    pair = nn.Sequential(nn.Sequential(layer, act), nn.Linear(4, 4))
    falls(nn.Sequential(pair[0], pair[1], nn.ModuleList([pair[0]])[0], nn.Linear(4, 4)))
    assert layer.weight is weight


def frozen_parameters(_):
    net = chain()
    net[0].requires_grad_(False)
    kept = net[0].weight.clone()
    optimizer = falls(net)
    assert torch.equal(net[0].weight, kept)
    net[0].requires_grad_(True)
    optimizer.step(lambda: (X, Y))
    assert not torch.equal(net[0].weight, kept)
    with pytest.raises(ValueError, match="for new ones make a new optimizer"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})
    net.append(nn.Linear(4, 4))
    with pytest.raises(ValueError, match=r"parameter '3.weight' is newer than the optimizer"):
        optimizer.step(lambda: (X, Y))


def distributed(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        net = nn.parallel.DistributedDataParallel(chain())
        for wrapped in (net, nn.Sequential(net, nn.ReLU())):
            with pytest.raises(
                ValueError, match="the kernel couples all examples: train the module inside it"
            ):
                GaussNewton(wrapped)
    finally:
        dist.destroy_process_group()
    with pytest.raises(ValueError, match="DataParallel gives every process"):
        GaussNewton(nn.DataParallel(chain()))


def autocast(_):
    nets = chain(), chain()
    optimizers = [GaussNewton(net, lr=0.3) for net in nets]
    with torch.autocast("cpu", torch.bfloat16):
        nets[0](X)  # casts of the weights are kept until the end
        inside = optimizers[0].step(lambda: (X, Y))
        after = nets[0](X)
    assert torch.equal(inside, optimizers[1].step(lambda: (X, Y)))
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))
    torch.testing.assert_close(after.float(), nets[1](X), rtol=0.05, atol=0.05)


def gradient_accumulation(_):
    nets = chain().double(), chain().double()
    for net, chunk_size in zip(nets, (None, 2), strict=True):
        GaussNewton(net, lr=0.3, chunk_size=chunk_size).step(lambda: (X.double(), Y.double()))
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9)
    net = chain()
    optimizer = GaussNewton(net)
    net(X).sum().backward()
    with pytest.raises(ValueError, match="chunk_size takes the place of their accumulation"):
        optimizer.step()
    with pytest.warns(UserWarning, match="gradients that backward left are not used"):
        optimizer.step(lambda: (X, Y))
    optimizer.zero_grad()
    optimizer.step(lambda: (X, Y))


def compiled(_):
    net, plain = torch.compile(chain(), backend="eager"), chain()
    net(X)
    part = chain()
    part[0] = torch.compile(part[0], backend="eager")
    for each in (net, part):
        GaussNewton(each).step(lambda: (X, Y))
    GaussNewton(plain).step(lambda: (X, Y))
    for each in (net, part):
        torch.testing.assert_close(each(X), plain(X))


def deepcopy_and_pickle(_):
    net = chain()
    optimizer = falls(net, hessian="loss", adaptive=True)
    both = net, optimizer
    for make in (copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))):
        other, twin = make(both)
        assert twin.model is other
        for each in (optimizer, twin):
            each.step(lambda: (X, Y))
        assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))
        assert torch.equal(twin.last["loss"], optimizer.last["loss"])


def checkpoint_and_resume(_):
    net, other, file = chain(), chain(1), io.BytesIO()
    optimizer = falls(net, adaptive=True)
    torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file)
    other.load_state_dict(saved["net"])
    resumed = GaussNewton(other, adaptive=True)
    resumed.load_state_dict(saved["optimizer"])
    for each in (optimizer, resumed):
        each.step(lambda: (X, Y))
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = chain()

    def forward(self, x, scale):
        return self.net(x) * scale


def dict_or_tuple_batches(_):
    scale = torch.full((6, 1), 0.5)
    nets = [Named() for _ in range(2)]
    for net, x in zip(nets, ({"scale": scale, "x": X}, (X, scale)), strict=True):
        falls(net, x)
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))


def empty_or_ragged(_):
    net = chain()
    optimizer = falls(net)
    optimizer.step(lambda: (X[:1], Y[:1]))
    refused(net, "at least one example", X[:0], Y[:0])
    refused(net, "disagree on the number of examples, 2, 4.*pad ragged", [X[:2], X[2:]])
    refused(net, "pad ragged", torch.nested.nested_tensor([X[:2], X[2:]], layout=torch.jagged))


@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
def complex_parameters(_):
    refused(chain().to(torch.complex64), "parameters are complex64: Gauss-Newton needs float32")


TESTS = dict(
    zip(
        SITUATIONS,
        (
            *(residual, vision_transformer, transformer_encoder, lstm, tied_weights, weight_norm, dropout),
            *(module_used_twice, frozen_parameters, distributed, autocast, gradient_accumulation, compiled),
            *(deepcopy_and_pickle, checkpoint_and_resume, dict_or_tuple_batches, empty_or_ragged),
            complex_parameters,
        ),
        strict=True,
    )
)


@pytest.mark.filterwarnings(
    "ignore:.*weight_norm.* is deprecated",
    "ignore:The PyTorch API of nested",
    "ignore:Complex modules are a new feature",
)
@pytest.mark.parametrize("row", SITUATIONS)
def test_situation(row, tmp_path):
    TESTS[row](tmp_path)
    assert SITUATIONS[row].split(" with ")[0] in ("works", "refused")
