"""What the initialisation does in the situations that people meet, as one table."""

import copy
import io
import math

import pytest
import torch
import torch.distributed as dist
from torch import nn

from startright.papers.preact import GaussianActivation, init_gaussian_preact_

SITUATIONS = {
    "residual network with BatchNorm": "refused",
    "vision transformer": "refused",
    "transformer encoder": "refused",
    "LSTM": "refused",
    "tied weights": "refused",
    "weight norm": "refused",
    "dropout": "refused",
    "module used twice": "works with activations; a layer is refused",
    "frozen parameters": "works",
    "DistributedDataParallel": "works with initialisation before the wrapper; after it refused",
    "autocast": "works",
    "gradient accumulation": "works",
    "torch.compile": "works",
    "deepcopy and pickle": "works",
    "checkpoint and resume": "works",
    "dict or tuple batches": "works with an example",
    "empty or ragged batches": "works with padding of ragged examples",
    "complex parameters": "refused",
}
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))


def chain():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))


def started(net=None, seed=0, **options):
    net = chain() if net is None else net
    return init_gaussian_preact_(net, 3, "odd", torch.Generator().manual_seed(seed), **options)


def refused(net, message):
    before = [(name, type(part)) for name, part in net.named_modules()]
    values = [p.clone() for p in net.parameters()]
    with pytest.raises(ValueError, match=message):
        init_gaussian_preact_(net, 3)
    assert [(name, type(part)) for name, part in net.named_modules()] == before
    assert all(torch.equal(p, value) for p, value in zip(net.parameters(), values, strict=True))


def residual_network_with_batchnorm(_):
    torchvision = pytest.importorskip("torchvision")
    refused(torchvision.models.resnet18(num_classes=3), r"'bn1' \(BatchNorm2d\) breaks the law")


def vision_transformer(_):
    torchvision = pytest.importorskip("torchvision")
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 8}
    net = torchvision.models.VisionTransformer(image_size=8, patch_size=4, **sizes)
    refused(net, r"\(LayerNorm\) breaks the law.*\(MultiheadAttention\) breaks the law")


def transformer_encoder(_):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    refused(
        nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), r"\(MultiheadAttention\) breaks the law"
    )


def lstm(_):
    refused(nn.ModuleList([nn.LSTM(4, 4), nn.ReLU(), nn.Linear(4, 2)]), r"'0' \(LSTM\) breaks the law")


def tied_weights(_):
    net = chain()
    net.extend([nn.ReLU(), nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)])
    net[8].weight = net[4].weight
    refused(net, "the weight of layers '4' and '8', which is one, breaks the law")


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
def weight_norm(_):
    for make in (nn.utils.weight_norm, nn.utils.parametrizations.weight_norm):
        net = chain()
        make(net[2])
        refused(net, r"layer '2' .* cannot be initialised: its weight is computed")


def dropout(_):
    net = chain().insert(2, nn.Dropout(0.1))
    refused(net, r"'2' \(Dropout\) breaks the law")
    refused(net.eval(), r"'2' \(Dropout\) breaks the law")


def module_used_twice(_):
    act, layer = nn.Tanh(), nn.Linear(4, 4)
    net = started(nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 4)))
    assert all(type(net[k]) is GaussianActivation for k in (1, 3))
    refused(
        nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(4, 2)), r"\(Linear\), which is used more"
    )


def frozen_parameters(_):
    net = chain()
    net[2].requires_grad_(False)
    started(net)
    assert torch.equal(net[2].weight, started()[2].weight)
    assert [p.requires_grad for p in net.parameters()] == [True, True, False, False, True, True]


def distributed(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        refused(
            nn.parallel.DistributedDataParallel(chain()), "initialise the network first, with the same seed"
        )
        net = nn.parallel.DistributedDataParallel(started())
        net(X).sum().backward()
        assert all(p.grad is not None for p in net.parameters())
    finally:
        dist.destroy_process_group()
    refused(nn.DataParallel(chain()), "initialise the network first")


def autocast(_):
    net = chain()
    with torch.autocast("cpu", torch.bfloat16):
        net(X)  # the casts of these weights are kept until the end
        y = started(net)(X)
        y.float().square().sum().backward()
    assert torch.equal(net[2].weight, started()[2].weight)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), net(X), rtol=0.05, atol=0.05)
    assert all(p.grad.dtype == torch.float32 for p in net.parameters())


def gradient_accumulation(_):
    whole, parts = started(), started()
    whole(X).square().sum().backward()
    for x in X.split(2):
        parts(x).square().sum().backward()
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def compiled(_):
    net = torch.compile(chain(), backend="eager")
    net(X)
    started(net)
    torch.testing.assert_close(net(X), started()(X))
    torch.testing.assert_close(torch.compile(started(), backend="eager")(X), started()(X))
    net = chain()
    net.compile(backend="eager")
    torch.testing.assert_close(started(net)(X), started()(X))


def deepcopy_and_pickle(_):
    net, file = started(), io.BytesIO()
    assert torch.equal(copy.deepcopy(net)(X), net(X))
    torch.save(net, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=False)(X), net(X))


def checkpoint_and_resume(_):
    net, other = started(), started(seed=1)
    assert not torch.equal(net(X), other(X))
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(X), other(X))


class Batch(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = chain()

    def forward(self, batch):
        if isinstance(batch, dict):
            return {"logits": self.net(batch["x"])}
        x, _ = batch
        return (self.net(x.view(-1, 4)),)


def dict_or_tuple_batches(_):
    with pytest.raises(ValueError, match="give one as example="):
        init_gaussian_preact_(Batch(), 3)
    for batch in ({"x": X, "y": torch.arange(6)}, [X, torch.arange(6)]):
        net = started(Batch(), example=(batch,))
        assert torch.equal(net.net[4].weight, started()[4].weight)


def empty_or_ragged(_):
    net = started()
    assert net(X[:0]).shape == (0, 2)
    torch.testing.assert_close(torch.cat([net(x) for x in X.split([4, 1, 1])]), net(X))
    ragged = torch.nested.nested_tensor([X[:2], X[2:]], layout=torch.jagged)
    with pytest.raises(ValueError, match="pad"):
        net(ragged)


def complex_parameters(_):
    with pytest.warns(UserWarning, match="Complex modules"):
        refused(chain().to(torch.complex64), "its weight is complex64, not a real number")


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


@pytest.mark.filterwarnings(
    "ignore:.*weight_norm.* is deprecated", "ignore:The PyTorch API of nested tensors"
)
@pytest.mark.parametrize("row", SITUATIONS)
def test_situation(row, tmp_path):
    TESTS[row](tmp_path)
    assert SITUATIONS[row].split(" with ")[0] in ("works", "refused")
    assert math.isfinite(started()(X).sum().item())
