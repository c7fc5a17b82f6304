import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call, hessian, jacrev

from startright.data import load
from startright.papers.gauss_newton import reference
from startright.papers.gauss_newton.optim import GaussNewton


def normal(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(seed=0):
    net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    with torch.no_grad():
        for k, p in enumerate(net.parameters()):
            p.copy_(0.5 * normal(*p.shape, seed=100 * seed + k))
    return net


X, Y, CLASSES = normal(6, 5), normal(6, 3, seed=2), torch.arange(6) % 3


def train(optimizer, x=X, y=Y, steps=1, each=lambda: None):
    losses = []
    for _ in range(steps):
        losses.append(optimizer.step(lambda: (x, y)))
        each()
    return losses


def weights(net):
    return nn.utils.parameters_to_vector(net.parameters()).detach()


MEANS = {
    "squared": lambda f, y: (f - y).square().sum() / (2 * len(f)),
    "cross_entropy": nn.functional.cross_entropy,
}


def formula(net, y, *, loss, h, lr, epsilon, steps):
    """The formula as it stands, in the space of the parameters: w ← w − λ (JᵀHJ + εI)⁻¹ Jᵀ∇L, N times."""
    w, n = weights(net), len(X)
    names, sizes = zip(*((name, p.shape) for name, p in net.named_parameters()), strict=True)

    def outputs(w):
        parts = w.split([size.numel() for size in sizes])
        params = {name: part.view(size) for name, part, size in zip(names, parts, sizes, strict=True)}
        return functional_call(net, params, (X,)).flatten()

    def of_batch(f):
        return n * MEANS[loss](f.view(n, 3), y)

    for _ in range(steps):
        j, f = jacrev(outputs)(w), outputs(w)
        middle = hessian(of_batch)(f) if h == "loss" else torch.eye(3 * n).double()
        w = w - lr * reference.primal_direction(j, jacrev(of_batch)(f), epsilon, middle)
    return w


@pytest.mark.parametrize("loss", ["squared", "cross_entropy"])
@pytest.mark.parametrize("h", ["identity", "loss"])
def test_a_hundred_steps_are_those_of_the_formula(loss, h):
    net, y = network(), Y if loss == "squared" else CLASSES
    expected = formula(network(), y, loss=loss, h=h, lr=0.05, epsilon=0.05, steps=100)
    train(GaussNewton(net, loss, 0.05, alpha=0, floor=0.05, hessian=h, chunk_size=4), y=y, steps=100)
    torch.testing.assert_close(weights(net), expected, rtol=1e-8, atol=1e-9)
    assert not torch.allclose(expected, weights(network()), atol=0.1)


@pytest.mark.parametrize("lr", [1e-3, 1e-4])
def test_a_step_removes_its_part_of_the_residual(lr):
    """To first order: what is left over falls with the square of the step."""
    net = network()
    before = net(X).detach() - Y
    train(GaussNewton(net, lr=lr, alpha=0, floor=1e-12))
    after = net(X).detach() - Y
    error = (after - (1 - lr) * before).abs().max()
    assert 0 < error < 40 * lr**2


def test_the_damping_slows_the_weakest_direction_at_most_to_half():
    net, lr = network(), 1e-4
    before = (net(X).detach() - Y).flatten()
    optimizer = GaussNewton(net, lr=lr, floor=0)
    train(optimizer)
    removed = (before - (net(X).detach() - Y).flatten()) / lr
    assert 0.5 <= float(removed @ before / (before @ before)) <= 1
    assert optimizer.last["damping"] == optimizer.last["smallest"] > 0


def test_a_full_step_fits_a_linear_model():
    net = nn.Linear(5, 3).double()
    losses = train(GaussNewton(net, lr=1.0, alpha=0, floor=1e-12), steps=2)
    x = torch.cat([X, torch.ones(6, 1).double()], 1)
    solution = torch.linalg.lstsq(x, Y).solution
    torch.testing.assert_close(
        torch.cat([net.weight, net.bias[:, None]], 1).T, solution, rtol=1e-6, atol=1e-6
    )
    assert losses[1] < 1e-12 < losses[0]


def test_minibatches_train_digits():
    data = load("digits", n_train=400, flatten=True, dtype=torch.float64)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10)).double()
    optimizer = GaussNewton(net, "cross_entropy", 0.3, hessian="loss", floor=1.0)
    for k in range(0, 400, 20):
        batch = data.train.x[k : k + 20], data.train.y[k : k + 20]
        optimizer.step(lambda batch=batch: batch)
    accuracy = (net(data.test.x).argmax(1) == data.test.y).double().mean()
    assert accuracy > 0.8


def test_frozen_parameters_and_buffers_stay():
    net = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)).double().eval()
    net[0].requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    optimizer = GaussNewton(net)
    net[2].bias.requires_grad_(False)  # frozen later
    train(optimizer, steps=2)
    moved = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"1.weight", "1.bias", "2.weight"}
    assert all(p.grad is None for p in net.parameters())


def test_the_loss_is_that_before_the_step():
    net = network()
    expected = MEANS["cross_entropy"](net(X), CLASSES)
    loss = GaussNewton(net, "cross_entropy").step(lambda: (X, CLASSES))
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-12, atol=0)
    assert loss.shape == ()
    assert not loss.requires_grad


def test_what_the_last_step_used_is_kept():
    net = network()
    optimizer = GaussNewton(net, floor=1e-3)
    assert optimizer.last is None
    twice = X[[0, 1, 0]]
    loss = optimizer.step(lambda: (twice, Y[:3]))
    assert optimizer.last["loss"] == loss
    assert optimizer.last["damping"] == 1e-3  # the kernel is singular: the floor decides
    assert optimizer.last["smallest"].abs() < 1e-12 * optimizer.last["largest"]


def test_schedulers_scale_the_step():
    net = network()
    optimizer = GaussNewton(net, lr=0.5)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    train(optimizer, steps=3, each=schedule.step)
    other = network()
    for lr in (0.5, 0.25, 0.125):
        train(GaussNewton(other, lr=lr))
    assert torch.equal(weights(net), weights(other))


def test_a_checkpoint_resumes_bitwise():
    net = network()
    optimizer = GaussNewton(net, lr=0.2, alpha=0.5, floor=1e-3)
    train(optimizer, steps=3)
    other = network(1)
    other.load_state_dict(net.state_dict())
    resumed = GaussNewton(other)
    resumed.load_state_dict(optimizer.state_dict())
    train(optimizer, steps=3), train(resumed, steps=3)
    assert torch.equal(weights(net), weights(other))


def test_a_failed_step_moves_nothing():
    net = network()
    optimizer = GaussNewton(net)
    with pytest.raises(FloatingPointError, match="the loss is nan"):
        optimizer.step(lambda: (X, Y * float("nan")))
    assert torch.equal(weights(net), weights(network()))
    assert optimizer.last is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 2.1}, "above 0 and at most 2, got 2.1"),
        ({"lr": 0}, "above 0 and at most 2, got 0"),
        ({"lr": float("nan")}, "above 0 and at most 2, got nan"),
        ({"alpha": -1}, "alpha must not be negative, got -1"),
        ({"floor": -1e-9}, "floor must not be negative"),
        ({"relative_floor": -1}, "relative_floor must not be negative"),
        ({"loss": "mse"}, "unknown loss 'mse'.*Known: cross_entropy, squared"),
        ({"hessian": "ggn"}, "unknown hessian 'ggn'"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        GaussNewton(network(), **options)


def test_there_must_be_something_to_train():
    with pytest.raises(ValueError, match="Sequential has no parameter that requires a gradient"):
        GaussNewton(network().requires_grad_(False))


def test_a_learning_rate_that_left_its_range_is_refused():
    optimizer = GaussNewton(network())
    optimizer.param_groups[0]["lr"] = 3.0
    with pytest.raises(ValueError, match=r"lr must be between 0 and 2, got 3.0: beyond"):
        train(optimizer)


def test_groups_are_refused():
    optimizer = GaussNewton(network())
    with pytest.raises(ValueError, match="make a new optimizer"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})


@pytest.mark.parametrize("closure", [None, X, lambda: X, lambda: (X,), lambda: 0.5])
def test_the_closure_gives_the_batch(closure):
    with pytest.raises(
        ValueError, match=r"step takes a function that gives the batch: optimizer.step\(lambda"
    ):
        GaussNewton(network()).step(closure)


class Centred(nn.Module):
    """Subtracts the batch's mean: no function of one example."""

    def forward(self, x):
        return x - x.mean(0)


def test_examples_that_depend_on_each_other_are_refused():
    with pytest.raises(ValueError, match="depend on the others of the batch"):
        train(GaussNewton(nn.Sequential(network(), Centred())))


@pytest.mark.parametrize(
    ("layer", "message"), [(nn.Dropout(0.5), "is random"), (nn.BatchNorm1d(3).double(), "mixes the examples")]
)
def test_layers_in_training_mode_are_refused(layer, message):
    net = nn.Sequential(network(), layer)
    optimizer = GaussNewton(net)
    with pytest.raises(ValueError, match=message):
        train(optimizer)
    net.eval()
    train(optimizer)
    assert optimizer.last["loss"].isfinite()
