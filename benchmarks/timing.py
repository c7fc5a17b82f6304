"""Ratios on a machine that others use: kinds take turns in short blocks, the least of each counts.

Not a benchmark itself.
"""

import time
from collections.abc import Callable, Mapping

import torch


def alternate(
    kinds: Mapping[str, Callable[[], object]], blocks: int, device: torch.device | None = None
) -> dict[str, list[float]]:
    """The seconds of each block of each kind, in turns; on a CPU, of this process alone.

    The time that a process had on its processors is not lengthened by others that wait for these.
    """
    on_gpu = device is not None and device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    for run in kinds.values():
        run()  # libraries load, caches fill
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(blocks):
        for name, run in kinds.items():
            begin = clock()
            run()
            if on_gpu:
                torch.cuda.synchronize()
            seconds[name].append(clock() - begin)
    return seconds


def ratio(seconds: Mapping[str, list[float]], slow: str, fast: str) -> dict[str, float]:
    """``slow`` over ``fast``: of the least blocks, and of the least of each third of the blocks."""
    thirds = [min(seconds[slow][k::3]) / min(seconds[fast][k::3]) for k in range(3) if seconds[slow][k::3]]
    return {
        "ratio": min(seconds[slow]) / min(seconds[fast]),
        "ratio_low": min(thirds),
        "ratio_high": max(thirds),
    }
