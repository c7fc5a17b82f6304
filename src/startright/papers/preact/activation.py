r"""$\varphi_\theta$ as a module: a table of cubics, a gather for each coefficient, exact derivatives."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from startright.papers.preact.law import check_kind, check_theta, phi_and_derivative

REACH = 8.0  # the table covers |z| <= 8; beyond, the tangent at the end
CHUNK = 1 << 17  # elements whose temporaries stay in the cache


@lru_cache(maxsize=64)
def hermite_cubics(theta: float, kind: str, nodes: int) -> np.ndarray:
    r"""The cubic Hermite interpolant of $\varphi_\theta$ on $[-8, 8]$, a cubic for each node.

    The cell of a node stretches away from 0, that of node 0 to both sides, so that an odd function has
    exactly odd cubics. Those of the last nodes are lines: they hold for all that lies beyond.

    Args:
        theta: shape of the Weibull weights, in [2, inf].
        kind: ``"odd"`` or ``"positive"``.
        nodes: equally spaced nodes on [0, 8]; [-8, 0] has as many.

    Returns:
        Coefficients of 1, t, t^2, t^3 with t = (z - node) / step, (4, 2 nodes - 1), float64.
    """
    half = nodes - 1
    if kind == "odd":
        z = np.linspace(0, REACH, nodes)
        value, slope = phi_and_derivative(z, theta)
        value, slope = np.r_[-value[:0:-1], value], np.r_[slope[:0:-1], slope]
    else:
        z = np.linspace(-REACH, REACH, 2 * half + 1)
        value, slope = phi_and_derivative(z, theta, kind)
    slope = slope * REACH / half
    cubics = np.zeros((4, 2 * half + 1))
    cubics[:2] = value, slope
    for here, away, sign in (
        (slice(half, -1), slice(half + 1, None), 1),
        (slice(1, half + 1), slice(0, half), -1),
    ):
        rise = value[away] - value[here]
        cubics[2, here] = 3 * rise - sign * (2 * slope[here] + slope[away])
        cubics[3, here] = sign * (sign * (slope[here] + slope[away]) - 2 * rise)
    even, odd = (value[half + 1] + value[half - 1]) / 2, (value[half + 1] - value[half - 1]) / 2
    bend, tilt = (slope[half + 1] - slope[half - 1]) / 4, (slope[half + 1] + slope[half - 1]) / 2
    cubics[:, half] = even - bend, (3 * odd - tilt) / 2, bend, (tilt - odd) / 2
    return cubics


def table(theta: float, kind: str, nodes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """:func:`hermite_cubics` as a tensor, made once for each dtype and device and kept in memory."""
    return _table(theta, kind, nodes, dtype, device)


# all that torch.compiler.assume_constant_result does, without the compiler's import of some seconds
table._dynamo_marked_constant = True


@lru_cache(maxsize=64)
def _table(theta: float, kind: str, nodes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(hermite_cubics(theta, kind, nodes), dtype=dtype, device=device)


def _cell(z: Tensor, cubics: Tensor) -> tuple[Tensor, Tensor, float]:
    """The flat index of each element's cubic, its argument t (shape of ``z``) and the nodes per unit of z."""
    half = cubics.shape[1] // 2
    s = z * (half / REACH)
    node = s.trunc().clamp(-half, half)
    index = (node + half).long().clamp(0, 2 * half)  # NaN, too, must have a cell
    return index.reshape(-1), s - node, half / REACH


def evaluate(z: Tensor, cubics: Tensor) -> tuple[Tensor, Tensor]:
    """Value and first derivative of the interpolant, each the shape of ``z``."""
    index, t, per_unit = _cell(z, cubics)
    a, b, c, d = (row.index_select(0, index).view(z.shape) for row in cubics)
    upper = torch.addcmul(c, d, t)
    middle = torch.addcmul(b, upper, t)
    slope = torch.addcmul(middle, torch.addcmul(upper, d, t), t)
    return torch.addcmul(a, middle, t), slope * per_unit


def second_derivative(z: Tensor, cubics: Tensor) -> Tensor:
    """Second derivative of the interpolant, the shape of ``z``; autograd gives the third."""
    index, t, per_unit = _cell(z, cubics)
    c, d = (row.index_select(0, index).view(z.shape) for row in cubics[2:])
    return (2 * c + 6 * d * t) * per_unit**2


def _evaluate_in_cache(z: Tensor, cubics: Tensor) -> tuple[Tensor, Tensor]:
    """:func:`evaluate`, but large tensors on the CPU go through scratch space that fits a core's cache."""
    if z.device.type != "cpu" or z.numel() <= CHUNK or torch.compiler.is_compiling():
        return evaluate(z, cubics)
    flat, packed = z.reshape(-1), cubics.t().contiguous()  # one gather of four neighbours, not four gathers
    value, slope = torch.empty_like(flat), torch.empty_like(flat)
    scratch = cubics.new_empty(3, CHUNK), torch.empty(CHUNK, dtype=torch.int32)
    with torch.no_grad():
        for part, y, dy in zip(flat.split(CHUNK), value.split(CHUNK), slope.split(CHUNK), strict=True):
            _evaluate_into(part, packed, y, dy, *(space[..., : part.numel()] for space in scratch))
    return value.view(z.shape), slope.view(z.shape)


def _evaluate_into(z: Tensor, packed: Tensor, y: Tensor, dy: Tensor, *scratch: Tensor) -> None:
    """:func:`evaluate` for ``packed`` cubics, (nodes, 4), in scratch space: half the time."""
    (t, u, w), index = scratch
    half = len(packed) // 2
    torch.mul(z, half / REACH, out=t)
    torch.trunc(t, out=u).clamp_(-half, half)
    t.sub_(u)
    index.copy_(u.add_(half)).clamp_(0, 2 * half)  # NaN, too, must have a cell
    a, b, c, d = packed.index_select(0, index).unbind(1)
    torch.addcmul(c, d, t, out=u)
    torch.addcmul(u, d, t, out=w)
    torch.addcmul(b, u, t, out=u)
    torch.addcmul(a, u, t, out=y)
    torch.addcmul(u, w, t, out=dy).mul_(half / REACH)


class _Interpolant(torch.autograd.Function):
    """(z, cubics) -> (value, slope), both differentiable in z.

    The slope saved for the first backward is an output of this very function: the second comes by itself.
    """

    @staticmethod
    def forward(z: Tensor, cubics: Tensor) -> tuple[Tensor, Tensor]:
        return _evaluate_in_cache(z, cubics)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs, output[1])

    @staticmethod
    def backward(ctx, grad_value: Tensor | None, grad_slope: Tensor | None) -> tuple[Tensor | None, None]:
        z, cubics, slope = ctx.saved_tensors
        grad = None if grad_value is None else grad_value * slope
        if grad_slope is not None:
            bent = grad_slope * second_derivative(z, cubics)
            grad = bent if grad is None else grad + bent
        return grad, None

    @classmethod
    def vmap(cls, info, in_dims, z: Tensor, cubics: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        return cls.apply(z, cubics), (in_dims[0], in_dims[0])  # elementwise


class _BothModes(_Interpolant):
    """The same in forward mode too, which torch.compile does not take."""

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        _Interpolant.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx, tangent: Tensor | None, _: None) -> tuple[Tensor | None, Tensor | None]:
        if tangent is None:
            return None, None
        z, cubics = ctx.saved_tensors[:2]
        return tangent * evaluate(z, cubics)[1], tangent * second_derivative(z, cubics)


def _forward_mode() -> bool:
    """Whether torch.func differentiates in forward mode: it would not differentiate a rule of ours again."""
    levels = torch._C._functorch.get_interpreter_stack() or ()
    return any(level.key() == torch._C._functorch.TransformType.Jvp for level in levels)


class GaussianActivation(nn.Module):
    r"""$\varphi_\theta$, elementwise: with weights $W(\theta, 1)$, Gaussian in, Gaussian out.

    A cubic Hermite table of the exact $\varphi_\theta$ on $[-8, 8]$; beyond, the tangent line (the exact
    function grows like $|z|^{1-2/\theta}$; a standard normal leaves $[-8, 8]$ once in 1e15). Value, first
    and second derivative are exact derivatives of one another, in reverse and in forward mode. The table is a
    constant shared by all modules of the same $\theta$: nothing to train, nothing in the state dict.

    Args:
        theta: shape of the Weibull weights, in [2, inf].
        kind: ``"odd"`` or ``"positive"``.
        nodes: nodes of the table on [0, 8], at least 2; 1001 for an error below 1e-9.

    Raises:
        ValueError: ``theta`` outside [2, inf], an unknown kind or too few nodes.

    Source: Wolinski and Arbel, *Gaussian Pre-Activations in Neural Networks: Myth or Reality?*

    >>> phi = GaussianActivation(theta=3)
    >>> phi(torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)).numpy().round(8).tolist()
    [-1.18205184, 0.0, 1.87597083]
    """

    def __init__(self, theta: float, kind: str = "odd", nodes: int = 1001) -> None:
        super().__init__()
        if isinstance(nodes, bool) or not isinstance(nodes, int) or nodes < 2:
            raise ValueError(f"nodes must be an integer of at least 2, got {nodes!r}")
        self.theta, self.kind, self.nodes = check_theta(theta), check_kind(kind), nodes

    def extra_repr(self) -> str:
        """The arguments, for ``repr``."""
        return f"theta={self.theta:g}, kind={self.kind!r}"

    def forward(self, z: Tensor) -> Tensor:
        r"""$\varphi_\theta(z)$.

        Args:
            z: pre-activations of any shape and floating dtype; half precisions are computed in float32.

        Returns:
            The activations, shape and dtype of ``z``.

        Raises:
            ValueError: ``z`` is not of a floating dtype, or is a nested tensor.
        """
        if not z.is_floating_point():
            raise ValueError(f"z must have a floating dtype, got {z.dtype}")
        if z.is_nested:
            raise ValueError("z is a nested tensor: pad the examples to one length")
        if z.dtype.itemsize < 4:
            return self.forward(z.float()).to(z.dtype)
        cubics = table(self.theta, self.kind, self.nodes, z.dtype, z.device)
        if torch.compiler.is_compiling():
            return _Interpolant.apply(z, cubics)[0]
        return (evaluate if _forward_mode() else _BothModes.apply)(z, cubics)[0]
