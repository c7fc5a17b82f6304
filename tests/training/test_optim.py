import pytest
import torch

from startright.training import TrainConfig
from startright.training.loop import torch_optimizer
from startright.training.optim import stacked_optimizer

CONFIGS = [
    TrainConfig(optimizer="sgd"),
    TrainConfig(optimizer="sgd", momentum=0.9),
    TrainConfig(optimizer="sgd", momentum=0.5, weight_decay=0.1),
    TrainConfig(optimizer="adam"),
    TrainConfig(optimizer="adam", betas=(0.5, 0.9), eps=1e-3, weight_decay=0.1),
]


def torch_steps(config, lr, start, gradients):
    """Where the optimizer of torch gets from ``start``, (parameters,)."""
    from dataclasses import replace

    module = torch.nn.Module()
    module.theta = torch.nn.Parameter(start.clone())
    optimizer = torch_optimizer(replace(config, lr=lr), module)
    for gradient in gradients:
        module.theta.grad = gradient.clone()
        optimizer.step()
    return module.theta.detach()


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize(
    ("dtype", "rtol", "atol"), [(torch.float64, 1e-12, 1e-12), (torch.float32, 1e-4, 1e-5)]
)
def test_hundred_steps_are_those_of_torch(config, dtype, rtol, atol):
    g = torch.Generator().manual_seed(0)
    lrs = [0.3, 0.01, 1e-4]
    start = torch.randn(3, 7, generator=g, dtype=dtype)
    gradients = torch.randn(100, 3, 7, generator=g, dtype=dtype)
    theta, optimizer = start.clone(), stacked_optimizer(config, torch.tensor(lrs, dtype=dtype))
    for gradient in gradients:
        optimizer.step(theta, gradient)
    for run, lr in enumerate(lrs):
        expected = torch_steps(config, lr, start[run], gradients[:, run])
        torch.testing.assert_close(theta[run], expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_rows_that_are_kept_go_on_as_before(config):
    g = torch.Generator().manual_seed(0)
    gradients = torch.randn(20, 3, 7, generator=g)
    whole, part = torch.ones(3, 7), torch.ones(3, 7)
    lrs = torch.tensor([0.3, 0.01, 1e-4])
    one, other = stacked_optimizer(config, lrs), stacked_optimizer(config, lrs)
    for step, gradient in enumerate(gradients):
        one.step(whole, gradient)
        if step == 10:
            other.keep([2, 0])
            part = part[[2, 0]]
        other.step(part, gradient if step < 10 else gradient[[2, 0]])
    torch.testing.assert_close(part, whole[[2, 0]])
