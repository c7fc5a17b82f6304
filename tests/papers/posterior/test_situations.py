"""What variational layers do in the situations that people meet, as one table."""

import copy
import io

import pytest
import torch
import torch.distributed as dist
from torch import nn

from startright.models.variational import kl, mean_network, predict, variational_, variational_layers

SITUATIONS = {
    "residual network with BatchNorm": "refused; works with leave= for BatchNorm",
    "vision transformer": "refused; works on the MLPs of its blocks",
    "transformer encoder": "refused; works with leave= for attention and LayerNorm",
    "LSTM": "refused; works with leave=",
    "tied weights": "refused; works with leave=",
    "weight norm": "refused; works with leave=",
    "dropout": "works",
    "module used twice": "works with activations; a layer is refused",
    "frozen parameters": "refused; works with leave=",
    "DistributedDataParallel": "works with conversion before the wrapper; after it refused",
    "autocast": "works",
    "gradient accumulation": "works with the divergence added once a step",
    "torch.compile": "works",
    "deepcopy and pickle": "works",
    "checkpoint and resume": "works",
    "dict or tuple batches": "works with the batch in a tuple, as an example",
    "empty or ragged batches": "works; an empty example is refused",
    "complex parameters": "refused",
}
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))


def chain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))


def works(net=None, x=X, number=3, **options):
    """The outputs at the means are those of before; in training they vary, and all that is new is trained."""
    net = (chain() if net is None else net).eval()
    before = net(x)
    assert variational_(net, example=(x,), **options) is net
    torch.testing.assert_close(net(x), before)
    layers = variational_layers(net)
    assert len(layers) == number
    for name, part in net.named_modules():
        part.training = name in layers  # what else is random, such as dropout, stays silent
    assert not torch.equal(net(x), net(x))
    (net(x).square().sum() + kl(net).value).backward()
    assert all(layer.weight_rho.grad.any() for layer in layers.values())
    return net.eval()


def refused(net, message, x=X, **options):
    kinds = [type(part) for part in net.modules()]
    with pytest.raises(ValueError, match=message):
        variational_(net, example=(x,), **options)
    assert [type(part) for part in net.modules()] == kinds
    assert not variational_layers(net)
    return net


def residual_network_with_batchnorm(_):
    torchvision = pytest.importorskip("torchvision")
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    net = refused(torchvision.models.resnet18(num_classes=3), "bn1 is a BatchNorm2d", images)
    works(net, images, 21, leave=[nn.BatchNorm2d])


def vision_transformer(_):
    torchvision = pytest.importorskip("torchvision")
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 8}
    net = torchvision.models.VisionTransformer(8, 4, **sizes)
    refused(net, r"self_attention is a MultiheadAttention", torch.rand(2, 3, 8, 8))
    works(net.encoder.layers[0].mlp, torch.rand(2, 3, 8), 2)


def transformer_encoder(_):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    net, words = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), torch.rand(2, 3, 8)
    refused(net, "layers.0.self_attn is a MultiheadAttention", words)
    works(net, words, 4, leave=[nn.MultiheadAttention, nn.LayerNorm])


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.out = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


def lstm(_):
    words = torch.rand(2, 3, 4)
    works(refused(Recurrent(), "lstm is a LSTM", words), words, 1, leave=["lstm"])


def tied_weights(_):
    net = chain()
    net.extend([nn.ReLU(), nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)])
    net[8].weight = net[4].weight
    refused(net, "weights that stand in several places")
    works(net, number=3, leave=["4", "8"])


def weight_norm(_):
    for make in (nn.utils.weight_norm, nn.utils.parametrizations.weight_norm):
        net = chain()
        make(net[2])
        refused(net, "2 has .*(parametrised weights|a weight computed from others)")
        works(net, number=2, leave=["2"])


def dropout(_):
    works(chain().insert(2, nn.Dropout(0.1)))


def module_used_twice(_):
    act, layer = nn.Tanh(), nn.Linear(4, 4)
    works(nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 4)))
    refused(nn.Sequential(layer, nn.Tanh(), layer), "several places")


def frozen_parameters(_):
    net = chain()
    net[2].requires_grad_(False)
    works(refused(net, "2 has frozen weights"), number=2, leave=["2"])


def distributed(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        refused(nn.parallel.DistributedDataParallel(chain()), "convert the module inside")
        net = nn.parallel.DistributedDataParallel(variational_(chain()))
        (net(X).square().sum() + kl(net).value).backward()
        assert all(p.grad is not None for p in net.parameters())
    finally:
        dist.destroy_process_group()


def autocast(_):
    with torch.autocast("cpu", torch.bfloat16):
        net = variational_(chain(), example=X)
        y = net(X)
        (y.float().square().sum() + kl(net).value).backward()
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(net.eval()(X), chain()(X))
    assert all(p.grad.dtype == torch.float32 for p in net.parameters())


def gradient_accumulation(_):
    whole, parts = (variational_(chain()).eval() for _ in range(2))  # without noise, which is one a pass
    (whole(X).square().sum() + kl(whole).value).backward()
    for x in X.split(2):
        parts(x).square().sum().backward()
    kl(parts).value.backward()
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def compiled(_):
    net = torch.compile(chain(), backend="eager")
    net(X)
    works(net)
    net = torch.compile(variational_(chain()), backend="eager")
    assert not torch.equal(net(X), net(X))
    torch.testing.assert_close(net.eval()(X), chain()(X))


def deepcopy_and_pickle(_):
    net, file = works(), io.BytesIO()
    assert torch.equal(copy.deepcopy(net)(X), net(X))
    torch.save(net, file)
    file.seek(0)
    other = torch.load(file, weights_only=False)
    assert torch.equal(other(X), net(X))
    assert torch.equal(kl(other).value, kl(net).value)


def checkpoint_and_resume(_):
    net, other = variational_(chain()), variational_(nn.Sequential(*chain()), std=0.1)
    assert not torch.equal(kl(net).value, kl(other).value)
    other.load_state_dict(net.state_dict())
    assert torch.equal(kl(net).value, kl(other).value)
    with pytest.raises(RuntimeError, match="weight_rho"):
        net.load_state_dict(chain().state_dict())


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
    assert predict(net, X[:0], samples=2).shape == (0, 2)
    torch.testing.assert_close(torch.cat([net(x) for x in X.split([4, 1, 1])]), mean_network(net)(X))
    refused(chain(), "the example is empty", X[:0])


def complex_parameters(_):
    with pytest.warns(UserWarning, match="Complex modules"):
        net = chain().to(torch.complex64)
    refused(net, "0 has weights in torch.complex64", X.to(torch.complex64))


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
