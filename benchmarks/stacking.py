"""Many runs as one program against one after another: what the benchmarks of stacked training share.

Not a benchmark itself.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from unittest import mock

import torch
from timing import Aside, Timers, alternate, clock, profile
from torch._inductor import config as inductor

from startright.training import stacked
from startright.training.compiled import Compiled, CompiledMove
from startright.training.evaluation import Recorder
from startright.training.optim import StackedAdam, StackedSGD

ALONE, TOGETHER, COMPILED = "one by one", "stacked", "stacked, compiled"

_ALWAYS = (
    ("batches", stacked._Batches, "take"),
    ("batches", stacked._Batches, "shuffle"),
    ("evaluation", Recorder, "step"),
)
_OPTIMIZER = (("optimizer", StackedSGD, "step"), ("optimizer", StackedAdam, "step"))
_WHILE_COMPILING = "compiling"

#: by the way of training, what a step calls
PARTS = {
    ALONE: (
        ("backward", torch.autograd, "backward"),
        ("optimizer", torch.optim.SGD, "step"),
        ("evaluation", Recorder, "step"),
    ),
    TOGETHER: (("forward and backward", stacked._Gradients, "move"), *_OPTIMIZER, *_ALWAYS),
    COMPILED: (
        ("compiled step", CompiledMove, "__call__"),
        (_WHILE_COMPILING, Compiled, "_compile"),
        *_ALWAYS,
    ),
}


def parts_of_step(
    prepare: Callable[[], Any], train: Callable[[Any], list], parts: Iterable[tuple], steps: int
) -> dict[str, float]:
    """Microseconds of the parts of a step of all runs; without those of compiling."""
    runs: list = []
    found = profile(lambda: train(runs.pop()), parts, steps=steps, before=lambda: runs.append(prepare()))
    found.pop(_WHILE_COMPILING, None)
    return found


def trained(
    prepare: Callable[[], Any], ways: Mapping[str, Callable[[Any], list]], blocks: int, device: torch.device
) -> tuple[dict[str, list[float]], dict[str, list]]:
    """Seconds of whole trainings, without those of making networks and of compiling; the histories."""
    kept: dict[str, list] = {}

    def kind(name: str, train: Callable[[Any], list]) -> Callable[[], Aside]:
        def run() -> Aside:
            begin, timers = clock(device), Timers()
            runs = prepare()
            aside = clock(device) - begin
            with mock.patch.object(Compiled, "_compile", timers.around("compile", Compiled._compile)):
                kept[name] = train(runs)
            return Aside(aside + timers.seconds["compile"])

        return run

    return alternate({name: kind(name, train) for name, train in ways.items()}, blocks, device), kept


def compiling(prepare: Callable[[], Any], train: Callable[[Any], list]) -> float:
    """Seconds on the wall of making the step of a training, without what torch keeps on the disk."""
    spent = []

    def timed(self: Compiled, tensors: Any, make: Callable = Compiled._compile) -> Any:
        begin = time.perf_counter()
        made = make(self, tensors)
        spent.append(time.perf_counter() - begin)
        return made

    with mock.patch.object(Compiled, "_compile", timed), inductor.patch(force_disable_caches=True):
        train(prepare())
    return sum(spent)


def payment(seconds: Mapping[str, list[float]], steps: int, compile_s: float) -> dict[str, Any]:
    """What compiling costs, and after how many steps of the stack that is saved; None: never."""
    saved = (min(seconds[TOGETHER]) - min(seconds[COMPILED])) / steps
    return {
        "compile_s": compile_s,
        "pays_after_steps": round(compile_s / saved) if saved > 0 else None,
        "pays_against": TOGETHER,
    }
