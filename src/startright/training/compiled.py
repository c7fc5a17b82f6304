"""Steps of narrow networks made by torch's compiler: few programs in place of many operations.

A step of a narrow network is about a hundred operations, and costs what it costs to start them, not their
arithmetic. So a step that is a function of tensors alone is recorded and compiled, and once for each shape
the compiled step is compared with the plain one; from then on the compiled one is called. That takes
seconds, and pays in long runs.
"""

import functools
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import torch

SHAPES = 8  # compiled of one step; of those met later the step is made as it is
TOLERANCE = 1e-3  # of what is compiled against the step as it is, of the largest entry: it is no rounding

Tensors = tuple[torch.Tensor, ...]
_RECORDING: ContextVar[bool] = ContextVar("recording", default=False)


def recording() -> bool:
    """Whether a step is being recorded: it must not look at values then, as they change."""
    return _RECORDING.get()


class CannotCompile(RuntimeError):
    """A function that torch's compiler does not take, or of which it makes another one."""


class Compiled:
    """A function of tensors, compiled for each of their shapes, and strides, when it is first met.

    What is compiled is called once on copies and must give what the function gives. Copies and what is
    loaded from a file compile anew. Gradients do not flow through it. Tensors with gaps between their
    entries, or several entries at one place, are given to the function itself.

    Args:
        function: from tensors to a tuple of them; it may change the tensors. It asks for no value of theirs.
        name: what errors call it.
    """

    def __init__(self, function: Callable[..., Tensors], name: str):
        self.function, self.name = function, name
        self._made: dict[tuple, Callable[..., Tensors]] = {}

    def __reduce__(self) -> tuple:
        return type(self), (self.function, self.name)

    def __call__(self, *tensors: torch.Tensor, kind: Hashable = None) -> Tensors:
        """What the function gives.

        Args:
            tensors: its arguments.
            kind: what else it depends on; for another kind it is compiled anew.

        Raises:
            RuntimeError: no compiler; :class:`CannotCompile` for a function that cannot be compiled, or comes
                out wrong.
        """
        key = kind, *[(t.shape, t.stride(), t.dtype, t.device) for t in tensors]
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= SHAPES or any(t.stride() != torch.empty_like(t).stride() for t in tensors):
                return self.function(*tensors)  # copies with other strides would be another program's
            made = self._made[key] = self._compile(tensors)
        with torch.no_grad():
            return made(*tensors)

    def _compile(self, tensors: Sequence[torch.Tensor]) -> Callable[..., Tensors]:
        check_compiler(tensors[0].device)
        plain, own, spare = ([t.detach().clone() for t in tensors] for _ in range(3))
        expected = self.function(*plain)
        try:
            made = _made(self.function, spare)
            with torch.no_grad():
                found = made(*own)
        except Exception as error:
            raise CannotCompile(
                f"{self.name} cannot be compiled ({_first_line(error)}): leave compile=False"
            ) from error
        for right, wrong in zip((*expected, *plain), (*found, *own), strict=True):
            if not _agree(right.detach(), wrong):
                raise CannotCompile(
                    f"{self.name} gives other numbers when it is compiled: leave compile=False, and please"
                    f" report it with torch {torch.__version__}"
                )
        return made


def _made(function: Callable[..., Tensors], tensors: Sequence[torch.Tensor]) -> Callable[..., Tensors]:
    """The function for such tensors alone; ``torch.compile`` would ask each time whether it still fits."""
    from torch._inductor import standalone_compile  # noqa: PLC0415 - takes seconds to import
    from torch.fx.experimental.proxy_tensor import make_fx  # noqa: PLC0415

    with _recorded():
        graph = make_fx(function)(*tensors)
    with torch.no_grad():
        return standalone_compile(graph, tensors, dynamic_shapes="from_example_inputs")


@contextmanager
def _recorded() -> Iterator[None]:
    token = _RECORDING.set(True)
    try:
        yield
    finally:
        _RECORDING.reset(token)


def _agree(right: torch.Tensor, found: torch.Tensor) -> bool:
    """Whether two tensors are equal but for rounding, in proportion to the largest entry."""
    finite = right.isfinite()
    if not torch.equal(finite, found.isfinite()):
        return False
    right, found = right[finite].double(), found[finite].double()
    return not len(right) or bool((right - found).abs().max() <= TOLERANCE * right.abs().max())


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".: ")


def check_compiler(device: torch.device) -> None:
    """Refuse ``compile=True`` where torch has no compiler that works, by trying a small program.

    Args:
        device: for which.

    Raises:
        RuntimeError: the message says what is missing.
    """
    why = _trial(device.type)
    if why:
        raise RuntimeError(
            f"compile=True needs a compiler for {device.type}, which torch cannot use here ({why}): install"
            " one (on a CPU a C++ compiler such as g++, or name yours in the variable CXX), or leave"
            " compile=False"
        )


@functools.lru_cache(maxsize=8)
def _trial(kind: str) -> str:
    """Why nothing can be compiled for devices of that kind; empty if it can."""
    values = torch.arange(8.0, device=kind)
    try:
        (found,) = _made(lambda x: (x * 2 + 1,), [values])(values)
    except Exception as error:
        return _first_line(error)
    return "" if torch.equal(found, values * 2 + 1) else "a trial gave wrong numbers"


Slot = tuple[Any, str]  # an object or a dictionary, and where in it a tensor is held


class Recordable(Protocol):
    """A program of many runs whose step can be recorded."""

    def move(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Move each run; the batch losses. All that it changes is in the slots."""

    def slots(self) -> list[Slot]:
        """Where it holds what changes from step to step, tensors or numbers."""


class CompiledMove:
    """The step of a program of many runs, compiled.

    The first step is made as it is: an optimizer makes its moments. While it is recorded the program holds
    the recorder's tensors in its slots; what it puts into them goes back into the tensors that were there.

    Args:
        program: whose method ``move`` this stands for.
    """

    def __init__(self, program: Recordable):
        self.program, self.plain, self._begun = program, program.move, False
        self._compiled = Compiled(self._whole, "the step of the stack")

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Move each run; the batch losses."""
        if not self._begun:
            self._begun = True
            return self.plain(x, y)
        slots = self.program.slots()
        held = [_held(*slot) for slot in slots]
        own = [t if isinstance(t, torch.Tensor) else x.new_tensor(t, dtype=torch.float64) for t in held]
        _put_all(slots, own)
        try:
            (losses,) = self._compiled(x, y, *(tensor.detach() for tensor in own))
        finally:
            _put_all(slots, own)
        return losses

    def _whole(self, x: torch.Tensor, y: torch.Tensor, *tensors: torch.Tensor) -> Tensors:
        """The step as a function of all its tensors, which it changes."""
        slots = self.program.slots()
        learning = [_held(*slot).requires_grad for slot in slots]
        here = [t.detach().requires_grad_(free) for t, free in zip(tensors, learning, strict=True)]
        _put_all(slots, here)
        losses = self.plain(x, y).detach()
        with torch.no_grad():
            for slot, tensor, held in zip(slots, tensors, here, strict=True):
                if (new := _held(*slot)) is not held:
                    tensor.copy_(new)
        return (losses,)


def _held(owner: Any, name: str) -> Any:
    return owner[name] if isinstance(owner, dict) else getattr(owner, name)


def _put_all(slots: Sequence[Slot], tensors: Sequence[torch.Tensor]) -> None:
    for (owner, name), tensor in zip(slots, tensors, strict=True):
        if isinstance(owner, dict):
            owner[name] = tensor
        else:
            setattr(owner, name, tensor)
