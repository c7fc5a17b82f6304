"""The engine ``dask``: runs on the workers of a Dask cluster, started here or already there.

The process that calls :func:`startright.studies.runner.run` is the client. It sends tasks (a stack where
the study stacks, else one run) and appends to the store what comes back, as it comes; workers write nothing.
So a run is recorded once, whichever workers were lost on the way, and a kill of the client loses only what
was in flight.
"""

# ruff: noqa: PLC0415 (Dask comes with an extra, and takes a second to import)

import contextlib
import socket
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import torch

from startright.devices import pick_device
from startright.errors import unknown
from startright.paths import is_ours
from startright.studies.engines import ENGINES, Finished, say, stacks
from startright.studies.provenance import code_of, provenance
from startright.studies.record import Outcome, Run
from startright.studies.study import Study

if TYPE_CHECKING:
    from distributed import Client, Future
    from distributed.deploy import Cluster

CLUSTERS = ("local", "slurm", "oar")
CONNECT_SECONDS = 8.0
UPKEEP_SECONDS = 10.0
KILLED = "every worker that was given this run died"
_JOB = {"cores": 1, "processes": 1, "memory": "4 GB", "scheduler_options": {"dashboard_address": ":0"}}
_LOOPBACK = "127.0.0.1:0"  # nobody else on the network is to see a local sweep; port 0: any that is free
_KEPT_BYTES = {"MALLOC_TRIM_THRESHOLD_": 2**30, "MALLOC_MMAP_THRESHOLD_": 2**25}
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


class Dask:
    """The engine ``dask``: ``studies.run(study, "full", engine=Dask(cluster="slurm", workers=8))``.

    Every worker computes one run, or one stack of runs, at a time, on the device that it picks itself, with
    one CPU thread unless it was told otherwise. Runs in flight on a worker that is lost go to another; a run
    that takes down every worker it is given to, even when it runs alone, is recorded as ``failed``.

    Args:
        scheduler: address of a running scheduler, ``"tcp://host:8786"``; None: start a cluster a sweep.
        cluster: ``local`` (processes of this machine; the default), ``slurm`` or ``oar`` (one job a worker).
        workers: how many to start; 2 by default.
        options: further arguments of ``distributed.LocalCluster``, ``dask_jobqueue.SLURMCluster`` or
            ``dask_jobqueue.OARCluster``, such as ``queue``, ``account``, ``walltime``, ``memory``.

    Raises:
        ValueError: an unknown cluster, less than one worker, or both a scheduler and a cluster to start.

    >>> print(Dask(cluster="slurm", workers=8, walltime="02:00:00"))
    Dask, slurm, 8 workers
    """

    remote = True

    def __init__(
        self,
        scheduler: str | None = None,
        *,
        cluster: str | None = None,
        workers: int | None = None,
        **options: Any,
    ):
        if scheduler is not None and (cluster is not None or workers is not None or options):
            raise ValueError(
                f"scheduler {scheduler!r} has its own workers: give either its address or a cluster to start"
            )
        if cluster not in (None, *CLUSTERS):
            raise unknown("cluster", cluster, CLUSTERS)
        if workers is not None and workers < 1:
            raise ValueError(f"workers must be at least 1, got {workers!r}")
        self.scheduler, self.cluster, self.options = scheduler, cluster or "local", options
        self.workers = 2 if workers is None else workers

    def __str__(self) -> str:
        if self.scheduler is not None:
            return f"Dask, scheduler {self.scheduler}"
        return f"Dask, {self.cluster}, {self.workers} worker{'s' * (self.workers > 1)}"

    def __call__(
        self, study: Study, runs: Sequence[Run], device: str | torch.device
    ) -> Generator[Finished, None, None]:
        """Compute ``runs`` on the workers, in the order in which they finish.

        Raises:
            OSError: no scheduler answers at the address, it is lost during the sweep, or no worker starts.
            ValueError: a device that a worker has not, or a study that cannot be sent.
            RuntimeError: a worker that cannot load the study.
            ModuleNotFoundError: Dask is not installed.
        """
        where = str(device), uuid4().hex
        first = _pack(study, runs[:1])  # what cannot be sent is found out before a job is submitted
        with self._client() as client:
            _check_workers(client, first, str(device))
            slots = self.workers if self.scheduler is None else sum(client.nthreads().values())
            tasks, suspects = stacks(study, runs, slots) if study.run_stacked else [[r] for r in runs], []
            yield from _compute_all(client, study, tasks, where, suspects)
            for run in suspects:  # one after another: the one that takes its worker down takes no other along
                killers: list[Run] = []
                yield from _compute_all(client, study, [[run]], where, killers)
                if killers:
                    yield run, Outcome({}, status="failed", reason=KILLED), 0.0, None, {}

    def start(self) -> "Cluster":
        """The cluster, a context manager; a local one has its workers, of others no job is submitted yet."""
        distributed = _need("distributed")
        if self.cluster == "local":
            local = {"threads_per_worker": 1, "silence_logs": "ERROR", "dashboard_address": _LOOPBACK}
            fixed = {"n_workers": self.workers, "env": {**_ONE_THREAD, **self.options.get("env", {})}}
            with _local_manners():
                return distributed.LocalCluster(**{**local, **self.options, **fixed})
        jobqueue = _need("dask_jobqueue")
        kind = jobqueue.SLURMCluster if self.cluster == "slurm" else jobqueue.OARCluster
        exports = [f"export {name}={value}" for name, value in _ONE_THREAD.items()]
        prologue = [*exports, *self.options.get("job_script_prologue", ())]
        return kind(**{**_JOB, **self.options, "job_script_prologue": prologue})

    def job_script(self) -> str:
        """The script of the job that a worker of Slurm or OAR runs in, without submitting it."""
        with self.start() as cluster:
            return cluster.job_script()

    @contextlib.contextmanager
    def _client(self) -> Iterator["Client"]:
        """A client of a cluster with at least one worker; on the way out all that was started here ends."""
        distributed = _need("distributed")
        with contextlib.ExitStack() as opened:
            if self.scheduler is not None:
                client = opened.enter_context(_connect(self.scheduler))
                if not client.nthreads():
                    warnings.warn(f"the scheduler {self.scheduler} has no worker yet; waiting", stacklevel=2)
            else:
                if self.cluster == "local":
                    opened.enter_context(_local_manners())
                cluster = opened.enter_context(self.start())
                opened.enter_context(_kept_at(cluster, self.workers))
                client = opened.enter_context(distributed.Client(cluster, set_as_default=False))
            client.wait_for_workers(1)
            yield client


ENGINES["dask"] = Dask()


def _need(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"engine 'dask' needs the package {error.name!r}: pip install \"startright[cluster]\""
        ) from error


def _connect(address: str) -> "Client":
    distributed = _need("distributed")
    try:
        # first a plain connection: a client of an address where nothing listens takes its time to give up
        place = distributed.comm.get_address_host_port(address)
        socket.create_connection(place, CONNECT_SECONDS).close()
        return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except Exception as error:  # a port on which something else answers can cause any error
        raise OSError(
            f"no Dask scheduler answers at {address!r} ({say(error)}): start one with `dask scheduler`, or"
            " check the address (tcp://HOST:PORT) and the firewall between"
        ) from error


def _local_manners() -> contextlib.AbstractContextManager:
    """How Dask treats workers of this machine.

    Those that die are restarted where they were, as importing torch anew takes a while. Freed memory stays
    theirs: by Dask's own setting it goes back to the system after every operation, and is paged in anew for
    the next, which made runs 1.4 times as slow.
    """
    import dask

    keep = {f"distributed.nanny.pre-spawn-environ.{name}": size for name, size in _KEPT_BYTES.items()}
    return dask.config.set({"distributed.deploy.lost-worker-timeout": "2 minutes", **keep})


@contextlib.contextmanager
def _kept_at(cluster: "Cluster", workers: int) -> Iterator[None]:
    """Start the workers, and within seconds another for each that has gone for good."""
    from distributed.core import Status
    from tornado.ioloop import PeriodicCallback

    async def begin() -> None:
        while len(cluster.worker_spec) < workers:
            cluster.worker_spec.update(cluster.new_worker_spec())
        await cluster
        upkeep.start()

    async def end() -> None:
        upkeep.stop()

    upkeep = PeriodicCallback(lambda: cluster.scale(workers), UPKEEP_SECONDS * 1000)
    try:
        cluster.sync(begin)
    except (OSError, RuntimeError) as error:
        for job in cluster.workers.values():
            job.status = Status.failed  # the cluster closes only if none is left half-way
        told = " ".join(str(error).split())
        raise OSError(f"no worker could be started: {told}") from error
    try:
        yield
    finally:
        cluster.sync(end)


def _pack(study: Study, runs: Sequence[Run]) -> bytes:
    """Study and runs as bytes; the workers need neither grid nor seeds.

    Functions of modules go by name, so a worker computes with the code that it has installed.
    """
    cloudpickle = _need("cloudpickle")
    code = code_of(study)
    home = None if is_ours(code) else code
    try:
        return cloudpickle.dumps((replace(study, grid=None, seeds=None), list(runs), home))
    except Exception as error:
        raise ValueError(
            f"study {study.name!r} cannot be sent to workers ({say(error)}): define its functions at the top"
            " of a module"
        ) from error


def _unpack(packed: bytes) -> tuple[Study, list[Run], Path | None]:
    import cloudpickle

    return cloudpickle.loads(packed)


def _ready(packed: bytes, device: str) -> Exception | None:
    """On a worker: what keeps it from computing runs of the packed study on ``device``."""
    try:
        _unpack(packed)
        pick_device(device)
    except Exception as error:
        return error
    return None


@lru_cache(maxsize=8)
def _origin(device: torch.device, code: Path | None, sweep: str) -> dict[str, Any]:
    """On a worker: its provenance, once a sweep."""
    return provenance(device, code)


def _compute(packed: bytes, device: str, sweep: str) -> list[tuple]:
    """On a worker: the runs of one task, each as (outcome, seconds, peak memory, provenance)."""
    study, runs, home = _unpack(packed)
    code = code_of(study)
    if home is not None and (code is None or is_ours(code)):
        code = home  # of a study whose grid alone is not the book's
    where = pick_device(device)
    engine = ENGINES["stacked" if study.run_stacked else "serial"]
    return [(*rest, _origin(where, code, sweep)) for _, *rest in engine(study, runs, where)]


def _task() -> Callable[..., list[tuple]]:
    """:func:`_compute` as a function that goes by value: the scheduler reads it without torch."""

    def compute(packed: bytes, device: str, sweep: str) -> list[tuple]:
        from importlib import import_module

        return import_module("startright.studies.cluster")._compute(packed, device, sweep)

    return compute


def _check_workers(client: "Client", packed: bytes, device: str) -> None:
    """Raise what a worker that is there already would raise for every run."""
    for address, error in client.run(_ready, packed, device).items():
        if isinstance(error, ValueError):
            raise ValueError(f"worker {address}: {error}")
        if error is not None:
            raise RuntimeError(f"worker {address} cannot load the study: {say(error)}") from error


def _compute_all(
    client: "Client", study: Study, tasks: Sequence[list[Run]], where: tuple[str, str], killers: list[Run]
) -> Generator[Finished, None, None]:
    """The runs of ``tasks`` as they finish; those whose workers died again and again go to ``killers``."""
    from distributed import CancelledError, KilledWorker, as_completed

    packed = [_pack(study, task) for task in tasks]
    device, sweep = where
    futures = client.map(_task(), packed, device=device, sweep=sweep, key=study.name, pure=False)
    pending: dict[Future, list[Run]] = dict(zip(futures, tasks, strict=True))
    del futures, packed  # so that a result is released everywhere once it is recorded
    # fetched at once, not when it is their turn: a worker that dies takes along what it still holds
    finished = as_completed(list(pending), loop=client.loop, with_results=True, raise_errors=False)
    try:
        for future, found in finished:
            task = pending.pop(future)
            if isinstance(found, CancelledError):
                raise OSError(
                    f"the Dask scheduler {client.scheduler.address} was lost; what had finished is recorded,"
                    " run the study again for the rest"
                )
            if isinstance(found, list):
                yield from ((run, *one) for run, one in zip(task, found, strict=True))
                continue
            _, error, _ = found
            if isinstance(error, KilledWorker):
                killers += task
                continue
            outcome = Outcome({}, status="failed", reason=say(error))
            yield from ((run, outcome, 0.0, None, {}) for run in task)
    finally:
        if client.status == "running":  # a lost scheduler would be waited for
            client.cancel(list(pending))
