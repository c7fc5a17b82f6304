"""Operations whose higher derivatives torch does not have, or has wrong, written out in smaller ones.

``layer_norm`` treats its mean and deviation as constants when it is differentiated a third time (seen in
torch 2.15, and in its second derivative forward): nothing fails, the numbers are wrong. The fused attention
has no second derivative at all.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

Loss = Callable[[Mapping[str, torch.Tensor]], torch.Tensor]


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):  # noqa: PLR0917
    """``torch.nn.functional.layer_norm``, composed."""
    axes = tuple(range(-len(normalized_shape), 0))
    centred = x - x.mean(axes, keepdim=True)
    y = centred * ((centred * centred).mean(axes, keepdim=True) + eps).rsqrt()
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


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


COMPOSED = {
    F.layer_norm: layer_norm,
    torch.layer_norm: layer_norm,
    F.scaled_dot_product_attention: attention,
}


class _Composed(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return COMPOSED.get(func, func)(*args, **(kwargs or {}))


def composed(loss_fn: Loss) -> Loss:
    """The same loss from operations that can be differentiated as often as needed.

    Args:
        loss_fn: of parameters by name.
    """

    def loss(params: Mapping[str, torch.Tensor]) -> torch.Tensor:
        with _Composed():
            return loss_fn(params)

    return loss
