"""What the penalty of a prior does in the situations that people meet, as one table."""

import copy
import io
import pickle

import pytest
import torch
import torch.distributed as dist
from torch import nn

from startright.papers.priors import bayesian_penalty

SITUATIONS = {
    "residual network with BatchNorm": "works",
    "vision transformer": "refused; works on the MLPs of its blocks",
    "transformer encoder": "refused; works on its feed-forward layers",
    "LSTM": "refused; works on the layers beside it",
    "tied weights": "refused",
    "weight norm": "refused",
    "dropout": "works",
    "module used twice": "works with activations; a layer is refused",
    "frozen parameters": "works, and leaves them out",
    "DistributedDataParallel": "works",
    "autocast": "works with the penalty in float32",
    "gradient accumulation": "works with the penalty added once a step",
    "torch.compile": "works",
    "deepcopy and pickle": "works",
    "checkpoint and resume": "works",
    "dict or tuple batches": "works",
    "empty or ragged batches": "works",
    "complex parameters": "refused",
}
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
N = 100


def chain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))


def by_hand(layers):
    """The rows' penalty in plain lines: P weights a row, and λ = √(P(P + 1))/N."""
    rows = [layer.weight.flatten(1) for layer in layers]
    return sum((w.shape[1] * (w.shape[1] + 1)) ** 0.5 * w.norm(dim=1).sum() for w in rows) / N


def trained(net):
    return [part for part in net.modules() if hasattr(part, "weight") and part.weight.dim() > 1]


def works(net, layers=None):
    """The penalty and its gradients are those by hand, and nothing else gets any."""
    layers = trained(net) if layers is None else layers
    found, expected = bayesian_penalty(net, "rows", N)(net), by_hand(layers)
    torch.testing.assert_close(found, expected)
    weights = [layer.weight for layer in layers]
    gradients = torch.autograd.grad(expected, weights)
    found.backward()
    for weight, gradient in zip(weights, gradients, strict=True):
        torch.testing.assert_close(weight.grad, gradient)
    own = {id(weight) for weight in weights}
    assert all(p.grad is None or not p.grad.any() for p in net.parameters() if id(p) not in own)


def refused(net, message):
    with pytest.raises(ValueError, match=message):
        bayesian_penalty(net, "rows", N)


def residual_network_with_batchnorm(_):
    torchvision = pytest.importorskip("torchvision")
    works(torchvision.models.resnet18(num_classes=3))


def vision_transformer(_):
    torchvision = pytest.importorskip("torchvision")
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 8}
    net = torchvision.models.VisionTransformer(8, 4, **sizes)
    refused(net, "a parameter 'class_token': no factor is known")
    works(net.encoder.layers[0].mlp)


def transformer_encoder(_):
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2, enable_nested_tensor=False)
    refused(net, "layers.0.self_attn is a MultiheadAttention")
    works(nn.ModuleList([net.layers[0].linear1, net.layers[0].linear2]))


def lstm(_):
    net = nn.ModuleDict({"lstm": nn.LSTM(4, 5), "out": nn.Linear(5, 2)})
    refused(net, "lstm is a LSTM")
    works(net["out"])


def tied_weights(_):
    net = chain()
    net[2].weight = nn.Linear(8, 8).weight
    net.append(nn.Linear(2, 8)).append(net[2])
    refused(net, "6.weight is 2.weight: it is shared")


def weight_norm(_):
    for make in (nn.utils.weight_norm, nn.utils.parametrizations.weight_norm):
        net = chain()
        make(net[2])
        refused(net, "2 computes its weight from other parameters")


def dropout(_):
    works(chain().insert(2, nn.Dropout(0.1)))


def module_used_twice(_):
    act, layer = nn.Tanh(), nn.Linear(4, 4)
    works(nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act))
    refused(nn.Sequential(layer, nn.Tanh(), layer), "shared")


def frozen_parameters(_):
    net = chain()
    net[2].requires_grad_(False)
    works(net, [net[0], net[4]])


def distributed(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        net, plain = nn.parallel.DistributedDataParallel(chain()), chain()
        for each in (net, plain):
            (each(X).square().mean() + bayesian_penalty(each, "rows", N)(each)).backward()
        for a, b in zip(net.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(a.grad, b.grad)
    finally:
        dist.destroy_process_group()


def autocast(_):
    with torch.autocast("cpu", torch.bfloat16):
        works(chain())


def gradient_accumulation(_):
    whole, parts = chain(), chain()
    (whole(X).square().sum() + bayesian_penalty(whole, "rows", N)(whole)).backward()
    for x in X.split(2):
        parts(x).square().sum().backward()
    bayesian_penalty(parts, "rows", N)(parts).backward()
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def compiled(_):
    net = torch.compile(chain(), backend="eager")
    net(X)
    works(net, trained(net._orig_mod))
    net = chain()
    penalty = bayesian_penalty(net, "rows", N)
    loss = torch.compile(lambda x: net(x).square().mean() + penalty(net), backend="eager")
    torch.testing.assert_close(loss(X), net(X).square().mean() + by_hand(trained(net)))


def deepcopy_and_pickle(_):
    net = chain()
    penalty = bayesian_penalty(net, "rows", N)
    file = io.BytesIO(pickle.dumps(penalty))
    for other in (copy.deepcopy(penalty), pickle.load(file)):
        assert torch.equal(other(copy.deepcopy(net)), penalty(net))


def checkpoint_and_resume(_):
    net, other = chain(), nn.Sequential(*chain())
    nn.init.zeros_(other[2].weight)
    penalty = bayesian_penalty(net, "rows", N)
    assert not torch.equal(penalty(net), penalty(other))
    other.load_state_dict(net.state_dict())
    assert torch.equal(penalty(net), penalty(other))


def dict_or_tuple_batches(_):
    class Batch(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = chain()

        def forward(self, batch):
            return self.net(batch["x"])

    works(Batch())


def empty_or_ragged(_):
    net = chain()
    penalty = bayesian_penalty(net, "rows", N)
    for x in (X[:0], X[:1], X):
        loss = net(x).square().sum() + penalty(net)
        torch.testing.assert_close(loss, net(x).square().sum() + by_hand(trained(net)))


def complex_parameters(_):
    with pytest.warns(UserWarning, match="Complex modules"):
        net = chain().to(torch.complex64)
    refused(net, "0 has weights in torch.complex64")


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
