import pytest
import torch
from torch import nn
from torch.func import functional_call, hessian, jacrev

from startright.papers.gauss_newton import reference
from startright.papers.gauss_newton.dual import Damping
from startright.papers.gauss_newton.general import direction, pullback, tangent_kernel
from startright.papers.gauss_newton.linearised import CHUNK_NUMBERS
from startright.papers.gauss_newton.network import MeanField
from startright.papers.gauss_newton.network import tangent_kernel as closed_kernel


class MeanFieldModule(nn.Module):
    """The paper's network as a module."""

    def __init__(self, v, u, b):
        super().__init__()
        self.v, self.u, self.b = (nn.Parameter(p) for p in (v, u, b))

    def forward(self, x):
        return nn.functional.silu(x @ self.u.mT + self.b) @ self.v / len(self.v)


def drawn(net, seed=0, scale=0.7):
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.double().parameters():
            p.copy_(scale * torch.randn(p.shape, generator=rng, dtype=p.dtype))
    return net


def normal(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear():
    return drawn(nn.Linear(4, 3)), normal(6, 4)


def mlp():
    return drawn(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))), normal(7, 4)


def conv():
    net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.SiLU(), nn.Conv2d(2, 2, 2), nn.Flatten(), nn.Linear(8, 3))
    return drawn(net), normal(5, 1, 4, 4)


def normalised():
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3))
    net[1].running_mean.copy_(normal(5)), net[1].running_var.copy_(normal(5).square() + 1)
    return drawn(net).eval(), normal(6, 4)


def tied():
    net = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3))
    net[2].weight = net[0].weight
    return drawn(net), normal(6, 4)


def partly_frozen():
    net, x = mlp()
    net[0].bias.requires_grad_(False)
    return net, x


NETS = [linear, mlp, conv, normalised, tied, partly_frozen]
nets = pytest.mark.parametrize("make", NETS)

SIGMA = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 0.7]], dtype=torch.float64)


def mahalanobis(output, target):
    return (output - target) @ SIGMA @ (output - target) / 2


def cosh(output, target):
    return (output - target).cosh().log().sum()


def huber(output, target):
    return nn.functional.huber_loss(output, target, reduction="sum", delta=0.5)


MEANS = {
    "squared": lambda f, y: (f - y).square().sum() / (2 * len(f)),
    "cross_entropy": nn.functional.cross_entropy,
    mahalanobis: lambda f, y: torch.stack([mahalanobis(a, b) for a, b in zip(f, y, strict=True)]).mean(),
    cosh: lambda f, y: torch.stack([cosh(a, b) for a, b in zip(f, y, strict=True)]).mean(),
    huber: lambda f, y: torch.stack([huber(a, b) for a, b in zip(f, y, strict=True)]).mean(),
}
losses = pytest.mark.parametrize("loss", MEANS, ids=lambda loss: getattr(loss, "__name__", loss))
hessians = pytest.mark.parametrize("h", ["identity", "loss"])


def targets_for(loss, n, k=3):
    return torch.arange(n) % k if loss == "cross_entropy" else 3 * normal(n, k, seed=3)


def naive_jacobian(net, x):
    """(N·K, P), from one call of the whole batch."""
    params = {name: p.detach() for name, p in net.named_parameters() if p.requires_grad}
    blocks = jacrev(lambda params: functional_call(net, params, (x,)).flatten())(params)
    return torch.cat([blocks[name].flatten(1) for name in params], 1)


def primal(net, x, y, *, loss, h, epsilon):
    """(N·JᵀHJ + εI)⁻¹ N·Jᵀ∇L with the mean loss L; the identity is in the place of N·H."""
    j, n = naive_jacobian(net, x), len(x)
    f = net(x).detach()
    gradient = torch.func.grad(MEANS[loss])(f, y).flatten()
    middle = n * hessian(MEANS[loss])(f, y).reshape(f.numel(), -1)
    middle = torch.eye(f.numel(), dtype=f.dtype) if h == "identity" else middle
    return reference.primal_direction(j, n * gradient, epsilon, middle)


def flat(parameters):
    return torch.cat([p.flatten() for p in parameters.values()])


@nets
@losses
@hessians
def test_the_dual_gives_what_the_primal_gives(make, loss, h):
    net, x = make()
    y = targets_for(loss, len(x))
    found = direction(net, x, y, loss, hessian=h, damping=Damping(floor=1e-2))
    torch.testing.assert_close(found.loss, MEANS[loss](net(x), y).detach(), rtol=1e-12, atol=0)
    expected = primal(net, x, y, loss=loss, h=h, epsilon=found.damping)
    torch.testing.assert_close(flat(found.parameters), expected, rtol=1e-10, atol=1e-10)
    assert list(found.parameters) == [name for name, p in net.named_parameters() if p.requires_grad]


def test_the_losses_differ_where_they_should():
    """The cases above would not see a wrong Hessian if all gave the same."""
    net, x = mlp()
    for loss, same in {"squared": True, "cross_entropy": False, huber: False}.items():
        y = targets_for(loss, len(x))
        ends = [flat(direction(net, x, y, loss, hessian=h).parameters) for h in ("identity", "loss")]
        assert torch.allclose(*ends, rtol=1e-6) == same


def test_the_cross_entropy_of_a_certain_network_has_a_direction():
    net, x = linear()
    with torch.no_grad():
        net.bias.copy_(torch.tensor([900.0, 0.0, -900.0]))  # probabilities of 0 to the last digit
    for y in (torch.zeros(6, dtype=torch.long), torch.arange(6) % 3):
        found = direction(net, x, y, "cross_entropy", hessian="loss")
        assert flat(found.parameters).isfinite().all()


@nets
@pytest.mark.parametrize("chunk_size", [1, 2, 3, 100])
def test_chunks_change_nothing(make, chunk_size):
    net, x = make()
    expected = naive_jacobian(net, x)
    kernel = tangent_kernel(net, x, chunk_size)
    torch.testing.assert_close(kernel, expected @ expected.T, rtol=1e-12, atol=1e-12)
    z = normal(len(kernel), seed=5)
    torch.testing.assert_close(flat(pullback(net, x, z, chunk_size)), expected.T @ z, rtol=1e-12, atol=1e-12)


def test_a_chunk_is_as_large_as_the_limit_allows(monkeypatch):
    net, x = MeanFieldModule(normal(4), normal(4, 3), normal(4)), normal(7, 3)
    where, sizes = "startright.papers.gauss_newton.linearised", []
    monkeypatch.setattr(
        f"{where}.jacobian",
        lambda f, params, x: (
            sizes.append(len(x)) or [torch.zeros(len(x), p.numel()) for p in params.values()]
        ),
    )
    numbers = sum(p.numel() for p in net.parameters())
    for limit, largest in {CHUNK_NUMBERS: 7, 2 * numbers: 2, 1: 1}.items():
        monkeypatch.setattr(f"{where}.CHUNK_NUMBERS", limit)
        sizes.clear()
        tangent_kernel(net, x)
        assert max(sizes) == largest


def test_curvlinops_has_the_same_jacobian():
    curvlinops = pytest.importorskip("curvlinops")
    net, x = mlp()
    params, data = list(net.parameters()), [(x, normal(7, 3))]
    j = curvlinops.JacobianLinearOperator(net, params, data)
    columns = torch.stack([j @ e for e in torch.eye(sum(p.numel() for p in params)).double()], 1)
    torch.testing.assert_close(tangent_kernel(net, x, 3), columns @ columns.T, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("loss", "oracle", "factor"),
    [
        ("squared", nn.MSELoss(reduction="sum"), 2),  # its gradient and Hessian are twice ours
        ("cross_entropy", nn.CrossEntropyLoss(reduction="sum"), 1),
    ],
)
def test_curvlinops_matrix_takes_the_direction_back_to_the_gradient(loss, oracle, factor):
    """(JᵀhJ + εI)Φ = Jᵀg."""
    curvlinops = pytest.importorskip("curvlinops")
    net, x = mlp()
    y = targets_for(loss, len(x))
    found = direction(net, x, y, loss, hessian="loss", damping=Damping(floor=0.1))
    ggn = curvlinops.GGNLinearOperator(net, oracle, list(net.parameters()), [(x, y)])
    step = flat(found.parameters)
    oracle(net(x), y).backward()
    gradient = torch.cat([p.grad.flatten() for p in net.parameters()])
    back = (ggn @ step) + factor * found.damping * step
    torch.testing.assert_close(back, gradient, rtol=1e-9, atol=1e-9)


def test_the_closed_form_of_the_paper_s_network():
    net = MeanField(normal(20, seed=2), normal(20, 3, seed=3), normal(20, seed=4))
    x = normal(9, 3)
    kernel = tangent_kernel(MeanFieldModule(net.v, net.u, net.b), x, 4)
    torch.testing.assert_close(kernel, closed_kernel(net, x), rtol=1e-10, atol=1e-12)


def test_a_full_step_solves_a_linear_least_squares_problem():
    net, x = linear()
    y = normal(6, 3, seed=3)
    found = direction(net, x, y, damping=Damping(alpha=0, floor=1e-10))
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.sub_(found.parameters[name])
    design = torch.cat([x, torch.ones(6, 1, dtype=x.dtype)], 1)
    solution = torch.linalg.lstsq(design, y).solution
    torch.testing.assert_close(
        torch.cat([net.weight, net.bias[:, None]], 1).T.detach(), solution, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("alpha", [0.0, 1.0, 4.0])
def test_damping_follows_the_smallest_eigenvalue(alpha):
    net, x = mlp()
    x = x[:3]
    eigenvalues = torch.linalg.eigvalsh(tangent_kernel(net, x))
    found = direction(net, x, normal(3, 3), damping=Damping(alpha=alpha, floor=0))
    rounding = 10 * torch.finfo(x.dtype).eps * eigenvalues[-1]
    torch.testing.assert_close(
        found.damping, torch.maximum(alpha * eigenvalues[0], rounding), rtol=1e-3, atol=0
    )
    torch.testing.assert_close(found.smallest, eigenvalues[0])
    torch.testing.assert_close(found.largest, eigenvalues[-1])


def test_a_point_that_comes_twice_is_met_by_the_floor():
    net, x = mlp()
    x, y = torch.cat([x[:2], x[:2]]), normal(4, 3)
    found = direction(net, x, y)
    assert found.smallest.abs() < 1e-12 * found.largest
    assert found.damping == 1e-7
    torch.testing.assert_close(
        flat(found.parameters),
        primal(net, x, y, loss="squared", h="identity", epsilon=found.damping),
        rtol=1e-6,
        atol=1e-6,
    )


def test_single_precision_comes_near():
    net, x = mlp()
    y = normal(7, 3)
    exact = direction(net, x, y, damping=Damping(floor=0.1))
    coarse = direction(net.float(), x.float(), y.float(), damping=Damping(floor=0.1))
    assert coarse.parameters["0.weight"].dtype == torch.float32
    torch.testing.assert_close(flat(coarse.parameters).double(), flat(exact.parameters), rtol=1e-3, atol=1e-3)
    twice = direction(net, x[[0, 0]].float(), y[[0, 1]].float(), damping=Damping(floor=0))
    assert twice.damping >= 10 * torch.finfo(torch.float32).eps * twice.largest


class Batchwise(nn.Module):
    def __init__(self, part, f):
        super().__init__()
        self.part, self.f = part, f

    def forward(self, x):
        return self.f(self.part(x))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net, x, y: (net.requires_grad_(False), x, y), "no parameter that requires a gradient"),
        (lambda net, x, y: (net.half(), x, y), "parameters are float16: Gauss-Newton needs float32"),
        (lambda net, x, y: (net, x.bfloat16(), y), "inputs are bfloat16"),
        (lambda net, x, y: (net, x[:0], y[:0]), "at least one example"),
        (lambda net, x, y: (net, x.tolist(), y), "inputs must be a tensor"),
        (lambda net, x, y: (net, x, y[:, 0]), r"targets shaped like the outputs, \(7, 3\), got \(7,\)"),
        (
            lambda net, x, y: (net, x, y[:3]),
            r"outputs are \(7, 3\): a target an example is needed, got \(3, 3\)",
        ),
        (lambda net, x, y: (net, x, None), "a target an example is needed, got NoneType"),
        (lambda net, x, y: (Batchwise(net, torch.Tensor.tolist), x, y), "must give a tensor .* got list"),
        (lambda net, x, y: (Batchwise(net, torch.sum), x, y), r"must give a tensor \(7, …\), got \(\)"),
        (lambda net, x, y: (nn.Sequential(net, nn.Dropout(0.1)), x, y), "layer '1', Dropout, is random"),
        (lambda net, x, y: (nn.Sequential(net, nn.BatchNorm1d(3).double()), x, y), "BatchNorm1d, mixes"),
        (
            lambda net, x, y: (
                nn.Sequential(net, nn.BatchNorm1d(3, track_running_stats=False).double()).eval(),
                x,
                y,
            ),
            "keep running statistics",
        ),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    net, x = mlp()
    with pytest.raises(ValueError, match=message):
        direction(*change(net, x, normal(7, 3)))


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        ("cross_entropy", torch.tensor([0, 1, 3]), "integers from 0 to 2, got torch.int64 from 0 to 3"),
        ("cross_entropy", torch.tensor([0, -1, 2]), "from -1 to 2"),
        ("cross_entropy", torch.tensor([0.0, 1, 2]), "must be integers from 0 to 2, got torch.float32"),
        ("cross_entropy", normal(3, 3), r"class numbers \(N,\), got"),
        ("sqared", normal(3, 3), "did you mean 'squared'"),
        (lambda f, y: (f - y).square(), normal(3, 3), r"one number an example.*it gave \(3,\)"),
        (
            lambda f, y: (f - y).sin().sum(),
            normal(3, 3),
            "not convex in the outputs, its Hessian has the eigenvalue -",
        ),
    ],
)
def test_losses_and_targets_that_do_not_fit_are_refused(loss, targets, message):
    net, x = mlp()
    with pytest.raises(ValueError, match=message):
        direction(net, x[:3], targets, loss, hessian="loss")


def test_other_options_are_checked():
    net, x = mlp()
    y = normal(7, 3)
    with pytest.raises(ValueError, match="unknown hessian 'los': did you mean 'loss'"):
        direction(net, x, y, hessian="los")
    for chunk_size in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="chunk_size must be a positive integer or None"):
            tangent_kernel(net, x, chunk_size)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(bad):
    net, x = mlp()
    with pytest.raises(FloatingPointError, match="the loss is"):
        direction(net, x, torch.full((7, 3), bad, dtype=x.dtype))
    big = drawn(nn.Linear(4, 1))
    with pytest.raises(FloatingPointError, match="kernel is not finite"):
        direction(big, x * 1e200, (big(x * 1e200)).detach())
