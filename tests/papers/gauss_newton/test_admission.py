"""Networks of other people: what is done with them, what is said of them, and that they stay as they were."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from startright.papers.gauss_newton import GaussNewton
from startright.papers.gauss_newton.batches import rows_one_by_one, size, split, trainable
from startright.papers.gauss_newton.general import direction, tangent_kernel
from startright.papers.gauss_newton.linearised import as_function, jacobian


def normal(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Written(nn.Module):
    """A forward of one's own around a layer and what else is given."""

    def __init__(self, forward, layer=None, **others):
        super().__init__()
        self.body, self.layer, self.out = forward, layer or nn.Linear(4, 4), nn.Linear(4, 2)
        for name, other in others.items():
            setattr(self, name, other)
        self.register_buffer("count", torch.zeros(()))
        self.double()

    def forward(self, *args, **kwargs):
        return self.body(self, *args, **kwargs)


def last(net, x):
    return net.out(net.layer(x)[0][:, -1])


def states(net, x):
    cell, state = net.layer, None
    for step in x.unbind(1):
        state = cell(step, state)
    return net.out(state[0] if isinstance(state, tuple) else state)


def counting(net, x):
    net.count += 1
    return net.out(net.layer(x).tanh()) * (1 + 0 * net.count)


def branching(net, x):
    return net.out(net.layer(x).tanh() if x.abs().sum().item() >= 0 else net.layer(x).sin())


def saved(net, x):
    return net.out(checkpoint(lambda y: net.layer(y).tanh(), x, use_reentrant=False))


SERIES, ROWS = normal(4, 3, 4), normal(4, 4)
HARD = {
    "LSTM": (last, nn.LSTM(4, 4, batch_first=True), SERIES),
    "GRU of two layers": (last, nn.GRU(4, 4, 2, batch_first=True), SERIES),
    "RNN in both directions": (last, nn.RNN(4, 2, batch_first=True, bidirectional=True), SERIES),
    "LSTM cell": (states, nn.LSTMCell(4, 4), SERIES),
    "GRU cell": (states, nn.GRUCell(4, 4), SERIES),
    "a counter": (counting, None, ROWS),
    "a branch on the data": (branching, None, ROWS),
    "a checkpoint": (saved, None, ROWS),
}


@pytest.mark.parametrize("case", HARD)
def test_layers_that_do_not_go_with_vmap_get_the_same_step(case):
    """Against the formula with the Jacobian of the whole batch by plain backward passes."""
    forward, layer, x = HARD[case]
    torch.manual_seed(0)
    net, y = Written(forward, layer), normal(4, 2, seed=2)
    outputs = net(x).flatten()
    rows = [torch.autograd.grad(o, list(net.parameters()), retain_graph=True) for o in outputs]
    j = torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])
    kernel = tangent_kernel(net, x, 3)
    torch.testing.assert_close(kernel, j @ j.T, rtol=1e-9, atol=1e-12)
    before = net.count.clone()
    found = direction(net, x, y)
    damped = kernel + found.damping * torch.eye(8).double()
    expected = j.T @ torch.linalg.solve(damped, (outputs - y.flatten()).detach())
    flat = torch.cat([p.flatten() for p in found.parameters.values()])
    torch.testing.assert_close(flat, expected, rtol=1e-6, atol=1e-9)
    assert torch.equal(net.count, before)


def test_both_ways_to_the_jacobian_agree():
    net = Written(lambda n, x: n.out(n.layer(x).tanh()))
    params, f = as_function(net)
    ways = jacobian(f, params, ROWS), rows_one_by_one(net, trainable(net), ROWS)
    for one, other in zip(*ways, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_an_old_checkpoint_is_told_what_to_do():
    net = Written(lambda n, x: checkpoint(lambda y: n.out(y).tanh(), n.layer(x), use_reentrant=True))
    with pytest.raises(ValueError, match=r"cannot be differentiated one by one.*use_reentrant"):
        direction(net, ROWS, normal(4, 2))


RANDOM = {
    "functional dropout": lambda n, x: n.out(F.dropout(n.layer(x), 0.5, n.training)),
    "noise": lambda n, x: n.out(n.layer(x) + (torch.randn_like(x) if n.training else 0)),
    "random attention": lambda n, x: n.out(
        F.scaled_dot_product_attention(
            x[:, None], x[:, None], n.layer(x)[:, None], dropout_p=0.5 * n.training
        )[:, 0]
    ),
}


@pytest.mark.parametrize("case", RANDOM)
def test_randomness_is_found_whoever_draws_and_whenever(case):
    net, stream = Written(RANDOM[case]).eval(), torch.get_rng_state()
    optimizer = GaussNewton(net)
    optimizer.step(lambda: (ROWS, normal(4, 2)))
    net.train()
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match=r"Written is random, two passes differ: call model.eval\(\)"):
        optimizer.step(lambda: (ROWS, normal(4, 2)))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), stream)


@pytest.mark.parametrize(
    "layer", [nn.MultiheadAttention(4, 2, dropout=0.1), nn.RReLU(), nn.LSTM(4, 4, 2, dropout=0.1)]
)
def test_layers_that_draw_are_named(layer):
    net = Written(lambda n, x: x, layer)
    with pytest.raises(
        ValueError, match=rf"the layer 'layer', {type(layer).__name__}, is random in training"
    ):
        direction(net, ROWS, ROWS)


def test_one_example_does_not_tell_whether_examples_mix():
    net = Written(lambda n, x: n.out(n.layer(x) - n.layer(x).mean(0)))
    optimizer = GaussNewton(net)
    optimizer.step(lambda: (ROWS[:1], normal(1, 2)))
    with pytest.raises(ValueError, match="depend on the others of the batch"):
        optimizer.step(lambda: (ROWS, normal(4, 2)))


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
def test_weights_that_a_hook_computes_are_left_as_they_were():
    """The old weight normalisation keeps its weight as an attribute: it must not be torch.func's after it."""
    net = Written(lambda n, x: n.out(n.layer(x).tanh()))
    nn.utils.weight_norm(net.layer)
    weight = net.layer.weight
    GaussNewton(net).step(lambda: (ROWS, normal(4, 2)))
    assert net.layer.__dict__["weight"] is weight
    net(ROWS)
    assert not torch.equal(net.layer.weight, weight)


def test_inputs_of_several_kinds_reach_the_network():
    net = Written(lambda n, x, *, scale=None, ids=None: n.out(n.layer(x) * (1 if scale is None else scale)))
    plain = direction(net, ROWS, normal(4, 2))
    scale = torch.ones(4, 1, dtype=torch.float64)
    named = direction(net, {"x": ROWS, "scale": scale, "ids": torch.arange(4)}, normal(4, 2), chunk_size=3)
    for name, value in plain.parameters.items():
        torch.testing.assert_close(named.parameters[name], value, rtol=1e-7, atol=1e-9)
    assert size({"x": ROWS, "y": (ROWS, ROWS)}) == 4
    assert [size(part) for part in split((ROWS, {"s": scale}), 3)] == [3, 1]


def test_precisions_do_not_mix():
    net = Written(lambda n, x: n.out(n.layer(x)))
    net.out.float()
    with pytest.raises(ValueError, match="parameters are float32, float64: give them all one precision"):
        GaussNewton(net)
    halves = Written(lambda n, x: n.out(n.layer(x)).half())
    with pytest.raises(ValueError, match="outputs are float16"):
        direction(halves, ROWS, normal(4, 2))
