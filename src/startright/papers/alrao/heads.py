"""Many output layers on the same features."""

import copy
import math
from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.func import vmap

from startright.models.functional import call_at
from startright.papers.alrao.likelihoods import Likelihood, example_shares, in_closed_form
from startright.papers.alrao.mixture import NEVER, HeadStep, linear_step
from startright.papers.alrao.rates import Interval, LogUniform, as_sampler


class HeadBank(nn.Module):
    """Heads of one shape, their parameters stacked along a leading axis.

    Linear heads are one product; any other module is vectorised by ``torch.func``.

    Args:
        heads: N modules, alike in all but the values of their parameters, which are copied. They take
            features, (B, d), and give outputs, (B, K).

    Attributes:
        n: number of heads.
        linear: whether they are plain ``nn.Linear``.
        stack: a head whose parameters have the leading axis N.

    Raises:
        ValueError: no head, one head twice, heads that share a parameter, differ, have none, or have buffers.

    >>> bank = HeadBank([nn.Linear(5, 2) for _ in range(3)])
    >>> bank.weight.shape, bank(torch.zeros(7, 5)).shape
    (torch.Size([3, 2, 5]), torch.Size([3, 7, 2]))
    """

    def __init__(self, heads: Sequence[nn.Module]):
        super().__init__()
        heads = list(heads)
        _check(heads)
        self.n, self.linear = len(heads), type(heads[0]) is nn.Linear
        self.stack = copy.deepcopy(heads[0])
        for name, parameter in self.stack.named_parameters():
            parameter.data = torch.stack([head.get_parameter(name).detach() for head in heads])

    @property
    def weight(self) -> nn.Parameter:
        """Of linear heads, (n, K, d)."""
        return self.stack.weight

    @property
    def bias(self) -> nn.Parameter | None:
        """Of linear heads, (n, K)."""
        return self.stack.bias

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Outputs, (n, B, K), for features, (B, d)."""
        if self.linear:
            outputs = z @ self.weight.mT
            return outputs if self.bias is None else outputs + self.bias.unsqueeze(-2)
        return self._outputs(z.expand(self.n, *z.shape))

    def _outputs(self, z: torch.Tensor) -> torch.Tensor:
        """Outputs, (n, B, K), of any heads, each for features of its own, (n, B, d)."""
        return vmap(lambda one, z: call_at(self.stack, one, (z,)), randomness="different")(
            dict(self.stack.named_parameters()), z
        )

    def backward(
        self,
        z: torch.Tensor,
        targets: torch.Tensor,
        log_weights: torch.Tensor,
        likelihood: Likelihood,
        scale: float | torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds the gradients of one minibatch: the mixture's to what ``z`` came from, to each head its own.

        See :mod:`startright.alrao.mixture`.

        Args:
            z: features, (B, d).
            targets: see ``likelihood``.
            log_weights: of the mixture, (n,).
            likelihood: of the outputs.
            scale: factor of all gradients, for a batch that comes in pieces; None: one.

        Returns:
            The mixture's mean loss and each head's mean log-likelihood, (n,), −inf where it is not finite.
        """
        if not (self.linear and in_closed_form(likelihood)):
            return self._backward(z, targets, log_weights, likelihood, scale)
        step = linear_step(z, self.weight, self.bias, targets, log_weights, likelihood)
        self.take(z, step, scale)
        return step.loss, step.log_likelihoods

    def take(self, z: torch.Tensor, step: HeadStep, scale: float | torch.Tensor | None = None) -> None:
        """Adds the gradients that :func:`~startright.alrao.mixture.linear_step` has found.

        Args:
            z: features, (B, d).
            step: of linear heads.
            scale: as of :meth:`backward`.
        """
        if z.requires_grad:
            z.backward(_scaled(step.features, scale))
        for parameter, gradient in ((self.weight, step.weight), (self.bias, step.bias)):
            if parameter is not None and parameter.requires_grad:
                _add_gradient(parameter, _scaled(gradient, scale))

    def _backward(
        self,
        z: torch.Tensor,
        targets: torch.Tensor,
        log_weights: torch.Tensor,
        likelihood: Likelihood,
        scale: float | torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same for any heads: each gets the features as if they were its own, so that what a failed head
        would say of them is known apart and left out; a mask on its loss would not do, as 0 × NaN is NaN.
        """
        own = z.detach().expand(self.n, *z.shape).requires_grad_()
        log_probs = likelihood.log_prob(self._outputs(own).mT, targets)  # (n, B)
        parts = example_shares(likelihood, targets, log_probs.dtype)
        means = log_probs.mean(-1) if parts is None else (log_probs * parts).sum(-1)
        alive = means.detach().isfinite()

        def living(values: torch.Tensor) -> torch.Tensor:
            """Zero where the head has failed, the leading axis being that of the heads."""
            return torch.where(alive.view(-1, *[1] * (values.dim() - 1)), values, 0)

        learning = [parameter for parameter in self.stack.parameters() if parameter.requires_grad]
        gradients = torch.autograd.grad(-means.sum(), learning, retain_graph=True) if learning else ()
        for parameter, gradient in zip(learning, gradients, strict=True):
            _add_gradient(parameter, _scaled(living(gradient), scale))
        joint = log_probs.masked_fill(~alive[:, None], NEVER) + log_weights[:, None]
        losses = -joint.logsumexp(0)
        loss = losses.mean() if parts is None else (losses * parts).sum()
        if z.requires_grad:
            z.backward(_scaled(living(*torch.autograd.grad(loss, own)).sum(0), scale))
        return loss.detach(), means.detach().masked_fill(~alive, NEVER)


def _scaled(gradient: torch.Tensor, scale: float | torch.Tensor | None) -> torch.Tensor:
    return gradient if scale is None else gradient * scale


def _add_gradient(parameter: nn.Parameter, gradient: torch.Tensor) -> None:
    parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def _check(heads: list[nn.Module]) -> None:
    if not heads or not any(True for _ in heads[0].parameters()):
        raise ValueError(f"expected heads with parameters, got {heads}")
    first = _likeness(heads[0])
    owners: dict[int, int] = {}
    for index, head in enumerate(heads):
        if any(True for _ in head.buffers()):
            raise ValueError(f"head {index} has buffers (of a normalisation?): put it in the backbone")
        if _likeness(head) != first:
            raise ValueError(f"head {index}, {head}, differs from head 0, {heads[0]}")
        for name, parameter in head.named_parameters():
            if owners.setdefault(id(parameter), index) != index:
                raise ValueError(
                    f"heads {owners[id(parameter)]} and {index} share the parameter {name}: make_head must"
                    " return a new module each time"
                )


def _likeness(head: nn.Module) -> list[tuple]:
    parameters = ((name, tuple(p.shape), p.dtype) for name, p in head.named_parameters())
    return [(repr(head),), *parameters]


def rates_of_heads(interval: Interval, n: int, head_rate: float | None) -> torch.Tensor:
    """Rates of the heads, (n,): over the interval in geometric progression, both ends included.

    Args:
        interval: or a sampler.
        n: number of heads.
        head_rate: one rate for all instead.

    Raises:
        ValueError: no head, a rate that is not positive and finite, or none that follows from the interval.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n_heads must be a positive integer, got {n!r}")
    if head_rate is not None:
        if not 0 < head_rate < math.inf:
            raise ValueError(f"head_rate must be positive and finite, got {head_rate}")
        return torch.full((n,), float(head_rate), dtype=torch.float64)
    law = as_sampler(interval)
    if not isinstance(law, LogUniform) or (n == 1 and law.lo < law.hi):
        raise ValueError(
            f"{n} head{'s' * (n > 1)} with rates from {interval!r}: say which with head_rate=…, or give an"
            " interval and two heads or more"
        )
    return law.grid(n)


def make_heads(make_head: Callable[[], nn.Module], n: int, backbone: nn.Module) -> HeadBank:
    """Fresh heads that share nothing with the backbone.

    Args:
        make_head: makes one.
        n: how many.
        backbone: below them.

    Raises:
        ValueError: heads that share a parameter with it, or see :class:`HeadBank`.
    """
    heads = [make_head() for _ in range(n)]
    taken = {id(p): name for name, p in backbone.named_parameters()}
    for name, p in heads[0].named_parameters():
        if id(p) in taken:
            raise ValueError(
                f"a head and the backbone share the parameter {name} = {taken[id(p)]}: untie them"
            )
    return HeadBank(heads)


def drop_failed_(heads: nn.Module, log_likelihoods: torch.Tensor) -> None:
    """Zero the gradients of heads that have failed, those with log-likelihoods, (N,), of −∞."""
    failed = log_likelihoods == NEVER
    for p in heads.parameters():
        if p.grad is not None:
            p.grad.masked_fill_(failed.view(-1, *[1] * (p.dim() - 1)), 0)
