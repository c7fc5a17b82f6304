r"""Losses of one example's outputs, to second order: what Gauss-Newton has to know of a loss.

An example with outputs :math:`F_n`, K numbers, has the loss :math:`\ell(F_n, y_n)`; a batch has the mean. The
gradient :math:`g_n` and the Hessian :math:`h_n` are those of the example's loss with respect to its
outputs. The Hessian comes as a root, :math:`h_n = C_n C_n^\top`, and the gradient in its coordinates,
:math:`g_n = C_n q_n + r_n`: a singular Hessian, such as that of the cross-entropy, then needs no inverse.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from startright.errors import unknown

#: (outputs of one example, its target) → its loss, a scalar.
ExampleLoss = Callable[[Tensor, Tensor], Tensor]

HESSIANS = ("identity", "loss")


@dataclass(frozen=True)
class LocalLoss:
    """A loss to second order around the outputs of a batch.

    Args:
        value: the mean over the examples, ().
        gradient: g, (N, K).
        root: C, (N, K, K); None stands for the identity.
        coordinates: q, (N, K).
        rest: r, the part of the gradient outside the range of the Hessian, (N, K); None if there is none.
    """

    value: Tensor
    gradient: Tensor
    root: Tensor | None
    coordinates: Tensor
    rest: Tensor | None = None


def local_loss(
    loss: str | ExampleLoss, outputs: Tensor, targets: Tensor, hessian: str = "identity"
) -> LocalLoss:
    r"""A loss to second order, with the Hessian of the loss or the identity in its place.

    Args:
        loss: ``"squared"``, :math:`\tfrac12\lVert F_n - y_n\rVert^2`, for targets shaped like the outputs;
            ``"cross_entropy"`` of class numbers, (N,); or a function of one example's outputs, shaped as the
            network gives them, and target, to a scalar, convex in the outputs.
        outputs: (N, …); K is the size of what follows N.
        targets: one an example, (N, …).
        hessian: ``"identity"`` (the paper's experiments) or ``"loss"``. For the squared loss they are the
            same.

    Raises:
        ValueError: an unknown name, outputs and targets that do not fit together, a loss that is not a
            number for each example, or is not convex.
    """
    if hessian not in HESSIANS:
        raise unknown("hessian", hessian, HESSIANS)
    if not callable(loss) and loss not in LOSSES:
        raise unknown("loss", loss, LOSSES)
    if not isinstance(targets, Tensor) or targets.shape[:1] != outputs.shape[:1]:
        found = tuple(targets.shape) if isinstance(targets, Tensor) else type(targets).__name__
        raise ValueError(f"outputs are {tuple(outputs.shape)}: a target an example is needed, got {found}")
    local = _any(loss, outputs, targets, hessian) if callable(loss) else LOSSES[loss](outputs, targets)
    if hessian == "identity":
        return LocalLoss(local.value, local.gradient, None, local.gradient)
    return local


def _squared(outputs: Tensor, targets: Tensor) -> LocalLoss:
    if targets.shape != outputs.shape:
        raise ValueError(
            f"the squared loss needs targets shaped like the outputs, {tuple(outputs.shape)},"
            f" got {tuple(targets.shape)}"
        )
    residual = (outputs - targets).flatten(1) if outputs.dim() > 1 else (outputs - targets)[:, None]
    return LocalLoss(residual.square().sum(1).mean() / 2, residual, None, residual)


def _cross_entropy(outputs: Tensor, targets: Tensor) -> LocalLoss:
    r"""With :math:`s = \sqrt p`: :math:`C = \mathrm{diag}(s)(I - ss^\top)`, :math:`q = s - e_y/s_y`."""
    if outputs.dim() != 2 or targets.shape != outputs.shape[:1]:
        raise ValueError(
            f"the cross-entropy needs outputs (N, K) and class numbers (N,), got {tuple(outputs.shape)}"
            f" and {tuple(targets.shape)}"
        )
    k = outputs.shape[1]
    if targets.is_floating_point() or not bool(((targets >= 0) & (targets < k)).all()):
        raise ValueError(f"class numbers must be integers from 0 to {k - 1}, got {_range(targets)}")
    log_p = outputs.log_softmax(1)
    one_hot = torch.nn.functional.one_hot(targets.long(), k).to(outputs)
    p = log_p.exp()
    s = p.clamp_min(torch.finfo(p.dtype).tiny).sqrt()  # 1/s is finite even where p underflows
    root = s[:, :, None] * (torch.eye(k, dtype=s.dtype, device=s.device) - s[:, :, None] * s[:, None, :])
    value = -(log_p * one_hot).sum(1).mean()
    return LocalLoss(value, p - one_hot, root, s - one_hot / s)


def _range(targets: Tensor) -> str:
    return f"{targets.dtype} from {targets.min().item()} to {targets.max().item()}"


def _any(loss: ExampleLoss, outputs: Tensor, targets: Tensor, hessian: str) -> LocalLoss:
    """By automatic differentiation, example by example."""
    shape = torch.func.vmap(loss)(outputs, targets).shape
    if shape != outputs.shape[:1]:
        raise ValueError(
            "the loss must be one number an example, of its outputs and its target;"
            f" it gave {tuple(shape[1:])}"
        )
    gradient, value = torch.func.vmap(torch.func.grad_and_value(loss))(outputs, targets)
    gradient = gradient.reshape(len(outputs), -1)
    if hessian == "identity":
        return LocalLoss(value.mean(), gradient, None, gradient)
    k = gradient.shape[1]
    h = torch.func.vmap(torch.func.hessian(loss))(outputs, targets).reshape(-1, k, k)
    values, vectors = torch.linalg.eigh(h)
    tolerance = 10 * k * torch.finfo(h.dtype).eps * values.abs().amax(1, keepdim=True)
    if bool((values < -tolerance).any()):
        raise ValueError(
            f"the loss is not convex in the outputs, its Hessian has the eigenvalue {values.min().item():g}:"
            ' use hessian="identity"'
        )
    kept = values > tolerance
    roots = torch.where(kept, values, 0.0).sqrt()
    along = (vectors.mT @ gradient[:, :, None]).squeeze(-1)
    rest = (vectors @ torch.where(kept, 0.0, along)[:, :, None]).squeeze(-1)
    return LocalLoss(
        value.mean(), gradient, vectors * roots[:, None, :], torch.where(kept, along / roots, 0.0), rest
    )


LOSSES: dict[str, Callable[[Tensor, Tensor], LocalLoss]] = {
    "squared": _squared,
    "cross_entropy": _cross_entropy,
}
