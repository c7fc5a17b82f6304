"""Layers whose weights are computed from others: those of ``torch.nn.utils.parametrizations``."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.utils import parametrize


def plain(module: nn.Module) -> nn.Module:
    """A parametrised layer as it would be without: of the type it had, with the weights it computes.

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    >>> type(plain(layer)).__name__, [name for name, _ in plain(layer).named_parameters()]
    ('Linear', ['weight', 'bias'])
    """
    found = object.__new__(parametrize.type_before_parametrizations(module))
    computed = {name: nn.Parameter(getattr(module, name).detach()) for name in module.parametrizations}
    found.__dict__ |= module.__dict__ | {"_parameters": computed | module._parameters, "_modules": {}}
    return found


@contextmanager
def still(module: nn.Module) -> Iterator[None]:
    """Parametrisations in evaluation: to read a weight under spectral norm is a step of its iteration."""
    lists = [part for part in module.modules() if isinstance(part, parametrize.ParametrizationList)]
    moving = [part for made in lists for part in made.modules() if part.training]
    for part in moving:
        part.training = False
    try:
        yield
    finally:
        for part in moving:
            part.training = True
