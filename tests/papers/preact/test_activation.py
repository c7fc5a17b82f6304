"""The module: accuracy, derivatives of both orders, dtypes, torch.func and torch.compile."""

import copy
import itertools
import os
import tempfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, stack_module_state, vmap

from startright.papers.preact import GaussianActivation, phi, phi_derivative
from startright.papers.preact.activation import CHUNK, hermite_cubics, table

KINDS = ("odd", "positive")
INF = float("inf")
Z = np.random.default_rng(0).uniform(-8, 8, 500)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theta", [2, 2.05, 3, 100, INF])
def test_exact_between_the_nodes(theta, kind):
    z = torch.tensor(Z, requires_grad=True)
    y = GaussianActivation(theta, kind)(z)
    (slope,) = torch.autograd.grad(y.sum(), z)
    np.testing.assert_allclose(y.detach(), phi(Z, theta, kind), rtol=0, atol=1e-9)
    np.testing.assert_allclose(slope, phi_derivative(Z, theta, kind), rtol=0, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theta", [2.05, 3, 100])
def test_float32(theta, kind):
    z = Z.astype(np.float32)
    exact = phi(z, theta, kind)
    error = np.abs(GaussianActivation(theta, kind)(torch.tensor(z)).numpy() - exact)
    assert (error <= 1e-6 * np.maximum(1, np.abs(exact))).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 2e-3), (torch.bfloat16, 2e-2)])
def test_half_precisions(dtype, tolerance):
    z = torch.tensor(Z).to(dtype).requires_grad_()
    y = GaussianActivation(3)(z)
    assert y.dtype == dtype
    np.testing.assert_allclose(
        y.double().detach(), phi(z.double().detach(), 3), rtol=tolerance, atol=tolerance
    )
    assert torch.autograd.grad(y.sum(), z)[0].dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theta", [2.05, 5])
def test_first_and_second_derivative(theta, kind):
    act = GaussianActivation(theta, kind)
    z = (
        torch.rand(30, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 20 - 10
    ).requires_grad_()
    assert torch.autograd.gradcheck(act, z)
    assert torch.autograd.gradgradcheck(act, z)


def test_third_derivative_is_that_of_the_cubic():
    z = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    y = GaussianActivation(3)(z)
    for _ in range(3):
        (y,) = torch.autograd.grad(y, z, create_graph=True)
    step = 1e-2
    second = np.diff(phi_derivative(0.3 + step * np.array([-1.5, -0.5, 0.5, 1.5]), 3)) / step
    assert y.item() == pytest.approx((second[2] - second[0]) / (2 * step), rel=1e-2)


SINGLE = {"rtol": 1e-5, "atol": 1e-6}  # some units of rounding: other loops may fuse multiplications and sums
DOUBLE = {"rtol": 1e-13, "atol": 1e-14}


def test_chunks_change_nothing():
    """Large tensors on the CPU take another way: the same numbers come out, forward and backward."""
    z = torch.randn(CHUNK + 1000, generator=torch.Generator().manual_seed(0)).mul_(3).requires_grad_()
    act = GaussianActivation(3, "positive")
    y = act(z)
    (g,) = torch.autograd.grad(y.sum(), z)
    parts = [p.detach().requires_grad_() for p in z.split(1000)]
    whole = torch.cat([act(p) for p in parts])
    torch.testing.assert_close(y, whole, **SINGLE)
    torch.testing.assert_close(g, torch.cat(torch.autograd.grad(whole.sum(), parts)), **SINGLE)


def test_strided_and_shaped_inputs():
    act, z = GaussianActivation(3), torch.tensor(np.random.default_rng(1).standard_normal((300, 400)))
    torch.testing.assert_close(act(z.T), act(z).T, **DOUBLE)
    torch.testing.assert_close(act(z[:, ::2]), act(z)[:, ::2], **DOUBLE)
    assert act(torch.zeros(())).shape == ()
    assert act(torch.zeros(0, 3)).shape == (0, 3)


def test_symmetry_is_exact():
    act, z = GaussianActivation(3), torch.tensor(Z)
    torch.testing.assert_close(act(-z), -act(z), rtol=0, atol=0)
    tiny = torch.tensor([1e-30, -1e-6, 0.0])
    torch.testing.assert_close(act(tiny), tiny * phi_derivative(0.0, 3).item(), rtol=1e-6, atol=0)


@settings(max_examples=40, deadline=None)
@given(st.floats(2, 50), st.sampled_from(KINDS), st.floats(-12, 12), st.floats(1e-3, 2))
def test_increases(theta, kind, z, step):
    theta = round(theta, 1)  # few tables
    low, high = GaussianActivation(theta, kind, nodes=101)(torch.tensor([z, z + step], dtype=torch.float64))
    assert low <= high + 1e-7


def test_beyond_the_table_is_the_tangent():
    act = GaussianActivation(3)
    end, slope = phi(8.0, 3), phi_derivative(8.0, 3)
    y = act(torch.tensor([-20.0, 8.0, 30.0], dtype=torch.float64)).numpy()
    np.testing.assert_allclose(y, [-end - 12 * slope, end, end + 22 * slope], rtol=1e-12)
    assert (GaussianActivation(3, "positive")(torch.linspace(-1e4, 0, 1000)) > -1e-10).all()


@pytest.mark.parametrize("size", [3, CHUNK + 3])
def test_nan_goes_through_and_crashes_nothing(size):
    z = torch.zeros(size)
    z[:3] = torch.tensor([float("nan"), INF, -INF])
    y = GaussianActivation(3)(z)
    assert y[0].isnan()
    assert not y[1:3].isfinite().any()
    assert y[3:].isfinite().all()


def test_vmap_and_grad():
    act, z = GaussianActivation(3), torch.randn(4, 5, dtype=torch.float64)
    torch.testing.assert_close(vmap(act)(z), act(z))
    torch.testing.assert_close(vmap(act, in_dims=1, out_dims=1)(z), act(z))
    slopes = torch.tensor(phi_derivative(z.numpy(), 3))
    torch.testing.assert_close(vmap(vmap(grad(act)))(z), slopes, rtol=0, atol=1e-7)
    curvature = vmap(vmap(grad(grad(act))))(z)
    (first,) = torch.autograd.grad(act(z.requires_grad_()).sum(), z, create_graph=True)
    torch.testing.assert_close(curvature, torch.autograd.grad(first.sum(), z)[0])
    hessian = jacrev(grad(lambda u: act(u).sum()))(z[0].detach())
    torch.testing.assert_close(hessian.diagonal(), curvature[0].detach())


def test_stacked_networks_of_torch_func():
    nets = [nn.Sequential(nn.Linear(3, 4), GaussianActivation(3), nn.Linear(4, 1)) for _ in range(3)]
    params, buffers = stack_module_state(nets)
    assert not buffers
    base = copy.deepcopy(nets[0])
    x = torch.randn(6, 3)

    def loss(p):
        return functional_call(base, p, (x,)).square().mean()

    together = vmap(grad(loss))(params)
    for k, net in enumerate(nets):
        net.zero_grad()
        net(x).square().mean().backward()
        for name, parameter in net.named_parameters():
            torch.testing.assert_close(together[name][k], parameter.grad)


@pytest.mark.parametrize("kind", KINDS)
def test_forward_mode_against_differences(kind):
    act, h = GaussianActivation(3, kind), 1e-5
    z, v = (torch.tensor(np.random.default_rng(k).standard_normal(40) * 3) for k in (0, 1))
    value, tangent = jvp(act, (z,), (v,))
    torch.testing.assert_close(value, act(z), **DOUBLE)
    torch.testing.assert_close(tangent, (act(z + h * v) - act(z - h * v)) / (2 * h), rtol=1e-6, atol=1e-8)
    rows = vmap(lambda z, v: jvp(act, (z,), (v,))[1])(z.view(8, 5), v.view(8, 5))
    torch.testing.assert_close(rows.flatten(), tangent, **DOUBLE)
    assert torch.autograd.gradcheck(act, z[:8].clone().requires_grad_(), check_forward_ad=True)
    with forward_ad.dual_level():
        dual = act(forward_ad.make_dual(z, v))
        torch.testing.assert_close(forward_ad.unpack_dual(dual).tangent, tangent, **DOUBLE)


@pytest.mark.parametrize("kind", KINDS)
def test_modes_may_be_nested_in_any_order(kind):
    """torch.func does not differentiate a rule of ours again, and says nothing: it must not be asked to."""
    act, z = GaussianActivation(3, kind), torch.tensor([-2.0, 0.3, 1.5], dtype=torch.float64)

    def f(u):
        return act(u).pow(2).sum()

    second = jacrev(jacrev(f))(z)
    for outer, inner in itertools.product((jacfwd, jacrev), repeat=2):
        torch.testing.assert_close(outer(inner(f))(z), second, **DOUBLE)
    third = jacrev(jacrev(jacrev(f)))(z)
    for modes in itertools.product((jacfwd, jacrev), repeat=3):
        torch.testing.assert_close(modes[0](modes[1](modes[2](f)))(z), third, rtol=1e-12, atol=1e-12)


@pytest.fixture
def compiler(monkeypatch):
    """torch.compile with a cache of its own for each instruction set: it does not keep them apart."""
    cache = f"startright-{os.getuid()}-{torch.backends.cpu.get_cpu_capability()}".replace(" ", "-")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", os.path.join(tempfile.gettempdir(), cache))
    return torch.compile


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_compile(kind, compiler):
    act = GaussianActivation(3, kind)
    compiled = compiler(act, fullgraph=True)
    z = torch.randn(1000, requires_grad=True)
    torch.testing.assert_close(compiled(z), act(z))
    ours, theirs = (torch.autograd.grad(f(z).sum(), z)[0] for f in (compiled, act))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_cuda(kind):
    act, z = GaussianActivation(3, kind), torch.tensor(Z)
    torch.testing.assert_close(act(z.cuda()).cpu(), act(z))
    assert act(torch.tensor([float("nan")], device="cuda")).isnan().all()


def test_the_table_is_shared_and_keeps_out_of_the_state():
    act = GaussianActivation(3)
    assert not act.state_dict()
    key = 3.0, "odd", 1001, torch.float32, torch.device("cpu")
    assert table(*key) is table(*key)
    assert hermite_cubics(3.0, "odd", 1001).shape == (4, 2001)
    assert repr(act) == "GaussianActivation(theta=3, kind='odd')"


def test_refuses_bad_arguments():
    with pytest.raises(ValueError, match="theta must be"):
        GaussianActivation(1.5)
    with pytest.raises(ValueError, match="theta must be"):
        GaussianActivation(float("nan"))
    with pytest.raises(ValueError, match="did you mean 'positive'"):
        GaussianActivation(3, "positiv")
    for nodes in (1, 2.5, True):
        with pytest.raises(ValueError, match="nodes must be"):
            GaussianActivation(3, nodes=nodes)
    for dtype in (torch.int64, torch.bool, torch.complex64):
        with pytest.raises(ValueError, match="floating dtype"):
            GaussianActivation(3)(torch.ones(2).to(dtype))
