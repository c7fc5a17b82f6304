"""Normalisations written out, so that they can be differentiated as often as needed.

Torch's own treat their mean and deviation as constants in a third derivative, or in one forward (seen in
torch 2.15), or have no third derivative at all. The arguments are those of the functions that these replace.
"""

import torch
from torch import Tensor


def _standardised(x: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Of mean 0 and deviation 1 over the axes; the mean, and one over the deviation."""
    mean = x.mean(axes, keepdim=True)
    centred = x - mean
    rstd = ((centred * centred).mean(axes, keepdim=True) + eps).rsqrt()
    return centred * rstd, mean, rstd


def _scaled(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _by_channel(v: Tensor | None, x: Tensor) -> Tensor | None:
    return None if v is None else v.reshape(-1, *[1] * (x.dim() - 2))


def native_layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    """``torch.native_layer_norm``, composed."""
    axes = tuple(range(-len(normalized_shape), 0))
    y, mean, rstd = _standardised(x, axes, eps)
    return _scaled(y, weight, bias), mean, rstd


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):  # noqa: PLR0917
    """``torch.nn.functional.layer_norm``, composed."""
    return native_layer_norm(x, normalized_shape, weight, bias, eps)[0]


def rms_norm(x, normalized_shape, weight=None, eps=None):
    """``torch.nn.functional.rms_norm``, composed."""
    axes = tuple(range(-len(normalized_shape), 0))
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    return _scaled(x * ((x * x).mean(axes, keepdim=True) + eps).rsqrt(), weight, None)


def group_norm(x, num_groups, weight=None, bias=None, eps=1e-5, cudnn_enabled=True):  # noqa: PLR0917
    """``torch.nn.functional.group_norm``, composed."""
    y = _standardised(x.reshape(x.shape[0], num_groups, -1), (-1,), eps)[0].reshape(x.shape)
    return _scaled(y, _by_channel(weight, x), _by_channel(bias, x))


def _refuse_training(name: str) -> None:
    raise ValueError(
        f"{name} in training changes its statistics and mixes the examples of a batch: call model.eval()"
    )


def batch_norm(  # noqa: PLR0917
    x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    """``torch.nn.functional.batch_norm``, composed; refused where it would change its statistics."""
    if training and running_mean is not None:
        _refuse_training("batch normalisation")
    if training:
        y = _standardised(x, (0, *range(2, x.dim())), eps)[0]
        return _scaled(y, _by_channel(weight, x), _by_channel(bias, x))
    scale = (running_var + eps).rsqrt()
    y = (x - _by_channel(running_mean, x)) * _by_channel(scale, x)
    return _scaled(y, _by_channel(weight, x), _by_channel(bias, x))


def torch_batch_norm(  # noqa: PLR0917
    x, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled=True
):
    """``torch.batch_norm``, composed likewise."""
    return batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(  # noqa: PLR0917
    x,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
):
    """``torch.nn.functional.instance_norm``, composed; refused where it would change its statistics."""
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    if running_mean is not None:
        _refuse_training("instance normalisation")
    y = _standardised(x, tuple(range(2, x.dim())), eps)[0]
    return _scaled(y, _by_channel(weight, x), _by_channel(bias, x))


def torch_instance_norm(  # noqa: PLR0917
    x, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled=True
):
    """``torch.instance_norm``, composed likewise."""
    return instance_norm(x, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def weight_norm(v, g, dim=0):
    """``torch._weight_norm``, composed: a norm for each entry along ``dim``, or one of all for -1."""
    return weight_norm_interface(v, g, dim)[0]


def weight_norm_interface(v, g, dim=0):
    """``torch._weight_norm_interface``, composed."""
    axes = [k for k in range(v.dim()) if dim == -1 or k != dim % v.dim()]
    norm = (v * v).sum(axes, keepdim=dim != -1).sqrt() if axes else v.abs()
    return v * (g / norm), norm
