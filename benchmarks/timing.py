"""Times beside times on a machine that others use, and the one shape of a row that all benchmarks print.

Not a benchmark itself. Ways take turns in short blocks, the least of each counts, and the ratios of the
thirds of the blocks are the spread. A row names two ways and their ratio:

- ``way``, ``baseline``, ``way_s``, ``baseline_s``: what is compared, and the least seconds of each;
- ``ratio``, ``ratio_low``, ``ratio_high``, ``ratio_of``: with a goal of the form ``"<= 1.2"`` the way's time
  over that of the baseline, else how many times as fast the way is;
- ``goal``, ``goal_s``, ``reached``: what to reach, for the ratio to two decimals and for ``way_s``; of
  ``">= 1"``, not slower, the spread need only reach it; without a goal ``reached`` is null. Where it is
  missed, ``profile`` says where the microseconds of a step go;
- ``limit``, ``limit_of``: the ratio that physics allows, and what it is made of, where it is known;
- ``threads``, ``device``, ``torch``.

A row of a way with nothing beside it has ``way_s`` and, as its spread, ``way_high_s``.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any
from unittest import mock

import torch

from startright.devices import describe_device

CPU = torch.device("cpu")
LEVEL = ">= 1"  # of what may be the same code


class Aside(float):
    """What a run returns if so many of its seconds, by :func:`clock`, are not to count."""


def arguments(description: str | None, blocks: int, threads: int = 1) -> argparse.ArgumentParser:
    """The options that all benchmarks have; for small networks threads cost more than they save."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=threads)
    parser.add_argument("--blocks", type=int, default=blocks, help="in which the ways take turns")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    return parser


def show(rows: Iterable[dict], options: argparse.Namespace) -> None:
    """Prints the rows as they come."""
    for row in rows:
        print(json.dumps(row) if options.json else sentence(row), flush=True)


def clock(device: torch.device = CPU, *, wall: bool = False) -> float:
    """Seconds: on a CPU of this process alone, which others that wait for the processor do not lengthen."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() if wall or device.type == "cuda" else time.process_time()


def alternate(
    kinds: Mapping[str, Callable[[], object]],
    blocks: int,
    device: torch.device = CPU,
    *,
    steps: int = 1,
    wall: bool = False,
) -> dict[str, list[float]]:
    """The seconds of a step of each kind, in each of the blocks, in turns.

    Args:
        kinds: by name; one that returns :class:`Aside` has spent so many seconds on what does not count.
        blocks: how many of each; one more goes before, in which libraries load and caches fill.
        device: where.
        steps: of a block.
        wall: time on the wall, for work of several processes.
    """
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for block in range(blocks + 1):
        for name, run in kinds.items():
            begin, aside = clock(device, wall=wall), 0.0
            for _ in range(steps):
                out = run()
                aside += out if isinstance(out, Aside) else 0.0
            if block:
                seconds[name].append((clock(device, wall=wall) - begin - aside) / steps)
    return seconds


def ratio(seconds: Mapping[str, list[float]], over: str, under: str) -> dict[str, float]:
    """One kind over another: of the least blocks, and of the least of each third of the blocks."""
    thirds = [min(seconds[over][k::3]) / min(seconds[under][k::3]) for k in range(3) if seconds[over][k::3]]
    found = min(seconds[over]) / min(seconds[under])
    return {"ratio": found, "ratio_low": min(*thirds, found), "ratio_high": max(*thirds, found)}


def reached(value: float, goal: str) -> bool:
    """Whether a number, to two decimals, meets a goal.

    >>> reached(1.364, "<= 1.36"), reached(1.2, ">= 4")
    (True, False)
    """
    sign, bound = goal.split()
    value = round(value, 2)
    return {"<=": value <= float(bound), ">=": value >= float(bound)}[sign]


def row(
    benchmark: str,
    case: str,
    seconds: Mapping[str, list[float]],
    way: str,
    baseline: str,
    *,
    goal: str | None = None,
    goal_s: float | None = None,
    cost: bool = False,
    limit: float | None = None,
    limit_of: str | None = None,
    device: torch.device = CPU,
    profile: Callable[[], dict[str, float]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A row: see the head of this file. ``profile`` is called where the goal is missed.

    Without a goal the ratio says what the way costs if ``cost``, else how many times as fast it is.
    """
    cost = goal.startswith("<=") if goal else cost
    over, under = (way, baseline) if cost else (baseline, way)
    found = {
        "benchmark": benchmark,
        "case": case,
        "way": way,
        "baseline": baseline,
        "way_s": min(seconds[way]),
        "baseline_s": min(seconds[baseline]),
        **ratio(seconds, over, under),
        "ratio_of": "way over baseline" if over == way else "baseline over way",
    }
    return found | _judged(found, goal, goal_s, profile) | _about(device, limit, limit_of) | more


def alone(
    benchmark: str,
    case: str,
    seconds: list[float],
    *,
    goal_s: float | None = None,
    device: torch.device = CPU,
    profile: Callable[[], dict[str, float]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A row of a way with nothing beside it: the least seconds, and the most of the thirds of the blocks."""
    thirds = [min(seconds[k::3]) for k in range(3) if seconds[k::3]]
    found = {"benchmark": benchmark, "case": case, "way_s": min(seconds), "way_high_s": max(thirds)}
    return found | _judged(found, None, goal_s, profile) | _about(device) | more


def _judged(found: dict, goal: str | None, goal_s: float | None, profile: Callable | None) -> dict:
    checks = [reached(found["ratio_high" if goal == LEVEL else "ratio"], goal)] if goal else []
    checks += [found["way_s"] <= goal_s] if goal_s else []
    judged = {"goal": goal, "goal_s": goal_s, "reached": all(checks) if checks else None}
    return judged | ({"profile": profile()} if profile and judged["reached"] is False else {})


def _about(device: torch.device, limit: float | None = None, limit_of: str | None = None) -> dict:
    here = {"threads": torch.get_num_threads(), "device": describe_device(device), "torch": torch.__version__}
    return here if limit is None else {"limit": limit, "limit_of": limit_of} | here


def sentence(row: Mapping[str, Any]) -> str:
    """A row in words."""
    if "ratio" not in row:
        what = f"{row['way_s']:.3g} s (to {row['way_high_s']:.3g})"
    else:
        what = (
            f"{row['way']} {row['way_s']:.3g} s, {row['baseline']} {row['baseline_s']:.3g} s,"
            f" {row['ratio_of']} {spread(row)}"
        )
    goals = [row["goal"] and f"goal {row['goal']}", row["goal_s"] and f"goal <= {row['goal_s']:g} s"]
    if any(goals):
        what += f" ({', '.join(filter(None, goals))}: {'reached' if row['reached'] else 'missed'})"
    if "limit" in row:
        what += f"; limit {row['limit']:.2f}: {row['limit_of']}"
    if "compile_s" in row:
        what += f"; compiling {row['compile_s']:.1f} s, saved after {row['pays_after_steps']} steps"
    if "profile" in row:
        what += "; µs: " + ", ".join(f"{name} {value:.0f}" for name, value in row["profile"].items())
    return f"{row['case']}: {what}; {row['device']}, torch {row['torch']}"


def spread(row: Mapping[str, Any]) -> str:
    """The ratio and its spread, if it was taken."""
    if row["ratio_low"] is None:
        return f"{row['ratio']:.2f}"
    return f"{row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"


# --- where the time of a step goes ----------------------------------------------------------


class Timers:
    """Seconds inside functions while they are in use, each without those that it calls."""

    def __init__(self):
        self.seconds: Counter[str] = Counter()
        self._inner = [0.0]

    def around(self, name: str, function: Callable) -> Callable:
        """The function, timed under a name."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(0.0)
            begin = clock()
            try:
                return function(*args, **kwargs)
            finally:
                whole = clock() - begin
                self.seconds[name] += whole - self._inner.pop()
                self._inner[-1] += whole

        return timed


def profile(
    run: Callable[[], object],
    parts: Iterable[tuple[str, Any, str]],
    *,
    steps: int = 1,
    blocks: int = 3,
    before: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """Microseconds of the parts of a step, by timers around what it calls, of the fastest of the blocks.

    Args:
        run: what is called, a block.
        parts: (name, owner, its attribute); functions of one name are added up.
        steps: in a run.
        blocks: how many, after one that does not count.
        before: called before each, and not timed.

    Returns:
        They add up to the step: ``rest`` is outside of all parts, with the time of the timers.
    """
    found = []
    for _ in range(blocks + 1):
        before()
        timers = Timers()
        with ExitStack() as patched:
            for name, owner, attribute in parts:
                timed = timers.around(name, getattr(owner, attribute))
                patched.enter_context(mock.patch.object(owner, attribute, timed))
            timers.around("rest", run)()
        found.append(timers.seconds)
    least = min(found[1:], key=Counter.total)
    return {name: 1e6 * least[name] / steps for name in sorted(least, key=least.get, reverse=True)}


def operations(run: Callable[[], object]) -> dict[str, float]:
    """Microseconds of each operation of a run, the longest first, by torch's profiler, which adds some."""
    run()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        run()
    times = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    return {name: times[name] for name in sorted(times, key=times.get, reverse=True)}


def longest(run: Callable[[], object], count: int = 6) -> dict[str, float]:
    """The first of :func:`operations`, and all others as one."""
    times = operations(run)
    first = dict(list(times.items())[:count])
    return first | {"others": sum(times.values()) - sum(first.values())}


def speeds(left: torch.Tensor, right: torch.Tensor, numbers: int = 300_000) -> tuple[float, float]:
    """What one process reaches here: FLOP/s of the product of two (stacks of) matrices, and bytes/s.

    Args:
        left: (..., n, k).
        right: (..., k, m).
        numbers: of the vectors whose sum, two read and one written, gives the bytes.
    """
    long = torch.randn(2, numbers, dtype=left.dtype)
    kinds = {"product": lambda: left @ right, "sum": lambda: long[0].add_(long[1], alpha=0.0)}
    least = {name: min(times) for name, times in alternate(kinds, 30, steps=10).items()}
    return 2 * left.numel() * right.shape[-1] / least["product"], 3 * long[0].nbytes / least["sum"]
