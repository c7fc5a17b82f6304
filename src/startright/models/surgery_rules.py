"""Where the units of a layer go in the functions of a pass: along which axis, how many entries of each.

A unit keeps to itself as long as no entry of what comes out depends on two units. Activations, pooling,
batch normalisation, depthwise convolutions and reshaping keep units apart; sums and joins with other layers,
softmax, and normalisations over the units do not. What is not known to keep them apart does not.
"""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from torch import Tensor


class Flow(NamedTuple):
    """The units of a layer in a tensor.

    Args:
        producer: the name of the layer.
        axis: along which the units lie.
        factor: entries of a unit along it, one after another: 1, or the positions behind a flattening.
    """

    producer: str
    axis: int
    factor: int = 1


_ACTIVATIONS = (
    *("relu", "relu_", "relu6", "hardtanh", "hardtanh_", "elu", "elu_", "selu", "selu_", "celu", "celu_"),
    *("leaky_relu", "leaky_relu_", "rrelu", "rrelu_", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus"),
    *("softsign", "logsigmoid", "hardswish", "hardsigmoid", "threshold", "threshold_", "tanhshrink"),
    *("softshrink", "hardshrink", "prelu", "sigmoid_", "tanh_"),
)
_ARITHMETIC = (
    *("add", "add_", "sub", "sub_", "rsub", "mul", "mul_", "div", "div_", "true_divide", "pow", "neg", "abs"),
    *("__add__", "__radd__", "__iadd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__"),
    *("__pow__", "__neg__", "exp", "log", "sqrt", "square", "sin", "cos", "erf", "clamp", "clamp_", "clip"),
    *("clamp_min", "clamp_max", "maximum", "minimum", "multiply", "subtract", "divide"),
)
_COPIES = ("clone", "contiguous", "detach", "data", "alias", "to", "float", "double", "cpu", "cuda")
_DROPOUT = ("dropout", "dropout1d", "dropout2d", "dropout3d", "dropout_", "alpha_dropout", "feature_dropout")
ELEMENTWISE = {*_ACTIVATIONS, *_ARITHMETIC, *_COPIES, *_DROPOUT, "feature_alpha_dropout"}
#: Pooling → how many of the last axes it pools over.
POOLING = {
    f"{kind}_pool{k}d": k for kind in ("max", "avg", "adaptive_avg", "adaptive_max", "lp") for k in (1, 2, 3)
}
REDUCTIONS = {"mean", "sum", "amax", "amin"}
RESHAPING = {
    *("view", "reshape", "flatten", "squeeze", "unsqueeze", "ravel", "unflatten", "view_as", "reshape_as"),
}
SHARED = {  # functions of two tensors, or of all units → what they are, for the message
    **dict.fromkeys(
        ("add", "add_", "__add__", "__iadd__", "__radd__"), ", a skip connection or another sum,"
    ),
    **dict.fromkeys(("mul", "mul_", "__mul__", "__rmul__"), ", a gate,"),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack"), ", a concatenation,"),
    **dict.fromkeys(("layer_norm", "group_norm", "rms_norm", "local_response_norm"), ", over several units,"),
    **dict.fromkeys(("softmax", "log_softmax", "normalize"), ", over the units,"),
}


def passed_on(
    name: str, flows: list[tuple[Tensor, Flow]], given: list[Tensor], call: tuple[tuple, dict], result: Any
) -> Flow | None:
    """The units in what a function made of tensors that hold units; None where they do not keep apart.

    Args:
        name: of the function.
        flows: the tensors among those given that hold units.
        given: all tensors of the call.
        call: its arguments, by place and by name.
        result: what came out.
    """
    x, flow = flows[0]
    if not isinstance(result, Tensor):
        return None
    if name in ELEMENTWISE:
        return _elementwise(flows, given, result)
    if len(given) > 1:
        return None
    rules: dict[str, Callable[[], Flow | None]] = {
        **dict.fromkeys(POOLING, lambda: _spatial(x, flow, x.dim() - 1 - POOLING[name], result)),
        **dict.fromkeys(REDUCTIONS, lambda: _reduced(x, flow, *call)),
        **dict.fromkeys(RESHAPING, lambda: reshaped(flow, tuple(x.shape), tuple(result.shape))),
        **dict.fromkeys(("interpolate", "upsample"), lambda: _spatial(x, flow, 1, result)),
        "pad": lambda: _padded(x, flow, *call),
    }
    return rules[name]() if name in rules else None


def _elementwise(flows: list[tuple[Tensor, Flow]], given: list[Tensor], result: Tensor) -> Flow | None:
    """Entry by entry: of one layer's units alone, and of numbers."""
    shape, flow = result.shape, flows[0][1]
    same = all(tensor.shape == shape and other == flow for tensor, other in flows)
    own = {id(tensor) for tensor, _ in flows}
    numbers = all(tensor.numel() == 1 for tensor in given if id(tensor) not in own)
    return flow if same and numbers else None


def _spatial(x: Tensor, flow: Flow, axis: int, result: Tensor) -> Flow | None:
    """Over the axes after the units'."""
    kept = flow.axis == axis < x.dim() - 1 and flow.factor == 1 and result.shape[axis] == x.shape[axis]
    return flow if kept else None


def _reduced(x: Tensor, flow: Flow, args: tuple, kwargs: dict[str, Any]) -> Flow | None:
    """Over some of the axes after the units'."""
    dims = args[1] if len(args) > 1 else kwargs.get("dim")
    dims = (dims,) if isinstance(dims, int) else dims
    if not isinstance(dims, tuple | list) or not dims:
        return None
    return flow if all(dim % x.dim() > flow.axis for dim in dims) else None


def _padded(x: Tensor, flow: Flow, args: tuple, kwargs: dict[str, Any]) -> Flow | None:
    """Along some of the axes after the units'."""
    widths = args[1] if len(args) > 1 else kwargs.get("pad", ())
    return flow if len(widths) // 2 <= x.dim() - 1 - flow.axis else None


def reshaped(flow: Flow, before: tuple[int, ...], after: tuple[int, ...]) -> Flow | None:
    """The same entries in the same order, in another shape.

    >>> reshaped(Flow("conv", 1), (5, 16, 4, 4), (5, 256))
    Flow(producer='conv', axis=1, factor=16)
    >>> reshaped(Flow("conv", 1), (5, 16, 4, 4), (5, 4, 64)) is None
    True
    """
    ahead, size, behind = (
        prod(before[: flow.axis]),
        before[flow.axis],
        prod(before[flow.axis + 1 :]),
    )
    for axis, length in enumerate(after):
        if prod(after[:axis]) != ahead:
            continue
        if length == size:
            return flow._replace(axis=axis)
        if length == size * behind:
            return flow._replace(axis=axis, factor=flow.factor * behind)
    return None
