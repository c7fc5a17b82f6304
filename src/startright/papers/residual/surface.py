r"""The loss around trained weights, on a plane through them whose directions are normalised filter by filter.

.. math::

    f(a, b) = L(\vartheta^* + a\,\delta + b\,\epsilon), \qquad
    \delta_i \leftarrow \frac{\delta_i}{\lVert \delta_i\rVert} \lVert \vartheta^*_i\rVert

for every filter i, and alike for :math:`\epsilon`. Both directions are normal draws to begin with, 0 for
biases and normalisations. Many points of the plane are evaluated as one program.

Source: H. Li, Z. Xu, G. Taylor, C. Studer and T. Goldstein, *Visualizing the loss landscape of neural nets*
(2018).
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from startright.data import Split
from startright.models.functional import call_at, places
from startright.models.untouched import untouched
from startright.papers.residual.surface_admission import admit, weights
from startright.seeds import generator as seeded
from startright.training.evaluation import Loss, cross_entropy, stacked_loss

EXAMPLES = (
    2048  # evaluated at once on a CPU, points times inputs: so that maps of small nets stay in its caches
)
ON_GPU = 64  # times as many
CLOSE = 1e-3  # of the loss in the middle, which the model itself has to give as well


class Surface(NamedTuple):
    """A plane of losses.

    ``steps``: the places along either direction, (points,). ``losses``: (points, points), NaN where the loss
    is not finite; the second direction changes along a row.
    """

    steps: Tensor
    losses: Tensor

    @property
    def middle(self) -> float:
        """The loss at the weights themselves."""
        place = len(self.steps) // 2
        return float(self.losses[place, place])

    @property
    def beyond(self) -> int:
        """At how many points the loss is not finite."""
        return int(self.losses.isnan().sum())


def filter_normalised(model: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    """A random direction, as long in every filter as the filter itself; 0 for biases and normalisations.

    Args:
        model: its linear and convolutional layers are asked.
        generator: on the CPU: the direction is the same on every device.

    Returns:
        The parts of the direction that are not 0, by the names of the parameters.

    Raises:
        ValueError: a model without such layers, or one whose filters are not known; see :func:`loss_surface`.

    Source: the paper; a filter of a linear layer is a row of its weight.
    """
    found = {}
    for name, weight in weights(model).items():
        drawn = torch.randn(weight.shape, generator=generator).to(weight)
        dims = tuple(range(1, weight.dim()))
        size = drawn.square().sum(dims, keepdim=True).sqrt().clamp(min=torch.finfo(drawn.dtype).tiny)
        found[name] = drawn * (weight.detach().square().sum(dims, keepdim=True).sqrt() / size)
    return found


@torch.no_grad()
def loss_surface(
    model: nn.Module,
    data: Split,
    *,
    points: int = 25,
    reach: float = 1.0,
    seed: int = 0,
    recalibrate: bool = False,
    loss: Loss = cross_entropy,
) -> Surface:
    """The mean loss on a plane through the weights of a model, which is left as it was.

    Args:
        model: in evaluation mode.
        data: inputs and labels, on the model's device.
        points: along either direction, odd, so that the weights themselves are in the middle.
        reach: the plane goes from minus this to this: at 1, filters are moved by as much as they are long.
        seed: of the two directions (roles ``"surface-1"`` and ``"surface-2"``).
        recalibrate: whether batch normalisation uses the statistics of ``data`` at every point, all data
            in one batch; if not, those that the model has kept, everywhere the same.
        loss: gives the loss of each example, (n,), from outputs and labels.

    Raises:
        ValueError: an even number of points, or no reach; no data; a model in training mode; normalisations
            that keep no statistics, unless they are recalibrated; recalibration without any; weights that
            layers share, that are computed in every pass, or whose filters are not known; a model that is
            random, or that cannot be run at many weights at once; or a loss that is not finite at the weights
            themselves.

    Source: the paper; with which statistics its normalisations ran is not known to us.
    """
    if points < 3 or points % 2 == 0 or not 0 < reach < math.inf:
        raise ValueError(f"needed: an odd number of points from 3 on, and a reach; got {points}, {reach}")
    if len(data.x) == 0:
        raise ValueError("a surface needs one example at least, got none")
    admit(model, recalibrate)
    steps = torch.linspace(-reach, reach, points, device=data.x.device)
    steps[points // 2] = 0.0
    across = [filter_normalised(model, seeded(seed, f"surface-{k}")) for k in (1, 2)]
    a, b = (grid.flatten() for grid in torch.meshgrid(steps, steps, indexing="ij"))
    with untouched(model), _Norms(recalibrate):
        alone = float(loss(model(data.x), data.y).mean())
        if not math.isfinite(alone):
            raise ValueError(
                f"the loss at the weights themselves is {alone}: there is nothing to look around"
            )
        values = _evaluate(model, data, across, (a, b), loss, whole=recalibrate)
    middle = float(values[len(values) // 2])
    if not abs(middle - alone) <= CLOSE * max(abs(alone), 1e-2):
        raise ValueError(
            f"at its own weights the model's loss is {alone:.4g} in one pass and {middle:.4g} in the next: it"
            " is random, or depends on more than weights and inputs"
        )
    values[~values.isfinite()] = math.nan
    return Surface(steps, values.view(points, points))


def _evaluate(
    model: nn.Module,
    data: Split,
    across: list[dict[str, Tensor]],
    place: tuple[Tensor, Tensor],
    loss: Loss,
    *,
    whole: bool,
) -> Tensor:
    """The mean loss at every point, (points,): many points a pass, and all examples if they are ``whole``."""
    examples = EXAMPLES * (1 if data.x.device.type == "cpu" else ON_GPU)
    size = len(data.x) if whole else min(len(data.x), examples)
    where, own = places(model), dict(model.named_parameters())

    def outputs(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
        moved = {name: own[name] + a * d + b * across[1][name] for name, d in across[0].items()}
        return call_at(model, moved, (x,), where=where)

    def batch(a: Tensor, b: Tensor) -> Tensor:
        total = 0.0
        for x, y in zip(data.x.split(size), data.y.split(size), strict=True):
            told = vmap(outputs, (0, 0, None))(a, b, x)
            total = total + stacked_loss(loss, told, y.expand(len(a), *y.shape)).sum(1)
        return total / len(data.x)

    chunk = max(1, examples // size)
    try:
        return torch.cat([batch(*part) for part in zip(*(p.split(chunk) for p in place), strict=True)])
    except RuntimeError as error:
        said = str(error).splitlines()[0]
        raise ValueError(
            f"the model cannot be run at many weights at once by torch.func.vmap: {said}"
        ) from error


class _Norms(TorchFunctionMode):
    """Batch normalisation as one product and one sum, with the statistics kept or those of the batch."""

    def __init__(self, of_batch: bool):
        super().__init__()
        self.of_batch = of_batch

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is not F.batch_norm:
            return func(*args, **(kwargs or {}))
        return _normalise(self.of_batch, *args, **(kwargs or {}))


def _normalise(  # noqa: PLR0917 - the signature of F.batch_norm
    of_batch: bool,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    mean, var = running_mean, running_var
    if of_batch:
        dims = (0, *range(2, x.dim()))
        mean, var = x.mean(dims), x.var(dims, correction=0)
    scale = (var + eps).rsqrt() * (1.0 if weight is None else weight)
    shift = (0.0 if bias is None else bias) - mean * scale
    shape = (-1, *[1] * (x.dim() - 2))
    return x * scale.view(shape) + shift.view(shape)


def ring(surface: Surface, radius: float) -> float:
    """The mean loss on a circle around the weights, between the points of the grid as on a plane.

    A loss that is not finite near it makes it NaN.

    Args:
        surface: of :func:`loss_surface`.
        radius: above 0, and at most the reach.

    Raises:
        ValueError: another radius.
    """
    steps, values = surface.steps.double().cpu().numpy(), surface.losses.double().cpu().numpy()
    if not 0 < radius <= steps[-1] * (1 + 1e-6):
        raise ValueError(
            f"the surface reaches to {steps[-1]:g}: a radius lies in (0, {steps[-1]:g}], got {radius}"
        )
    angles = 2 * np.pi * np.arange(64) / 64
    at = [
        radius * turn / (steps[1] - steps[0]) + len(steps) // 2 for turn in (np.cos(angles), np.sin(angles))
    ]
    low = [np.clip(np.floor(part).astype(int), 0, len(steps) - 2) for part in at]
    u, v = (part - base for part, base in zip(at, low, strict=True))
    i, j = low
    corners = (
        values[i, j] * (1 - u) + values[i + 1, j] * u,
        values[i, j + 1] * (1 - u) + values[i + 1, j + 1] * u,
    )
    return float((corners[0] * (1 - v) + corners[1] * v).mean())


def nonconvex_share(surface: Surface, tolerance: float = 0.1) -> float:
    r"""The part of the inner points where the surface bends down in some direction.

    A point counts if the lower eigenvalue of its Hessian, by second differences, is below
    :math:`-t\,\lvert\lambda_{\max}\rvert`.

    Args:
        surface: of :func:`loss_surface`.
        tolerance: t.

    Source: ours, a number for what the paper shows in pictures; the Hessian is that of the plane alone.
    """
    f = surface.losses.double()
    step = float(surface.steps[1] - surface.steps[0])
    inner = f[1:-1, 1:-1]
    xx, yy = f[2:, 1:-1] - 2 * inner + f[:-2, 1:-1], f[1:-1, 2:] - 2 * inner + f[1:-1, :-2]
    xy = (f[2:, 2:] - f[2:, :-2] - f[:-2, 2:] + f[:-2, :-2]) / 4
    hessian = torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -2) / step**2
    finite = hessian.isfinite().all(-1).all(-1)
    if not bool(finite.any()):
        return math.nan
    values = torch.linalg.eigvalsh(hessian[finite])
    return float((values[:, 0] < -tolerance * values.abs().amax(1)).double().mean())
