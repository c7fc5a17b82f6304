"""What is needed to look at a pass from within: functions by name, their arguments, the tensors in them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

#: Functions that do what a linear or convolutional layer does, by the name torch gives them.
LAYER_FUNCTIONS = {"linear", "conv1d", "conv2d", "conv3d"}


def function_name(func: Callable) -> str:
    """The name of a function of torch; of a property, such as ``T``, its own.

    >>> function_name(Tensor.relu), function_name(Tensor.T.__get__)
    ('relu', 'T')
    """
    name = getattr(func, "__name__", str(func))
    return getattr(func.__self__, "__name__", name) if name == "__get__" else name


def argument(args: tuple, kwargs: dict[str, Any], place: int, name: str) -> Any:
    """An argument of a call, given by place or by name; None if it is not given.

    >>> argument((1, 2), {}, 1, "dim"), argument((1,), {"dim": 3}, 1, "dim"), argument((1,), {}, 1, "dim")
    (2, 3, None)
    """
    return args[place] if len(args) > place else kwargs.get(name)


def tensors(values: Any) -> Iterator[Tensor]:
    """The tensors in tuples, lists and dicts, however nested."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for value in values:
            yield from tensors(value)
    elif isinstance(values, dict):
        yield from tensors(list(values.values()))


@contextmanager
def on_example(model: nn.Module, example: Any) -> Iterator[None]:
    """In the block ``model`` runs on an example; what fails is told with the example.

    Args:
        model: the network.
        example: its arguments.

    Raises:
        ValueError: the pass failed, of whatever reason but a lack of memory.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        given = [
            f"{str(t.dtype).removeprefix('torch.')} of shape {tuple(t.shape)} on {t.device}"
            for t in tensors(example)
        ]
        raise ValueError(
            f"{type(model).__name__} does not run on the example ({'; '.join(given) or 'no tensor'}):"
            f" {error}. Give an input that it takes, in its dtype, on its device, of two examples or more"
        ) from error
