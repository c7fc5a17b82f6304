import copy
from functools import lru_cache

import curvlinops
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from startright.models import MLP, LeNet, build
from startright.papers.higher_order.cubic import cubic_step
from startright.papers.higher_order.partition import Partition, as_partition
from startright.papers.higher_order.reduced import (
    BACKENDS,
    Derivatives,
    add_derivatives,
    grouped_derivatives,
    loss_function,
    third_order_tensor,
)

CASES = {
    "squared": (lambda: MLP((3, 4, 2), nn.Tanh), F.mse_loss, lambda rng: normal((7, 2), rng)),
    "cross-entropy": (
        lambda: MLP((3, 4, 3, 3), nn.Tanh),
        F.cross_entropy,
        lambda rng: torch.randint(3, (7,), generator=rng),
    ),
    "elu": (lambda: MLP((3, 3, 3, 3), nn.ELU), F.cross_entropy, lambda rng: torch.arange(7) % 3),
}
each_case = pytest.mark.parametrize("case", CASES)
each_backend = pytest.mark.parametrize("backend", BACKENDS)


def normal(shape, rng):
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def problem(case="cross-entropy", seed=0):
    """A network of at most 100 parameters, its loss as a function of them, the parameters and a direction."""
    make, loss, targets = CASES[case]
    rng = torch.Generator().manual_seed(seed)
    model = build(make, seed).double()
    loss_fn = loss_function(model, loss, normal((7, 3), rng), targets(rng))
    params = dict(model.named_parameters())
    return model, loss_fn, params, {name: normal(p.shape, rng) for name, p in params.items()}


def flat_tensors(loss_fn, params):
    """Gradient, Hessian and third derivative of the flat vector of all parameters, by nested autograd."""
    shapes = {name: p.shape for name, p in params.items()}
    sizes = [shape.numel() for shape in shapes.values()]

    def flat_loss(theta):
        parts = zip(shapes.items(), theta.split(sizes), strict=True)
        return loss_fn({name: part.view(shape) for (name, shape), part in parts})

    def hessian(theta, create_graph=True):
        return torch.autograd.functional.hessian(flat_loss, theta, create_graph=create_graph)

    theta = torch.cat([p.detach().flatten() for p in params.values()])
    g = torch.autograd.functional.jacobian(flat_loss, theta)
    return g, hessian(theta, False), torch.autograd.functional.jacobian(hessian, theta, vectorize=True)


def contracted(tensors, params, partition, direction):
    """The reduced tensors from the flat ones and U, (S, P)."""
    owners = torch.cat([torch.full((p.numel(),), partition.index(n)) for n, p in params.items()])
    u = torch.cat([direction[name].flatten() for name in params])
    U = u * (owners == torch.arange(len(partition))[:, None])
    g, H, third = tensors
    return U @ g, U @ H @ U.T, torch.einsum("ri,sj,tk,ijk->rst", U, U, U, third)


@lru_cache
def flat_tensors_of(case):
    _, loss_fn, params, _ = problem(case)
    return flat_tensors(loss_fn, params)


def test_the_naive_third_derivative_is_one():
    """Of a sum of cubes of sums, by hand."""
    params = {"a": torch.tensor([1.0, 2.0]).double(), "b": torch.tensor([3.0]).double()}
    direction = {"a": torch.tensor([1.0, -3.0]).double(), "b": torch.tensor([2.0]).double()}
    partition = Partition.canonical(params)
    tensors = flat_tensors(lambda p: (p["a"].sum() + p["b"].sum()) ** 3, params)
    _, H, third = contracted(tensors, params, partition, direction)
    s = torch.tensor([-2.0, 2.0]).double()
    torch.testing.assert_close(H, 6 * 6 * torch.outer(s, s))
    torch.testing.assert_close(third, 6 * torch.einsum("i,j,k->ijk", s, s, s))


@each_case
@each_backend
@pytest.mark.parametrize("groups", ["canonical", "weights_biases", "trivial"])
def test_equal_to_brute_force(case, backend, groups):
    _, loss_fn, params, direction = problem(case)
    partition = as_partition(groups, params)
    g, H, third = contracted(flat_tensors_of(case), params, partition, direction)
    found = grouped_derivatives(loss_fn, params, partition, direction, backend=backend)
    close = {"rtol": 1e-12, "atol": 1e-12}
    torch.testing.assert_close(found.g, g, **close)
    torch.testing.assert_close(found.H, H, **close)
    diagonal = torch.einsum("sss->s", third)
    torch.testing.assert_close(found.d3, diagonal, **close)
    if backend == "func":
        torch.testing.assert_close(
            third_order_tensor(loss_fn, params, partition, direction), third, rtol=1e-11, atol=1e-11
        )
    assert diagonal.abs().max() > 1e-3  # there is something to compare


@each_case
@pytest.mark.parametrize("third", [True, False])
@pytest.mark.parametrize("chunk_size", [None, 1, 4])
def test_back_ends_agree(case, third, chunk_size):
    _, loss_fn, params, direction = problem(case, seed=3)
    ours, *others = (
        grouped_derivatives(
            loss_fn, params, "canonical", direction, third=third, backend=backend, chunk_size=chunk_size
        )
        for backend in BACKENDS
    )
    for theirs in others:
        for a, b in zip(ours[: 2 + third], theirs[: 2 + third], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
        assert (ours.d3 is None) == (theirs.d3 is None) == (not third)
        assert torch.equal(theirs.H, theirs.H.T)


@each_backend
def test_curvlinops_hessian(backend):
    model, loss_fn, params, direction = problem("cross-entropy")
    rng = torch.Generator().manual_seed(0)
    x = normal((7, 3), rng)
    y = torch.randint(3, (7,), generator=rng)
    operator = curvlinops.HessianLinearOperator(
        model, nn.CrossEntropyLoss(), list(params.values()), [(x, y)], check_deterministic=False
    )
    names = list(params)
    H = torch.zeros(len(names), len(names), dtype=torch.float64)
    for t, name in enumerate(names):
        only = [direction[n] if n == name else torch.zeros_like(p) for n, p in params.items()]
        product = operator @ [v.detach() for v in only]
        H[:, t] = torch.stack([(direction[n] * hv).sum() for n, hv in zip(names, product, strict=True)])
    found = grouped_derivatives(loss_fn, params, "canonical", direction, backend=backend, third=False)
    torch.testing.assert_close(found.H, H.detach(), rtol=1e-10, atol=1e-12)


@each_backend
def test_closed_form_of_a_polynomial(backend):
    """Powers 1 to 4 of one number each, and a product of two groups."""
    params = {str(k): torch.tensor([1.0 + k]).double() for k in range(1, 5)}
    direction = {name: torch.tensor([0.5 * int(name)]).double() for name in params}

    def loss(p):
        return sum(p[str(k)].sum() ** k for k in range(1, 5)) + p["1"].sum() * p["4"].sum()

    found = grouped_derivatives(loss, params, "canonical", direction, backend=backend)
    u, v = (torch.tensor([d[str(k)].item() for k in range(1, 5)]).double() for d in (direction, params))
    k = torch.arange(1, 5).double()
    cross = torch.stack([v[3], torch.tensor(0.0).double(), torch.tensor(0.0).double(), v[0]])
    torch.testing.assert_close(found.g, (k * v ** (k - 1) + cross) * u)
    H = torch.diag(k * (k - 1) * v ** (k - 2) * u**2)
    H[0, 3] = H[3, 0] = u[0] * u[3]
    torch.testing.assert_close(found.H, H)
    torch.testing.assert_close(found.d3, k * (k - 1) * (k - 2) * v ** (k - 3) * u**3)
    assert found.d3[:2].tolist() == [0, 0]


@each_backend
def test_groups_in_which_the_loss_is_quadratic_have_exactly_no_third_derivative(backend):
    _, loss_fn, params, direction = problem("squared")
    d3 = grouped_derivatives(loss_fn, params, "canonical", direction, backend=backend).d3
    assert d3[-2:].tolist() == [0, 0]  # the last layer's weight and bias
    assert (d3[:-2] != 0).all()


@each_backend
def test_merging_groups_sums_blocks(backend):
    _, loss_fn, params, direction = problem()
    fine = Partition.canonical(params)
    found = grouped_derivatives(loss_fn, params, fine, direction, backend=backend)
    for kind in ("trivial", "weights_biases", "blocks", "alternate"):
        coarse = as_partition(kind, params)
        merged = grouped_derivatives(loss_fn, params, coarse, direction, backend=backend)
        B = fine.block_sums(coarse)
        torch.testing.assert_close(merged.g, B @ found.g, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(merged.H, B @ found.H @ B.T, rtol=1e-12, atol=1e-12)


@each_backend
def test_the_order_of_the_names_does_not_matter(backend):
    """Layers of equal width: by position, a permuted direction would pass for the right one."""
    model = build(lambda: MLP((3, 4, 3, 3), nn.Tanh), 0).double()
    rng = torch.Generator().manual_seed(0)
    loss_fn = loss_function(model, F.cross_entropy, normal((7, 3), rng), torch.arange(7) % 3)
    params = dict(model.named_parameters())
    direction = {name: normal(p.shape, rng) for name, p in params.items()}
    groups = [["layers.4.weight", "layers.0.weight"], ["layers.2.weight"], [n for n in params if "bias" in n]]
    ours = grouped_derivatives(loss_fn, params, groups, direction, backend=backend)
    turned = dict(reversed(direction.items()))
    theirs = grouped_derivatives(loss_fn, dict(reversed(params.items())), groups, turned, backend=backend)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    expected = [
        sum((p.grad_ * direction[n]).sum() for n, p in _gradients(loss_fn, params) if n in group)
        for group in groups
    ]
    torch.testing.assert_close(ours.g, torch.stack(expected))


def _gradients(loss_fn, params):
    for (name, p), grad in zip(
        params.items(), torch.autograd.grad(loss_fn(params), list(params.values())), strict=True
    ):
        p.grad_ = grad
        yield name, p


@each_backend
def test_an_orthogonal_change_of_basis_in_a_group_changes_nothing(backend):
    _, loss_fn, params, _ = problem()
    params = {name: p.detach() for name, p in params.items()}
    rng = torch.Generator().manual_seed(1)
    bases = {name: torch.linalg.qr(normal((p.numel(),) * 2, rng))[0] for name, p in params.items()}

    def turn(values, transpose=False):
        return {
            n: ((bases[n].T if transpose else bases[n]) @ v.flatten()).view(v.shape)
            for n, v in values.items()
        }

    turned_loss, turned = lambda p: loss_fn(turn(p, transpose=True)), turn(params)

    def along_gradient(loss, at):
        at = {name: v.clone().requires_grad_() for name, v in at.items()}
        direction = dict(zip(at, torch.autograd.grad(loss(at), list(at.values())), strict=True))
        return grouped_derivatives(loss, at, "canonical", direction, backend=backend)

    for a, b in zip(along_gradient(loss_fn, params), along_gradient(turned_loss, turned), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@each_backend
def test_scaling_laws_of_a_change_of_units_per_group(backend):
    _, loss_fn, params, _ = problem()
    partition = Partition.blocks(params)
    a = dict(zip(partition.names, (1e-2, 3.0, 50.0), strict=True))
    scale = {n: a[partition.names[partition.index(n)]] for n in params}

    def along_gradient(loss, at):
        at = {name: v.detach().clone().requires_grad_() for name, v in at.items()}
        direction = dict(zip(at, torch.autograd.grad(loss(at), list(at.values())), strict=True))
        return grouped_derivatives(loss, at, partition, direction, backend=backend)

    old = along_gradient(loss_fn, params)
    new = along_gradient(
        lambda p: loss_fn({n: scale[n] * v for n, v in p.items()}),
        {n: p / scale[n] for n, p in params.items()},
    )
    s = torch.tensor(list(a.values()), dtype=torch.float64)
    torch.testing.assert_close(new.g, s**2 * old.g, rtol=1e-10, atol=0)
    torch.testing.assert_close(new.H, torch.outer(s**2, s**2) * old.H, rtol=1e-10, atol=0)
    torch.testing.assert_close(new.d3 / s**6, old.d3, rtol=1e-10, atol=1e-12 * old.d3.abs().max().item())
    steps = [cubic_step(d.g, d.H, d.d3.abs() ** (1 / 3)) for d in (old, new)]
    torch.testing.assert_close(s**2 * steps[1].eta, steps[0].eta, rtol=1e-9, atol=0)
    assert steps[0].radius == pytest.approx(steps[1].radius, rel=1e-9)


def test_mini_batches_add_up_to_the_whole():
    model, _, params, direction = problem()
    rng = torch.Generator().manual_seed(2)
    x, y = normal((10, 3), rng), torch.arange(10) % 3
    parts = [slice(0, 5), slice(5, 7), slice(7, 10)]
    of = {
        len(x[part]): grouped_derivatives(
            loss_function(model, F.cross_entropy, x[part], y[part]), params, "canonical", direction
        )
        for part in parts
    }
    whole = grouped_derivatives(loss_function(model, F.cross_entropy, x, y), params, "canonical", direction)
    total = add_derivatives((n / 10, d) for n, d in of.items())
    for a, b in zip(total, whole, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_adding_does_not_alias():
    one = Derivatives(torch.ones(2), torch.eye(2), torch.ones(2))
    kept = copy.deepcopy(one)
    total = add_derivatives([(1.0, one)])
    for tensor in total:
        tensor.mul_(0)
    again = add_derivatives([(0.5, one), (0.5, one)])
    for a, b, c in zip(one, kept, again, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


def test_what_cannot_be_added():
    one = Derivatives(torch.ones(2), torch.eye(2), None)
    with pytest.raises(ValueError, match="no derivatives to add"):
        add_derivatives([])
    with pytest.raises(ValueError, match="different groups or orders"):
        add_derivatives([(1, one), (1, Derivatives(torch.ones(2), torch.eye(2), torch.ones(2)))])
    with pytest.raises(ValueError, match="different groups or orders"):
        add_derivatives([(1, one), (1, Derivatives(torch.ones(3), torch.eye(3), None))])
    assert add_derivatives([(2.0, one)]).d3 is None


@each_backend
def test_a_group_that_the_loss_ignores_has_zeros(backend):
    params = {"used": torch.tensor([1.0, 2.0]), "idle": torch.tensor([3.0])}
    direction = {name: torch.ones_like(p) for name, p in params.items()}
    found = grouped_derivatives(
        lambda p: (p["used"] ** 3).sum(), params, "canonical", direction, backend=backend
    )
    assert found.g.tolist() == [15, 0]
    assert found.H.tolist() == [[18, 0], [0, 0]]
    assert found.d3.tolist() == [12, 0]
    assert cubic_step(found.g, found.H, found.d3).eta[1] == 0


@each_backend
def test_a_linear_loss(backend):
    params = {"a": torch.tensor([1.0]), "b": torch.tensor([3.0])}
    found = grouped_derivatives(
        lambda p: p["a"].sum() - p["b"].sum(), params, "canonical", params, backend=backend
    )
    assert (found.g.tolist(), found.H.tolist(), found.d3.tolist()) == ([1, -3], [[0, 0], [0, 0]], [0, 0])


@each_backend
def test_frozen_parameters_stay(backend):
    _, loss_fn, params, direction = problem()
    whole = grouped_derivatives(loss_fn, params, "canonical", direction, backend=backend)
    params["layers.0.weight"].requires_grad_(False)
    del direction["layers.0.weight"]
    found = grouped_derivatives(loss_fn, params, "canonical", direction, backend=backend)
    torch.testing.assert_close(found.H, whole.H[1:, 1:])
    assert params["layers.0.weight"].grad is None


@each_backend
def test_convolutions_in_float32(backend):
    model = build(lambda: LeNet(1, 3, image_size=12), 0)
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(3, 1, 12, 12, generator=rng), torch.arange(3)
    found = {}
    for dtype in (torch.float32, torch.float64):
        model, x = model.to(dtype), x.to(dtype)
        loss_fn = loss_function(model, F.cross_entropy, x, y)
        params = dict(model.named_parameters())
        direction = dict(
            zip(params, torch.autograd.grad(loss_fn(params), list(params.values())), strict=True)
        )
        found[dtype] = grouped_derivatives(loss_fn, params, "canonical", direction, backend=backend)
        assert all(part.dtype == torch.float64 for part in found[dtype])
    for a, b in zip(*found.values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5 * b.abs().max().item())


@each_backend
def test_nothing_is_left_behind(backend):
    model, loss_fn, params, direction = problem()
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():  # as inside of an optimizer
        grouped_derivatives(loss_fn, params, "canonical", direction, backend=backend)
    assert all(p.grad is None and p.requires_grad for p in params.values())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@each_backend
@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda p: p["a"] * 2, r"scalar tensor, got a tensor of \(2,\)"),
        (lambda p: 3.0, "scalar tensor, got float"),
        (lambda p: p["a"].sum().detach(), "does not depend on the parameters"),
        (lambda p: torch.tensor(1.0), "does not depend on the parameters"),
    ],
)
def test_bad_losses(backend, loss, message):
    params = {"a": torch.ones(2)}
    with pytest.raises(ValueError, match=message):
        grouped_derivatives(loss, params, "canonical", params, backend=backend)


def test_bad_input():
    _, loss_fn, params, direction = problem()
    bias = "layers.0.bias"

    def refused(message, error=ValueError, **change):
        arguments = {
            "loss_fn": loss_fn,
            "params": params,
            "groups": "canonical",
            "direction": direction,
        } | change
        with pytest.raises(error, match=message):
            grouped_derivatives(**arguments)

    refused("not in both: layers.0.bias", direction={n: u for n, u in direction.items() if n != bias})
    refused("not in both: other", direction=direction | {"other": torch.zeros(1)})
    refused(
        r"direction of layers.0.bias must have its shape \(4,\), got \(1,\)",
        direction=direction | {bias: torch.zeros(1)},
    )
    refused("did you mean 'func'", backend="fun")
    refused("chunk_size must be positive, got 0", chunk_size=0)
    refused("in no group: layers.0.bias", groups=[[n for n in params if n != bias]])
    refused(r"float16.*model.float\(\)", params={n: p.half() for n, p in params.items()})
    refused(r"bfloat16.*model.float\(\)", params={n: p.bfloat16() for n, p in params.items()})
    odd = {"a": torch.ones(1), "b": torch.zeros(1)}  # the root's slope at 0 is infinite
    refused(
        "not finite, for the groups b",
        FloatingPointError,
        loss_fn=lambda p: p["a"].sum() + p["b"].sqrt().sum(),
        params=odd,
        direction=odd | {"b": torch.ones(1)},
    )
    nan = {n: p * torch.nan for n, p in params.items()}
    refused("not finite", FloatingPointError, params=nan)


def test_a_module_of_torchvision():
    torchvision = pytest.importorskip("torchvision")
    model = build(lambda: torchvision.models.squeezenet1_1(num_classes=4), 0).eval()
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 3, 33, 33, generator=rng), torch.tensor([0, 1])
    loss_fn = lambda p: F.cross_entropy(functional_call(model, p, (x,)), y)  # noqa: E731
    params = dict(model.named_parameters())
    direction = dict(zip(params, torch.autograd.grad(loss_fn(params), list(params.values())), strict=True))
    partition = Partition.blocks(model, by=2)
    found = grouped_derivatives(loss_fn, params, partition, direction)
    assert (found.g > 0).all()
    torch.testing.assert_close(
        found.g.sum(), sum((u**2).sum() for u in direction.values()).double(), rtol=1e-4, atol=0
    )
