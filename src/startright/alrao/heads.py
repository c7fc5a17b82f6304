"""Many output layers on the same features."""

import copy
from collections.abc import Sequence

import torch
from torch import nn
from torch.func import functional_call, vmap

from startright.alrao.likelihoods import Likelihood
from startright.alrao.mixture import NEVER, LinearMixture, log_mixture


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

    def loss(
        self, z: torch.Tensor, targets: torch.Tensor, log_weights: torch.Tensor, likelihood: Likelihood
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The mixture's mean loss, and each head's mean log-likelihood, (n,).

        ``backward`` on the loss gives the features the gradient of the mixture's loss and each head that of
        its own loss alone (see :mod:`startright.alrao.mixture`).

        Args:
            z: features, (B, d).
            targets: see ``likelihood``.
            log_weights: of the mixture, (n,).
            likelihood: of the outputs.
        """
        if self.linear and hasattr(likelihood, "with_slope"):
            bias = getattr(self, "bias", None)
            return LinearMixture.apply(z, self.weight, bias, targets, log_weights, likelihood)
        return self._loss(z, targets, log_weights, likelihood)

    def _loss(
        self, z: torch.Tensor, targets: torch.Tensor, log_weights: torch.Tensor, likelihood: Likelihood
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same for any heads, by evaluating them twice: once for themselves, once for the features."""
        own = {name: value.view_as(value) for name, value in self._stacked().items()}
        log_probs = likelihood.log_prob(self.outputs(z.detach(), own), targets)
        means = log_probs.mean(-1)
        alive = means.detach().isfinite()

        def living(values: torch.Tensor) -> torch.Tensor:
            """Zero where the head has failed."""
            return torch.where(alive.view(-1, *[1] * (values.dim() - 1)), values, 0)

        for value in own.values():  # on a failed head the gradient of a masked loss is NaN: 0 × NaN
            if value.requires_grad:
                value.register_hook(living)
        sound = {name: living(value.detach()) for name, value in own.items()}
        seen = likelihood.log_prob(self.outputs(z, sound), targets)
        mixed = log_mixture(torch.where(alive[:, None], seen, NEVER), log_weights)
        loss, heads = -mixed.mean(), -living(means).sum()
        return loss + (heads - heads.detach()), torch.where(alive, means.detach(), NEVER)


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
