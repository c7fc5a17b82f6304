"""What is needed to look at a pass from within: functions by name, their arguments, the tensors in them."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

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
