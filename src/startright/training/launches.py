"""Fewer launches for networks that are too small for a GPU.

At batches of 32 a GPU finishes a layer before the host has launched the next, so that a step takes as long as
its hundred or so launches do. Recorded once as a CUDA graph, all of it is one launch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

WARM_UP = 3  # steps made one launch after another, before one is recorded

Whole = Callable[..., torch.Tensor]


class CapturedStep:
    """A whole training step, from the indices of a batch to the moved weights, replayed as one CUDA graph.

    The first steps are made as they are, on a stream beside: libraries load, an optimizer makes its state.
    The next is recorded, and from then on all are replays of that one with other inputs. The step must
    therefore keep what changes from one to the next on the device: a learning rate or a count of steps on the
    host would stay what it was. Random numbers are drawn as without a graph.

    Args:
        step: gives a scalar on the device from tensors; what it leaves are changed tensors.
        generators: those that it draws from, beside torch's own.
        record: given the step and the generators, gives what replays it and where its result lies.

    A batch of another shape than the first, such as the last of an epoch, is made as it is. Where the step
    itself is to change, :meth:`forget` has it recorded anew.

    Raises:
        RuntimeError: the step waits for the device, or copies from the host; said when it is recorded.
    """

    def __init__(
        self,
        step: Whole,
        generators: Sequence[torch.Generator] = (),
        record: Callable[..., Any] | None = None,
    ):
        self.step, self.generators, self._record = step, list(generators), record or record_graph
        self._done, self._inputs, self._replay, self._result = 0, None, None, None

    def __call__(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Make a step; its result, a tensor of its own."""
        if self._inputs is None:
            self._inputs = [value.clone() for value in inputs]
        if any(own.shape != value.shape for own, value in zip(self._inputs, inputs, strict=True)):
            return self.step(*inputs)
        if self._done < WARM_UP:
            self._done += 1
            return _beside(self.step, inputs)
        if self._replay is None:
            self._replay, self._result = self._record(lambda: self.step(*self._inputs), self.generators)
        for own, value in zip(self._inputs, inputs, strict=True):
            own.copy_(value)
        self._replay()
        return self._result.clone()

    def forget(self) -> None:
        """Drop the recording: what the host decides of the step has changed. The next step is made as it is,
        and the one after it recorded.
        """
        self._replay = self._result = None
        self._done = min(self._done, WARM_UP - 1)


def record_graph(
    step: Callable[[], torch.Tensor], generators: Sequence[torch.Generator]
) -> tuple[Callable[[], None], torch.Tensor]:
    """``step`` as a CUDA graph, recorded and not made: what replays it, and the tensor of its result."""
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    try:
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # others may train beside
            result = step()
    except RuntimeError as error:
        raise RuntimeError(
            "the step waits for the device, or copies to it from the host, so it cannot be recorded as one"
            f" CUDA graph: train it with capture=False ({error})"
        ) from error
    return graph.replay, result


def _beside(step: Whole, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """The step on a stream of its own, as recording wants it, where there are streams."""
    if inputs[0].device.type != "cuda":
        return step(*inputs)
    stream, here = torch.cuda.Stream(), torch.cuda.current_stream()
    stream.wait_stream(here)
    with torch.cuda.stream(stream):
        result = step(*inputs)
    here.wait_stream(stream)
    return result
