"""A compiled network is the same network, in fewer launches."""

import copy

import pytest
import torch
from torch import nn

from startright.data import load
from startright.models import MLP, build
from startright.papers.alrao import wrap_classifier
from startright.papers.alrao.training import fit
from startright.training import TrainConfig, compile_passes

CUDA = torch.device("cuda")


def network(dtype=torch.float32):
    return build(lambda: MLP((64, 16, 10), nn.Tanh, batch_norm=True), 0).to(dtype)


def test_nothing_is_compiled_without_a_gpu():
    net = network()
    assert not compile_passes(net, torch.device("cpu"))
    assert net._compiled_call_impl is None


@pytest.fixture
def graphs(monkeypatch):
    """The graphs that torch.compile hands to its backend; it has forgotten those of other tests."""
    seen = []

    def count(graph, inputs):
        seen.append(graph)
        return graph

    torch._dynamo.reset()
    yield count, seen
    torch._dynamo.reset()


def test_names_and_values_stay_and_each_mode_is_one_graph(graphs):
    backend, seen = graphs
    net, x = network(torch.float64), torch.randn(32, 64, dtype=torch.float64)
    plain = copy.deepcopy(net)
    assert compile_passes(net, CUDA, backend=backend)
    assert net.state_dict().keys() == plain.state_dict().keys()
    for training in (True, False):
        for _ in range(3):
            both = [each.train(training)(x).square().sum() for each in (plain, net)]
            [loss.backward() for loss in both]
            torch.testing.assert_close(*both)
    assert len(seen) == 2  # a network that breaks into pieces would be as many launches
    for expected, got in zip(plain.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(expected.grad, got.grad)
    torch.testing.assert_close(plain.state_dict(), net.state_dict())


def test_alrao_trains_a_compiled_backbone_to_the_same_curves(graphs):
    backend, seen = graphs
    data, histories = load("digits", device="cpu", validation=203, flatten=True), []
    for compiled in (False, True):
        model, optimizer = wrap_classifier(network(), (1e-5, 1.0), 4)
        if compiled:
            compile_passes(model.backbone, CUDA, backend=backend)
        histories.append(fit(model, optimizer, data, TrainConfig(1, 32)))
    assert seen
    assert histories[0].last == pytest.approx(histories[1].last, rel=1e-4)


@pytest.mark.gpu
def test_on_a_gpu_the_compiled_curves_are_the_eager_ones():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    data, histories = load("digits", device="cuda", validation=203, flatten=True), []
    for compiled in (False, True):
        model, optimizer = wrap_classifier(network().cuda(), (1e-5, 1.0), 4)
        if compiled:
            assert compile_passes(model.backbone, CUDA)
        histories.append(fit(model, optimizer, data, TrainConfig(2, 32)))
    assert histories[0].last == pytest.approx(histories[1].last, rel=1e-2)
