"""Many output layers on the same features."""

import copy
from collections.abc import Sequence

import torch
from torch import nn
from torch.func import functional_call, vmap

from startright.alrao.likelihoods import Likelihood
from startright.alrao.mixture import NEVER, linear_step, log_mixture


class HeadBank(nn.Module):
    """Heads of one shape, their parameters stacked along a leading axis.

    Linear heads are one batched product; any other module is vectorised by ``torch.func``.

    Args:
        heads: N modules, alike in all but the values of their parameters, which are copied. They take
            features, (B, d), and give outputs, (B, K).

    Attributes:
        n: number of heads.
        linear: whether they are plain ``nn.Linear``.

    Raises:
        ValueError: no head, one head twice, heads that share a parameter, differ, or have buffers.

    >>> bank = HeadBank([nn.Linear(5, 2) for _ in range(3)])
    >>> bank.weight.shape, bank(torch.zeros(7, 5)).shape
    (torch.Size([3, 2, 5]), torch.Size([3, 7, 2]))
    """

    def __init__(self, heads: Sequence[nn.Module]):
        super().__init__()
        heads = list(heads)
        _check(heads)
        self.n, self.linear = len(heads), type(heads[0]) is nn.Linear
        self._names = {name: name.replace(".", "_") for name, _ in heads[0].named_parameters()}
        for name, flat in self._names.items():
            values = torch.stack([head.get_parameter(name).detach() for head in heads])
            self.register_parameter(flat, nn.Parameter(values))
        # a shape without values: not a submodule, or its parameters would be counted with the bank's
        self.__dict__["template"] = copy.deepcopy(heads[0]).to("meta")

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Outputs, (n, B, K), for features, (B, d)."""
        return self.outputs(z, self._stacked())

    def _stacked(self) -> dict[str, torch.Tensor]:
        """The stacked parameters, by the names they have in a head."""
        return {name: self.get_parameter(flat) for name, flat in self._names.items()}

    def outputs(self, z: torch.Tensor, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
        """Outputs, (n, B, K), of heads with these stacked parameters, by the names they have in a head."""
        if self.linear:
            outputs = z @ parameters["weight"].mT
            return outputs + parameters["bias"].unsqueeze(-2) if "bias" in parameters else outputs
        head = self.__dict__["template"].train(self.training)
        return vmap(
            lambda one, z: functional_call(head, one, (z,)), in_dims=(0, None), randomness="different"
        )(parameters, z)

    def backward(
        self, z: torch.Tensor, targets: torch.Tensor, log_weights: torch.Tensor, likelihood: Likelihood
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds the gradients of one minibatch: the mixture's to what ``z`` came from, to each head its own.

        See :mod:`startright.alrao.mixture`.

        Args:
            z: features, (B, d).
            targets: see ``likelihood``.
            log_weights: of the mixture, (n,).
            likelihood: of the outputs.

        Returns:
            The mixture's mean loss and each head's mean log-likelihood, (n,), −inf where it is not finite.
        """
        if not (self.linear and hasattr(likelihood, "with_slope")):
            return self._backward(z, targets, log_weights, likelihood)
        bias = getattr(self, "bias", None)
        step = linear_step(z, self.weight, bias, targets, log_weights, likelihood)
        if z.requires_grad:
            z.backward(step.features)
        for parameter, gradient in ((self.weight, step.weight), (bias, step.bias)):
            if parameter is not None and parameter.requires_grad:
                _add_gradient(parameter, gradient)
        return step.loss, step.log_likelihoods

    def _backward(
        self, z: torch.Tensor, targets: torch.Tensor, log_weights: torch.Tensor, likelihood: Likelihood
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same for any heads, by evaluating them twice: once for themselves, once for the features."""
        stacked = self._stacked()
        own = self.outputs(z.detach(), stacked).transpose(0, 1)
        means = likelihood.log_prob(own, targets).mean(0)
        alive = means.detach() > NEVER

        def living(values: torch.Tensor) -> torch.Tensor:
            """Zero where the head has failed; a mask on the loss would not do, as 0 × NaN is NaN."""
            return torch.where(alive.view(-1, *[1] * (values.dim() - 1)), values, 0)

        learning = [parameter for parameter in stacked.values() if parameter.requires_grad]
        for parameter, gradient in zip(learning, torch.autograd.grad(-means.sum(), learning), strict=True):
            _add_gradient(parameter, living(gradient))
        sound = {name: living(value.detach()) for name, value in stacked.items()}
        seen = likelihood.log_prob(self.outputs(z, sound).transpose(0, 1), targets)
        loss = -log_mixture(seen.masked_fill(~alive, NEVER), log_weights).mean()
        if z.requires_grad:
            loss.backward()
        return loss.detach(), means.detach().masked_fill(~alive, NEVER)


def _add_gradient(parameter: nn.Parameter, gradient: torch.Tensor) -> None:
    parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def _check(heads: list[nn.Module]) -> None:
    if not heads:
        raise ValueError("expected one head or more, got none")
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
