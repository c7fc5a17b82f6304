import pytest
import torch
from torch import nn

from startright.models import build
from startright.papers.residual.looks_linear import CReLU
from startright.papers.residual.networks import Branch
from startright.papers.scalp.layers import ScaledLinear
from startright.training import ModelStack
from startright.training.stack_layers import ruled


class Own(nn.Module):
    """A layer without a rule, with parameters of its own."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x).square()


def scaled(scaling, width=4):
    return lambda: nn.Sequential(ScaledLinear(6, width, scaling=scaling), nn.ReLU(), nn.Linear(width, 4))


CASES = {
    "no rule": lambda: nn.Sequential(nn.Linear(6, 4), Own(), nn.Linear(4, 4)),
    "crelu": lambda: nn.Sequential(nn.Linear(6, 2), CReLU(), nn.Linear(4, 4)),
    "crelu of the last axis": lambda: nn.Sequential(nn.Linear(6, 2), CReLU(-1), nn.Linear(4, 4)),
    "branch": lambda: nn.Sequential(nn.Linear(6, 4), Branch(4, 0.5)),
    "scaled, few": scaled("1/k"),  # the weights are scaled
    "scaled, many": scaled("1/k", 40),  # the inputs are
    "in place": lambda: nn.Sequential(nn.ReLU(inplace=True), nn.ELU(inplace=True), nn.Linear(6, 4)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shared", [True, False])
def test_outputs_and_gradients_are_those_of_each_model(case, shared):
    models = [build(CASES[case], seed).double() for seed in range(3)]
    for run, model in enumerate(models):
        for values in model.buffers():
            values.mul_(run + 1.0)  # a scaling of its own for each run
    x = torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    stack = ModelStack(models)
    outputs = stack((x[0] if shared else x).clone(), shared=shared)
    (gradients,) = torch.autograd.grad(outputs.square().sum(), stack.theta)
    for run, model in enumerate(models):
        alone = model(x[0 if shared else run].clone())
        torch.testing.assert_close(outputs[run], alone)
        expected = torch.autograd.grad(alone.square().sum(), list(model.parameters()))
        torch.testing.assert_close(gradients[run], torch.cat([g.flatten() for g in expected]))


def test_rules_give_what_vmap_gives_bit_for_bit():
    models = [build(CASES["branch"], seed) for seed in range(3)]
    stack, x = ModelStack(models), torch.randn(3, 5, 6)
    assert torch.equal(stack(x, shared=False), stack._mapped(x, shared=False))


def test_layers_with_hooks_and_derived_ones_have_no_rule():
    class Derived(nn.Linear):
        pass

    hooked = nn.Linear(2, 2)
    hooked.register_forward_hook(lambda *_: None)
    assert [ruled(layer) for layer in (nn.Linear(2, 2), hooked, Derived(2, 2))] == [True, False, False]
