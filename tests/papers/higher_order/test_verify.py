"""Derivatives are compared with differences: kinds of layers, kinds of mistakes, and what a mistake says."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.models import build
from startright.papers.higher_order import (
    Derivatives,
    GroupedNewton,
    WrongDerivatives,
    composite,
    grouped_derivatives,
    loss_function,
    suggest_learning_rates,
    tangents,
    verify_derivatives,
)
from startright.papers.higher_order.reduced import BACKENDS
from startright.papers.higher_order.tangents import NotTaped, taped_derivatives
from startright.papers.higher_order.verify import right_backend

RNG = torch.Generator().manual_seed(0)


def normal(*shape):
    return torch.randn(shape, generator=RNG, dtype=torch.float64)


def mixed(params):
    """A direction for values, all of its entries different."""
    return {name: normal(*p.shape) for name, p in params.items()}


class Wrong(torch.autograd.Function):
    """The cube, with a derivative of the given order that is wrong by a tenth."""

    @staticmethod
    def forward(ctx, x, order):
        ctx.save_for_backward(x)
        ctx.order = order
        return x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        slope = 3 * x**2
        off = {1: 0.1 * slope, 2: 0.1 * (slope - slope.detach()), 3: 0.02 * (x - x.detach()) ** 2}
        return grad * (slope + off[ctx.order]), None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("order", "said"), [(1, "the gradient"), (2, "the Hessian"), (3, "the third")])
def test_a_wrong_derivative_is_named_with_its_group_and_order(order, said, dtype):
    params = {"good": normal(3).to(dtype), "bad": normal(3).to(dtype)}

    def loss(p):
        return (p["good"].tanh() * p["bad"]).sum() + Wrong.apply(p["bad"], order).sum()

    with pytest.raises(WrongDerivatives, match=rf"{said}.*order {order}\) of the group 'bad'.*try backend="):
        verify_derivatives(loss, params, "canonical", mixed(params))
    with pytest.raises(WrongDerivatives, match=rf"order {order}\) of the group 'bad'"):
        right_backend(loss, params, "canonical", mixed(params))


def test_each_entry_of_what_is_claimed_is_compared():
    params = {"a": normal(3), "b": normal(3)}
    u = mixed(params)

    def loss(p):
        return (p["a"].tanh() * p["b"].exp()).sum()

    right = verify_derivatives(loss, params, "canonical", u)
    for part in range(3):
        for entry in range(right[part].numel()):
            claimed = Derivatives(*(value.clone() for value in right))
            claimed[part].flatten()[entry] *= 1.001
            with pytest.raises(WrongDerivatives, match=f"order {part + 1}"):
                verify_derivatives(loss, params, "canonical", u, claimed=claimed)
    claimed = Derivatives(right.g, right.H, None)
    assert verify_derivatives(loss, params, "canonical", u, claimed=claimed) is claimed


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.ELU, nn.Hardswish, nn.PReLU])
def test_kinks_are_no_mistakes(activation):
    """Differences at large steps see the kinks of a thousand examples; derivatives do not."""
    model = build(lambda: nn.Sequential(nn.Linear(5, 20), activation(), nn.Linear(20, 3)), 0)
    x, y = torch.randn(1000, 5, generator=RNG), torch.randint(3, (1000,), generator=RNG)
    params = dict(model.named_parameters())
    loss = loss_function(model, F.cross_entropy, x, y)
    verify_derivatives(loss, params, "canonical", mixed(params))


def scattered(x):
    index = (torch.arange(6) % 2).expand_as(x)
    return x.new_ones(len(x), 2).scatter_reduce(1, index, x, "prod")


def sampled(x):
    return F.grid_sample(x[:, :9].view(-1, 1, 3, 3), x[:, 9:17].view(-1, 2, 2, 2), align_corners=False)


class Applied(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Twice(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x, x.tanh())


LAYERS = {
    "weight norm, as a hook": lambda: nn.utils.weight_norm(nn.Linear(4, 5)),
    "weight norm, as a parametrization": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)),
    "weight norm of everything": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 5), dim=None),
    "orthogonal, tall": lambda: nn.utils.parametrizations.orthogonal(nn.Linear(4, 5)),
    "orthogonal, square": lambda: nn.utils.parametrizations.orthogonal(nn.Linear(4, 4)),
    "orthogonal, Cayley": lambda: nn.utils.parametrizations.orthogonal(
        nn.Linear(4, 4), orthogonal_map="cayley"
    ),
    "spectral norm": lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 5)).eval(),
    "layer norm": lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6)),
    "root mean square norm": lambda: nn.Sequential(nn.Linear(4, 6), nn.RMSNorm(6)),
    "group norm": lambda: nn.Sequential(nn.Linear(4, 6), nn.GroupNorm(3, 6)),
    "batch norm": lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6)).eval(),
    "batch norm without statistics": lambda: nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6, track_running_stats=False)
    ),
    "instance norm": lambda: nn.Sequential(
        nn.Linear(4, 6), nn.Unflatten(1, (2, 3)), nn.InstanceNorm1d(2, affine=True), nn.Flatten()
    ),
    "local response norm": lambda: nn.Sequential(
        nn.Linear(4, 6), nn.Unflatten(1, (6, 1)), nn.LocalResponseNorm(3), nn.Flatten()
    ),
    "bilinear": lambda: nn.Sequential(nn.Linear(4, 3), Twice(nn.Bilinear(3, 3, 4))),
    "hard sigmoid": lambda: nn.Sequential(nn.Linear(4, 6), nn.Hardsigmoid()),
    "transposed convolution": lambda: nn.Sequential(
        nn.Linear(4, 6), nn.Unflatten(1, (2, 3)), nn.ConvTranspose1d(2, 2, 2), nn.Flatten()
    ),
    "cumulative product": lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), Applied(lambda x: x.cumprod(1))),
    "product scattered": lambda: nn.Sequential(nn.Linear(4, 6), Applied(scattered)),
    "product indexed": lambda: nn.Sequential(
        nn.Linear(4, 6),
        Applied(lambda x: x.new_ones(len(x), 2).index_reduce(1, torch.arange(6) % 2, x, "prod")),
    ),
    "patches": lambda: nn.Sequential(
        nn.Linear(4, 9), nn.Unflatten(1, (1, 3, 3)), nn.Tanh(), nn.Unfold(2), nn.Flatten()
    ),
    "sampled on a grid": lambda: nn.Sequential(nn.Linear(4, 18), nn.Tanh(), Applied(sampled), nn.Flatten()),
    "distances": lambda: nn.Sequential(nn.Linear(4, 6), Applied(lambda x: torch.cdist(x, x[:2].exp()))),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYERS)
def test_layers_by_default(name):
    """Without a choice of back-end: right, or refused aloud."""
    layer = build(LAYERS[name], 1).double()
    x = normal(7, 4)
    width = layer(x).shape[1]
    target = normal(7, width)
    params = {n: p.detach() for n, p in layer.named_parameters()}
    loss = loss_function(layer, lambda out, y: ((out.tanh() - y) ** 2).mean(), x, target)
    verify_derivatives(loss, params, "canonical", mixed(params))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", [n for n in LAYERS if "norm" in n or "orthogonal" in n])
def test_normalisations_in_every_back_end(name, backend):
    layer = build(LAYERS[name], 1).double()
    x = normal(7, 4)
    params = {n: p.detach() for n, p in layer.named_parameters()}
    loss = loss_function(layer, lambda out, y: (out.tanh() ** 2 * y).mean(), x, normal(*layer(x).shape))
    verify_derivatives(loss, params, "canonical", mixed(params), backend=backend)


LOSSES = {
    "connectionist": lambda z: F.ctc_loss(
        z.view(5, 2, 4).log_softmax(2),
        torch.tensor([[1, 2], [3, 1]]),
        torch.tensor([5, 4]),
        torch.tensor([2, 2]),
    ),
    "weighted classes": lambda z: F.cross_entropy(
        z, torch.arange(10) % 4, weight=torch.tensor([0.1, 2.0, 1.0, 0.5]).double(), label_smoothing=0.1
    ),
    "root": lambda z: (z**2).mean().sqrt(),
    "perplexity": lambda z: F.cross_entropy(z, torch.arange(10) % 4).exp(),
    "logarithm of a sum": lambda z: (z**2).sum().log().sin(),
    "chunks of unequal sizes": lambda z: (
        sum(
            F.cross_entropy(part, target, reduction="sum")
            for part, target in zip(z.split([3, 3, 4]), (torch.arange(10) % 4).split([3, 3, 4]), strict=True)
        )
        / 10
    ),
    "cosine": lambda z: F.cosine_embedding_loss(z[:5], z[5:], torch.tensor([1, -1, 1, -1, 1])),
    "triplet": lambda z: F.triplet_margin_loss(z[:3], z[3:6], z[6:9]),
    "divergence": lambda z: F.kl_div(
        z.log_softmax(1), torch.full((10, 4), 0.25).double(), reduction="batchmean"
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_by_default(name):
    params = {"a": normal(10, 4), "b": normal(4)}

    def loss(p):
        return LOSSES[name](p["a"].tanh() + p["b"] * p["a"] / 3)

    if name == "connectionist":
        with pytest.raises(NotImplementedError, match=r"ctc_loss.*write it out"):
            verify_derivatives(loss, params, "canonical", mixed(params))
    else:
        verify_derivatives(loss, params, "canonical", mixed(params))


@pytest.mark.skipif(not hasattr(nn, "LinearCrossEntropyOptions"), reason="newer than this torch")
def test_a_cross_entropy_in_chunks():
    params, y = {"x": normal(6, 3), "w": normal(5, 3)}, torch.tensor([0, 1, 2, 3, 4, 1])
    for size in (2, 4):
        options = nn.LinearCrossEntropyOptions(batch_chunk_size=size, chunking_method="auto")
        verify_derivatives(
            lambda p, options=options: F.linear_cross_entropy(p["x"].tanh(), p["w"], y, options=options),
            params,
            "canonical",
            mixed(params),
        )


def test_what_has_no_derivative_is_refused():
    x = {"x": normal(2, 3, 6)}
    indices = torch.tensor([0, 2, 2, 5, 7, 9]).expand(2, 3, 6)
    for message, loss in {
        "randn_like": lambda p: torch.normal(p["x"], torch.ones(2, 3, 6).double()).sum(),
        "as_strided_scatter": lambda p: torch.as_strided_scatter(p["x"], p["x"][0, 0], (6,), (1,)).sum(),
        "repeated indices": lambda p: F.max_unpool1d(p["x"], indices, 2).square().sum(),
        "not finite": lambda p: torch.cdist(p["x"], p["x"].detach() * 1).square().sum(),
    }.items():
        with pytest.raises((ValueError, FloatingPointError), match=message):
            grouped_derivatives(loss, x, "canonical", mixed(x))


def test_an_operation_of_ones_own_without_a_forward_derivative():
    @torch.library.custom_op("startright_test::cube", mutates_args=())
    def cube(x: torch.Tensor) -> torch.Tensor:
        return x**3

    cube.register_autograd(
        lambda ctx, grad: grad * 3 * ctx.saved_tensors[0] ** 2,
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
    )
    x = {"x": normal(4)}
    verify_derivatives(lambda p: cube(p["x"].tanh()).sum(), x, "canonical", mixed(x))


def test_a_forward_derivative_that_is_missing_silently_is_noticed():
    x = {"x": normal(4, 6)}
    u = mixed(x)
    with pytest.raises(NotTaped, match="forward is not"):
        taped_derivatives(lambda p: scattered(p["x"]).sum(), x, {"x": 0}, u, third=False)


def test_the_check_takes_a_back_end_that_is_right(monkeypatch):
    """Products of zeros are wrong forward in the third order, and right backward."""
    monkeypatch.setattr(tangents, "WRONG_FORWARD", set())
    params, w = {"factors": normal(5, 4)}, normal(5, 4)
    params["factors"][1:3] = 0

    def of_params(p):
        y = (p["factors"] + p["factors"] ** 2).cumprod(0)
        return (w * (y + y * y)).sum()

    u = mixed(params)
    with pytest.raises(WrongDerivatives, match="third derivative"):
        verify_derivatives(of_params, params, "canonical", u)
    assert right_backend(of_params, params, "canonical", u) == "double_backward"


def test_an_operation_that_is_wrong_in_every_back_end(monkeypatch):
    for func in (F.layer_norm, torch.layer_norm):
        monkeypatch.delitem(composite.COMPOSED, func)
    model = build(lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 2)), 0)
    x, y = torch.randn(9, 4, generator=RNG), torch.arange(9) % 2
    said = r"third derivative \(order 3\) of the group '0\.(weight|bias)' is wrong"
    with pytest.raises(WrongDerivatives, match=said):
        suggest_learning_rates(model, F.cross_entropy, (x, y))
    optimizer = GroupedNewton(model, period=1, warm_up=0)
    F.cross_entropy(model(x), y).backward()
    with pytest.raises(WrongDerivatives, match=said):
        optimizer.step(curvature=loss_function(model, F.cross_entropy, x, y))


def test_a_loss_that_changes_is_refused():
    calls = []

    def loss(p):
        calls.append(1)
        return (p["x"] ** 2).sum() * len(calls)

    x = {"x": normal(2)}
    with pytest.raises(ValueError, match="changes with each call"):
        verify_derivatives(loss, x, "canonical", x)


def test_a_float32_model_with_constants_of_its_own():
    """Constants, buffers and casts in the loss are widened with the parameters."""
    table, x = torch.randn(5, 3, generator=RNG), {"w": normal(3).float()}

    def loss(p):
        hidden = torch.zeros(5, dtype=torch.float32)
        hidden[1:] = (table @ p["w"])[1:]
        return hidden.float().tanh().square().mean()

    exact = verify_derivatives(loss, x, "canonical", x)
    assert exact.H.item() == pytest.approx(grouped_derivatives(loss, x, "canonical", x).H.item(), rel=1e-4)
    with pytest.raises(ValueError, match="check=False"):
        right_backend(lambda p: (p["w"].view(torch.int32).float().detach() + p["w"]).sum(), x, "canonical", x)
