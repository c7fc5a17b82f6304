r"""Four numbers that say what noise does to gradients.

Of gradients :math:`g_1, \dots, g_n` of minibatches, drawn at one point :math:`\theta_t` of a training:
their mean norm; the distance :math:`\lVert\theta_t - \theta_0\rVert`; how much their directions vary (GDV)
and how far they are from that of the whole training set (GDE).

Source: Z. Liu et al., *Dropout reduces underfitting* (2023).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from startright.data import Split
from startright.training.evaluation import Loss, cross_entropy


def direction_variance(gradients: Tensor) -> Tensor:
    r"""GDV, half of one minus the mean cosine of two of the gradients.

    .. math::
        \frac{2}{n(n-1)} \sum_{i<j} \frac{1 - \cos(g_i, g_j)}{2}
        = \frac12 \left( 1 - \frac{\lVert \sum_i u_i \rVert^2 - n}{n(n-1)} \right),
        \qquad u_i = \frac{g_i}{\lVert g_i \rVert}

    Args:
        gradients: (n, parameters), n at least 2.

    Returns:
        A scalar, float64: 0 if all have one direction, 1/2 if they are orthogonal.

    Raises:
        ValueError: fewer than two gradients, or one without a direction.
    """
    if gradients.dim() != 2 or len(gradients) < 2:
        raise ValueError(f"directions vary among two gradients or more, (n, D), got {tuple(gradients.shape)}")
    n = len(gradients)
    total = _directions(gradients).sum(0).square().sum()
    return (1 - (total - n) / (n * (n - 1))) / 2


def direction_error(gradients: Tensor, whole: Tensor) -> Tensor:
    r"""GDE, :math:`\frac1n \sum_i \frac12 (1 - \cos(g_i, \hat g))`.

    Args:
        gradients: (n, parameters).
        whole: :math:`\hat g`, the gradient of the whole training set without noise, (parameters,).

    Returns:
        A scalar, float64, from 0 to 1.

    Raises:
        ValueError: shapes that do not fit, or a gradient without a direction.
    """
    if gradients.dim() != 2 or whole.shape != gradients.shape[1:]:
        raise ValueError(f"expected (n, D) and (D,), got {tuple(gradients.shape)} and {tuple(whole.shape)}")
    return (1 - (_directions(gradients) @ _directions(whole[None])[0]).mean()) / 2


def _directions(gradients: Tensor) -> Tensor:
    norms = gradients.double().norm(dim=1, keepdim=True)
    if not bool((norms > 0).all() and norms.isfinite().all()):
        raise ValueError("a gradient that is zero or not finite has no direction")
    return gradients.double() / norms


def flat_parameters(model: nn.Module) -> Tensor:
    """A copy of the trainable parameters, one after another, (parameters,)."""
    return torch.cat([p.detach().flatten() for p in model.parameters() if p.requires_grad])


def model_distance(model: nn.Module, start: Tensor) -> float:
    r""":math:`\lVert\theta_t - \theta_0\rVert_2`.

    Args:
        model: at :math:`\theta_t`.
        start: :math:`\theta_0`, by :func:`flat_parameters`.
    """
    return float((flat_parameters(model) - start).norm())


def batch_gradients(
    model: nn.Module, data: Split, batches: Sequence[Tensor], *, seed: int, loss: Loss = cross_entropy
) -> Tensor:
    """Gradients of minibatches as a training sees them, with its noise, (batches, parameters).

    Parameters, buffers, gradients, the mode and torch's global stream are afterwards as they were.

    Args:
        model: the network.
        data: the examples.
        batches: indices of examples, a minibatch each.
        seed: of the noise.
        loss: gives the loss of each example.
    """
    with _left_alone(model, training=True, seed=seed):
        return torch.stack([_gradient(model, data, index, loss) for index in batches])


def whole_gradient(model: nn.Module, data: Split, *, loss: Loss = cross_entropy, chunk: int = 4096) -> Tensor:
    """The gradient of the mean loss of all examples, in evaluation mode, (parameters,).

    Args:
        model: the network; it is left as it was.
        data: all examples.
        loss: gives the loss of each example.
        chunk: examples at once.
    """
    n, device, total = len(data.y), data.y.device, None
    with _left_alone(model, training=False, seed=0):
        for index in torch.arange(n, device=device).split(chunk):
            part = _gradient(model, data, index, loss) * (len(index) / n)
            total = part if total is None else total + part
    return total


def _gradient(model: nn.Module, data: Split, index: Tensor, loss: Loss) -> Tensor:
    parameters = [p for p in model.parameters() if p.requires_grad]
    value = loss(model(data.x[index]), data.y[index]).mean()
    gradients = torch.autograd.grad(value, parameters)
    return torch.cat([g.flatten() for g in gradients])


@contextmanager
def _left_alone(model: nn.Module, *, training: bool, seed: int) -> Iterator[None]:
    """The network in a mode, with a stream of its own; afterwards both are as they were."""
    modes = {module: module.training for module in model.modules()}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else ()):
        torch.manual_seed(seed)
        model.train(training)
        try:
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode
            with torch.no_grad():
                for name, buffer in model.named_buffers():
                    buffer.copy_(buffers[name])
