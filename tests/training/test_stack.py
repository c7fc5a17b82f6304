import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev

from startright.models import MLP, LeNet, build
from startright.training import ModelStack


class Square(torch.autograd.Function):
    """A custom function as activations have them, with its own derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x * x / 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 3 * x * grad  # not the true derivative, so that the test sees whose is used


class Scaled(nn.Module):
    """An activation that holds a buffer."""

    def __init__(self, scale):
        super().__init__()
        self.register_buffer("scale", torch.tensor([scale]))

    def forward(self, x):
        return Square.apply(x * self.scale)


def mlps(n=3, widths=(6, 5, 4), activation=nn.Tanh):
    return [build(lambda: MLP(widths, activation), seed) for seed in range(n)]


def lenets():
    return [build(lambda: LeNet(2, 4, image_size=12), seed) for seed in range(3)]


def scaled(scales):
    return [build(lambda s=s: MLP((6, 5, 4), lambda: Scaled(s)), seed) for seed, s in enumerate(scales)]


CASES = {
    "mlp": (mlps, (6,)),
    "no bias": (lambda: [MLP((6, 5, 4), bias=False) for _ in range(3)], (6,)),
    "lenet": (lenets, (2, 12, 12)),
    "one buffer for all": (lambda: scaled([2.0, 2.0, 2.0]), (6,)),
    "a buffer each": (lambda: scaled([1.0, 2.0, 3.0]), (6,)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shared", [True, False])
def test_outputs_and_gradients_are_those_of_each_model(case, shared):
    make, shape = CASES[case]
    models = [model.double() for model in make()]
    x = torch.randn(3, 5, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    stack = ModelStack(models)
    outputs = stack(x[0] if shared else x, shared=shared)
    (gradients,) = torch.autograd.grad((weights * outputs).sum(), stack.theta)
    for run, model in enumerate(models):
        alone = model(x[0 if shared else run])
        torch.testing.assert_close(outputs[run], alone)
        expected = torch.autograd.grad((weights[run] * alone).sum(), list(model.parameters()))
        torch.testing.assert_close(gradients[run], torch.cat([g.flatten() for g in expected]))


def test_equal_buffers_are_kept_once():
    assert [len(ModelStack(scaled(s))._own) for s in ([2.0, 2.0], [1.0, 2.0])] == [0, 1]


def test_frozen_parameters_are_no_part_of_the_matrix():
    models = mlps()
    for model in models:
        model.layers[0].requires_grad_(False)
    stack = ModelStack(models)
    assert stack.theta.shape == (3, 5 * 4 + 4)
    x = torch.randn(2, 6)
    torch.testing.assert_close(stack(x, shared=True), torch.stack([model(x) for model in models]))


def test_scalar_parameter():
    class Gain(nn.Module):
        def __init__(self, gain):
            super().__init__()
            self.gain = nn.Parameter(torch.tensor(gain))

        def forward(self, x):
            return x * self.gain

    outputs = ModelStack([Gain(2.0), Gain(3.0)])(torch.ones(1, 1), shared=True)
    assert outputs.flatten().tolist() == [2.0, 3.0]


def test_keep_gives_parameters_back_and_drops_rows():
    models = scaled([1.0, 2.0, 3.0])
    stack = ModelStack(models)
    with torch.no_grad():
        stack.theta += torch.tensor([[1.0], [2.0], [3.0]])
    rows, x = stack.theta.detach().clone(), torch.randn(2, 6)
    stack.keep([2, 0])
    for model, row in zip(models, rows, strict=True):
        torch.testing.assert_close(nn.utils.parameters_to_vector(model.parameters()), row)
    assert stack.theta.is_leaf
    assert stack.theta.requires_grad
    torch.testing.assert_close(stack(x, shared=True), torch.stack([models[2](x), models[0](x)]))
    stack.keep([])
    assert stack.theta.shape == (0, rows.shape[1])


def test_second_derivatives_pass_through():
    model, x = mlps(1)[0], torch.randn(2, 6)
    stack = ModelStack([model])
    inputs = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(stack(inputs, shared=True).sum(), inputs, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), stack.theta)
    parameters = dict(model.named_parameters())

    def penalty(parameters):
        return jacrev(lambda x: functional_call(model, parameters, x).sum())(x).square().sum()

    expected = jacrev(penalty)(parameters)
    torch.testing.assert_close(second[0], torch.cat([g.flatten() for g in expected.values()]))


NORMALISED = {
    "mlp": (lambda: MLP((6, 5, 4), batch_norm=True), (6,)),
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4)
        ),
        (2, 4, 4),
    ),
    "first": (lambda: nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 4)), (6,)),
    "no affine": (lambda: nn.Sequential(nn.BatchNorm1d(6, affine=False), nn.Linear(6, 4)), (6,)),
    "no statistics": (
        lambda: nn.Sequential(nn.BatchNorm1d(6, track_running_stats=False), nn.Linear(6, 4)),
        (6,),
    ),
}


def statistics(model):
    return {name: values.clone() for name, values in model.named_buffers()}


@pytest.mark.parametrize("case", NORMALISED)
@pytest.mark.parametrize("shared", [True, False])
def test_normalised_models_in_training_and_evaluation(case, shared):
    make, shape = NORMALISED[case]
    alone, together = ([build(make, seed).double() for seed in range(3)] for _ in range(2))
    draw = torch.Generator().manual_seed(0)
    x, weights = (torch.randn(3, 7, *s, generator=draw, dtype=torch.float64) for s in (shape, (4,)))
    x = x * torch.arange(1.0, 4).view(3, *[1] * (x.dim() - 1))  # statistics that differ
    stack = ModelStack(together)
    before = [statistics(model) for model in together]
    outputs = stack(x[0] if shared else x, shared=shared)
    (gradients,) = torch.autograd.grad((weights * outputs).sum(), stack.theta)
    predicted = stack.predict(x[1])
    for run, model in enumerate(alone):
        expected = model(x[0 if shared else run])
        torch.testing.assert_close(outputs[run], expected)
        parts = torch.autograd.grad((weights[run] * expected).sum(), list(model.parameters()))
        torch.testing.assert_close(gradients[run], torch.cat([g.flatten() for g in parts]))
        torch.testing.assert_close(predicted[run], model.eval()(x[1]))
        torch.testing.assert_close(statistics(together[run]), before[run])  # not before they are given back
    assert together[0].training
    stack.keep([2, 0])
    for model, other in zip(alone, together, strict=True):
        torch.testing.assert_close(statistics(other), statistics(model))
    torch.testing.assert_close(stack.predict(x[1]), torch.stack([alone[2](x[1]), alone[0](x[1])]))


def test_frozen_scale_of_a_normalisation():
    models = [build(lambda: MLP((6, 5, 4), batch_norm=True), seed) for seed in range(2)]
    for model in models:
        model.layers[1].requires_grad_(False).weight.fill_(2.0)
    x = torch.randn(7, 6)
    torch.testing.assert_close(
        ModelStack(models)(x, shared=True), torch.stack([model(x) for model in models])
    )


def frozen_first():
    models = mlps()
    models[1].layers[0].bias.requires_grad_(False)
    return models


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (list, "expected one or more models, none of them twice, got 0"),
        (lambda: 2 * mlps(1), "none of them twice, got 2"),
        (
            lambda: mlps(1) + mlps(1, (6, 7, 4)),
            r"model 1 differs from model 0: .*out_features=7.* instead of",
        ),
        (lambda: mlps(1) + mlps(1, activation=nn.ReLU), r"model 1 differs from model 0: '\(1\): ReLU\(\)'"),
        (lambda: mlps(1) + mlps(1, (6, 5, 4, 4)), "model 1 differs from model 0"),
        (lambda: [mlps(1)[0], mlps(1)[0].double()], "model 1 differs from model 0: .*float64"),
        (frozen_first, r"model 1 differs from model 0: 'layers.0.bias: \(5,\) torch.float32 False'"),
        (lambda: [nn.BatchNorm1d(4, momentum=None)], "BatchNorm1d.* on the host.* one by one"),
        (lambda: [nn.Sequential(nn.Linear(6, 4), nn.Dropout())], "Dropout.* one by one"),
        (lambda: [nn.ReLU()], "ReLU has no parameter to train"),
    ],
)
def test_models_that_cannot_be_stacked(make, message):
    with pytest.raises(ValueError, match=message):
        ModelStack(make())
