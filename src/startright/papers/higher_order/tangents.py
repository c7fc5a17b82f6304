r"""The reduced derivatives from tangents and one backward pass.

If the loss is composed of operations f with values y, and :math:`\delta = \partial L/\partial y` is what one
backward pass gives, then

.. math:: \bar H_{st} = \sum_f \langle \delta, \partial^2 f[\dot x_s, \dot x_t] \rangle, \qquad
    D^{(3)}_{sss} = \sum_f \langle \delta, \partial^3 f[\dot x_s, \dot x_s, \dot x_s]
    + 3\, \partial^2 f[\dot x_s, \ddot x_s] \rangle,

with :math:`\dot x_s, \ddot x_s` the first and second derivatives of the inputs of f along :math:`u_s`. These
are pushed forward next to the values, for all groups at once, and only from where a group enters the network.
Affine operations add nothing to the sums, elementwise ones a Gram matrix, products of inputs and weights an
inner product; whatever has no rule here is differentiated by itself, as a small problem of the same kind.
"""

from collections.abc import Callable

import torch
from torch.func import jvp, vmap
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_unflatten


class NotTaped(Exception):
    """An operation that cannot be followed: differentiate in another way."""


class Jet:
    """Derivatives of a tensor along the groups that reach it.

    Args:
        groups: their numbers, k of them.
        first: (k, ...).
        second: (k, ...), or None if all are zero; or a function that computes them when needed.
    """

    def __init__(self, groups: tuple[int, ...], first: torch.Tensor, second=None):
        self.groups, self.first, self._second = groups, first, second

    @property
    def second(self) -> torch.Tensor | None:
        """Second derivatives, (k, ...), or None if all are zero."""
        if callable(self._second):
            self._second = self._second()
        return self._second


ELEMENTWISE = {"tanh", "sigmoid", "exp", "log", "sin", "cos", "sqrt", "square", "relu", "elu", "silu", "gelu"}
ELEMENTWISE |= {"softplus", "leaky_relu", "selu", "mish", "celu", "logsigmoid"}
AFFINE = {"add", "sub", "__add__", "__radd__", "__sub__", "__rsub__", "cat", "stack"}  # or piecewise so
AFFINE |= {"flatten", "view", "reshape", "mean", "sum", "transpose", "permute", "squeeze", "unsqueeze", "neg"}
AFFINE |= {"contiguous", "avg_pool2d", "adaptive_avg_pool2d", "max_pool2d", "nll_loss", "__getitem__"}
LINEAR_IN_ONE = {
    "mul",
    "__mul__",
    "__rmul__",
    "matmul",
    "__matmul__",
    "mm",
    "bmm",
}  # if the other is constant
PRODUCTS = {F.linear, F.conv1d, F.conv2d, F.conv3d}
CHANGING = {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"}
CHANGING |= {"rrelu", "batch_norm", "instance_norm"}  # random, or with a state
WRONG_FORWARD = {"cumprod"}  # seen in torch 2.15: its third derivative forward, with zeros among the factors


class Tape(TorchFunctionMode):
    """Follows the operations of a loss and pushes the jets of the parameters through them.

    Args:
        third: whether second derivatives of the values are needed.
    """

    def __init__(self, third: bool):
        super().__init__()
        self.third = third
        self.jets: dict[int, Jet] = {}
        self.kept: list[torch.Tensor] = []  # so that no tensor takes the number of another
        self.terms: list[tuple[torch.Tensor, Callable]] = []  # value of f → what δ adds to the sums

    def follow(self, tensor: torch.Tensor, jet: Jet) -> None:
        """From now on this tensor has these derivatives."""
        self.jets[id(tensor)] = jet
        self.kept.append(tensor)

    def jet(self, tensor: object) -> Jet | None:
        """The derivatives of a tensor, None for a constant."""
        return self.jets.get(id(tensor)) if isinstance(tensor, torch.Tensor) else None

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Run the operation, and follow what comes out of it."""
        kwargs = kwargs or {}
        flat, spec = tree_flatten((args, kwargs))
        tensors = [v for v in flat if isinstance(v, torch.Tensor)]
        places = [k for k, v in enumerate(flat) if self.jet(v) is not None]
        versions = [v._version for v in tensors]
        y = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if places and versions != [v._version for v in tensors]:
            raise NotTaped(f"{name} works in place")
        if not any(isinstance(v, torch.Tensor) and v.requires_grad for v in tree_flatten(y)[0]):
            return y
        if not isinstance(y, torch.Tensor) or name in CHANGING | WRONG_FORWARD:
            raise NotTaped(f"{name} has several outputs, may be random, changes a state, or is wrong forward")
        if any(v.requires_grad and self.jet(v) is None for v in tensors) or not places:
            raise NotTaped(f"{name} has an input of unknown origin")

        def call(*inputs: torch.Tensor) -> torch.Tensor:
            filled = list(flat)
            for place, value in zip(places, inputs, strict=True):
                filled[place] = value
            a, k = tree_unflatten(filled, spec)
            return func(*a, **k)

        xs = [flat[k] for k in places]
        if func in PRODUCTS and self._is_product(args, kwargs):
            jet = self._product(func, args, kwargs, y)
        elif name in ELEMENTWISE and len(xs) == 1:
            jet = self._elementwise(call, xs[0], y)
        else:
            affine = name in AFFINE or (name in LINEAR_IN_ONE and len(xs) == 1)
            jet = self._general(call, xs, y, affine=affine)
        self.follow(y, jet)
        return y

    def _is_product(self, args, kwargs) -> bool:
        """Whether input, weight and bias are in their places, and the last two are parameters."""
        if len(args) < 2:
            return False
        rest = [self.jet(args[1]), self.jet(args[2] if len(args) > 2 else kwargs.get("bias"))]
        return all(jet is None or (len(jet.groups) == 1 and jet.second is None) for jet in rest)

    def _product(self, func, args, kwargs, y: torch.Tensor) -> Jet:
        """Of inputs and weights, plus a bias; convolutions included."""
        x, weight, *others = args
        bias = others[0] if others else kwargs.get("bias")
        of_x, of_w, of_b = (self.jet(v) for v in (x, weight, bias))
        named = {k: v for k, v in kwargs.items() if k != "bias"}
        groups = tuple(sorted({s for jet in (of_x, of_w, of_b) if jet is not None for s in jet.groups}))
        at = {s: k for k, s in enumerate(groups)}
        first = torch.zeros(len(groups), *y.shape, dtype=y.dtype, device=y.device)
        second = torch.zeros_like(first) if self.third and of_x is not None else None
        x = x.detach().requires_grad_(of_w is not None and of_x is not None)

        def product(inputs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
            return func(inputs, weights, None, *others[1:], **named)

        with torch.no_grad():
            if of_x is not None:
                rows, through = [at[s] for s in of_x.groups], lambda t: product(t, weight)
                if func is not F.linear:  # which takes leading axes by itself
                    through = vmap(through)
                first[rows] = through(of_x.first)
                if second is not None and of_x.second is not None:
                    second[rows] = through(of_x.second)
            if of_b is not None:
                spatial = max(weight.dim() - 2, 0)  # axes after the channels; there may be no batch axis
                first[at[of_b.groups[0]]] += of_b.first[0].view(-1, *[1] * spatial)
        if of_w is not None:
            [w], u = of_w.groups, of_w.first[0]
            moved = product(x, u)
            first[at[w]] += moved.detach()
            if of_x is not None:
                if second is not None and w in of_x.groups:
                    second[at[w]] += 2 * product(of_x.first[of_x.groups.index(w)], u)
                self.terms.append(
                    (y, lambda delta, sums: _add_product(sums, delta, x=x, moved=moved, of_x=of_x, w=w))
                )
        return Jet(groups, first, second)

    def _elementwise(self, call: Callable, x: torch.Tensor, y: torch.Tensor) -> Jet:
        """Of one input; its derivatives are those of a function of one variable."""
        of_x, at = self.jet(x), x.detach().requires_grad_()
        slopes, value = [], call(at)
        for _ in range(3):
            if (len(slopes) == 2 and not self.third) or not value.requires_grad:
                slopes.append(None)  # not asked for; piecewise linear, or quadratic
                continue
            [value] = torch.autograd.grad(value, at, torch.ones_like(value), create_graph=True)
            slopes.append(value.detach())
        one, two, three = slopes
        second = None
        if self.third and not (of_x.second is None and two is None):
            second = 0 if of_x.second is None else one * of_x.second
            second = second if two is None else second + two * of_x.first**2
        if two is not None:
            self.terms.append((y, lambda delta, sums: _add_elementwise(sums, delta, of_x, two, three)))
        return Jet(of_x.groups, one * of_x.first, second)

    def _general(self, call: Callable, xs: list[torch.Tensor], y: torch.Tensor, affine: bool) -> Jet:
        """Of anything else; what is affine in all its inputs adds nothing to the sums."""
        jets, at = [self.jet(x) for x in xs], tuple(x.detach() for x in xs)
        groups = tuple(sorted({s for jet in jets for s in jet.groups}))
        first = tuple(_aligned(jet.first, jet.groups, groups) for jet in jets)
        second = None
        if self.third and not (affine and all(jet.second is None for jet in jets)):
            parts = [jet.first * 0 if jet.second is None else jet.second for jet in jets]
            second = tuple(_aligned(v, jet.groups, groups) for v, jet in zip(parts, jets, strict=True))

        def push(*tangents: torch.Tensor) -> torch.Tensor:
            return jvp(call, at, tangents)[1]

        def bend(v: tuple[torch.Tensor, ...], w: tuple[torch.Tensor, ...]) -> torch.Tensor:
            def speed(*inputs: torch.Tensor) -> torch.Tensor:
                return jvp(call, inputs, v)[1]

            return jvp(speed, at, v)[1] + push(*w)

        def bent() -> torch.Tensor | None:
            with torch.no_grad():
                return (
                    None if second is None else vmap(push)(*second) if affine else vmap(bend)(first, second)
                )

        with torch.no_grad():
            moved = vmap(push)(*first)
        if not affine:
            small = {"call": call, "at": at, "first": first, "second": second, "groups": groups}
            self.terms.append((y, lambda delta, sums: _add_general(sums, delta, **small)))
        return Jet(groups, moved, bent)


def _aligned(stack: torch.Tensor, groups: tuple[int, ...], among: tuple[int, ...]) -> torch.Tensor:
    """Zeros where a group is missing."""
    if groups == among:
        return stack
    full = torch.zeros(len(among), *stack.shape[1:], dtype=stack.dtype, device=stack.device)
    full[[among.index(s) for s in groups]] = stack
    return full


def _add_product(sums, delta, *, x, moved, of_x: Jet, w: int) -> None:
    """Inputs against weights: ⟨δ, ẋ_s Ẇ⟩ once in a row and once in a column, and 3 ⟨δ, ẍ Ẇ⟩."""
    H, d3 = sums
    [back] = torch.autograd.grad(moved, x, delta)
    entries, at = of_x.first.flatten(1) @ back.flatten(), list(of_x.groups)
    H[at, w] += entries
    H[w, at] += entries
    if d3 is not None and of_x.second is not None and w in at:
        d3[w] += 3 * (of_x.second[at.index(w)] * back).sum()


def _add_elementwise(sums, delta, of_x: Jet, two: torch.Tensor, three: torch.Tensor | None) -> None:
    """With φ the function: ⟨δ, φ″ ẋ_s ẋ_t⟩, and ⟨δ, φ‴ ẋ³ + 3 φ″ ẋ ẍ⟩."""
    H, d3 = sums
    at, k = torch.tensor(of_x.groups, device=H.device), len(of_x.groups)
    flat = of_x.first.reshape(k, -1)
    bent = flat * (delta * two).flatten()
    H[at[:, None], at] += bent @ flat.T
    if d3 is not None and of_x.second is not None:
        d3[at] += 3 * (bent * of_x.second.reshape(k, -1)).sum(1)
    if d3 is not None and three is not None:
        d3[at] += flat**3 @ (delta * three).flatten()


def _add_general(sums, delta, *, call, at, first, second, groups) -> None:
    """⟨δ, f⟩, differentiated along the tangents and along the curves."""
    (H, d3), index = sums, torch.tensor(groups, device=delta.device)
    eta = torch.zeros(len(groups), dtype=delta.dtype, device=delta.device, requires_grad=True)
    moved = [x + torch.tensordot(eta, v, 1) for x, v in zip(at, first, strict=True)]
    slopes = _slope((delta * call(*moved)).sum(), eta)
    H[index[:, None], index] += torch.stack([_slope(slope, eta).detach() for slope in slopes])
    if d3 is None:
        return
    t = torch.zeros_like(eta, requires_grad=True)  # one a group: the curves are differentiated together
    curves = []
    for x, v, w in zip(at, first, second, strict=True):
        steps = t.view(-1, *[1] * x.dim())
        curves.append(x + steps * v + steps * steps / 2 * w)
    value = delta * vmap(call)(*curves)
    for _ in range(3):
        value = _slope(value.sum(), t)
    d3[index] += value.detach()


def _slope(value: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    """The gradient with its graph; 0 where there is none."""
    if not value.requires_grad:
        return torch.zeros_like(of)
    [found] = torch.autograd.grad(value, of, create_graph=True, allow_unused=True)
    return torch.zeros_like(of) if found is None else found


def taped_derivatives(
    loss_fn: Callable, params: dict, owners: dict[str, int], direction: dict, *, third: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    r"""The tensors :math:`\bar g`, :math:`\bar H` and :math:`D^{(3)}_{sss}`, in the parameters' type.

    Args:
        loss_fn: scalar from parameters by name.
        params: values by name.
        owners: number of the group by name.
        direction: by name.
        third: whether to compute the last.

    Raises:
        NotTaped: an operation that cannot be followed: one in place, with several outputs, random, or with
            another derivative forward than backward.
    """
    tape, S = Tape(third), max(owners.values()) + 1
    leaves = {n: p.detach().requires_grad_() if n in direction else p.detach() for n, p in params.items()}
    for name, u in direction.items():
        tape.follow(leaves[name], Jet((owners[name],), u[None]))
    with tape:
        loss = loss_fn(leaves)
    jet = tape.jet(loss)
    if jet is None or loss.dim():
        raise NotTaped("the loss is no scalar, or does not come from the parameters")
    H = torch.zeros(S, S, dtype=loss.dtype, device=loss.device)
    g, d3 = H.new_zeros(S), H.new_zeros(S) if third else None
    g[list(jet.groups)] = jet.first
    values, ends = [y for y, _ in tape.terms], [leaves[name] for name in direction]
    deltas = torch.autograd.grad(loss, values + ends, allow_unused=True, retain_graph=True)
    _refuse_another_gradient(g, dict(zip(direction, deltas[len(values) :], strict=True)), owners, direction)
    for (_, add), delta in zip(tape.terms, deltas, strict=False):
        if delta is not None:
            add(delta, (H, d3))
    return g, H, d3


def _refuse_another_gradient(forward: torch.Tensor, grads: dict, owners: dict, direction: dict) -> None:
    """Some operations have no derivative forward and do not say so: both ways must give one gradient."""
    backward, size = torch.zeros_like(forward), torch.zeros_like(forward)
    for name, grad in grads.items():
        if grad is not None:
            parts = grad * direction[name]
            backward[owners[name]] += parts.sum()
            size[owners[name]] += parts.abs().sum()
    eps = torch.finfo(forward.dtype).eps
    if ((forward - backward).abs() > eps**0.5 * size + 1e3 * eps * size.max()).any():
        raise NotTaped("the gradient forward is not the gradient backward")
