"""A study for workers in other processes: they import it, so it stands in a module of its own."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from startright.seeds import generator
from startright.studies import Outcome, RecordStore, Study, run
from startright.studies.cluster import Dask

SEEDS = 6


@dataclass(frozen=True)
class Descent:
    rate: float
    folder: str  # where runs write down that they started: "key pid", one file a run


def compute(config, seed, device):
    """Gradient descent on a parabola. One run raises, and one kills its process: always, or once."""
    folder = Path(config.folder)
    with open(folder / f"{config.rate}-{seed}", "a") as diary:
        diary.write(f"{os.getpid()} {torch.get_num_threads()}\n")
    if config.rate == 0.3 and seed == 0:
        raise ZeroDivisionError("bad luck")
    if config.rate == 0.9 and seed == 0 and (folder / "killer").exists():
        if (folder / "killer").read_text() == "once":
            (folder / "killer").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.1)
    x = torch.randn(3, generator=generator(seed, "init")).to(device)
    for _ in range(20):
        x = x - config.rate * x
    return Outcome({"loss": 0.5 * (x**2).sum()}, {"x": x.tolist()})


def compute_stacked(runs, device):
    if any(config.rate == 0.3 for config, _ in runs):
        raise ValueError("this one does not stack")
    return [compute(config, seed, device) for config, seed in runs]


def started(folder):
    """The process ids of all starts of all runs: {name of the run: [pid, …]}."""
    files = [path for path in Path(folder).iterdir() if path.name != "killer"]
    return {path.name: [line.split()[0] for line in path.read_text().splitlines()] for path in files}


def study(folder, stacks=False):
    """Three rates × six seeds."""

    def grid(profile):
        return [Descent(rate, str(folder)) for rate in (0.1, 0.3, 0.9)]

    more = {"run_stacked": compute_stacked, "stack_key": lambda config: config.rate} if stacks else {}
    return Study("toy-sweep", 1, "?", grid, lambda profile: range(SEEDS), compute, **more)


def schedule(file, allowed_failures):
    """A scheduler as `dask scheduler --scheduler-file FILE` starts it, in a process without startright."""
    import dask
    from distributed import Scheduler

    for name in [name for name in sys.modules if name.partition(".")[0] in ("startright", "torch")]:
        sys.modules[name] = None

    async def serve():
        async with Scheduler(host="127.0.0.1", port=0, dashboard=False, scheduler_file=file) as scheduler:
            await scheduler.finished()

    dask.config.set({"distributed.scheduler.allowed-failures": allowed_failures})
    asyncio.run(serve())


def work(address):
    """A worker of one thread, as `dask worker --nthreads 1 --no-nanny` starts it."""
    from distributed import Worker

    async def serve():
        async with Worker(address, nthreads=1, silence_logs="ERROR", dashboard=False) as worker:
            await worker.finished()

    torch.set_num_threads(1)
    asyncio.run(serve())


def sweep(engine, folder, path, stacks=False):
    """A client, to be killed."""
    torch.set_num_threads(1)
    engine = Dask(engine) if ":" in engine else engine
    run(study(folder, stacks), device="cpu", engine=engine, store=RecordStore(path), progress=False)
