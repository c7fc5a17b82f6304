import ast
import json
import multiprocessing
import os
import signal
import stat
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from startright.studies import Dask, Outcome, RecordStore, compare, pick_engine, run
from startright.studies import cluster as module
from startright.studies.engines import stacks

dask = pytest.importorskip("dask")
dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
distributed = pytest.importorskip("distributed")

sys.path.insert(0, str(Path(__file__).parent))
import sweeps  # noqa: E402

# torch is imported once, in the server, and not by every process that is to be killed
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["distributed", "startright.studies"])
RUNS = 3 * sweeps.SEEDS


# --- without a cluster -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cluster": "slrum"}, "unknown cluster 'slrum': did you mean 'slurm'"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"scheduler": "tcp://host:1", "workers": 2}, "'tcp://host:1' has its own workers"),
        ({"scheduler": "tcp://host:1", "cluster": "oar"}, "its own workers"),
        ({"scheduler": "tcp://host:1", "queue": "gpu"}, "its own workers"),
    ],
)
def test_bad_clusters_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Dask(**arguments)


def test_the_engine_is_picked_by_name_or_given(study):
    assert isinstance(pick_engine(study, "dask"), Dask)
    engine = Dask(cluster="oar", workers=1)
    assert pick_engine(study, engine) is engine
    assert [str(one) for one in (engine, Dask("tcp://h:1"), Dask())] == [
        "Dask, oar, 1 worker",
        "Dask, scheduler tcp://h:1",
        "Dask, local, 2 workers",
    ]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "", "tcp://no.such.host.invalid:8786"])
def test_an_unreachable_scheduler_is_one_line_and_nothing_is_computed(tmp_path, address):
    begin, store = time.monotonic(), RecordStore(tmp_path / "records")
    with pytest.raises(OSError, match=f"no Dask scheduler answers at '{address}'.*dask scheduler") as error:
        run(sweeps.study(tmp_path), device="cpu", engine=Dask(address), store=store, progress=False)
    assert "\n" not in str(error.value)
    assert time.monotonic() - begin < 15
    assert store.load() == {}
    assert sweeps.started(tmp_path).keys() <= {"records"}


def test_a_study_that_cannot_be_sent_is_refused(study):
    unsendable = replace(study, run=(line for line in ()).__next__)
    with pytest.raises(ValueError, match=r"'toy-descent' cannot be sent .*top of a module"):
        next(Dask()(unsendable, study.runs("quick"), "cpu"))


@pytest.mark.parametrize("absent", ["distributed", "cloudpickle"])
def test_without_dask_the_extra_is_named(study, monkeypatch, absent):
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "startright\[cluster\]"'):
        next(Dask()(study, study.runs("quick"), "cpu"))


def test_dask_is_imported_where_it_is_used():
    source = ast.parse(Path(module.__file__).read_text())
    at_the_top = [node.module or "" for node in source.body if isinstance(node, ast.ImportFrom)]
    at_the_top += [name.name for node in source.body if isinstance(node, ast.Import) for name in node.names]
    assert "torch" in at_the_top
    assert not {name.partition(".")[0] for name in at_the_top} & {
        "dask",
        "distributed",
        "cloudpickle",
        "tornado",
    }


@pytest.mark.parametrize(
    ("workers", "sizes"), [(1, [4, 4]), (2, [4, 4]), (3, [3, 1, 3, 1]), (8, [1] * 8), (99, [1] * 8)]
)
def test_stacks_are_shared_among_workers(study, workers, sizes):
    runs = study.runs("quick")
    shared = stacks(study, runs, workers)
    assert [len(stack) for stack in shared] == sizes
    assert Counter(r.key for stack in shared for r in stack) == Counter(r.key for r in runs)


@pytest.mark.parametrize(
    ("options", "address"),
    [({}, "127.0.0.1:0"), ({"dashboard_address": ":8787"}, ":8787"), ({"dashboard_address": None}, None)],
)
def test_the_dashboard_of_a_local_cluster_is_for_this_machine_unless_told_otherwise(
    monkeypatch, options, address
):
    given = []
    monkeypatch.setattr(distributed, "LocalCluster", lambda **arguments: given.append(arguments))
    Dask(**options).start()
    assert given[0]["dashboard_address"] == address


def test_workers_of_this_machine_keep_the_memory_that_they_have_freed():
    """Before torch is imported in them, as the C library reads it at the start of a process."""
    before = dict(dask.config.get("distributed.nanny.pre-spawn-environ"))
    with Dask(workers=1).start() as cluster, cluster.get_client() as client:
        (size,) = client.run(lambda: os.environ["MALLOC_TRIM_THRESHOLD_"]).values()
    assert int(size) >= 2**30
    assert dask.config.get("distributed.nanny.pre-spawn-environ") == before


def test_a_local_cluster_listens_on_the_loopback_alone():
    psutil = pytest.importorskip("psutil")
    here = psutil.Process()

    def listening():
        processes = [here, *here.children(recursive=True)]
        found = (connection for process in processes for connection in process.net_connections())
        return {connection.laddr for connection in found if connection.status == psutil.CONN_LISTEN}

    before = listening()
    with Dask(workers=1).start() as cluster, distributed.Client(cluster, set_as_default=False) as client:
        cluster.scale(1)
        client.wait_for_workers(1, timeout=180)
        new = listening() - before
    assert len(new) >= 3  # scheduler, dashboard, worker
    assert {address.ip for address in new} == {"127.0.0.1"}


# --- jobs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cluster", "options", "lines"),
    [
        (
            "slurm",
            {"queue": "gpu", "account": "me", "job_extra_directives": ["--gres=gpu:1"], "job_cpu": 4},
            ["#SBATCH -p gpu", "#SBATCH -A me", "#SBATCH --gres=gpu:1", "#SBATCH --cpus-per-task=4"],
        ),
        (
            "oar",
            {"project": "me", "resource_spec": "/host=1/gpu=1", "memory_per_core_property_name": "mem"},
            ["#OAR --project me", "#OAR -l /host=1/gpu=1,walltime=02:00:00"],
        ),
    ],
)
def test_the_job_script(cluster, options, lines):
    prologue = ["source activate startright", "export OMP_NUM_THREADS=4"]
    script = Dask(cluster=cluster, walltime="02:00:00", job_script_prologue=prologue, **options).job_script()
    assert set(lines) <= set(script.splitlines())
    ours, theirs = script.index("export OMP_NUM_THREADS=1"), script.index("export OMP_NUM_THREADS=4")
    assert ours < theirs < script.index("distributed.cli.dask_worker")  # the user has the last word
    assert "--nthreads 1" in script


def command(folder, name, text):
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("sbatch", "message"),
    [
        (None, "no worker .*No such file or directory: 'sbatch'"),
        ("echo 'invalid account' >&2; exit 1", "no worker .*invalid account"),
    ],
)
def test_jobs_that_cannot_be_submitted_are_explained(tmp_path, monkeypatch, sbatch, message):
    monkeypatch.setenv("PATH", str(tmp_path))
    if sbatch:
        command(tmp_path, "sbatch", sbatch)
    with pytest.raises(OSError, match=message) as error:
        next(Dask(cluster="slurm")(sweeps.study(tmp_path), sweeps.study(tmp_path).runs("quick"), "cpu"))
    assert "\n" not in str(error.value)


# --- a scheduler and two workers, each a process ----------------------------------------------------------


@pytest.fixture
def scheduler(request, tmp_path):
    """A scheduler that cannot import startright: its process and its address."""
    file = tmp_path / "scheduler.json"
    process = PROCESSES.Process(target=sweeps.schedule, args=(str(file), getattr(request, "param", 1)))
    process.start()
    while not (file.exists() and file.read_text().endswith("}")):
        assert process.is_alive()
        time.sleep(0.05)
    yield process, json.loads(file.read_text())["address"]
    process.kill()
    process.join()


@pytest.fixture
def hire(scheduler):
    """A function that starts n workers; their processes."""
    crew = []

    def start(n):
        new = [PROCESSES.Process(target=sweeps.work, args=(scheduler[1],)) for _ in range(n)]
        for worker in new:
            worker.start()
        crew.extend(new)
        with distributed.Client(scheduler[1], set_as_default=False) as client:
            client.wait_for_workers(sum(worker.is_alive() for worker in crew), timeout=180)
        return new

    yield start
    for worker in crew:
        worker.kill()
        worker.join()


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


class Watching(RecordStore):
    """A store that calls ``at(n)`` once n records are on the disk."""

    def __init__(self, path, at):
        super().__init__(path)
        self.at, self.count = at, 0

    def append(self, record):
        super().append(record)
        self.count += 1
        self.at(self.count)


def reference(folder, tmp_path, stacks=False):
    """The same runs computed serially."""
    with pytest.warns(UserWarning, match="bad luck"):
        return run(
            sweeps.study(folder, stacks),
            device="cpu",
            engine="serial",
            store=RecordStore(tmp_path / "serial"),
            progress=False,
        )


def lines(path):
    return Counter(json.loads(line)["key"] for line in path.read_text().splitlines())


pytestmark = pytest.mark.filterwarnings(
    "ignore:.*runs of toy-sweep failed:UserWarning", "ignore:.*stacked runs of toy-sweep raised:UserWarning"
)


@pytest.mark.slow
def test_a_worker_killed_in_mid_run_costs_nothing(scheduler, hire, place, tmp_path):
    (place / "killer").write_text("once")
    crew, store = hire(2), RecordStore(tmp_path / "dask")
    records = run(sweeps.study(place), device="cpu", engine=Dask(scheduler[1]), store=store, progress=False)
    (lost,) = (worker for worker in crew if not worker.is_alive())
    assert lost.exitcode == -signal.SIGKILL
    assert lines(store.path) == Counter({record.key: 1 for record in records})
    starts = sweeps.started(place)
    assert {pid for pids in starts.values() for pid in pids} == {str(worker.pid) for worker in crew}
    repeated = {name: pids for name, pids in starts.items() if len(pids) > 1}
    assert "0.9-0" in repeated  # what it was computing, and perhaps what was not fetched from it yet
    assert all(len(pids) == 2 and pids[0] == str(lost.pid) for pids in repeated.values())
    assert Counter(record.status for record in records) == {"ok": RUNS - 1, "failed": 1}
    assert next(r.reason for r in records if r.status == "failed") == "ZeroDivisionError: bad luck"
    assert compare(records, reference(place, tmp_path), rel=0) == []
    provenance = next(r.provenance for r in records if r.status == "ok")
    assert (provenance["device"], provenance["threads"]) == ("CPU, 1 thread", 1)
    assert provenance["torch"] == torch.__version__


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", [0], indirect=True)  # failures allowed
def test_a_run_that_kills_its_workers_takes_no_other_along(scheduler, hire, place, tmp_path):
    (place / "killer").write_text("always")
    crew = hire(3)
    store = RecordStore(tmp_path / "dask")
    records = run(sweeps.study(place), device="cpu", engine=Dask(scheduler[1]), store=store, progress=False)
    odd = {(r.config["rate"], r.seed): r.reason for r in records if r.status != "ok"}
    assert odd == {(0.3, 0): "ZeroDivisionError: bad luck", (0.9, 0): module.KILLED}
    assert lines(store.path) == Counter({record.key: 1 for record in records})
    assert len(sweeps.started(place)["0.9-0"]) == 2  # among the others, then alone
    assert sum(not worker.is_alive() for worker in crew) == 2


@pytest.mark.slow
def test_a_scheduler_that_is_lost_ends_the_sweep_and_keeps_the_records(scheduler, hire, place, tmp_path):
    hire(1)
    store = Watching(tmp_path / "dask", lambda count: count == 3 and scheduler[0].kill())
    with pytest.raises(OSError, match=rf"scheduler {scheduler[1]} was lost.*run the study again"):
        run(sweeps.study(place), device="cpu", engine=Dask(scheduler[1]), store=store, progress=False)
    kept = store.load()
    assert 3 <= len(kept) < RUNS
    assert store.problems == []
    records = run(sweeps.study(place), device="cpu", store=store, progress=False)
    assert {r.key for r in records} > kept.keys()
    assert compare(records, reference(place, tmp_path), rel=0) == []


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["dask", "stacked"])
def test_a_client_that_is_killed_loses_only_what_is_in_flight(scheduler, hire, place, tmp_path, engine):
    hire(2) if engine == "dask" else None
    name, stacks = (scheduler[1], False) if engine == "dask" else ("stacked", True)
    store = RecordStore(tmp_path / "records")
    client = PROCESSES.Process(target=sweeps.sweep, args=(name, place, store.path, stacks))
    client.start()
    while not store.path.exists() or len(lines(store.path)) < 3:
        assert client.is_alive()
        time.sleep(0.02)
    client.kill()
    client.join()
    kept, before = store.load(), sum(map(len, sweeps.started(place).values()))
    assert 3 <= len(kept) < RUNS
    again = Dask(scheduler[1]) if engine == "dask" else "stacked"
    records = run(sweeps.study(place, stacks), device="cpu", engine=again, store=store, progress=False)
    failed = {r.key for r in kept.values() if r.status == "failed"}
    doubled = {key for key, times in lines(store.path).items() if times > 1}
    assert doubled <= failed  # a failed run is tried again; nothing else was
    assert {r.key for r in records if not r.present} >= failed & {r.key for r in records}
    if engine == "dask":
        assert sum(map(len, sweeps.started(place).values())) - before <= RUNS - len(kept) + 2 + len(failed)
    assert compare(records, reference(place, tmp_path, stacks), rel=1e-6) == []


def test_a_device_that_the_workers_have_not_is_refused(scheduler, hire, place, tmp_path):
    hire(1)
    store = RecordStore(tmp_path / "dask")
    for device, message in (("mps", "worker tcp://.*'mps' is not present"), ("gpu", "unknown device 'gpu'")):
        if device == "gpu" or not torch.backends.mps.is_available():
            with pytest.raises(ValueError, match=message):
                run(
                    sweeps.study(place), device=device, engine=Dask(scheduler[1]), store=store, progress=False
                )
    assert sweeps.started(place) == {}


def test_a_worker_that_cannot_load_the_study_is_named(scheduler, hire, place, monkeypatch):
    hire(1)

    def elsewhere(config, seed, device):
        return Outcome({})

    elsewhere.__module__, elsewhere.__qualname__ = "nowhere", "elsewhere"
    monkeypatch.setitem(sys.modules, "nowhere", type(sys)("nowhere"))
    sys.modules["nowhere"].elsewhere = elsewhere
    study = replace(sweeps.study(place), run=elsewhere)
    with pytest.raises(
        RuntimeError, match=r"worker tcp://.* cannot load the study: ModuleNotFoundError.*'nowhere'"
    ):
        next(Dask(scheduler[1])(study, study.runs("quick"), "cpu"))


@pytest.mark.slow
def test_a_stacked_study_on_a_local_cluster(place, tmp_path):
    study, store = sweeps.study(place, stacks=True), RecordStore(tmp_path / "dask")
    records = run(study, device="cpu", engine=Dask(workers=2), store=store, progress=False)
    assert lines(store.path) == Counter({record.key: 1 for record in records})
    starts = sweeps.started(place)
    assert len({pid for pids in starts.values() for pid in pids}) == 2
    assert str(os.getpid()) not in {pid for pids in starts.values() for pid in pids}
    assert compare(records, reference(place, tmp_path, stacks=True), rel=1e-6) == []
    by_stack = Counter(r.seconds for r in records if r.config["rate"] != 0.3)
    assert sorted(by_stack.values()) == [sweeps.SEEDS, sweeps.SEEDS]  # each stack was one task
