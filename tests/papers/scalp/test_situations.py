"""What scaling layers and pruning do in the situations that people meet, as one table."""

import copy
import io

import pytest
import torch
import torch.distributed as dist
from torch import nn

from startright.papers.scalp import prune_, scale_

SITUATIONS = {
    "residual network with BatchNorm": "works; pruned are the units inside the blocks",
    "vision transformer": "refused; pruning alone works, in the MLPs of the blocks",
    "transformer encoder": "refused; pruning alone works, in the feed-forward layers",
    "LSTM": "refused",
    "tied weights": "refused; pruning alone works, in the other layers",
    "weight norm": "refused",
    "dropout": "works",
    "module used twice": "works with activations; a layer is refused",
    "frozen parameters": "works, and leaves them frozen",
    "DistributedDataParallel": "works with scaling before the wrapper; after it refused",
    "autocast": "works",
    "gradient accumulation": "works",
    "torch.compile": "works",
    "deepcopy and pickle": "works",
    "checkpoint and resume": "works; a checkpoint from before the pruning is refused",
    "dict or tuple batches": "works with the batch in a tuple, as an example",
    "empty or ragged batches": "works with an example of two; an empty one is refused",
    "complex parameters": "refused",
}
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))


def chain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))


def works(net=None, x=X, sites=None):
    """Scaling leaves the outputs; a unit whose outgoing weights are zero is taken out without a trace."""
    net = (chain() if net is None else net).eval()
    before = net(x)
    assert scale_(net, "1/k", (x,)) is net
    torch.testing.assert_close(net(x), before, rtol=1e-3, atol=1e-3 * before.abs().max().item())
    return pruned(net, x, sites)


def pruned(net, x, sites=None):
    parts = dict(net.named_modules())
    widths = prune_(net, epsilon=0, example=(x,)).widths
    assert widths
    assert sites is None or all(sites in name for name in widths)
    last = [part for part in parts.values() if isinstance(part, nn.Linear)][-1]
    if sites is None:
        with torch.no_grad():
            last.weight[:, 1] = 0
        before = net(x)
        done = prune_(net, epsilon=0, example=(x,))
        assert [b - a for a, b in done.widths.values()].count(-1) == 1
        torch.testing.assert_close(net(x), before)
    return net


def refused(net, message, x=X, prune=None):
    values = [p.clone() for p in net.parameters()]
    kinds = [type(part) for part in net.modules()]
    with pytest.raises(ValueError, match=message):
        scale_(net, "1/k", (x,))
    assert [type(part) for part in net.modules()] == kinds
    if prune is not None:
        with pytest.raises(ValueError, match=prune):
            prune_(net, epsilon=0, example=(x,))
    assert all(torch.equal(p, value) for p, value in zip(net.parameters(), values, strict=True))


def residual_network_with_batchnorm(_):
    torchvision = pytest.importorskip("torchvision")
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    works(torchvision.models.resnet18(num_classes=3), images, sites=".conv1")


def vision_transformer(_):
    torchvision = pytest.importorskip("torchvision")
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 8}
    net, images = torchvision.models.VisionTransformer(8, 4, **sizes), torch.rand(2, 3, 8, 8)
    refused(net, r"\(MultiheadAttention\) has weights that no scaling layer stands for", images)
    pruned(net, images, sites="mlp")


def transformer_encoder(_):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    net, words = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), torch.rand(2, 3, 8)
    refused(net, r"\(MultiheadAttention\) has weights that no scaling layer stands for", words)
    pruned(net, words, sites="linear1")


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.out = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


def lstm(_):
    refused(Recurrent(), r"'lstm' \(LSTM\) has weights", torch.rand(2, 3, 4), prune="no layer")


def tied_weights(_):
    net = chain()
    net.extend([nn.ReLU(), nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)])
    net[8].weight = net[4].weight
    refused(net, "the weight of '4' and '8', which is one")
    assert list(prune_(net, epsilon=0, example=X).widths) == ["0"]


def weight_norm(_):
    for make in (nn.utils.weight_norm, nn.utils.parametrizations.weight_norm):
        net = chain()
        make(net[2])
        refused(net, "'2' has a weight that is computed", prune="remove that first")


def dropout(_):
    works(chain().insert(2, nn.Dropout(0.1)))


def module_used_twice(_):
    act, layer = nn.Tanh(), nn.Linear(4, 4)
    works(nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 4)))
    refused(
        nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(4, 2)), "twice", prune="more than once"
    )


def frozen_parameters(_):
    net = chain()
    net[2].requires_grad_(False)
    assert [p.requires_grad for p in works(net).parameters()] == [True, True, False, False, True, True]


def distributed(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        refused(nn.parallel.DistributedDataParallel(chain()), "module inside", prune="module inside")
        net = nn.parallel.DistributedDataParallel(scale_(chain(), "1/k", X))
        net(X).sum().backward()
        assert all(p.grad is not None for p in net.parameters())
    finally:
        dist.destroy_process_group()


def autocast(_):
    with torch.autocast("cpu", torch.bfloat16):
        net = scale_(chain(), "1/k", X)
        y = net(X)
        y.float().square().sum().backward()
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), chain()(X), rtol=0.05, atol=0.05)
    assert all(p.grad.dtype == torch.float32 for p in net.parameters())


def gradient_accumulation(_):
    whole, parts = (scale_(chain(), "1/k", X) for _ in range(2))
    whole(X).square().sum().backward()
    for x in X.split(2):
        parts(x).square().sum().backward()
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def compiled(_):
    net = torch.compile(chain(), backend="eager")
    net(X)
    works(net)
    net = torch.compile(scale_(chain(), "1/k", X), backend="eager")
    torch.testing.assert_close(net(X), chain()(X), rtol=1e-4, atol=1e-5)


def deepcopy_and_pickle(_):
    net, file = works(), io.BytesIO()
    assert torch.equal(copy.deepcopy(net)(X), net(X))
    torch.save(net, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=False)(X), net(X))


def checkpoint_and_resume(_):
    net, other = scale_(chain(), "1/k", X), scale_(chain(), "1/k", X, weights="redraw")
    assert not torch.equal(net(X), other(X))
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(X), other(X))
    with torch.no_grad():
        net[2].weight[:, 0] = 0
    prune_(net, epsilon=0, example=X)
    with pytest.raises(ValueError, match="from before the network was pruned"):
        net.load_state_dict(other.state_dict())


class Batch(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = chain()

    def forward(self, batch):
        return self.net(batch["x"] if isinstance(batch, dict) else batch[0])


def dict_or_tuple_batches(_):
    for batch in ({"x": X, "y": torch.arange(6)}, (X, torch.arange(6))):
        works(Batch(), batch)


def empty_or_ragged(_):
    net = works()
    assert net(X[:0]).shape == (0, 2)
    torch.testing.assert_close(torch.cat([net(x) for x in X.split([4, 1, 1])]), net(X))
    refused(chain(), "empty", X[:0], prune="empty")


def complex_parameters(_):
    with pytest.warns(UserWarning, match="Complex modules"):
        net = chain().to(torch.complex64)
    refused(net, "'0' has weights of a type", X.to(torch.complex64), prune="'0.weight' is complex64")


TESTS = dict(
    zip(
        SITUATIONS,
        (
            *(residual_network_with_batchnorm, vision_transformer, transformer_encoder, lstm, tied_weights),
            *(weight_norm, dropout, module_used_twice, frozen_parameters, distributed, autocast),
            *(gradient_accumulation, compiled, deepcopy_and_pickle, checkpoint_and_resume),
            *(dict_or_tuple_batches, empty_or_ragged, complex_parameters),
        ),
        strict=True,
    )
)


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("row", SITUATIONS)
def test_situation(row, tmp_path):
    TESTS[row](tmp_path)
