"""What is needed to look at a pass from within: functions by name, their arguments, the tensors in them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

#: Functions that do what a linear or convolutional layer does, by the name torch gives them.
LAYER_FUNCTIONS = {"linear", "conv1d", "conv2d", "conv3d"}
#: Functions that ask the tensor after the first for its kind, shape or place, and not for its values.
LIKE_OTHERS = {"to", "type_as", "expand_as", "view_as"}
#: Functions that ask the first tensor so.
LIKE_FIRST = {"zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like"}
LIKE_FIRST |= {"new_zeros", "new_ones", "new_empty", "new_full", "new_tensor"}


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


@contextmanager
def read_elsewhere(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, str]]:
    """Which of these layers have values that the block reads past them, not by calling the layer.

    What a method puts in the place of a layer would not reach such a reader.

    Args:
        layers: by name.

    Yields:
        Filled by the passes in the block: the layer's name → the function that read its weight or bias.
    """
    watch = _Readers(layers)
    with watch:
        yield watch.found


class _Readers(TorchFunctionMode):
    """Sees every function of torch; a layer calls its own with its parameters and its input."""

    def __init__(self, layers: Mapping[str, nn.Module]):
        super().__init__()
        self.found: dict[str, str] = {}
        self.owners = {id(p): name for name, part in layers.items() for p in part.parameters(recurse=False)}
        self.inside: list[str] = []
        self.hooks = [
            hook
            for name, part in layers.items()
            for hook in (
                part.register_forward_pre_hook(lambda *_, name=name: self.inside.append(name)),
                part.register_forward_hook(lambda *_: self.inside.pop() and None, always_call=True),
            )
        ]

    def __exit__(self, *error: Any) -> None:
        for hook in self.hooks:
            hook.remove()
        super().__exit__(*error)

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result, name = func(*args, **kwargs), function_name(func)
        if any(True for _ in tensors(result)):
            for tensor in tensors(_read(name, args, kwargs)):
                owner = self.owners.get(id(tensor))
                if owner is not None and owner not in self.inside[-1:]:
                    self.found.setdefault(owner, name)
        return result


def _read(name: str, args: tuple, kwargs: dict[str, Any]) -> tuple:
    """The arguments whose values a function reads."""
    if name in LIKE_OTHERS:
        return args[:1]
    return args[1:] if name in LIKE_FIRST else (args, kwargs)
