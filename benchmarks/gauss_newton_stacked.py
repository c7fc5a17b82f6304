"""A sweep of Gauss-Newton over seeds, scales and steps: stacked, and by two workers, against one by one.

The quick size of the study ``gauss-newton-grid``: all compute the same runs, to the same number of steps
(checked here). Stacking cannot make it 5 times faster on a CPU: the time is arithmetic, that of the
evaluation, the kernel and its eigenvalues, which a stack has as well; a run fills a core by itself. So the
study goes one by one there, and its engine is not slower than that. Two workers, timed on the wall without
their start (``start_s``), are what brings a factor of two; to reach: 1.8.
"""

from collections.abc import Iterator

import torch
from sweeps import sweep, workers
from timing import CPU, alternate, arguments, profile, row, show

from startright.devices import pick_device
from startright.papers.gauss_newton import descent, dual, network
from startright.papers.gauss_newton.studies import GRID
from startright.papers.gauss_newton.studies.descent import run_descent, run_descents, run_together

BENCHMARK, ALONE = "gauss_newton_stacked", "one by one"
PARTS = (
    ("evaluation", descent, "evaluate"),
    ("kernel", network.Linearisation, "kernel"),
    ("eigenvalues", torch.linalg, "eigvalsh"),
    ("solution", dual, "solve_dual"),
    ("direction", network.Linearisation, "pullback"),
    ("linearisation", descent, "linearise"),
)


def main() -> None:
    options = arguments(__doc__, blocks=3).parse_args()
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    show(stacks(device, options.blocks), options)
    if device == CPU:
        show([by_workers(options.blocks)], options)


def stacks(device: torch.device, blocks: int) -> Iterator[dict]:
    """The stack, and what the study does of itself, beside one run after another."""
    runs = [(run.config, run.seed) for run in GRID.runs("quick")]
    size = GRID.max_stack or len(runs)
    groups = [runs[k : k + size] for k in range(0, len(runs), size)]
    ends: dict[str, list] = {}

    def kind(name, compute):
        return lambda: ends.update({name: [end for group in groups for end in compute(group, device)]})

    stacked, auto = f"stacks of {size}", "the study's engine"
    kinds = {
        stacked: kind(stacked, run_together),
        auto: kind(auto, run_descents),
        ALONE: kind(ALONE, lambda group, device: [run_descent(*run, device) for run in group]),
    }
    seconds = alternate(kinds, blocks, device)
    steps = [end.metrics["steps"] for end in ends[ALONE]]
    assert all([end.metrics["steps"] for end in other] == steps for other in ends.values()), ends
    parts = profile(kinds[ALONE], PARTS, steps=int(sum(steps)), blocks=1)
    about = {"device": device, "runs": len(runs), "steps": int(sum(steps))} | limit(parts)
    case = f"{len(runs)} runs of {GRID.name}"
    yield row(BENCHMARK, case, seconds, stacked, ALONE, **about) | {"profile": parts}
    goal = {"goal": ">= 1", "profile": lambda: parts}
    yield row(BENCHMARK, case, seconds, auto, ALONE, **goal, **about)


def limit(parts: dict[str, float]) -> dict:
    """The ratio if a stack saved all but the arithmetic that it has as well."""
    whole = sum(parts.values())
    shares = {name: us / whole for name, us in parts.items() if name != "rest"}
    words = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    return {"limit": 1 / sum(shares.values()), "limit_of": f"arithmetic, which a stack has as well: {words}"}


def by_workers(blocks: int) -> dict:
    """The sweep by two workers beside the same in this process, on the wall."""
    with workers(2) as (two, start_s):
        kinds = {"two workers": lambda: sweep(GRID, two), "one process": lambda: sweep(GRID, "serial")}
        seconds = alternate(kinds, blocks, wall=True)
    return row(
        BENCHMARK,
        f"sweep of {GRID.name}",
        seconds,
        *kinds,
        goal=">= 1.8",
        limit=2.0,
        limit_of="two workers",
        profile=lambda: profile(kinds["one process"], PARTS, blocks=1),
        start_s=start_s,
    )


if __name__ == "__main__":
    main()
