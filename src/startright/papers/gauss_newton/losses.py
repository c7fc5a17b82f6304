r"""Losses of one example's outputs, to second order: what Gauss-Newton has to know of a loss.

An example with outputs :math:`F_n`, K numbers, has the loss :math:`\ell(F_n, y_n)`; a batch has the mean. The
gradient :math:`g_n` and the Hessian :math:`h_n` are those of the example's loss with respect to its
outputs. The Hessian comes as a root, :math:`h_n = C_n C_n^\top`, and the gradient in its coordinates,
:math:`g_n = C_n q_n + r_n`: a singular Hessian, such as that of the cross-entropy, then needs no inverse.

The losses of torch, such as ``nn.CrossEntropyLoss(weight=w)``, are those of a batch: with class weights,
ignored targets or ``"batchmean"`` they are a sum over the examples divided by a number that the targets
decide. The example's loss is then its part of the sum times N over that number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from startright.errors import unknown
from startright.papers.gauss_newton.batches import Batch, size

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
    loss: str | ExampleLoss, outputs: Tensor, targets: Batch, hessian: str = "identity"
) -> LocalLoss:
    r"""A loss to second order, with the Hessian of the loss or the identity in its place.

    Args:
        loss: ``"squared"``, :math:`\tfrac12\lVert F_n - y_n\rVert^2`, for targets shaped like the outputs;
            ``"cross_entropy"`` of class numbers, (N,); a loss of torch, a module, that is a mean; or a
            function of one example's outputs, shaped as the network gives them, and target, to a scalar,
            convex in the outputs. If the function takes the batch as well, it must give the mean of its
            examples, or their sum.
        outputs: (N, …); K is the size of what follows N.
        targets: one an example, (N, …); for a function possibly a tuple or a dict of such tensors.
        hessian: ``"identity"`` (the paper's experiments) or ``"loss"``. For the squared loss they are the
            same.

    Raises:
        ValueError: an unknown name, outputs and targets that do not fit together, a loss that is not a
            number for each example, is not convex, or is no mean over the examples.
    """
    if hessian not in HESSIANS:
        raise unknown("hessian", hessian, HESSIANS)
    check_loss(loss)
    one = isinstance(targets, Tensor)
    if (one and targets.shape[:1] != outputs.shape[:1]) or not (one or callable(loss)):
        found = tuple(targets.shape) if one else type(targets).__name__
        raise ValueError(f"outputs are {tuple(outputs.shape)}: a target an example is needed, got {found}")
    if size(targets, "targets") != len(outputs):
        raise ValueError(f"{len(outputs)} outputs need as many targets, got {size(targets, 'targets')}")
    local = _any(loss, outputs, targets, hessian) if callable(loss) else LOSSES[loss](outputs, targets)
    if hessian == "identity":
        return LocalLoss(local.value, local.gradient, None, local.gradient)
    return local


def check_loss(loss: str | ExampleLoss) -> None:
    """Say what is wrong with a loss before there are examples.

    Raises:
        ValueError: an unknown name, or a loss of torch that is no mean.
    """
    if not callable(loss) and loss not in LOSSES:
        raise unknown("loss", loss, LOSSES)
    if isinstance(loss, nn.modules.loss._Loss) and loss.reduction in ("sum", "none"):
        raise ValueError(
            f"{type(loss).__name__} has reduction={loss.reduction!r}, but the loss of a batch is the mean of"
            " its examples here: use reduction='mean'"
        )


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


def _any(loss: ExampleLoss, outputs: Tensor, targets: Batch, hessian: str) -> LocalLoss:
    """By automatic differentiation: a loss of torch as a whole, another one example by example."""
    of_torch = isinstance(loss, nn.modules.loss._Loss) and type(loss).__module__ == nn.modules.loss.__name__
    find = _of_the_batch if of_torch else _of_examples
    value, gradient, h = find(loss, outputs, targets, hessian == "loss")
    gradient = gradient.reshape(len(outputs), -1)
    if h is None:
        return LocalLoss(value, gradient, None, gradient)
    k = gradient.shape[1]
    h = h.reshape(-1, k, k)
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
    root = vectors * roots[:, None, :]
    return LocalLoss(value, gradient, root, torch.where(kept, along / roots, 0.0), rest)


def _of_examples(
    loss: ExampleLoss, outputs: Tensor, targets: Batch, curved: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Value, gradients and Hessians of a function of one example.

    Raises:
        ValueError: it is not one number an example, or that of a batch is neither their mean nor their sum.
    """
    values = torch.func.vmap(loss)(outputs, targets)
    if values.shape != outputs.shape[:1]:
        raise ValueError(
            "the loss must be one number an example, of its outputs and its target;"
            f" it gave {tuple(values.shape[1:])}"
        )
    _check_mean(loss, outputs, targets, values)
    gradient = torch.func.vmap(torch.func.grad(loss))(outputs, targets)
    h = torch.func.vmap(torch.func.hessian(loss))(outputs, targets) if curved else None
    return values.mean(), gradient, h


def _check_mean(loss: ExampleLoss, outputs: Tensor, targets: Batch, values: Tensor) -> None:
    try:
        together = loss(outputs, targets)
    except Exception:  # a function of one example alone, whatever it says of a batch
        return
    if not isinstance(together, Tensor) or together.dim():
        return
    tolerance = {"rtol": torch.finfo(values.dtype).eps ** 0.5, "atol": 1e-30, "equal_nan": True}
    if not any(torch.allclose(together.to(v.dtype), v, **tolerance) for v in (values.mean(), values.sum())):
        raise ValueError(
            f"the loss of the batch is {together.item():g}, but its examples have the mean"
            f" {values.mean().item():g}: class weights and ignored targets are lost on one example. Give the"
            " module of torch, such as nn.CrossEntropyLoss(weight=…), or a function whose mean is the loss"
        )


def _of_the_batch(
    loss: nn.Module, outputs: Tensor, targets: Batch, curved: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """N times the gradient and the Hessian's blocks of a mean of torch's, whatever it divides by.

    Raises:
        ValueError: the mean is over no target at all.
    """
    n = len(outputs)
    with torch.enable_grad():
        f = outputs.detach().requires_grad_()
        value = loss(f, targets)
        (gradient,) = torch.autograd.grad(value, f, create_graph=curved)
        columns = [  # examples do not mix: one product with the Hessian gives a column of every block
            torch.autograd.grad(column.sum(), f, retain_graph=True, materialize_grads=True)[0].reshape(n, -1)
            for column in (gradient.reshape(n, -1).unbind(1) if curved and gradient.requires_grad else ())
        ]
    classes = isinstance(targets, Tensor) and not targets.is_floating_point()
    if classes and bool(value.isnan() & outputs.isfinite().all()):
        raise ValueError(f"{type(loss).__name__} is nan for the batch: is every target ignored?")
    flat = gradient.detach().reshape(n, -1)
    h = torch.stack(columns, 2) if columns else flat.new_zeros(n, flat.shape[1], flat.shape[1])
    return value.detach(), n * flat, n * h if curved else None


LOSSES: dict[str, Callable[[Tensor, Tensor], LocalLoss]] = {
    "squared": _squared,
    "cross_entropy": _cross_entropy,
}
