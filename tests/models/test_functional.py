"""A module at other values of its parameters is left with its own."""

import torch
from torch import nn

from startright.models.functional import call_at, places
from startright.training import ModelStack


def twice():
    layer = nn.Linear(3, 3)
    return nn.Sequential(layer, nn.BatchNorm1d(3), layer).eval()


def tied():
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    net[2].weight = net[0].weight
    return net


def moved(net):
    return {name: value.detach() + 0.1 for name, value in (*net.named_parameters(), *net.named_buffers())}


def test_places_of_modules_and_tensors_that_stand_twice():
    assert places(twice())["0.weight"] == "0.weight"
    assert "2.weight" not in places(twice())  # one module, one place
    assert places(twice(), again=True)["2.weight"] == "0.weight"
    assert places(tied()) == {
        "0.weight": "0.weight",
        "0.bias": "0.bias",
        "2.weight": "0.weight",
        "2.bias": "2.bias",
    }


def test_the_outputs_are_those_of_a_module_that_has_the_values():
    for make in (twice, tied):
        net, x = make(), torch.randn(4, 3)
        values = moved(net)
        found = call_at(net, values, (x,))
        torch.testing.assert_close(call_at(net, values, (x,), where=places(net)), found)
        with torch.no_grad():
            for name, tensor in (*net.named_parameters(), *net.named_buffers()):
                tensor.copy_(values[name])
        torch.testing.assert_close(net(x), found)


def test_the_module_keeps_its_own_tensors():
    for make in (twice, tied):
        net = make()
        own = [id(p) for p in net.parameters()]
        call_at(net, moved(net), (torch.randn(4, 3),))
        assert [id(p) for p in net.parameters()] == own


def test_a_stack_of_such_models_gives_each_its_own_back():
    nets, x = [twice() for _ in range(3)], torch.randn(4, 3)
    expected = torch.stack([net(x) for net in nets])
    stack = ModelStack(nets)
    torch.testing.assert_close(stack(x, shared=True), expected)
    stack.keep([])
    torch.testing.assert_close(torch.stack([net(x) for net in nets]), expected)
