r"""The trace of the Fisher information of the weights, by layer.

.. math::

    F = \mathbb E_x\, \mathbb E_{y \sim p_w(y|x)} \bigl[ \nabla_w \log p_w(y|x)\, \nabla_w \log p_w(y|x)^\top
    \bigr], \qquad KL(p_w \,\|\, p_{w+\delta}) = \tfrac12 \delta^\top F \delta + o(\|\delta\|^2)

The label is drawn from the model. With few classes it need not be drawn: :func:`fisher_trace` sums over all.

Source: A. Achille, M. Rovere and S. Soatto, *Critical learning periods in deep networks*, 2019; the lecture
prints the second formula without its ½.
"""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from startright.papers.critical.samplewise import Layer, record, squared_norms, verify

CHUNK = 256
Sizes = Callable[[Tensor, list[Layer], slice], dict[str, Tensor]]


def fisher_trace(
    model: nn.Module, x: Tensor, *, dtype: torch.dtype | None = None, chunk: int = CHUNK
) -> dict[str, float]:
    r"""The exact trace, all classes enumerated: no variance but that of the inputs.

    .. math:: \operatorname{Tr} F = \frac1n \sum_x \sum_y p_w(y|x)\, \|\nabla_w \log p_w(y|x)\|^2

    The gradients of single examples come from what enters and leaves each layer; that they add up to
    autograd's is verified on the first inputs.

    Args:
        model: gives logits, (n, classes), in evaluation mode; of ``nn.Linear``, ``nn.Conv2d`` and batch
            normalisations, each called once. Frozen parameters are left out.
        x: inputs, (n, ...).
        dtype: compute in this precision, on a copy of the model; by default in its own.
        chunk: inputs taken at once.

    Returns:
        The path of each layer → its part of the trace; they add up to the whole.

    Raises:
        ValueError: a model that is not seen through: see :func:`startright.critical.samplewise.trained`;
            outputs that are not logits, or half precision.
    """

    def sizes(log_p: Tensor, layers: list[Layer], at: slice) -> dict[str, Tensor]:
        total = dict.fromkeys((layer.path for layer in layers), 0.0)
        for y, weight in enumerate(log_p.detach().exp().unbind(1)):
            for path, norms in squared_norms(layers, log_p[:, y]).items():
                total[path] = total[path] + weight * norms
        return total

    return _mean(model, x, sizes, dtype, chunk)


def sampled_trace(
    model: nn.Module,
    x: Tensor,
    *,
    generator: torch.Generator,
    draws: int = 1,
    dtype: torch.dtype | None = None,
    chunk: int = CHUNK,
) -> dict[str, float]:
    """The trace with labels drawn from the model, which is right on the average.

    Args:
        model: as for :func:`fisher_trace`.
        x: inputs, (n, ...).
        generator: on the device of the inputs.
        draws: labels for each input, at least 1.
        dtype: as for :func:`fisher_trace`.
        chunk: likewise.

    Raises:
        ValueError: as :func:`fisher_trace`, or no draw.
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")

    def sizes(log_p: Tensor, layers: list[Layer], at: slice) -> dict[str, Tensor]:
        drawn = torch.multinomial(log_p.detach().exp(), draws, replacement=True, generator=generator)
        found = [squared_norms(layers, log_p.gather(1, y[:, None])[:, 0]) for y in drawn.unbind(1)]
        return {layer.path: sum(each[layer.path] for each in found) / draws for layer in layers}

    return _mean(model, x, sizes, dtype, chunk)


def empirical_trace(
    model: nn.Module, x: Tensor, y: Tensor, *, dtype: torch.dtype | None = None, chunk: int = CHUNK
) -> dict[str, float]:
    """The mean squared gradient at the labels of the data: the "empirical Fisher", another number.

    Args:
        model: as for :func:`fisher_trace`.
        x: inputs, (n, ...).
        y: labels, (n,).
        dtype: as for :func:`fisher_trace`.
        chunk: likewise.

    Raises:
        ValueError: as :func:`fisher_trace`, or labels that do not fit.
    """
    if y.shape != x.shape[:1] or y.is_floating_point():
        raise ValueError(f"one label an input is needed, {len(x)}, got {y.dtype} of shape {tuple(y.shape)}")

    def sizes(log_p: Tensor, layers: list[Layer], at: slice) -> dict[str, Tensor]:
        return squared_norms(layers, log_p.gather(1, y[at, None])[:, 0])

    return _mean(model, x, sizes, dtype, chunk)


def _mean(
    model: nn.Module, x: Tensor, sizes: Sizes, dtype: torch.dtype | None, chunk: int
) -> dict[str, float]:
    """The mean over inputs, a chunk at a time."""
    if not len(x) or chunk < 1:
        raise ValueError(f"the trace needs inputs, and chunks of at least 1, got {len(x)} and {chunk}")
    if dtype is not None:
        model, x = deepcopy(model).to(dtype), x.to(dtype)
    for p in model.parameters():
        if p.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"the trace is computed in float32 or float64, not {p.dtype}: give dtype=")
    total: dict[str, float] = {}
    with torch.enable_grad():
        for begin in range(0, len(x), chunk):
            at = slice(begin, begin + chunk)
            logits, layers = record(model, x[at])
            log_p = _check_logits(logits, len(x[at])).log_softmax(1)
            if not begin:
                _check_alone(model, x, log_p)
                verify(layers, log_p[:, 0])
            for path, norms in sizes(log_p, layers, at).items():
                total[path] = total.get(path, 0.0) + float(norms.sum())
    return {path: value / len(x) for path, value in total.items()}


def _check_logits(logits: Tensor, n: int) -> Tensor:
    """The outputs, if they can be logits."""
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != n or logits.shape[1] < 2:
        shown = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"the model must give logits, ({n}, classes), two classes or more, got {shown}")
    if not logits.isfinite().all():
        raise ValueError("the model gives logits that are not finite")
    if (logits >= 0).all() and (logits.detach().sum(1) - 1).abs().max() < 1e-4:
        raise ValueError("the model gives probabilities, not logits: leave its softmax out")
    return logits


@torch.no_grad()
def _check_alone(model: nn.Module, x: Tensor, log_p: Tensor) -> None:
    """Refuse a model whose outputs for an input depend on the others, or on chance."""
    alone = model(x[:1]).log_softmax(1)[0]
    if not torch.allclose(alone, log_p[0], rtol=1e-3, atol=1e-3):
        raise ValueError(
            "the model says something else of an input alone than of it in a batch: it mixes examples, or is"
            " random; call model.eval()"
        )
