"""Models whose own initialisation is drawn from a seed."""

from collections.abc import Callable
from typing import TypeVar

from torch import nn

from startright.seeds import lend_global_stream

Model = TypeVar("Model", bound=nn.Module)


def build(make: Callable[[], Model], seed: int, role: str = "init") -> Model:
    """A model made with one stream of ``seed``, the ``"init"`` stream unless told otherwise.

    torch's layers draw their first weights from the global generator. It is lent the seed's stream
    while ``make`` runs, and is afterwards as it was before.

    Args:
        make: makes the model, on the CPU, so that it is the same whatever the device it is moved to.
        seed: of the initialisation.
        role: of the stream, see :func:`startright.seeds.generator`.

    Raises:
        ValueError: ``seed`` is not a non-negative integer.

    >>> import torch
    >>> a, b, c = (build(lambda: nn.Linear(2, 2), seed).weight for seed in (0, 0, 1))
    >>> torch.equal(a, b), torch.equal(a, c)
    (True, False)
    """
    with lend_global_stream(seed, role):
        return make()
