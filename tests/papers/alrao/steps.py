"""Small minibatches, and models that went through the same of them: for tests of compiled steps."""

import torch


def minibatches(n, seed=1):
    """Inputs, (8, 4), and classes below 3, in float64."""
    rng = torch.Generator().manual_seed(seed)
    return [(torch.randn(8, 4, generator=rng).double(), torch.arange(8) % 3) for _ in range(n)]


def train(model, optimizer, batches):
    """The losses, one a step."""
    return torch.stack([model.training_step(x, y, optimizer) for x, y in batches])


def assert_same(model, other):
    """Equal parameters, buffers and weights of heads."""
    torch.testing.assert_close(
        dict(model.state_dict()), dict(other.state_dict()), rtol=1e-12, atol=1e-12, equal_nan=True
    )
