import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.models import MLP, LeNet, build
from startright.papers.higher_order.composite import COMPOSED, composed
from startright.papers.higher_order.partition import as_partition
from startright.papers.higher_order.reduced import grouped_derivatives, loss_function
from startright.papers.higher_order.tangents import NotTaped, taped_derivatives

RNG = torch.Generator().manual_seed(0)
X, Y = torch.randn(6, 3, generator=RNG, dtype=torch.float64), torch.arange(6) % 3
IMAGES = torch.randn(6, 1, 12, 12, generator=RNG, dtype=torch.float64)


class Net(nn.Module):
    """Two layers, a normalisation, and a way through them."""

    def __init__(self, forward):
        super().__init__()
        self.a, self.b, self.norm = nn.Linear(3, 3), nn.Linear(3, 3), nn.LayerNorm(3)
        self.way = forward

    def forward(self, x):
        return self.way(self, x)


WAYS = {
    "residual": lambda m, x: x + torch.tanh(m.b(torch.tanh(m.a(x)) + x)),
    "gate": lambda m, x: torch.sigmoid(m.a(x)) * m.b(torch.tanh(m.a(x))),
    "tied weights": lambda m, x: torch.tanh(m.a(torch.tanh(m.a(x)))),
    "transposed weights": lambda m, x: torch.tanh(m.a(x)) @ m.a.weight + m.b(x),
    "normalised": lambda m, x: m.b(m.norm(torch.tanh(m.a(x)))),
    "indexed": lambda m, x: 2 * torch.tanh(m.a(x)) - F.silu(m.b(x)).T.T[:, [2, 0, 1]] / 3,
    "joined": lambda m, x: m.b(torch.cat([F.elu(m.a(x))[:, :1], F.gelu(m.a(x))[:, 1:]], 1)),
    "attention": lambda m, x: F.scaled_dot_product_attention(*(f(x[None]) for f in (m.a, m.b, m.a)))[0],
    "product of weights": lambda m, x: F.linear(torch.tanh(x @ m.a.weight), m.b.weight * m.a.bias, m.b.bias),
    "in place": lambda m, x: torch.tanh_(m.b(torch.tanh(m.a(x)))),
    "split": lambda m, x: torch.cat([part.tanh() for part in m.b(torch.tanh(m.a(x))).split(1, 1)], 1),
}
FOLLOWED = set(WAYS) - {"in place", "split"}


def along_gradient(model, x, y, loss=F.cross_entropy):
    params = dict(model.named_parameters())
    loss_fn = loss_function(model, loss, x, y)
    grads = torch.autograd.grad(loss_fn(params), list(params.values()), allow_unused=True)
    u = {n: torch.ones_like(p) if g is None else g for (n, p), g in zip(params.items(), grads, strict=True)}
    return loss_fn, params, u


def assert_near(a, b):
    """Entries that cancel are as exact as the largest: both ways sum the same products in their own order."""
    torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12 * max(1, b.abs().max().item()))


@pytest.mark.parametrize("groups", ["canonical", "blocks", "trivial", "weights_biases"])
@pytest.mark.parametrize("way", WAYS)
def test_any_way_through_a_network(way, groups):
    model = build(lambda: Net(WAYS[way]), 0).double()
    loss_fn, params, u = along_gradient(model, X, Y)
    for third in (False, True):
        ours, theirs = (
            grouped_derivatives(loss_fn, params, groups, u, third=third, backend=backend)
            for backend in ("tangents", "double_backward")
        )
        for a, b in zip(ours[: 2 + third], theirs[: 2 + third], strict=True):
            assert_near(a, b)


@pytest.mark.parametrize("way", WAYS)
def test_what_can_be_followed(way):
    model = build(lambda: Net(WAYS[way]), 0).double()
    loss_fn, params, u = along_gradient(model, X, Y)
    partition = as_partition("canonical", params)
    values = {n: p.detach() for n, p in params.items()}
    owners = {n: partition.index(n) for n in params}
    if way in FOLLOWED:
        g, _, d3 = taped_derivatives(composed(loss_fn), values, owners, u, third=True)
        assert g.shape == d3.shape == (6,)
    else:
        with pytest.raises(NotTaped):
            taped_derivatives(loss_fn, values, owners, u, third=True)


def test_max_pooling():
    parts = nn.Conv2d(1, 3, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 3), nn.Tanh(), nn.MaxPool2d(3)
    model = build(lambda: nn.Sequential(*parts, nn.Flatten(), nn.Linear(2, 3)), 0).double()
    loss_fn, params, u = along_gradient(model, IMAGES, Y)
    ours, theirs = (
        grouped_derivatives(loss_fn, params, "canonical", u, backend=backend)
        for backend in ("tangents", "double_backward")
    )
    for a, b in zip(ours, theirs, strict=True):
        assert_near(a, b)


@pytest.mark.parametrize("groups", ["canonical", "alternate", "trivial"])
@pytest.mark.parametrize("activation", [nn.Tanh, nn.ELU, nn.Sigmoid, nn.Softplus, nn.ReLU])
def test_convolutions(activation, groups):
    model = build(lambda: LeNet(1, 3, activation, image_size=12), 0).double()
    loss_fn, params, u = along_gradient(model, IMAGES, Y)
    ours, theirs = (
        grouped_derivatives(loss_fn, params, groups, u, backend=backend)
        for backend in ("tangents", "double_backward")
    )
    for a, b in zip(ours, theirs, strict=True):
        assert_near(a, b)


def test_dropout_cannot_be_followed_and_is_refused():
    """What is random cannot be followed: each look at it would see another network."""
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 3)).double()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        loss_fn, params, u = along_gradient(model, X, Y)
        values = {n: p.detach() for n, p in params.items()}
        with pytest.raises(NotTaped, match="dropout"):
            taped_derivatives(loss_fn, values, dict.fromkeys(params, 0), u, third=False)
        with pytest.raises(ValueError, match=r"random.*eval"):
            grouped_derivatives(loss_fn, params, "trivial", u)


def test_parameters_that_are_not_among_those_differentiated():
    """A loss that uses a trainable tensor of its own: it is a constant, and no tensor of unknown origin."""
    model, scale = build(lambda: MLP((3, 4, 3), nn.Tanh), 0).double(), torch.ones(3).double().requires_grad_()
    params = dict(model.named_parameters())
    loss_fn = loss_function(model, lambda out, y: F.cross_entropy(out * scale, y), X, Y)
    ours, theirs = (
        grouped_derivatives(
            loss_fn, params, "canonical", {n: p.detach() for n, p in params.items()}, backend=b
        )
        for b in ("tangents", "double_backward")
    )
    torch.testing.assert_close(ours.H, theirs.H)


def test_the_third_derivative_of_a_normalisation():
    """Against a difference of second derivatives: torch's own would be wrong."""
    model = build(lambda: Net(WAYS["normalised"]), 0).double()
    loss_fn, params, u = along_gradient(model, X, Y)

    def second(t):
        moved = {n: (p + t * u[n]).detach() for n, p in params.items()}
        return grouped_derivatives(loss_fn, moved, "trivial", u, third=False).H.item()

    [d3] = grouped_derivatives(loss_fn, params, "trivial", u).d3
    assert d3 == pytest.approx((second(1e-5) - second(-1e-5)) / 2e-5, rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {"attn_mask": torch.arange(20).reshape(4, 5) % 3 > 0},
        {"attn_mask": torch.randn(4, 5, generator=RNG).double()},
    ],
)
def test_attention_is_torch_s(options):
    query, key, value = (torch.randn(2, 2, n, 3, generator=RNG).double() for n in (4, 5, 5))
    ours = COMPOSED[F.scaled_dot_product_attention](query, key, value, **options)
    torch.testing.assert_close(ours, F.scaled_dot_product_attention(query, key, value, **options))


@pytest.mark.parametrize("shape", [(5,), (4, 5)])
def test_normalisation_is_torch_s(shape):
    x, weight, bias = (torch.randn(size, generator=RNG).double() for size in ((3, 4, 5), shape, shape))
    for args in ((), (weight, bias), (None, None, 0.1)):
        torch.testing.assert_close(COMPOSED[F.layer_norm](x, shape, *args), F.layer_norm(x, shape, *args))


def test_an_operation_that_fails_under_forward_mode_is_differentiated_backward():
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 6)).double(), torch.rand(20, 6).double()

    def loss(params):
        outputs = torch.func.functional_call(net, params, (x,))
        return nn.functional.binary_cross_entropy_with_logits(outputs, x, reduction="none").mean()

    params = {name: p.detach() for name, p in net.named_parameters()}
    u = {name: torch.randn_like(p) for name, p in params.items()}
    found, expected = (
        grouped_derivatives(loss, params, "canonical", u, backend=backend)
        for backend in ("tangents", "double_backward")
    )
    for got, wanted in zip(found, expected, strict=True):
        assert_near(got, wanted)


def test_a_mistake_in_the_loss_is_said():
    net, x = nn.Linear(6, 2).double(), torch.rand(20, 5).double()
    params = {name: p.detach() for name, p in net.named_parameters()}
    with pytest.raises(RuntimeError, match="shapes"):
        grouped_derivatives(
            lambda p: torch.func.functional_call(net, p, (x,)).mean(), params, "canonical", params
        )
