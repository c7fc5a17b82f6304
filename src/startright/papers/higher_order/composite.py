"""Operations whose higher derivatives torch does not have, or has wrong, written out in smaller ones.

Nothing fails where they are wrong; ``benchmarks/higher_order_operations.py`` looks for them among all
operations of torch, and :func:`~startright.higher_order.verify.verify_derivatives` in a loss.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from startright.papers.higher_order import normal

Loss = Callable[[Mapping[str, torch.Tensor]], torch.Tensor]
HALF = {torch.float16, torch.bfloat16}


def attention(  # noqa: PLR0917
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    """``torch.nn.functional.scaled_dot_product_attention``, composed."""
    if enable_gqa:
        key, value = (v.repeat_interleave(query.shape[-3] // v.shape[-3], -3) for v in (key, value))
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None:
        is_bool = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -math.inf) if is_bool else scores + attn_mask
    weights = scores.softmax(-1)
    return (F.dropout(weights, dropout_p) if dropout_p else weights) @ value


def householder_product(A: torch.Tensor, tau: torch.Tensor) -> torch.Tensor:
    """``torch.linalg.householder_product``, composed: one reflection after the other."""
    m, n = A.shape[-2:]
    Q = torch.eye(m, n, dtype=A.dtype, device=A.device)
    below = torch.ones(m, n, dtype=torch.bool, device=A.device).tril(-1)
    V = torch.where(below, A, Q)
    for k in reversed(range(tau.shape[-1])):
        v = V[..., :, k, None]
        Q = Q - tau[..., k, None, None] * v @ (v.mH @ Q)
    return Q.expand(*A.shape[:-2], m, n)


def _without_cudnn(func: Callable) -> Callable:
    """Recurrent layers of cuDNN have no second derivative; torch's own have."""

    def plain(*args, **kwargs):
        with torch.backends.cudnn.flags(enabled=False):
            return func(*args, **kwargs)

    return plain


def hardsigmoid(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """``torch.nn.functional.hardsigmoid``, composed: it has no second derivative."""
    return F.relu6(x + 3) / 6


def linear_cross_entropy(*args, options: object = None, **kwargs) -> torch.Tensor:
    """``torch.nn.functional.linear_cross_entropy`` in one piece: in chunks its gradient is a constant."""
    return F.linear_cross_entropy(*args, **kwargs)


def _refused(name: str, remedy: str) -> Callable:
    """In place of an operation whose very gradient is wrong."""

    def refuse(*args, **kwargs):
        if any(isinstance(v, torch.Tensor) and v.requires_grad for v in (*args, *kwargs.values())):
            raise ValueError(f"the derivatives of {name} are not those of its values: {remedy}")
        return getattr(torch, name)(*args, **kwargs)

    return refuse


def _without_repeats(unpool: Callable) -> Callable:
    """Where pooled windows overlap, one value wins and torch gives the gradient to all."""

    def checked(x, indices, kernel_size, stride=None, padding=0, output_size=None):  # noqa: PLR0917
        axes = 1 if unpool is F.max_unpool1d else 2 if unpool is F.max_unpool2d else 3
        flat = indices.flatten(-axes).sort(-1).values
        if (flat.diff(dim=-1) == 0).any():
            raise ValueError(
                f"{unpool.__name__} with repeated indices has no gradient: let no windows overlap"
            )
        return unpool(x, indices, kernel_size, stride, padding, output_size)

    return checked


COMPOSED = {
    F.layer_norm: normal.layer_norm,
    torch.layer_norm: normal.layer_norm,
    torch.native_layer_norm: normal.native_layer_norm,
    F.rms_norm: normal.rms_norm,
    torch.rms_norm: normal.rms_norm,
    F.group_norm: normal.group_norm,
    torch.group_norm: normal.group_norm,
    F.batch_norm: normal.batch_norm,
    torch.batch_norm: normal.torch_batch_norm,
    F.instance_norm: normal.instance_norm,
    torch.instance_norm: normal.torch_instance_norm,
    torch._weight_norm: normal.weight_norm,
    torch._weight_norm_interface: normal.weight_norm_interface,
    F.scaled_dot_product_attention: attention,
    torch.linalg.householder_product: householder_product,
    torch.orgqr: householder_product,
    torch.Tensor.orgqr: householder_product,
}
COMPOSED |= {
    F.hardsigmoid: hardsigmoid,
    torch.normal: _refused("normal", "write mean + std * torch.randn_like(mean)"),
    torch.as_strided_scatter: _refused("as_strided_scatter", "index a copy"),
    torch.Tensor.as_strided_scatter: _refused("as_strided_scatter", "index a copy"),
}
COMPOSED |= {unpool: _without_repeats(unpool) for unpool in (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)}
if hasattr(F, "linear_cross_entropy"):  # since torch 2.14
    COMPOSED[F.linear_cross_entropy] = linear_cross_entropy
RECURRENT = (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu)
COMPOSED |= {func: _without_cudnn(func) for func in RECURRENT}


class _Composed(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        y = COMPOSED.get(func, func)(*args, **(kwargs or {}))
        if isinstance(y, torch.Tensor) and y.dtype in HALF and y.requires_grad:
            raise ValueError(
                f"{getattr(func, '__name__', func)} gives {y.dtype}: higher derivatives need float32 or"
                " float64 all through the loss, so leave out autocast and half precision there"
            )
        return y


def composed(loss_fn: Loss) -> Loss:
    """The same loss from operations that can be differentiated as often as needed.

    Args:
        loss_fn: of parameters by name.

    Raises:
        ValueError: (by the loss) batch normalisation in training, or half precision in between.
    """

    def loss(params: Mapping[str, torch.Tensor]) -> torch.Tensor:
        with _Composed():
            return loss_fn(params)

    return loss
