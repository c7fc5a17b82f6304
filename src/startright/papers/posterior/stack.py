"""Variational networks of one shape as one program: each run its own weights, temperature and noise."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import vmap

from startright.models.functional import call_at
from startright.models.variational import divergences, sampling
from startright.training import ModelStack


class VariationalStack(ModelStack):
    """A :class:`~startright.training.stack.ModelStack` of variational networks.

    Args:
        models: made by :func:`~startright.models.variational.variational_`, alike but for their values.
        generators: of the noise, one a run.
    """

    def __init__(self, models: Sequence[nn.Module], generators: Sequence[torch.Generator]):
        super().__init__(models)
        if len(generators) != len(models):
            raise ValueError(f"expected one generator a model, got {len(generators)} for {len(models)}")
        self.generators = list(generators)
        self._asked: dict[tuple, list[torch.Size]] = {}

    def sampled(self, x: Tensor, *, shared: bool, local: bool | None = None) -> Tensor:
        """Outputs at one draw of every run's noise, (runs, n, classes).

        A run draws the numbers, in the order, that its model alone draws from the run's generator.

        Args:
            x: inputs, (n, ...) if all runs share them, else (runs, n, ...).
            shared: whether they do.
            local: as of :func:`~startright.models.variational_layers.sampling`.
        """
        noise = [self._noise(shape, x) for shape in self._asked_for(x if shared else x[0], local)]

        def outputs(tensors: dict[str, Tensor], x: Tensor, noise: list[Tensor]) -> Tensor:
            supply = iter(noise)
            with sampling(self._base, lambda shape, like: next(supply), local=local):
                return call_at(self._base, tensors | self._shared, (x,), where=self._places)

        return vmap(outputs, in_dims=(0, None if shared else 0, 0))(self.parts() | self._own, x, noise)

    def _noise(self, shape: torch.Size, like: Tensor) -> Tensor:
        own = [
            torch.randn(shape, generator=rng, device=like.device, dtype=like.dtype) for rng in self.generators
        ]
        return torch.stack(own)

    @torch.no_grad()
    def _asked_for(self, x: Tensor, local: bool | None) -> list[torch.Size]:
        """The shapes of the noise of one pass, found once for each shape of the inputs."""
        key = (tuple(x.shape), local)
        if key not in self._asked:
            shapes: list[torch.Size] = []

            def note(shape: torch.Size, like: Tensor) -> Tensor:
                shapes.append(shape)
                return torch.zeros(shape, dtype=like.dtype, device=like.device)

            with sampling(self._base, note, local=local):
                self._base(x)
            self._asked[key] = shapes
        return self._asked[key]

    def divergence(self) -> Tensor:
        """Of each run from its prior, (runs,)."""
        return divergences(self._base, self.parts()).value
